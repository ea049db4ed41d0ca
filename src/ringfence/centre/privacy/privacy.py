"""Declarations for the tables of tenancy, which lies below this app, and of the libraries."""

from ringfence.centre.privacy.registry import (
    RetentionClass,
    Subject,
    by_user,
    declare,
    deleted,
    kept,
    not_exported,
)
from ringfence.centre.tenancy.models import Client, DirectoryRevision

NOBODY = not_exported("it tells of nobody")

declare(
    Client,
    purpose="The councils that the centre answers for, with their controller and greeting.",
    plain={"code", "name", "greeting", "time_zone", "controller", "notice_url", "outbound_number"},
    retention=RetentionClass.CONFIGURATION,
    export=NOBODY,
    erase=kept("a body, not a person"),
)
declare(
    DirectoryRevision,
    purpose="Counts changes that the telephone engine must learn of.",
    retention=RetentionClass.LIVE,
    export=NOBODY,
    erase=kept("a counter"),
)
declare(
    "auth.Permission",
    purpose="Part of the web framework; unused, because rights are Ringfence's own.",
    plain={"name", "codename"},
    retention=RetentionClass.CONFIGURATION,
    export=NOBODY,
    erase=kept("names of the framework"),
)
declare(
    "auth.Group",
    purpose="Part of the web framework; unused, because roles are Ringfence's own.",
    plain={"name"},
    retention=RetentionClass.CONFIGURATION,
    export=NOBODY,
    erase=kept("always empty"),
)
declare(
    "contenttypes.ContentType",
    purpose="Names of the tables, for the web framework.",
    plain={"app_label", "model"},
    retention=RetentionClass.CONFIGURATION,
    export=NOBODY,
    erase=kept("names of the framework"),
)
declare(
    "sessions.Session",
    purpose="Keeps a person signed in.",
    subjects={Subject.STAFF},
    personal={"session_data": "which account is signed in", "session_key": "the ticket of the session"},
    retention=RetentionClass.SIGN_IN,
    export=not_exported("it ends within hours and would be a key to the account"),
    erase=deleted("at sign-out, when the account closes, and by an hourly job"),
)
declare(
    "account.EmailAddress",
    purpose="The address with which a person signs in.",
    subjects={Subject.STAFF},
    personal={"email": "work e-mail address", "user": "whose it is"},
    retention=RetentionClass.SIGN_IN,
    export=by_user("user"),
    erase=deleted("with the account"),
)
declare(
    "account.EmailConfirmation",
    purpose="Part of the sign-in library; unused, because the person who invites vouches for the address.",
    plain={"key"},
    retention=RetentionClass.SIGN_IN,
    export=NOBODY,
    erase=kept("always empty"),
)
declare(
    "mfa.Authenticator",
    purpose="Second factors: passkeys, one-time codes, recovery codes.",
    subjects={Subject.STAFF},
    personal={"data": "the secret or the public key of the factor, and its name", "user": "whose it is"},
    retention=RetentionClass.SIGN_IN,
    export=not_exported("it holds secrets; the person sees the list of factors on their account page"),
    erase=deleted("when the factor is removed, and with the account"),
)
declare(
    "usersessions.UserSession",
    purpose="Shows a person where they are signed in, and ends a session that nobody uses.",
    subjects={Subject.STAFF},
    personal={
        "user": "whose session it is",
        "ip": "network address",
        "user_agent": "name of the browser",
        "session_key": "the ticket of the session",
        "data": "empty",
        "last_seen_at": "when the person last did something, to within half a minute",
    },
    retention=RetentionClass.SIGN_IN,
    export=by_user("user"),
    erase=deleted("with the session"),
)
declare(
    "django_tasks_database.DBTaskResult",
    purpose="Jobs that wait, run or failed; their arguments are ids only.",
    plain={
        "args_kwargs",
        "task_path",
        "queue_name",
        "backend_name",
        "return_value",
        "exception_class_path",
        "traceback",
        "worker_ids",
    },
    retention=RetentionClass.OPERATION,
    export=NOBODY,
    erase=deleted("finished jobs after a day, failed ones after 30 days"),
)
