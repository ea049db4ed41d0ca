"""The case that a hold or a restoration serves: its kind and its reference, both needed."""

from collections.abc import Collection

from ringfence.centre.assessments.purposes import MAX_CASE
from ringfence.centre.retention.errors import BadValue, CaseMissing
from ringfence.centre.retention.models import CaseKind

MAX_REASON = 500


def stated_case(kind: str, reference: str, *, allowed: Collection[CaseKind] = tuple(CaseKind)) -> tuple[CaseKind, str]:
    """The kind and the tidied reference. Raises CaseMissing with the cure."""
    reference = " ".join(reference.split())
    try:
        chosen = CaseKind(kind)
    except ValueError:
        raise CaseMissing("Choose what kind of case this is.") from None
    if chosen not in allowed:
        raise CaseMissing("The back tier is opened for a subject access or freedom of information request, a "
                          "complaint or a data breach only.")  # fmt: skip
    if not reference:
        raise CaseMissing("Enter the reference of the case.")
    if len(reference) > MAX_CASE:
        raise CaseMissing(f"Shorten the case reference to {MAX_CASE} characters.")
    return chosen, reference


def stated_reason(text: str, *, least: int = 10) -> str:
    """The tidied reason. Raises BadValue."""
    reason = " ".join(text.split())
    if not least <= len(reason) <= MAX_REASON:
        raise BadValue(f"Give a reason of {least} to {MAX_REASON} characters.")
    return reason
