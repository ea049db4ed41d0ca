"""Centre files for tests: the sample centre with a line that is quick to reach, and whatever a test changes in it."""

import shutil
from pathlib import Path

from tests.support.system import SAMPLE

PROMPTS = SAMPLE.parent / "prompts"
QUICK = "+441632960005"
"""A line of BBC whose greeting and notice take half a second together; its queue is BBC's own."""

_QUICK = """
[[clients.flows]]
slug = "bbc-quick"
name = "A line that is quick to reach"
emergency = "bbc-emergency"
hours = "bbc-hours"
closed = "bbc-closed"
greeting = "quick-greeting"
notice = "quick-notice"
queue = "bbc-enquiries"

[[clients.numbers]]
number = "+441632960005"
flow = "bbc-quick"
label = "A line that is quick to reach"

"""
_QUICK_PROMPTS = """
[[prompts]]
slug = "quick-greeting"
kind = "greeting"
clients = ["BBC"]
text = "Hello."
audio = "prompts/quick-greeting.alaw"

[[prompts]]
slug = "quick-notice"
kind = "notice"
clients = ["BBC"]
text = "Recorded."
wording = "notice-v1"
audio = "prompts/quick-notice.alaw"
"""


def sample_with(folder: Path, *, changes: dict[str, str] | None = None, added: str = "") -> Path:
    """A copy of the sample centre in ``folder`` with the quick line, ``changes`` made everywhere, ``added`` at its end.

    Raises AssertionError for a change that finds nothing to change.
    """
    folder.mkdir(parents=True, exist_ok=True)
    prompts = folder / "prompts"
    prompts.mkdir(exist_ok=True)
    for path in PROMPTS.glob("*.alaw"):
        shutil.copyfile(path, prompts / path.name)
    notice = (PROMPTS / "notice-v1.alaw").read_bytes()
    (prompts / "quick-greeting.alaw").write_bytes(notice[1600:3200])
    (prompts / "quick-notice.alaw").write_bytes(notice[3200:5600])
    text = SAMPLE.read_text(encoding="utf-8")
    before, second, after = text.partition('[[clients]]\ncode = "ELDC"')
    assert second, "the sample centre has changed its order"
    text = before + _QUICK + second + after + _QUICK_PROMPTS + added
    for old, new in (changes or {}).items():
        assert old in text, f"the sample centre has no {old!r} any more"
        text = text.replace(old, new)
    path = folder / "centre.toml"
    path.write_text(text, encoding="utf-8")
    return path
