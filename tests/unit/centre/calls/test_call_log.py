"""Searching calls: who sees what, filters, pages, and numbers masked."""

from datetime import timedelta

import pytest
from tests.support.assessments import approve_purposes
from tests.support.people import agent_id_of, create_clients, create_person
from tests.support.story import ADA, CALLER, CALLER_NAME, QUEUE, START, Story

from ringfence.bridge.apply import apply
from ringfence.centre.accounts.models import User
from ringfence.centre.accounts.rights import Role
from ringfence.centre.assessments.errors import PurposeMissing
from ringfence.centre.audit.models import AuditEntry
from ringfence.centre.calls.access import access_call, access_own_call
from ringfence.centre.calls.actions import reveal_number
from ringfence.centre.calls.errors import BadFilter, NotFound
from ringfence.centre.calls.queries import CallFilter, Outcome, call_detail, call_log, own_call
from ringfence.centre.calls.sealing import party_sealer
from ringfence.centre.tenancy import all_clients
from ringfence.control import facts
from ringfence.kit.ids import AgentId, ClientCode, QueueId

NOW = START + timedelta(hours=1)
ELDC = ClientCode("ELDC")


def store(story: Story) -> None:
    apply(story.batch(), sealer=party_sealer(), agents={}, now=NOW)


@pytest.fixture
def supervisor(db: None) -> User:
    create_clients()
    approve_purposes()
    return create_person("sam", Role.SUP, "BBC")


@pytest.fixture
def story(supervisor: User) -> Story:
    """Three BBC calls (answered, abandoned, closed), one ELDC call, one call to nobody's number."""
    story = Story().start()
    story.whole_call(1)
    abandoned = story.arrive("call-2", number="+447700900456")
    story.announce_and_queue(abandoned)
    story.end(abandoned, facts.EndReason.ABANDONED, agent=None, recording=None)
    story.end(story.arrive("call-3"), facts.EndReason.CLOSED, agent=None, recording=None)
    story.arrive("call-4", client=ELDC)
    story.arrive("call-5", client=None)
    store(story)
    return story


def found(user: User, **filters: object) -> list[str]:
    why = {"purpose": "quality"} if "number" in filters else {}
    return [row.call_id for row in call_log(user, CallFilter(**filters, **why)).rows]  # type: ignore[arg-type]


def test_the_log_shows_the_calls_of_ones_own_clients_newest_first(supervisor: User, story: Story) -> None:
    assert found(supervisor) == ["call-3", "call-2", "call-1"]
    assert found(create_person("hope", Role.HOS)) == ["call-5", "call-4", "call-3", "call-2", "call-1"]


def test_people_without_the_right_see_an_empty_log(supervisor: User, story: Story) -> None:
    for name, role in (("ada", Role.AGT), ("ivo", Role.ICT), ("dot", Role.DPO), ("nil", None)):
        assert found(create_person(name, role)) == []


def test_a_foreign_a_missing_and_an_orphaned_call_give_the_same_answer(supervisor: User, story: Story) -> None:
    assert access_call(supervisor, "call-1").call_id == "call-1"
    messages = set()
    for call_id in ("call-4", "call-5", "no-such-call"):
        with pytest.raises(NotFound) as refused:
            access_call(supervisor, call_id)
        messages.add(str(refused.value))
    assert len(messages) == 1


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"client": "BBC"}, ["call-3", "call-2", "call-1"]),
        ({"client": "ELDC"}, []),
        ({"number": "07700 900123"}, ["call-3", "call-1"]),
        ({"number": "+44 7700 900 456"}, ["call-2"]),
        ({"number": "07700 900 45"}, []),
        ({"agent_id": ADA}, ["call-1"]),
        ({"queue_id": QUEUE}, ["call-2", "call-1"]),
        ({"queue_id": QueueId("other")}, []),
        ({"outcome": Outcome.ANSWERED}, ["call-1"]),
        ({"outcome": Outcome.ABANDONED}, ["call-2"]),
        ({"outcome": Outcome.CLOSED}, ["call-3"]),
        ({"outcome": Outcome.IN_PROGRESS}, []),
        ({"outcome": Outcome.NOT_ANSWERED}, []),
        ({"direction": facts.Direction.OUTBOUND}, []),
        ({"since": START + timedelta(seconds=10)}, ["call-3", "call-2"]),
        ({"until": START + timedelta(seconds=10)}, ["call-1"]),
    ],
)
def test_filters_narrow_the_log(
    supervisor: User, story: Story, filters: dict[str, object], expected: list[str]
) -> None:
    assert found(supervisor, **filters) == expected


def test_every_call_has_exactly_the_outcome_by_which_it_is_found(supervisor: User, story: Story) -> None:
    hope = create_person("hope", Role.HOS)
    for outcome in Outcome:
        for row in call_log(hope, CallFilter(outcome=outcome)).rows:
            assert row.outcome is outcome
    assert sum(len(found(hope, outcome=outcome)) for outcome in Outcome) == 5


def test_a_number_that_is_none_is_refused_with_the_cure(supervisor: User, story: Story) -> None:
    with pytest.raises(BadFilter, match="whole telephone number"):
        call_log(supervisor, CallFilter(number="council tax", purpose="quality"))
    with pytest.raises(PurposeMissing):
        call_log(supervisor, CallFilter(number="07700 900123"))


def test_pages_follow_each_other_without_gap_or_repeat(supervisor: User, story: Story) -> None:
    seen: list[str] = []
    cursor = None
    while True:
        page = call_log(supervisor, after=cursor, limit=2)
        seen += [row.call_id for row in page.rows]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == ["call-3", "call-2", "call-1"]


@pytest.mark.parametrize("mark", ["", "!!!", "bm90aGluZw", "MjAyNi0wNS0wNA"])
def test_a_page_mark_that_is_none_is_refused(supervisor: User, mark: str) -> None:
    with pytest.raises(BadFilter, match="page mark"):
        call_log(supervisor, after=mark)


def test_every_search_is_audited_without_what_was_looked_for(supervisor: User, story: Story) -> None:
    call_log(supervisor, CallFilter(number="07700 900123", purpose="quality", client=ClientCode("BBC")))
    with all_clients("a test"):
        entry = AuditEntry.objects.get(code="call.searched")
    assert entry.actor_id == supervisor.pk.hex
    assert '"filters":["client","number"]' in entry.fields
    assert "900123" not in entry.fields


def test_numbers_are_masked_and_withheld_ones_are_none(supervisor: User, story: Story) -> None:
    rows = {str(row.call_id): row for row in call_log(supervisor).rows}
    assert rows["call-1"].number == "07700 ••• 123"
    assert rows["call-1"].recording_ids == ("rec-1",)
    later = Story(boot_id="boot-1", now=NOW)
    later.told = list(story.told)
    later.arrive("call-6", number=None)
    store(later)
    assert call_log(supervisor).rows[0].number is None


def test_the_detail_tells_history_quality_and_wording(supervisor: User, story: Story) -> None:
    detail = call_detail(supervisor, "call-1")
    assert (detail.name, detail.wording, detail.flow_version) == (CALLER_NAME, "notice-7", 3)
    assert [line.number for line in detail.history] == list(range(1, 15))
    assert detail.quality[0].mos == 4.3
    assert detail.row.wait_seconds == 4.0
    with pytest.raises(NotFound):
        call_detail(supervisor, "call-4")


def test_a_full_number_needs_right_and_purpose_and_is_audited(supervisor: User, story: Story) -> None:
    with pytest.raises(PurposeMissing):
        reveal_number(supervisor, "call-1", purpose="curiosity")
    with pytest.raises(PurposeMissing, match="case"):
        reveal_number(supervisor, "call-1", purpose="complaint")
    assert reveal_number(supervisor, "call-1", purpose="complaint", case_reference="C-17") == "07700 900123"
    with all_clients("a test"):
        entry = AuditEntry.objects.get(code="call.number_revealed")
    assert "C-17" in entry.fields
    assert "900123" not in entry.fields


def test_a_refused_number_is_audited_too(supervisor: User, story: Story) -> None:
    reader = create_person("rae", Role.RP, "BBC")
    assert call_detail(reader, "call-1").row.call_id == "call-1"
    with pytest.raises(NotFound):
        reveal_number(reader, "call-1", purpose="quality")
    with all_clients("a test"):
        assert AuditEntry.objects.get(code="call.refused").actor_id == reader.pk.hex


def test_an_agent_sees_the_call_that_rings_and_the_one_they_had_but_no_other(supervisor: User) -> None:
    ada = create_person("ada", Role.AGT, "BBC")
    agent = agent_id_of(ada)
    story = Story().start()
    ringing = story.arrive("call-1")
    story.announce_and_queue(ringing)
    story.arrive("call-2")
    store(story)
    with pytest.raises(NotFound):
        own_call(ada, "call-1", now=story.now)
    story.offer(ringing, agent)
    store(story)
    assert own_call(ada, "call-1", now=story.now).row.number == "07700 ••• 123"
    story.answer(ringing, agent)
    story.end(ringing, agent=agent)
    store(story)
    assert access_own_call(ada, "call-1", now=story.now).agent_id == agent
    for call_id, now in (("call-1", story.now + timedelta(hours=2)), ("call-2", story.now), ("none", story.now)):
        with pytest.raises(NotFound):
            access_own_call(ada, call_id, now=now)
    with pytest.raises(NotFound):
        access_own_call(supervisor, "call-1", now=story.now)


def test_the_number_of_another_clients_caller_is_not_found_by_its_index(supervisor: User, story: Story) -> None:
    sealer = party_sealer()
    assert sealer.index("BBC", CALLER) != sealer.index("ELDC", CALLER)
    eldc = create_person("eli", Role.SUP, "ELDC")
    assert found(eldc, number="07700 900123") == ["call-4"]


def test_ids_of_agents_are_plain_strings(story: Story, supervisor: User) -> None:
    assert call_log(supervisor).rows[-1].agent_id == AgentId("agent-1")
