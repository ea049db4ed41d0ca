"""Every step from every state: those of the table are open, the others are refused, audited, and change nothing."""

from collections.abc import Callable
from datetime import datetime

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import F
from tests.support.disclosures import HEAD_REASON, Cases
from tests.support.recorded import recorded

from ringfence.centre.accounts.models import User
from ringfence.centre.audit.models import AuditEntry
from ringfence.centre.disclosures import actions, guard
from ringfence.centre.disclosures.access import open_steps
from ringfence.centre.disclosures.errors import Refused
from ringfence.centre.disclosures.models import Disclosure, DisclosureItem
from ringfence.centre.disclosures.steps import STEPS, State, Step
from ringfence.centre.recordings.ways import close_ways
from ringfence.centre.tenancy import all_clients, scope

People = dict[str, User]
EVERY = [(step, state) for step in Step for state in State]


def take(step: Step, case: Disclosure, people: People, *, recording: str, other: str, now: datetime) -> None:
    """The step, by somebody who may, with everything it needs."""
    doing: dict[Step, Callable[[], object]] = {
        Step.ATTACH: lambda: actions.attach(people["sid"], case, [other], now=now),
        Step.REMOVE: lambda: actions.take_out(people["sid"], case, recording, now=now),
        Step.ASK: lambda: actions.ask_advice(people["sid"], case, now=now),
        Step.HEAR: lambda: actions.hear_to_advise(people["dora"], case, now=now),
        Step.ADVISE: lambda: actions.give_advice(people["dora"], case, advice="release", text="Fine.", now=now),
        Step.OVERRIDE: lambda: actions.override_advice(people["hope"], case, reason=HEAD_REASON, now=now),
        Step.RELEASE: lambda: actions.release(
            people["cody"], case, form="words", reason="It answers.", answer="Yes.", now=now
        ),
        Step.REFUSE: lambda: actions.refuse(people["cody"], case, reason="Not needed.", now=now),
        Step.END: lambda: actions.end_release(people["sid"], case, now=now),
        Step.NOTHING_FOUND: lambda: actions.nothing_found(people["sid"], case, outcome="No call.", now=now),
        Step.WITHDRAW: lambda: actions.withdraw(people["sid"], case, outcome="Settled.", now=now),
        Step.CLOSE: lambda: actions.close(people["sid"], case, outcome="Told.", now=now),
    }
    with scope("BBC"):
        doing[step]()


def prepared(step: Step, state: State, cases: Cases, recording: str) -> Disclosure:
    """A case at ``state``, otherwise ready for ``step``."""
    case = cases.at(state, recording)
    with scope("BBC"):
        if step is Step.NOTHING_FOUND and state is State.OPEN:
            actions.take_out(cases.people["sid"], case, recording, now=cases.now)
        if step is Step.HEAR:  # who was asked may hear already
            close_ways(case.disclosure_id, now=cases.now)
        if step is Step.OVERRIDE and state is State.DECISION:  # there must be something to override
            Disclosure.objects.filter(pk=case.pk).update(advice="against")
    return case


@pytest.mark.parametrize(("step", "state"), EVERY)
def test_each_step_is_open_from_its_states_alone(
    step: Step, state: State, cases: Cases, people: People, recording: str, now: datetime
) -> None:
    other = recorded(2, ended_at=now)
    case = prepared(step, state, cases, recording)
    with scope("BBC"):
        offered = {
            each for who in people.values() for each in open_steps(who, Disclosure.objects.get(pk=case.pk), now=now)
        }
        before = Disclosure.objects.filter(pk=case.pk).values().get()
    assert (step in offered) == (state in STEPS[step])
    if state in STEPS[step]:
        take(step, case, people, recording=recording, other=other, now=now)
        with scope("BBC"):
            assert Disclosure.objects.get(pk=case.pk).state == STEPS[step][state]
        return
    with pytest.raises(Refused) as refused:
        take(step, case, people, recording=recording, other=other, now=now)
    assert refused.value.why == "step"
    with scope("BBC"):
        assert Disclosure.objects.filter(pk=case.pk).values().get() == before
        assert DisclosureItem.objects.filter(removed_at=None).count() == 1
        entry = AuditEntry.objects.filter(code="disclosure.step_refused").latest("number")
    assert f'"state":"{state}","step":"{step}"' in entry.fields


@pytest.mark.parametrize(
    ("before", "after"),
    [(before, after) for before in State for after in State if before != after],
)
def test_the_database_lets_no_case_jump(before: State, after: State, cases: Cases, recording: str) -> None:
    """Each state needs its facts, so that a bare change of state is refused whatever it jumps to."""
    case = cases.at(before, recording)
    with scope("BBC"), pytest.raises(IntegrityError), transaction.atomic():
        Disclosure.objects.filter(pk=case.pk).update(state=after)


@pytest.mark.parametrize("state", [State.RELEASED, State.REFUSED, State.CLOSED])
def test_the_database_lets_no_case_go_back_even_with_every_fact_taken_away(
    state: State, cases: Cases, recording: str
) -> None:
    case = cases.at(state, recording)
    nothing = {
        "asked_at": None, "advised_at": None, "decided_at": None, "expires_at": None, "closed_at": None,
        "form": "", "result": "", "answer": None, "decided_by": "",
    }  # fmt: skip
    with scope("BBC"), pytest.raises(IntegrityError, match="not skipped"), transaction.atomic():
        Disclosure.objects.filter(pk=case.pk).update(state=State.OPEN, **nothing)


@pytest.mark.parametrize("changes", [
    {"decided_by": F("opened_by")},
    {"decided_by": F("advised_by")},
    {"advice": "against"},
    {"advised_at": None},
    {"asked_at": None},
    {"expires_at": None},
    {"answer": None},
    {"heard_by": "somebody"},
])  # fmt: skip
def test_the_database_keeps_no_release_without_advice_expiry_and_a_second_person(
    changes: dict[str, object], cases: Cases, recording: str
) -> None:
    case = cases.at(State.RELEASED, recording)
    with scope("BBC"), pytest.raises(IntegrityError), transaction.atomic():
        Disclosure.objects.filter(pk=case.pk).update(**changes)


def test_nothing_of_the_register_can_be_removed(cases: Cases, recording: str) -> None:
    case = cases.at(State.CLOSED, recording)
    with scope("BBC"):
        for rows in (DisclosureItem.objects.all(), Disclosure.objects.all()):
            with pytest.raises(IntegrityError, match="removed"), transaction.atomic():
                rows._raw_delete("default")
        assert Disclosure.objects.get() == case
    guard.remove(connection)
    try:
        with scope("BBC"), transaction.atomic():
            assert DisclosureItem.objects.all()._raw_delete("default") == 1
    finally:
        guard.install(connection)


def test_who_may_do_nothing_is_offered_nothing_and_refused_with_an_entry(
    cases: Cases, people: People, recording: str, now: datetime
) -> None:
    acts: list[tuple[Callable[..., object], dict[str, str]]] = [
        (actions.ask_advice, {}),
        (actions.hear_to_advise, {}),
        (actions.give_advice, {"advice": "release", "text": "x"}),
        (actions.release, {"form": "words", "reason": "x", "answer": "x"}),
        (actions.override_advice, {"reason": HEAD_REASON}),
        (actions.close, {"outcome": "x"}),
    ]
    for state in State:
        case = cases.at(state, recording)
        with all_clients("the test asks as everybody"):
            row = Disclosure.objects.get(pk=case.pk)
            for name in ("sam", "ike", "faye", "dan", "sol"):
                assert open_steps(people[name], row, now=now) == frozenset()
                for act, values in acts:
                    with pytest.raises(Refused) as refused:
                        act(people[name], case, **values, now=now)
                    assert refused.value.why == "right"
    with scope("BBC"):
        assert AuditEntry.objects.filter(code="disclosure.step_refused").count() == len(State) * 5 * len(acts)
