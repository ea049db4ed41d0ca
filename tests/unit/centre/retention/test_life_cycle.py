"""Any order of days, runs, holds, releases, flags and deletions keeps the promises of the storage life (model test)."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ringfence.centre.accounts.models import User
from ringfence.centre.calls.models import Call
from ringfence.centre.recordings.errors import NotPlayable
from ringfence.centre.recordings.models import Recording, RecordingState
from ringfence.centre.recordings.tiers import check_playable
from ringfence.centre.retention.actions import delete_early, flag, keep_flagged, place_hold, release_hold
from ringfence.centre.retention.clocks import tier_instants
from ringfence.centre.retention.errors import Held
from ringfence.centre.retention.finding import Scope
from ringfence.centre.retention.run import run
from ringfence.centre.tenancy import all_clients, scope
from ringfence.kit.ids import new_id

LONDON = ZoneInfo("Europe/London")
STARTS = (
    datetime(2026, 3, 1, 1, 30, tzinfo=UTC),  # both tiers meet the spring change
    datetime(2026, 9, 25, 0, 30, tzinfo=UTC),  # the live tier ends in the repeated hour
    datetime(2028, 1, 30, 9, 0, tzinfo=UTC),  # the live tier ends on 29 February
    datetime(2026, 10, 10, 9, 30, tzinfo=UTC),
)
STEP = st.one_of(
    st.tuples(st.just("days"), st.sampled_from([0, 1, 2, 27, 28, 29, 30, 31, 61])),
    st.tuples(st.just("to_boundary"), st.sampled_from([-1, 0, 1])),
    st.tuples(st.sampled_from(["run", "hold", "release", "flag", "keep", "delete"]), st.just(0)),
)


@dataclass
class Model:
    """What must be true of one recording, kept beside the real one."""

    now: datetime
    back_at: datetime
    purge_at: datetime
    moved: bool = False
    """It has left the live tier for good."""
    gone: bool = False
    flagged: bool = False
    holds: list[str] = field(default_factory=list)

    @property
    def live(self) -> bool:
        if self.gone or self.moved or self.flagged:
            return False
        return bool(self.holds) or self.now < self.back_at


def make(ended_at: datetime) -> tuple[str, str]:
    call, recording = f"call-{new_id()}"[:32], new_id()
    Call.objects.bulk_create(
        [
            Call(
                call_id=call, client_id="BBC", boot_id="b", direction="inbound", arrived_at=ended_at,
                answered_at=ended_at, queued_at=ended_at, ended_at=ended_at, queue_id="q",
            )
        ]
    )  # fmt: skip
    back_at, purge_at = tier_instants(ended_at, live_days=30, back_days=30, zone=LONDON)
    Recording.objects.bulk_create(
        [
            Recording(
                recording_id=recording, client_id="BBC", call_id=call, started_at=ended_at, stopped_at=ended_at,
                state=RecordingState.LIVE, key_id=f"key-{recording}", object_name=f"BBC/{recording}.rfr",
                back_at=back_at, purge_at=purge_at,
            )
        ]
    )  # fmt: skip
    return call, recording


def playable(user: User, recording: str, now: datetime) -> bool:
    with scope("BBC"):
        row = Recording.objects.get(pk=recording)
        try:
            check_playable(user, row, now)
        except NotPlayable:
            return False
        return True


def apply(step: str, value: int, model: Model, ids: tuple[str, str], people: dict[str, User]) -> None:
    call, recording = ids
    tilly, sid, rex = people["tilly"], people["sid"], people["rex"]
    match step:
        case "days":
            model.now += timedelta(days=value)
        case "to_boundary":
            ahead = [at for at in (model.back_at, model.purge_at) if at + timedelta(seconds=value) >= model.now]
            if ahead:
                model.now = ahead[0] + timedelta(seconds=value)
        case "run":
            run(now=model.now)
            if not model.holds and not model.gone:
                model.gone = model.now >= model.purge_at
                model.moved = model.moved or model.now >= model.back_at
                model.flagged = model.flagged and not model.gone
        case "hold":
            placed = place_hold(
                sid, client="BBC", wanted=Scope(call_ids=(call,)), kind="sar", case_reference="SAR-1",
                review_on=(model.now + timedelta(days=30)).date(), now=model.now,
            )  # fmt: skip
            assert placed.gone == int(model.gone)
            if not model.gone and not model.holds and model.now >= model.back_at:
                model.moved = True
            model.holds.append(placed.hold_id)
        case "release" if model.holds:
            release_hold(sid, model.holds.pop(), reason="The answer was sent.", now=model.now)
        case "flag" if not model.gone:
            if not playable(rex, recording, model.now) and not model.flagged:
                return  # who may not hear it does not flag it here
            flag(tilly, recording, "other", now=model.now)
            model.flagged = True
        case "keep" if model.flagged:
            from ringfence.centre.retention.queries.flags import flag_of_call

            with scope("BBC"):
                found = flag_of_call(call)
            assert found is not None
            keep_flagged(tilly, found.flag_id, now=model.now)
            model.flagged = False
        case "delete" if not model.gone:
            try:
                delete_early(tilly, call, code="other", note="Nothing that has to stay was said.", now=model.now)
            except Held:
                assert model.holds
            else:
                assert not model.holds
                model.gone, model.flagged = True, False


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(start=st.sampled_from(STARTS), steps=st.lists(STEP, min_size=1, max_size=14))
def test_any_order_of_events_keeps_the_promises(
    start: datetime, steps: list[tuple[str, int]], db: None, tilly: User, sid: User, rex: User
) -> None:
    people = {"tilly": tilly, "sid": sid, "rex": rex}
    with transaction.atomic():
        with all_clients("a test"):
            ids = make(start)
        back_at, purge_at = tier_instants(start, live_days=30, back_days=30, zone=LONDON)
        model = Model(now=start, back_at=back_at, purge_at=purge_at)
        for step, value in steps:
            apply(step, value, model, ids, people)
            with all_clients("a test"):
                row = Recording.objects.get(pk=ids[1])
            gone = row.state in (RecordingState.PURGED, RecordingState.DELETED)
            assert gone == model.gone, (step, row.state)
            assert row.held == (bool(model.holds) and not gone) or gone
            assert not (gone and model.holds and row.destroyed_at is None)
            # Nobody hears it once it is gone, in quarantine, or past the live tier without a restoration.
            assert playable(rex, ids[1], model.now) == model.live, (step, value, row.state)
        transaction.set_rollback(True)
