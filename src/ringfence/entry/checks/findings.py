"""What ``ringfence check`` says: one finding a line, each with its cure."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    OK = "OK"
    WARN = "WARN"
    FAIL = "FAIL"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One line of ``ringfence check``."""

    level: Level
    subject: str
    sentence: str

    def __post_init__(self) -> None:
        if "\n" in self.sentence:
            raise ValueError("A finding is one sentence on one line.")


def ok(subject: str, sentence: str) -> Finding:
    """Nothing is to do."""
    return Finding(level=Level.OK, subject=subject, sentence=sentence)


def warn(subject: str, sentence: str) -> Finding:
    """It runs, and somebody should look at it."""
    return Finding(level=Level.WARN, subject=subject, sentence=sentence)


def fail(subject: str, sentence: str) -> Finding:
    """It does not run as it should until somebody acts."""
    return Finding(level=Level.FAIL, subject=subject, sentence=sentence)
