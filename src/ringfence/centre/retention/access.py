"""Who reaches what of retention. Foreign, forbidden and missing are one and the same answer."""

from datetime import datetime

from ringfence.centre.accounts.models import User
from ringfence.centre.accounts.queries import has_right
from ringfence.centre.accounts.rights import Right
from ringfence.centre.calls.access import scope_of
from ringfence.centre.recordings.errors import Quarantined
from ringfence.centre.recordings.models import Recording
from ringfence.centre.retention.errors import NotFound
from ringfence.centre.retention.models import Destruction, Flag, FlagState, Hold, RestoreRequest
from ringfence.centre.retention.queries.duty import may_decide

UNDECIDED = (FlagState.OPEN, FlagState.CONFLICT)


def quarantine_gate(user: User, recording: Recording, now: datetime) -> None:
    """Raises Quarantined unless this person is to decide about the flag; an open flag counts, whatever the row says."""
    flag = Flag.objects.filter(call_id=recording.call_id, state__in=UNDECIDED).first()
    if flag is None and recording.quarantined_at is None:
        return
    if flag is not None and flag.state == FlagState.CONFLICT:
        if not has_right(user, Right.SETTLE_CONFLICT, recording.client_id):
            raise Quarantined("This recording is in quarantine, and held. The data protection officer decides.")
    elif not may_decide(user, recording.client_id, now):
        raise Quarantined


def access_hold(user: User, hold_id: str, *, right: Right = Right.PLACE_HOLD) -> Hold:
    """The hold, for people who may place or release holds of its client. Raises NotFound."""
    with scope_of(user, right):
        hold: Hold | None = Hold.objects.select_related("owner", "placed_by", "released_by").filter(pk=hold_id).first()
    if hold is None:
        raise NotFound
    return hold


def access_flag(user: User, flag_id: str, *, right: Right = Right.SEE_QUARANTINE) -> Flag:
    """The flag, for people who may see the quarantine of its client. Raises NotFound."""
    with scope_of(user, right):
        flag: Flag | None = (
            Flag.objects.select_related("call", "flagged_by", "proposed_by", "decided_by").filter(pk=flag_id).first()
        )
    if flag is None:
        raise NotFound
    return flag


def access_restore(user: User, request_id: str) -> RestoreRequest:
    """The request, for people who may decide it, and for who made it. Raises NotFound."""
    for right in (Right.APPROVE_RESTORE, Right.REQUEST_RESTORE):
        with scope_of(user, right):
            rows = RestoreRequest.objects.select_related("recording", "requested_by", "decided_by")
            if right == Right.REQUEST_RESTORE:
                rows = rows.filter(requested_by=user)
            found: RestoreRequest | None = rows.filter(pk=request_id).first()
        if found is not None:
            return found
    raise NotFound


def access_certificate(user: User, recording_id: str) -> Destruction:
    """The certified destruction of a recording, for people who may see its client's figures. Raises NotFound."""
    with scope_of(user, Right.SEE_REPORTS):
        found: Destruction | None = Destruction.objects.filter(pk=recording_id).exclude(certificate="").first()
    if found is None:
        raise NotFound
    return found
