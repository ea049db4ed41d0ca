"""The simulated conversations: ``scenarios.toml`` and the speech rendered from it."""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ringfence.entry.errors import OperatorError
from ringfence.kit.ids import ClientCode, ContentId

FOLDER = Path(__file__).parent
SPEECH = FOLDER / "speech"
BYTES_A_SECOND = 8000


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """One conversation. Both tracks start at the answer; each is silent while the other side speaks."""

    scenario_id: str
    topic: str
    clients: tuple[ClientCode, ...]
    """Most fitting first."""
    seconds: float

    @property
    def caller_track(self) -> ContentId:
        return ContentId(f"{self.scenario_id}-caller")

    @property
    def agent_track(self) -> ContentId:
        return ContentId(f"{self.scenario_id}-agent")


def load(file: Path = FOLDER / "scenarios.toml", speech: Path = SPEECH) -> tuple[Scenario, ...]:
    """Every scenario in the order of the file. Raises OperatorError when a track is missing or uneven."""
    rows: list[dict[str, Any]] = tomllib.loads(file.read_text(encoding="utf-8"))["scenario"]
    return tuple(_read(row, speech) for row in rows)


def _read(row: dict[str, Any], speech: Path) -> Scenario:
    sizes = set()
    for side in ("caller", "agent"):
        track = speech / f"{row['id']}-{side}.alaw"
        if not track.is_file():
            raise OperatorError(f"The speech {track.name} is missing; take it from the repository again.")
        sizes.add(track.stat().st_size)
    if len(sizes) != 1:
        raise OperatorError(f"The two tracks of {row['id']} differ in length; render them again.")
    return Scenario(
        scenario_id=row["id"],
        topic=row["topic"],
        clients=tuple(ClientCode(code) for code in row["clients"]),
        seconds=sizes.pop() / BYTES_A_SECOND,
    )
