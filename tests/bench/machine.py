"""What the machine was doing while something was measured: load average, stolen time, and how long a process waited.

No figure of a benchmark means anything without it: on a shared machine the same work costs up to twice as much.
"""

import os
import platform
import subprocess
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


def cpu_seconds(pid: int) -> float:
    """Processor time of a process so far, its threads included (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_kib(pid: int) -> int:
    """Resident memory of a process (Linux)."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    return 0


def waited_seconds(pid: int | str = "self") -> float:
    """How long a process's main thread was ready to run but another had its core; 0 where that is not told."""
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text(encoding="ascii").split()[1]) / 1e9
    except (OSError, IndexError, ValueError):
        return 0.0


def stolen_ticks() -> int:
    """Hundredths of a second that the host took from all cores so far."""
    return _ticks()[7]


class MachineState:
    """Sampled from its making on; ``figures`` tells of the time since then."""

    def __init__(self) -> None:
        self._loads = [os.getloadavg()[0]]
        self._began = _ticks()

    def sample(self) -> None:
        self._loads.append(os.getloadavg()[0])

    def figures(self) -> dict[str, Any]:
        """Load average over one minute, lowest, mean and highest; shares of all cores' time in percent."""
        self.sample()
        spent = [now - before for now, before in zip(_ticks(), self._began, strict=True)]
        total = sum(spent) or 1
        loads = self._loads
        return {
            "load_average": [round(value, 2) for value in (min(loads), sum(loads) / len(loads), max(loads))],
            "busy_percent": round(100 * (total - spent[3] - spent[4]) / total, 1),
            "steal_percent": round(100 * spent[7] / total, 1),
        }


def _ticks() -> list[int]:
    try:
        line = Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0]
    except OSError:
        return [0] * 8
    return [int(each) for each in line.split()[1:9]]


def describe_machine() -> dict[str, Any]:
    """What the figures depend on."""
    model = "unknown"
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    except OSError:
        pass
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3, 1),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "commit": commit.stdout.strip() or "unknown",
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "load_average_before": round(os.getloadavg()[0], 2),
        "scheduler": _scheduler(),
    }


def _scheduler() -> str:
    """Of this process and, by inheritance, of those it starts: ``chrt -r 5`` keeps a run out of others' way."""
    names = {getattr(os, name): name for name in ("SCHED_OTHER", "SCHED_FIFO", "SCHED_RR") if hasattr(os, name)}
    return names.get(os.sched_getscheduler(0), "another") if hasattr(os, "sched_getscheduler") else "unknown"
