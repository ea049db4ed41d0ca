"""An agent in a call of Barford, a list with one payment page, and an exchange that does as it is told."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from tests.support.pages import Exchange, exchange
from tests.support.people import agent_id_of, create_clients, create_person
from tests.support.story import START, Story

from ringfence.bridge.apply import apply
from ringfence.centre.accounts.models import User
from ringfence.centre.accounts.rights import Role
from ringfence.centre.calls.sealing import party_sealer
from ringfence.centre.payments import actions
from ringfence.centre.payments.models import Payment, PaymentLink
from ringfence.centre.tenancy import all_clients
from ringfence.control import facts
from ringfence.kit.ids import AgentId, CallId

NOW = START + timedelta(minutes=2)
SESSION = "session-of-ada"
PAGE = "https://pay.barford.example/council"


@dataclass
class World:
    """Everything a payment needs."""

    agent: User
    agent_id: AgentId
    call: CallId
    link: PaymentLink
    engine: Exchange

    def open(self, *, at: datetime = NOW, session: str = SESSION, **values: Any) -> actions.Opening:
        wanted = {"call_id": self.call, "link_id": self.link.link_id, **values}
        return actions.open_payment(self.agent, session_key=session, now=at, **wanted)

    def launch(self, opening: actions.Opening, *, at: datetime = NOW, session: str = SESSION) -> actions.Launch:
        return actions.launch(self.agent, token=opening.token, session_key=session, now=at)

    def payment(self, payment_id: str) -> Payment:
        with all_clients("a test"):
            found: Payment = Payment.objects.get(pk=payment_id)
            return found

    def only(self) -> Payment:
        with all_clients("a test"):
            found: Payment = Payment.objects.get()
            return found

    def told(self) -> list[str]:
        """Names of the commands the exchange was given."""
        return [type(command).__name__ for command in self.engine.asked]

    def end_call(self, at: datetime) -> None:
        from ringfence.centre.calls.models import Call

        with all_clients("a test"):
            Call.objects.filter(pk=self.call).update(ended_at=at)


@pytest.fixture
def engine(tmp_path_factory: pytest.TempPathFactory, settings: Any) -> Iterator[Exchange]:
    path = tmp_path_factory.mktemp("run") / "engine.sock"
    settings.RINGFENCE_CONTROL_SOCKET = path
    with exchange(path) as made:
        yield made


@pytest.fixture
def world(db: None, engine: Exchange) -> World:
    create_clients()
    agent = create_person("ada", Role.AGT, "BBC")
    agent_id = agent_id_of(agent)
    story = Story().start()
    call = story.arrive("call-1")
    story.announce_and_queue(call)
    story.tell(facts.CallAnswered, call_id=call, leg_id="call-1-b", agent_id=agent_id)
    with all_clients("a test"):
        apply(story.batch(), sealer=party_sealer(), agents={}, now=START)
    link = actions.save_link(client="BBC", name="Council tax", address=PAGE, by=None)
    return World(agent=agent, agent_id=agent_id, call=call, link=link, engine=engine)
