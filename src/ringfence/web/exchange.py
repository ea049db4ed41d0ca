"""The way to the engine, for pages."""

from ringfence.centre.live.exchange import Outcome, ask, status

__all__ = ["Outcome", "ask", "status"]
