"""Early deletion where the client's rule wants a second person (C3)."""

from datetime import timedelta

import pytest
from tests.support.people import agent_id_of, create_person
from tests.support.recorded import hear, recorded, row_of
from tests.unit.centre.retention.conftest import ENDED
from tests.unit.centre.retention.test_flags_and_deletion import NOTE, codes
from tests.unit.centre.retention.test_holds import place

from ringfence.centre.accounts.models import User
from ringfence.centre.accounts.rights import Role
from ringfence.centre.recordings.errors import Quarantined
from ringfence.centre.recordings.models import RecordingState
from ringfence.centre.retention.actions import (
    agree_deletion,
    agree_rule,
    apply_rule,
    approve_rule,
    delete_early,
    flag_call,
    keep_flagged,
    propose_rule,
)
from ringfence.centre.retention.errors import AlreadyDecided, Held, NotFound, NotOnDuty, SamePerson
from ringfence.centre.retention.models import Flag, FlagState
from ringfence.centre.retention.queries.flags import open_flags, stub_of
from ringfence.centre.tenancy import all_clients, scope

NOW = ENDED + timedelta(minutes=10)


@pytest.fixture
def ada() -> User:
    """The agent who took the call."""
    return create_person("ada", Role.AGT, "BBC")


@pytest.fixture
def recording(ada: User) -> str:
    return recorded(ended_at=ENDED, agent=agent_id_of(ada))


@pytest.fixture
def two_needed(cody: User, hana: User, dora: User, ike: User) -> None:
    """The rule is in force for BBC, by the four people whom a change takes."""
    change = propose_rule(
        cody, client="BBC", code="second_person_deletes", value=1, reason="Two people, as our policy says.", now=ENDED
    )
    approve_rule(hana, change, now=ENDED)
    agree_rule(dora, change, now=ENDED)
    apply_rule(ike, change, now=ENDED)


def proposed() -> str:
    with scope("BBC"):
        return str(Flag.objects.get(state=FlagState.OPEN).pk)


@pytest.mark.usefixtures("two_needed")
def test_nobody_hears_it_from_the_first_word_and_the_second_destroys_it(
    tilly: User, hana: User, rex: User, recording: str
) -> None:
    assert hear(rex, recording, now=NOW)
    done = delete_early(tilly, "call-1", code="payment", note=NOTE, now=NOW)
    assert (done.proposed, done.finished, done.recordings) == (True, False, 1)
    with pytest.raises(Quarantined):
        hear(rex, recording, now=NOW)
    with scope("BBC"):
        (row,) = open_flags()
    assert (row.proposed_by, row.proposed_at, row.note, row.code.value) == ("Tilly", NOW, NOTE, "payment")
    assert row_of(recording).state not in {RecordingState.DESTROYING, RecordingState.DELETED}
    done = agree_deletion(hana, row.flag_id, now=NOW)
    assert (done.proposed, done.finished) == (False, True)
    assert row_of(recording).state == RecordingState.DELETED
    with scope("BBC"):
        stub, ended = stub_of(recording), Flag.objects.get()
    assert stub is not None
    assert (stub.note, stub.actor) == (NOTE, "Hana")
    assert (ended.state, ended.proposed_note) == (FlagState.DELETED, None)
    told = codes()
    assert told.index("recording.deletion_proposed") < told.index("recording.deletion_agreed")


@pytest.mark.usefixtures("two_needed")
def test_one_person_is_never_both(tilly: User, recording: str) -> None:
    delete_early(tilly, "call-1", code="payment", note=NOTE, now=NOW)
    with pytest.raises(SamePerson):
        agree_deletion(tilly, proposed(), now=NOW)
    with pytest.raises(SamePerson):
        delete_early(tilly, "call-1", code="other", note=NOTE, now=NOW)
    assert row_of(recording).state != RecordingState.DELETED
    assert codes().count("recording.delete_refused") == 2


@pytest.mark.usefixtures("two_needed")
def test_a_second_person_who_deletes_by_themselves_has_agreed(tilly: User, hana: User, recording: str) -> None:
    delete_early(tilly, "call-1", code="payment", note=NOTE, now=NOW)
    assert delete_early(hana, "call-1", code="other", note=NOTE, now=NOW).finished
    assert row_of(recording).state == RecordingState.DELETED
    assert "recording.deletion_agreed" in codes()


@pytest.mark.usefixtures("two_needed")
def test_special_category_data_never_waits_for_a_second_person(tilly: User, recording: str) -> None:
    assert delete_early(tilly, "call-1", code="health", note=NOTE, now=NOW).finished
    assert row_of(recording).state == RecordingState.DELETED


@pytest.mark.usefixtures("two_needed")
def test_what_an_agent_flagged_waits_for_two(ada: User, tilly: User, hana: User, recording: str) -> None:
    flag = flag_call(ada, "call-1", "third_party", now=NOW)
    with pytest.raises(AlreadyDecided):
        agree_deletion(hana, flag, now=NOW)  # nobody has asked for it
    assert delete_early(tilly, "call-1", code="third_party", note=NOTE, now=NOW).proposed
    assert proposed() == flag
    assert agree_deletion(hana, flag, now=NOW).finished
    with pytest.raises(AlreadyDecided):
        agree_deletion(hana, flag, now=NOW)


@pytest.mark.usefixtures("two_needed")
def test_a_second_person_may_keep_it_instead(tilly: User, hana: User, rex: User, recording: str) -> None:
    delete_early(tilly, "call-1", code="payment", note=NOTE, now=NOW)
    keep_flagged(hana, proposed(), now=NOW)
    assert hear(rex, recording, now=NOW)
    with scope("BBC"):
        assert Flag.objects.get().proposed_note is None


@pytest.mark.usefixtures("two_needed")
def test_a_hold_placed_between_the_two_stops_the_second(tilly: User, hana: User, sid: User, recording: str) -> None:
    delete_early(tilly, "call-1", code="payment", note=NOTE, now=NOW)
    place(sid, now=NOW)
    with pytest.raises(Held):
        agree_deletion(hana, proposed(), now=NOW)
    assert row_of(recording).state != RecordingState.DELETED
    assert "recording.delete_refused" in codes()


@pytest.mark.usefixtures("two_needed")
def test_the_second_person_needs_the_right_and_the_duty(
    tilly: User, sam: User, foreign: User, rex: User, recording: str
) -> None:
    delete_early(tilly, "call-1", code="payment", note=NOTE, now=NOW)
    with pytest.raises(NotOnDuty):
        agree_deletion(sam, proposed(), now=NOW)
    for stranger in (foreign, rex):
        with pytest.raises(NotFound):
            agree_deletion(stranger, proposed(), now=NOW)
    assert row_of(recording).state != RecordingState.DELETED


def test_without_the_rule_one_person_is_enough(tilly: User, recording: str) -> None:
    assert delete_early(tilly, "call-1", code="payment", note=NOTE, now=NOW).finished
    with all_clients("a test"):
        assert not Flag.objects.exists()
