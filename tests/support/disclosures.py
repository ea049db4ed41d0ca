"""A case of the disclosure register, taken as far as a test needs it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction

from ringfence.centre.accounts.models import User
from ringfence.centre.disclosures import actions
from ringfence.centre.disclosures.models import Disclosure, DisclosureItem
from ringfence.centre.disclosures.sealing import seal_text
from ringfence.centre.disclosures.steps import State
from ringfence.centre.recordings.ways import open_ways
from ringfence.centre.tenancy import all_clients, scope
from ringfence.centre.training.actions import publish
from ringfence.centre.training.models import DocumentVersion
from ringfence.centre.training.queries import SHARING, sharing_procedure

REQUESTER = "Persimmon Underhay"
HEAD_REASON = "The ombudsman's time limit ends today."


def publish_procedure(
    *clients: str, text: str = "Ask first, share little.", kind: str = "procedure"
) -> DocumentVersion:
    """The procedure that cases cite, for ``clients`` or for every client."""
    return publish(
        slug=SHARING,
        kind=kind,
        title="Sharing recordings",
        text=text,
        clients=clients or None,
        mandatory=False,
        review_on=date(2040, 1, 1),
        by=None,
    )


@dataclass(frozen=True)
class Cases:
    """Takes cases of BBC through their steps, each by somebody who may."""

    people: dict[str, User]
    now: datetime

    def open(self, by: str = "sid", **changes: Any) -> Disclosure:
        values: dict[str, Any] = {
            "client": "BBC",
            "asker": "complaints",
            "requester_name": REQUESTER,
            "requester_post": "Complaints, Barford Borough Council",
            "purpose": "complaint",
            "case_reference": "CMP-1",
            "request": "Was the caller told about the fee?",
            "now": self.now,
        } | changes
        return actions.open_case(self.people[by], **values)

    def at(self, state: State, recording: str, *, form: str = "words", **changes: Any) -> Disclosure:
        """A case with ``recording`` attached that stands at ``state``; closed ones were released before."""
        order = [State.OPEN, State.ADVICE, State.DECISION, State.RELEASED, State.CLOSED]
        far = 3 if state is State.REFUSED else order.index(state)
        case = self.open(**changes)
        with scope("BBC"):
            actions.attach(self.people["sid"], case, [recording], now=self.now)
            if far > 0:
                case = actions.ask_advice(self.people["sid"], case, now=self.now)
            if far > 1:
                case = actions.give_advice(
                    self.people["dora"], case, advice="release", text="It is fair.", now=self.now
                )
            if state is State.REFUSED:
                case = actions.refuse(self.people["cody"], case, reason="Not needed.", now=self.now)
            elif far > 2:
                case = self.release(case, form=form)
            if far > 3:
                case = actions.close(self.people["sid"], case, outcome="Told by telephone.", now=self.now)
        return case

    def release(self, case: Disclosure, by: str = "cody", *, form: str = "words", **changes: Any) -> Disclosure:
        values: dict[str, Any] = {
            "form": form,
            "reason": "It answers the complaint.",
            "answer": "Yes, she was told twice." if form == "words" else "",
            "heard_by": self.people["sid"].id.hex if form == "heard" else "",
            "days": 14,
            "now": self.now,
        } | changes
        with scope("BBC"):
            return actions.release(self.people[by], case, **values)


def later(moment: datetime, **delta: float) -> datetime:
    return moment + timedelta(**delta)


@transaction.atomic
def furnish_disclosures(person: Callable[[str], User], recording: str, *, now: datetime) -> None:
    """``disclosure-1`` to ``disclosure-6`` of BBC, one at each state, all about ``recording``."""
    officer, requests, head = person("data.protection"), person("requests"), person("operations")

    def sealed(text: str) -> bytes:
        return seal_text("BBC", text)

    asked = {"asked_at": now - timedelta(days=8), "asked_by": requests.id.hex}
    advised = {
        **asked,
        "advice": "conditions",
        "advice_text": sealed("Leave out the address."),
        "advised_at": now - timedelta(days=8),
        "advised_by": officer.id.hex,
    }
    decided = {**advised, "decided_at": now, "decided_by": head.id.hex, "reason": sealed("It answers the complaint.")}
    heard = {"form": "heard", "heard_by": requests.id.hex, "expires_at": now + timedelta(days=14)}
    words = {"form": "words", "answer": sealed("Yes, she was told."), "expires_at": now + timedelta(days=14)}
    over = {"result": "answered", "outcome": sealed("Told."), "closed_at": now, "closed_by": requests.id.hex}
    procedure = sharing_procedure("BBC")
    assert procedure is not None
    with all_clients("a test"):
        for number, (state, facts) in enumerate(
            (
                (State.OPEN, {}),
                (State.ADVICE, asked),
                (State.DECISION, advised),
                (State.RELEASED, {**decided, **heard}),
                (State.REFUSED, decided),
                (State.CLOSED, {**decided, **words, **over}),
            ),
            start=1,
        ):
            case = Disclosure.objects.create(
                disclosure_id=f"disclosure-{number}",
                client_id="BBC",
                number=number,
                asker="complaints",
                requester_name=sealed(REQUESTER),
                requester_post=sealed("Complaints, Barford Borough Council"),
                purpose="complaint",
                case_reference=f"CMP-{number}",
                request=sealed("Was the caller told about the fee?"),
                procedure=procedure,
                procedure_number=procedure.number,
                procedure_sha256=procedure.sha256,
                state=state,
                opened_at=now - timedelta(days=9),
                opened_by=requests.id.hex,
                **facts,
            )
            DisclosureItem.objects.create(
                disclosure=case,
                client_id="BBC",
                recording_id=recording,
                call_id="call-heard",
                started_at=now - timedelta(minutes=20),
                attached_at=now,
                attached_by=requests.id.hex,
            )
        open_ways(
            [requests],
            [recording],
            client="BBC",
            serves="disclosure-4",
            case_reference="BBC-D4",
            until=now + timedelta(days=14),
            now=now,
        )
