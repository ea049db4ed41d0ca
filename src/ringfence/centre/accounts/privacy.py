"""Privacy of people, their rights, agents and telephones."""

from ringfence.centre.accounts.models import (
    AccessReview,
    AccessReviewLine,
    Agent,
    Computer,
    Device,
    Notice,
    RoleDefinition,
    RoleGrant,
    Suspension,
    Team,
    TeamMember,
    User,
)
from ringfence.centre.privacy.registry import (
    RetentionClass,
    Subject,
    by_agent,
    by_user,
    declare,
    deleted,
    kept,
    masked,
    not_exported,
)
from ringfence.centre.privacy.sealed import declare_sealed

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
        "first_approved_by": "who agreed first to an urgent role",
        "end_reason": "why it ended, as the person who ended it wrote it",
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
declare(
    Computer,
    purpose="Computers that ICT manages, from which people may work outside the office (R141).",
    subjects={Subject.STAFF},
    personal={
        "user": "to whom it was given",
        "label": "what ICT noted of it",
        "added_by": "who added it",
        "revoked_by": "who ended it",
    },
    plain={"asset", "link_digest", "secret_digest"},
    retention=RetentionClass.ACCOUNT,
    export=by_user("user"),
    erase=kept("ended ones prove from where people could work; they name people by id"),
)
declare(
    Suspension,
    purpose="Answer when an account could not be used (R74).",
    subjects={Subject.STAFF},
    personal={
        "user": "whose account",
        "reason": "why, as the colleague wrote it",
        "began_by": "who suspended it",
        "ended_by": "who resumed it",
    },
    retention=RetentionClass.ACCOUNT,
    export=by_user("user"),
    erase=kept("proof of access; it names people by id"),
)
declare(
    RoleDefinition,
    purpose="Say what a role held under each version, so that an update rewrites no past.",
    plain={"role", "rights"},
    retention=RetentionClass.ACCOUNT,
    export=not_exported("tells of nobody"),
    erase=kept("tells of nobody"),
)
declare(
    Team,
    purpose="Agents who are led together.",
    plain={"name"},
    retention=RetentionClass.CONFIGURATION,
    export=not_exported("tells of nobody"),
    erase=kept("tells of nobody"),
)
declare(
    TeamMember,
    purpose="Answer who was in which team at a moment, for roles that reach a team only.",
    subjects={Subject.STAFF},
    personal={"user": "who was in the team"},
    retention=RetentionClass.ACCOUNT,
    export=by_user("user"),
    erase=kept("proof of access; it names people by id"),
)
declare(
    Notice,
    purpose="Tell those who oversee access what they must know at once.",
    subjects={Subject.STAFF},
    personal={"user": "who was told"},
    plain={"subject"},
    retention=RetentionClass.ACCOUNT,
    export=by_user("user"),
    erase=kept("proof that somebody was told"),
)
declare(
    AccessReview,
    purpose="Prove that somebody looks at every role each quarter (R75).",
    subjects={Subject.STAFF},
    personal={
        "started_by": "who began",
        "signed_by": "who signed",
        "record": "user ids, roles, reasons and decisions, as signed",
    },
    plain={"signature", "public_key"},
    retention=RetentionClass.ACCOUNT,
    export=by_user("signed_by"),
    erase=kept("a signed record names people by id and cannot be changed"),
)
declare(
    AccessReviewLine,
    purpose="What was decided about one role in a review.",
    subjects={Subject.STAFF},
    personal={"reason": "why, as the reviewer wrote it", "decided_by": "who decided"},
    retention=RetentionClass.ACCOUNT,
    export=by_user("decided_by"),
    erase=kept("stands in a signed record"),
)
declare_sealed(Device, purpose="device-ha1", values={"ha1_sealed"})
declare(
    "socialaccount.SocialAccount",
    purpose="Links an account to the identity provider through which the person signs in.",
    subjects={Subject.STAFF},
    personal={
        "user": "whose account",
        "uid": "the provider's id of the person",
        "extra_data": "what the provider said of the person at the last sign-in",
    },
    plain={"provider"},
    retention=RetentionClass.SIGN_IN,
    export=by_user("user"),
    erase=deleted("with the account"),
)
declare(
    "socialaccount.SocialApp",
    purpose="Part of the sign-in library; unused, because providers stand in the settings file.",
    plain={"provider", "provider_id", "name", "client_id", "secret", "key", "settings"},
    retention=RetentionClass.SIGN_IN,
    export=not_exported("always empty"),
    erase=kept("always empty"),
)
declare(
    "socialaccount.SocialToken",
    purpose="Part of the sign-in library; unused, because no token of a provider is kept.",
    plain={"token", "token_secret"},
    retention=RetentionClass.SIGN_IN,
    export=not_exported("always empty"),
    erase=kept("always empty"),
)
