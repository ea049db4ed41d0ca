"""Which clients the running piece of work may see. Nothing is visible until somebody says so (house rule 33).

TenancyError
+-- ScopeMissing     no scope is active
+-- ForeignClient    a row of a client outside the scope was to be written
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from ringfence.kit.errors import RingfenceError


class TenancyError(RingfenceError):
    """Clients are kept apart and this would have mixed them. Open the scope of the client that is meant."""


class ScopeMissing(TenancyError):
    """No client scope is active. Wrap the work in scope(code) or, with a reason, in all_clients(reason)."""


class ForeignClient(TenancyError):
    """The row belongs to a client outside the active scope. Open the scope of that client to write it."""


@dataclass(frozen=True)
class Scope:
    """What is visible now."""

    codes: frozenset[str]
    """Client codes; unused when ``everything`` is True."""
    everything: bool = False
    reason: str = ""
    """Why all clients are needed at once; empty for a scope of named clients."""

    def allows(self, code: str) -> bool:
        return self.everything or code in self.codes


_active: ContextVar[Scope | None] = ContextVar("ringfence_client_scope", default=None)


def current_scope() -> Scope:
    """The scope in force. Raises ScopeMissing."""
    active = _active.get()
    if active is None:
        raise ScopeMissing
    return active


def scope_text() -> str:
    """The scope in force as the database is told it: ``*``, codes joined by commas, or nothing. Never raises."""
    active = _active.get()
    if active is None:
        return ""
    return "*" if active.everything else ",".join(sorted(active.codes))


@contextmanager
def _entered(new: Scope) -> Iterator[Scope]:
    token = _active.set(new)
    try:
        yield new
    finally:
        _active.reset(token)


@contextmanager
def scope(*codes: str) -> Iterator[Scope]:
    """Only rows of the named clients exist inside; with no code, none do."""
    with _entered(Scope(codes=frozenset(codes))) as active:
        yield active


@contextmanager
def all_clients(reason: str) -> Iterator[Scope]:
    """Rows of every client exist inside. ``reason`` says in the code why one client is not enough."""
    if not reason.strip():
        raise TenancyError("all_clients needs a reason that a reader of the code can judge.")
    with _entered(Scope(codes=frozenset(), everything=True, reason=reason)) as active:
        yield active
