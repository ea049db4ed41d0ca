"""Errors of retention.

RetentionError
+-- NotFound
+-- NotAllowed
|   +-- NotOnDuty
|   +-- SamePerson
+-- Refused
|   +-- Held
|   +-- CaseMissing
|   +-- NoteMissing
|   +-- NoteLooksSensitive
|   +-- BadValue
|   +-- AlreadyDecided
+-- RunFailed
"""

from ringfence.centre.jobs.errors import JobError
from ringfence.kit.errors import RingfenceError


class RetentionError(RingfenceError):
    """Retention refused. See the sentence above."""


class NotFound(RetentionError):
    """There is nothing here that you may see. Check the address, or ask for the right to see it."""


class NotAllowed(RetentionError):
    """You may not do this. Ask the head of service for the right."""


class NotOnDuty(NotAllowed):
    """A supervisor may delete only while on duty. Ask the duty supervisor, who is named on the flags page."""


class SamePerson(NotAllowed):
    """Whoever asks cannot also agree. A second person must decide."""


class Refused(RetentionError):
    """This cannot be done now. See the sentence above."""


class Held(Refused):
    """An open hold covers this call, so nothing of it may be deleted. The data protection officer can settle it."""


class CaseMissing(Refused):
    """A case is needed: its kind from the list and its reference."""


class NoteMissing(Refused):
    """A note of 20 to 500 characters is needed. Say what the call was about, without what must go."""


class NoteLooksSensitive(Refused):
    """The note itself looks sensitive. Take the words out, or confirm that they must stay."""

    def __init__(self, terms: tuple[str, ...]) -> None:
        super().__init__(f"The note itself looks sensitive: {', '.join(terms)}.")
        self.terms = terms


class BadValue(Refused):
    """The value cannot be used. Mend the field that is named."""


class AlreadyDecided(Refused):
    """Somebody has decided this already. Reload the page to see what they decided."""


class RunFailed(RetentionError, JobError):
    """The run went through everything, and some of it failed. It is tried again; the health page names the count."""
