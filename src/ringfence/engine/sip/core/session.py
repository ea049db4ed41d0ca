"""Session timers: what RFC 4028 makes of a request and a response. Pure functions."""

from dataclasses import dataclass

from aiosipua.headers import parse_params

from ringfence.engine.sip.core.config import Timers
from ringfence.engine.sip.core.headers import parse_seconds
from ringfence.engine.sip.core.message import SUPPORTED, Message


@dataclass(frozen=True, slots=True)
class Session:
    """An agreed session timer."""

    seconds: int
    we_refresh: bool


def offer(config: Timers, *, seconds: int | None = None, min_se: int | None = None) -> list[tuple[str, str]]:
    """Headers of an INVITE, re-INVITE or UPDATE of ours."""
    floor = max(config.session_min, min_se or 0)
    return [
        SUPPORTED,
        ("Session-Expires", str(max(seconds or config.session, floor))),
        ("Min-SE", str(floor)),
    ]


def too_small(request: Message, config: Timers) -> bool:
    """The interval is refused with 422 (section 6); only a peer that knows timers can be told so."""
    seconds = parse_seconds(request.get("session-expires"))
    return seconds is not None and seconds < config.session_min and "timer" in request.tokens("supported")


def accept(request: Message, config: Timers) -> tuple[Session | None, list[tuple[str, str]]]:
    """The timer and the headers of our 2xx (section 9); a peer without timers gets none, as it expects no refresh."""
    if "timer" not in request.tokens("supported"):
        return None, []
    value = request.get("session-expires")
    floor = max(config.session_min, parse_seconds(request.get("min-se")) or 0)
    seconds = parse_seconds(value)
    chosen = max(min(seconds, config.session) if seconds else config.session, floor)
    refresher = (parse_params((value or "").partition(";")[2]).get("refresher") or "uac").lower()
    we = refresher == "uas"
    headers = [("Require", "timer"), ("Session-Expires", f"{chosen};refresher={'uas' if we else 'uac'}")]
    return Session(chosen, we), headers


def agreed(response: Message) -> Session | None:
    """The timer that a 2xx to our request sets (section 7.2), None for no timer."""
    value = response.get("session-expires")
    seconds = parse_seconds(value)
    if seconds is None or seconds < 1:
        return None
    refresher = (parse_params((value or "").partition(";")[2]).get("refresher") or "uac").lower()
    return Session(seconds, refresher != "uas")
