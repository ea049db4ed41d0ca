"""A case cites the procedure, waits for the officer, is decided by a second person and ends with its outcome."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from tests.support.disclosures import HEAD_REASON, REQUESTER, Cases, later, publish_procedure
from tests.support.people import create_person
from tests.support.recorded import recorded

from ringfence.centre.accounts.actions import grant_role, revoke_grant
from ringfence.centre.accounts.models import Notice, User
from ringfence.centre.accounts.rights import Role
from ringfence.centre.audit.models import AuditEntry
from ringfence.centre.disclosures import actions, queries
from ringfence.centre.disclosures.access import access_disclosure, open_steps
from ringfence.centre.disclosures.errors import Invalid, NoProcedure, NotFound, Refused
from ringfence.centre.disclosures.models import Advice, Disclosure, DisclosureItem
from ringfence.centre.disclosures.steps import State, Step
from ringfence.centre.privacy.sealed import reseal
from ringfence.centre.recordings.models import Recording, RecordingState
from ringfence.centre.tenancy import all_clients, scope
from ringfence.centre.training.actions import retire
from ringfence.entry.key_store import key_store
from ringfence.vault.rotation import KeyRotation

People = dict[str, User]
DAY = timedelta(days=1)


def codes(client: str = "BBC") -> list[str]:
    with scope(client):
        rows = AuditEntry.objects.filter(code__startswith="disclosure.").order_by("number")
        return [code.removeprefix("disclosure.") for code in rows.values_list("code", flat=True)]


def told(case: Disclosure) -> dict[str, set[str]]:
    """Codes of messages by the name of who finds them."""
    found: dict[str, set[str]] = {}
    for notice in Notice.objects.filter(subject=case.disclosure_id).select_related("user"):
        found.setdefault(notice.user.display_name.lower(), set()).add(notice.code)
    return found


def test_a_case_has_a_number_of_its_client_and_cites_the_procedure_in_force(
    cases: Cases, people: People, now: datetime
) -> None:
    first = cases.open()
    second = publish_procedure(text="Ask first, share less.")
    later_case, foreign = cases.open(by="tilly"), cases.open(by="faye", client="ELDC")
    assert [case.reference for case in (first, later_case, foreign)] == ["BBC-D1", "BBC-D2", "ELDC-D1"]
    assert (first.procedure.number, first.procedure_number) == (1, 1)
    assert (later_case.procedure, later_case.procedure_number) == (second, 2)
    assert later_case.procedure_sha256 == second.sha256
    assert codes() == ["opened", "opened"]
    assert codes("ELDC") == ["opened"]


@pytest.mark.parametrize("which", ["none", "other client", "no procedure", "retired"])
def test_without_a_procedure_in_force_no_case_opens_and_the_cure_is_named(
    which: str, people: People, now: datetime
) -> None:
    if which == "other client":
        publish_procedure("ELDC")
    elif which == "no procedure":
        publish_procedure(kind="desk_aid")
    elif which == "retired":
        retire(document=publish_procedure().document, reason="Old.", by=create_person("edda", Role.HOS))
    with pytest.raises(NoProcedure, match="Publish one in the library"):
        Cases(people, now).open()
    assert codes() == ["step_refused"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"asker": "police"}, "asker"),
        ({"purpose": "quality"}, "purpose"),
        ({"purpose": "satisfaction"}, "purpose"),
        ({"requester_name": "  "}, "requester_name"),
        ({"requester_name": "x" * 121}, "requester_name"),
        ({"requester_post": ""}, "requester_post"),
        ({"case_reference": " "}, "case_reference"),
        ({"case_reference": "x" * 65}, "case_reference"),
        ({"request": " \n"}, "request"),
        ({"request": "x" * 5001}, "request"),
    ],
)
def test_what_cannot_be_used_is_named(cases: Cases, changes: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        cases.open(**changes)
    assert refused.value.field == field
    with all_clients("the test reads"):
        assert not Disclosure.objects.exists()


def test_who_may_not_open_a_case_of_a_client_opens_none(cases: Cases) -> None:
    for by, client in (("sam", "BBC"), ("ike", "BBC"), ("dora", "BBC"), ("faye", "BBC"), ("sid", "ELDC")):
        with pytest.raises(Refused):
            cases.open(by=by, client=client)


def test_what_people_wrote_is_sealed_in_the_database_and_opened_for_showing(cases: Cases, recording: str) -> None:
    case = cases.at(State.CLOSED, recording)
    with all_clients("the test reads past the models"), connection.cursor() as cursor:
        cursor.execute("SELECT * FROM disclosures_disclosure")
        cells = [bytes(cell) if isinstance(cell, memoryview) else cell for row in cursor.fetchall() for cell in row]
    assert "CMP-1" in cells
    words = (REQUESTER, "about the fee", "It is fair", "told twice", "by telephone")  # longer than an id could hold
    assert not any(word in repr(cells) for word in words)
    with scope("BBC"):
        row = Disclosure.objects.get(pk=case.pk)
        assert REQUESTER.encode() not in bytes(row.requester_name)
        assert queries.texts(row) == queries.Texts(
            requester_name=REQUESTER,
            requester_post="Complaints, Barford Borough Council",
            request="Was the caller told about the fee?",
            advice="It is fair.",
            override_reason="",
            reason="It answers the complaint.",
            answer="Yes, she was told twice.",
            outcome="Told by telephone.",
        )
        for entry in AuditEntry.objects.filter(code__startswith="disclosure."):
            assert not any(word in entry.fields for word in (*words, "CMP-1"))


def test_each_sees_the_cases_of_their_clients_and_no_others(cases: Cases, people: People) -> None:
    mine, foreign = cases.open(), cases.open(by="sol", client="ELDC")
    for name in ("sid", "sora", "tilly", "cody", "hope", "dora"):
        with scope("BBC", "ELDC"):
            assert queries.register(people[name]) == (mine,)
            assert access_disclosure(people[name], mine.pk) == mine
            with pytest.raises(NotFound):
                access_disclosure(people[name], foreign.pk)
    for name in ("sam", "ike"):
        with scope("BBC"), pytest.raises(NotFound):
            access_disclosure(people[name], mine.pk)
    with scope("ELDC"), pytest.raises(NotFound):
        access_disclosure(people["hope"], mine.pk)


# The scope


def test_recordings_are_found_by_their_own_reference_or_their_call_s_and_only_of_the_client(
    cases: Cases, people: People, recording: str, now: datetime
) -> None:
    foreign = recorded(2, ended_at=now, client="ELDC")
    case, sid = cases.open(), people["sid"]
    with scope("BBC"):
        for reference in (recording, " call-1 "):
            assert [one.pk for one in actions.look_up(sid, case, reference, now=now)] == [recording]
        for reference in (foreign, "call-2", "", "nothing"):
            with pytest.raises(Invalid) as refused:
                actions.look_up(sid, case, reference, now=now)
            assert refused.value.field == "reference"
        with pytest.raises(NotFound):
            actions.look_up(people["dora"], case, recording, now=now)
    with all_clients("a look past the wall"), pytest.raises(Invalid):
        actions.attach(sid, case, [foreign], now=now)
    assert codes().count("searched") == 6


def test_a_recording_is_attached_once_and_taken_out_with_a_trace(
    cases: Cases, people: People, recording: str, now: datetime
) -> None:
    case, sid = cases.open(), people["sid"]
    with scope("BBC"):
        assert actions.attach(sid, case, [recording], now=now) == 1
        assert actions.attach(people["tilly"], case, [recording], now=now) == 0
        actions.take_out(people["tilly"], case, recording, now=now)
        with pytest.raises(Invalid):
            actions.take_out(sid, case, recording, now=now)
        assert actions.attach(sid, case, [recording], now=now) == 1
        assert DisclosureItem.objects.count() == 2
        assert [line.recording_id for line in queries.scope_of_case(case, now=now)] == [recording]
        with pytest.raises(Invalid):
            actions.attach(sid, case, [], now=now)
    assert codes() == ["opened", "attached", "removed", "attached"]


def test_what_is_gone_is_not_attached_and_what_goes_later_shows_as_gone(
    cases: Cases, people: People, recording: str, now: datetime
) -> None:
    case, other = cases.open(), recorded(2, ended_at=now)
    with scope("BBC"):
        actions.attach(people["sid"], case, [recording], now=now)
        line = queries.scope_of_case(case, now=now)[0]
        assert (line.state, line.gone) == (RecordingState.LIVE, False)
        assert line.purge_at is not None
        assert now + 58 * DAY < line.purge_at < now + 60 * DAY
        Recording.objects.filter(pk__in=[recording, other]).update(state=RecordingState.DELETED, destroyed_at=now)
        line = queries.scope_of_case(case, now=now)[0]
        assert (line.gone, line.destroyed_at) == (True, now)
        with pytest.raises(Invalid):
            actions.attach(people["sid"], case, [other], now=now)


def test_without_a_recording_nobody_is_asked_and_nothing_found_ends_the_case(
    cases: Cases, people: People, recording: str, now: datetime
) -> None:
    case, sid = cases.open(), people["sid"]
    with scope("BBC"):
        with pytest.raises(Refused, match="at least one recording"):
            actions.ask_advice(sid, case, now=now)
        actions.attach(sid, case, [recording], now=now)
        with pytest.raises(Refused, match="attached"):
            actions.nothing_found(sid, case, outcome="No call.", now=now)
        actions.take_out(sid, case, recording, now=now)
        closed = actions.nothing_found(sid, case, outcome="No call that day.", now=now)
    assert (closed.state, closed.result) == (State.CLOSED, "nothing_found")
    assert codes()[-1] == "closed"


# Advice


def test_the_officer_of_the_client_is_told_and_then_who_decides(
    cases: Cases, people: People, recording: str, now: datetime
) -> None:
    case = cases.at(State.ADVICE, recording)
    assert told(case) == {"dora": {"disclosure"}}
    with scope("BBC"):
        actions.give_advice(people["dora"], case, advice="conditions", text="Leave out the address.", now=now)
    assert told(case) == {name: {"disclosure"} for name in ("dora", "cody", "hope")}
    assert codes()[-2:] == ["advice_asked", "advised"]


def test_advice_needs_a_choice_and_words(cases: Cases, people: People, recording: str, now: datetime) -> None:
    case = cases.at(State.ADVICE, recording)
    with scope("BBC"):
        for advice, text, field in (("maybe", "x", "advice"), ("release", " ", "text")):
            with pytest.raises(Invalid) as refused:
                actions.give_advice(people["dora"], case, advice=advice, text=text, now=now)
            assert refused.value.field == field


def test_no_release_before_advice_and_none_against_it(
    cases: Cases, people: People, recording: str, now: datetime
) -> None:
    case = cases.at(State.ADVICE, recording)
    for name in ("cody", "hope"):
        with pytest.raises(Refused) as refused:
            cases.release(case, by=name)
        assert refused.value.why == "step"
    with scope("BBC"):
        case = actions.give_advice(people["dora"], case, advice="against", text="It names a child.", now=now)
        assert Step.RELEASE not in open_steps(people["hope"], case, now=now)
    for name in ("cody", "hope"):
        with pytest.raises(Refused) as refused:
            cases.release(case, by=name)
        assert refused.value.why == "against"


@pytest.mark.parametrize("advised", [False, True])
def test_the_head_of_service_alone_overrides_with_a_reason_and_the_officer_is_told(
    advised: bool, cases: Cases, people: People, recording: str, now: datetime
) -> None:
    case = cases.at(State.ADVICE, recording)
    with scope("BBC"):
        if advised:
            case = actions.give_advice(people["dora"], case, advice="against", text="No.", now=now)
        for name in ("cody", "sid", "tilly", "dora", "faye"):
            with pytest.raises(Refused):
                actions.override_advice(people[name], case, reason=HEAD_REASON, now=now)
        for reason in ("", "too short", "x" * 501):
            with pytest.raises(Invalid, match="10 to 500"):
                actions.override_advice(people["hope"], case, reason=reason, now=now)
        case = actions.override_advice(people["hope"], case, reason="x" * 10, now=now)
        assert case.state == State.DECISION
        with pytest.raises(Refused):
            actions.override_advice(people["hope"], case, reason=HEAD_REASON, now=now)
    assert "overridden" in told(case)["dora"]
    assert cases.release(case, by="hope").state == State.RELEASED
    assert codes()[-1] == "released"
    assert "overridden" in codes()


def test_favourable_advice_is_not_overridden(cases: Cases, people: People, recording: str, now: datetime) -> None:
    case = cases.at(State.DECISION, recording)
    with scope("BBC"):
        assert Step.OVERRIDE not in open_steps(people["hope"], case, now=now)
        with pytest.raises(Refused, match="nothing to override"):
            actions.override_advice(people["hope"], case, reason=HEAD_REASON, now=now)


# Two people


def test_who_opened_a_case_neither_decides_nor_overrides_it(
    cases: Cases, people: People, recording: str, now: datetime
) -> None:
    for name in ("hope", "cody"):
        case = cases.at(State.DECISION, recording, by=name)
        with pytest.raises(Refused) as refused:
            cases.release(case, by=name)
        assert refused.value.why == "same_person"
        with scope("BBC"):
            with pytest.raises(Refused):
                actions.refuse(people[name], case, reason="x", now=now)
            assert not {Step.RELEASE, Step.REFUSE} & open_steps(people[name], case, now=now)
    mine = cases.at(State.ADVICE, recording, by="hope")
    with scope("BBC"), pytest.raises(Refused) as refused:
        actions.override_advice(people["hope"], mine, reason=HEAD_REASON, now=now)
    assert refused.value.why == "same_person"
    assert "step_refused" in codes()


def test_a_message_stays_only_while_somebody_is_waited_for(cases: Cases, recording: str) -> None:
    def waited_for(case: Disclosure) -> set[str]:
        rows = Notice.objects.filter(subject=case.disclosure_id, read_at=None).select_related("user")
        return {row.user.display_name.lower() for row in rows}

    assert waited_for(cases.at(State.ADVICE, recording)) == {"dora"}
    case = cases.at(State.DECISION, recording)
    assert waited_for(case) == {"cody", "hope"}
    cases.release(case, form="heard")
    assert waited_for(case) == {"sid"}
    assert waited_for(cases.at(State.CLOSED, recording)) == set()


def test_who_opened_a_case_does_not_advise_on_it_whatever_they_become(
    cases: Cases, people: People, recording: str, now: datetime
) -> None:
    case = cases.at(State.ADVICE, recording, by="sid")
    grant_role(user=people["sid"], role=Role.DPO, clients=["BBC"], reason="stands in", by=None)
    with scope("BBC"), pytest.raises(Refused) as refused:
        actions.give_advice(people["sid"], case, advice=Advice.RELEASE, text="Looks right.", now=now)
    assert refused.value.why == "same_person"
    assert not open_steps(people["sid"], case, now=now) & {Step.ADVISE}


def test_who_advised_never_decides_whatever_they_become(
    cases: Cases, people: People, recording: str, now: datetime
) -> None:
    case, dora = cases.at(State.DECISION, recording), people["dora"]
    revoke_grant(grant=dora.grants.get(), reason="moves", by=None)
    grant_role(user=dora, role=Role.CODM, clients=["BBC"], reason="moves", by=None)
    with pytest.raises(Refused) as refused:
        cases.release(case, by="dora")
    assert refused.value.why == "same_person"


# Release, expiry and end


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"form": "file"}, "form"),
        ({"answer": " "}, "answer"),
        ({"reason": ""}, "reason"),
        ({"days": 0}, "days"),
        ({"days": 29}, "days"),
        ({"form": "heard", "heard_by": ""}, "heard_by"),
    ],
)
def test_a_release_that_cannot_be_is_named(changes: dict[str, Any], field: str, cases: Cases, recording: str) -> None:
    case = cases.at(State.DECISION, recording)
    with pytest.raises(Invalid) as refused:
        cases.release(case, **changes)
    assert refused.value.field == field
    with scope("BBC"):
        assert Disclosure.objects.get().state == State.DECISION


def test_the_longest_time_is_a_setting(cases: Cases, recording: str, now: datetime, settings: Any) -> None:
    settings.RINGFENCE_DISCLOSURE_DAYS = 3
    case = cases.at(State.DECISION, recording)
    with pytest.raises(Invalid, match="1 to 3 days"):
        cases.release(case, days=4)
    assert cases.release(case, days=3).expires_at == now + 3 * DAY


def test_a_released_case_expires_is_marked_and_still_wants_its_outcome(
    cases: Cases, people: People, recording: str, now: datetime
) -> None:
    case = cases.at(State.RELEASED, recording)
    assert case.expires_at == now + 14 * DAY
    assert not case.expired(later(now, days=14, seconds=-1))
    assert case.expired(later(now, days=14))
    with scope("BBC"):
        with pytest.raises(Refused, match="over already"):
            actions.end_release(people["sid"], case, now=later(now, days=14))
        with pytest.raises(Invalid):
            actions.close(people["sid"], case, outcome=" ", now=later(now, days=15))
        closed = actions.close(people["sid"], case, outcome="Told by letter.", now=later(now, days=15))
    assert (closed.state, closed.result, closed.ended_at) == (State.CLOSED, "answered", None)
    assert not closed.expired(later(now, days=20))


def test_a_release_ended_or_closed_early_ends_at_that_instant(
    cases: Cases, people: People, recording: str, now: datetime
) -> None:
    case = cases.at(State.RELEASED, recording)
    at = later(now, hours=1)
    with scope("BBC"):
        ended = actions.end_release(people["dora"], case, now=at)
        assert (ended.expires_at, ended.ended_at, ended.state) == (at, at, State.RELEASED)
        with pytest.raises(Refused):
            actions.end_release(people["sid"], case, now=at)
        heard = cases.at(State.RELEASED, recording, form="heard")
        other = actions.close(people["sid"], heard, outcome="Told.", now=at)
    assert (other.expires_at, other.ended_at) == (at, at)
    assert codes()[-2:] == ["release_ended", "closed"]


def test_a_refused_case_is_closed_with_what_the_requester_was_told(
    cases: Cases, people: People, recording: str, now: datetime
) -> None:
    case = cases.at(State.REFUSED, recording)
    with scope("BBC"):
        closed = actions.close(people["sid"], case, outcome="Told why not.", now=now)
    assert (closed.result, closed.expires_at, closed.form) == ("refused", None, "")


def test_waiting_for_a_week_is_marked(cases: Cases, recording: str, now: datetime) -> None:
    for state in (State.ADVICE, State.DECISION):
        case = cases.at(state, recording)
        assert not case.overdue(later(now, days=7, seconds=-1))
        assert case.overdue(later(now, days=7))
    assert not cases.at(State.OPEN, recording).overdue(later(now, days=70))


def test_the_register_has_what_goes_on_first(cases: Cases, people: People, recording: str) -> None:
    closed, running = cases.at(State.CLOSED, recording), cases.open()
    with scope("BBC"):
        assert queries.register(people["sid"]) == (running, closed)
        assert queries.open_cases(people["sid"], "BBC") == (running,)
        assert queries.open_cases(people["dora"], "BBC") == ()
        assert [row.code for row in queries.timeline(closed)] == [
            f"disclosure.{code}" for code in ("opened", "attached", "advice_asked", "advised", "released", "closed")
        ]


def finish(rotation: KeyRotation) -> None:
    while rotation.rewrap("BBC", limit=1000):
        pass
    rotation.retire("BBC", grace=timedelta(0))


def test_the_texts_follow_the_client_s_key_through_a_rotation(cases: Cases, recording: str) -> None:
    rotation = KeyRotation(key_store())
    finish(rotation)  # the key store is one for all tests, and another may have begun a rotation there
    case = cases.at(State.CLOSED, recording)
    with all_clients("a test rotates the key"):
        before = queries.texts(Disclosure.objects.get(pk=case.pk))
        sealed = bytes(Disclosure.objects.get(pk=case.pk).request)
        rotation.begin("BBC")
        try:
            reseal("BBC", key_store())
            row = Disclosure.objects.get(pk=case.pk)
            assert bytes(row.request) != sealed
            assert queries.texts(row) == before
        finally:
            finish(rotation)
        assert queries.texts(Disclosure.objects.get(pk=case.pk)) == before
