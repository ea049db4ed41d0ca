"""Changes of people's rights become live events, in the transaction of the change."""

from collections.abc import Collection

from django.utils import timezone

from ringfence.centre.live.actions import ALL_CLIENTS_ONLY, Event, audience_of, emit_all
from ringfence.centre.live.models import Topic
from ringfence.kit.ids import ClientCode


def tell_of_access(*, what: str, clients: Collection[str] | None, **_signal: object) -> None:
    """Those who oversee or audit the clients see that something changed; what it was they read on the page."""
    audience = ALL_CLIENTS_ONLY if clients is None else audience_of(ClientCode(code) for code in clients)
    emit_all([Event(topic=Topic.PEOPLE, payload={"what": what}, audience=audience, at=timezone.now())])
