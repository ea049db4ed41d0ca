"""Which function applies which fact. Complete by test: a new fact type without a handler fails the build."""

from collections.abc import Callable
from typing import Any, TypeVar

from ringfence.bridge.workspace import Workspace
from ringfence.control.facts import AnyFact, Fact

F = TypeVar("F", bound=Fact)
Handler = Callable[[Workspace, Any], None]

_handlers: dict[type[Fact], Handler] = {}


def handles(kind: type[F]) -> Callable[[Callable[[Workspace, F], None]], Callable[[Workspace, F], None]]:
    """Declare the one handler of a fact type."""

    def declare(handler: Callable[[Workspace, F], None]) -> Callable[[Workspace, F], None]:
        if kind in _handlers:
            raise ValueError(f"{kind.__name__} has two handlers.")
        _handlers[kind] = handler
        return handler

    return declare


def handler_of(fact: AnyFact) -> Handler:
    """The handler of this fact's type."""
    return _handlers[type(fact)]


def handled() -> frozenset[type[Fact]]:
    """Every fact type with a handler."""
    return frozenset(_handlers)
