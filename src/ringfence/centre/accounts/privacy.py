"""Privacy of people, their rights, agents and telephones."""

from ringfence.centre.accounts.models import Agent, Device, RoleGrant, User
from ringfence.centre.privacy.registry import RetentionClass, Subject, by_agent, by_user, declare, kept, masked

declare(
    User,
    purpose="Let people sign in, and name them to their colleagues. Kept apart from calls, which hold ids only (R134).",
    subjects={Subject.STAFF},
    personal={
        "email": "work e-mail address",
        "display_name": "name shown to colleagues",
        "employer": "the employing body",
        "password": "salted digest of the password",
    },
    retention=RetentionClass.ACCOUNT,
    export=by_user("id"),
    erase=masked("name and address when nothing kept needs them any more"),
)
declare(
    RoleGrant,
    purpose="Answer who could do what at any past moment (R74).",
    subjects={Subject.STAFF},
    personal={
        "user": "who held the role",
        "given_by": "who gave it",
        "approved_by": "who agreed",
        "revoked_by": "who ended it",
        "role": "which role",
        "reason": "why, as the giver wrote it",
    },
    retention=RetentionClass.ACCOUNT,
    export=by_user("user"),
    erase=kept("proof of access; it names people by id"),
)
declare(
    Agent,
    purpose="The side of a person that takes calls.",
    subjects={Subject.STAFF},
    personal={
        "agent_id": "the id that calls carry",
        "user": "whose it is",
        "signed_off_by": "who recorded the sign-off",
        "signed_off_document": "which training was signed",
    },
    retention=RetentionClass.ACCOUNT,
    export=by_user("user"),
    erase=kept("calls point at it; it names the person through the account only"),
)
declare(
    Device,
    purpose="Telephones that may register.",
    subjects={Subject.STAFF},
    personal={"agent": "whose telephone it is", "label": "where it stands"},
    plain={"device_id", "ha1_sealed", "employer", "extension", "transport"},
    retention=RetentionClass.ACCOUNT,
    export=by_agent("agent"),
    erase=kept("removed telephones stay named in the call log"),
)
