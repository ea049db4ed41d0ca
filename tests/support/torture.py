"""The RFC 4475 set as it stands on the wire, and random mutations of it."""

import json
import random
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "fixtures" / "wire" / "rfc4475"
VERDICTS: dict[str, dict[str, object]] = json.loads((FOLDER / "verdicts.json").read_text(encoding="utf-8"))
MESSAGES = {name: (FOLDER / f"{name}.bin").read_bytes() for name in VERDICTS}
WAYS = ("cut", "byte", "double", "insert")

Step = tuple[int, str, bytes]
"""Where, in which of the ``WAYS``, with which bytes."""


def mutate(data: bytes, steps: list[Step]) -> bytes:
    for place, kind, extra in steps:
        at = place % (len(data) + 1)
        if kind == "cut":
            data = data[:at] + data[at + len(extra) + 1 :]
        elif kind == "byte":
            data = data[:at] + extra[:1] + data[at + 1 :]
        elif kind == "double":
            data = data[:at] + data[max(0, at - 20) : at] + data[at:]
        else:
            data = data[:at] + extra + data[at:]
    return data


class Mutations:
    """Endless, and the same for the same seed."""

    def __init__(self, seed: int = 4475) -> None:
        self.chance = random.Random(seed)
        self._names = sorted(MESSAGES)

    def next(self) -> bytes:
        chance = self.chance
        steps = [
            (chance.randrange(5000), chance.choice(WAYS), chance.randbytes(3)) for _ in range(chance.randrange(1, 4))
        ]
        return mutate(MESSAGES[chance.choice(self._names)], steps)
