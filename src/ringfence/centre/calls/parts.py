"""What other apps keep of a call by its id, and what must go with it when the call log reaches its age (R55).

An app that is not below the one that deletes calls declares here how its rows go; ids only cross this line.
"""

from collections.abc import Callable, Collection

Eraser = Callable[[Collection[str]], None]
"""Nothing of these calls is left of it. Called inside a transaction and a scope; idempotent."""

_erasers: dict[str, Eraser] = {}


def part_of_call(name: str) -> Callable[[Eraser], Eraser]:
    """Declare what erases one kind of record of a call."""

    def declare(erase: Eraser) -> Eraser:
        if _erasers.get(name, erase) is not erase:
            raise ValueError(f"Two parts of a call are named {name}.")
        _erasers[name] = erase
        return erase

    return declare


def erase_parts(call_ids: Collection[str]) -> None:
    """Every declared part of these calls is gone."""
    for name in sorted(_erasers):
        _erasers[name](call_ids)
