"""Runs the benchmarks of this folder, prints one table, and writes JSON with the machine they ran on.

    python tests/bench/run.py                 the short ones, about five minutes
    python tests/bench/run.py --long          those of 30 and 60 minutes
    python tests/bench/run.py bridge_rate     only the named ones

A benchmark is a module here with ``main()``. It either takes ``--json FILE`` or prints JSON as its last line: one
object, a list of them, or an object with ``results``. Modules whose names begin with ``long_`` are the long ones.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
OUTPUT = ROOT / "build" / "bench"

LONG_RUNS: dict[str, list[list[str]]] = {
    "long_mix": [
        ["--calls", "60", "--minutes", "30"],  # R173: every recording complete
        ["--replay", "1453", "--minutes", "60"],  # R173: one full day
        ["--calls", "20", "--minutes", "60", "--memory"],  # memory flat within 10 % over an hour of the mix
    ]
}
SHORT_SECONDS = 240
LONG_SECONDS = 75 * 60


@dataclass
class Run:
    """One benchmark's outcome."""

    name: str
    arguments: list[str]
    seconds: float = 0.0
    load_average: list[float] = field(default_factory=list)
    """Lowest and highest one-minute load while it ran."""
    results: list[dict[str, Any]] = field(default_factory=list)
    failure: str = ""


def main() -> int:
    """0 when every benchmark ran and none reported that it missed its budget."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("names", nargs="*", help="modules to run; otherwise all")
    parser.add_argument("--long", action="store_true", help="the 30 and 60 minute ones")
    parser.add_argument("--json", type=Path, default=OUTPUT / "figures.json")
    options = parser.parse_args()
    machine = describe_machine()
    print(" | ".join(f"{key}: {value}" for key, value in machine.items()), flush=True)
    runs = [execute(name, arguments) for name, arguments in chosen(options.names, long=options.long)]
    if not runs:
        print("There is no benchmark of that name.", file=sys.stderr)
        return 1
    options.json.parent.mkdir(parents=True, exist_ok=True)
    report = {"machine": machine, "runs": [vars(run) for run in runs]}
    options.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    print_table(runs)
    print(f"JSON: {options.json}")
    return int(any(run.failure or missed(run) for run in runs))


def chosen(names: list[str], *, long: bool) -> list[tuple[str, list[str]]]:
    """Module names with their arguments."""
    found = sorted(path.stem for path in HERE.glob("*.py") if path.stem not in ("run", "__init__"))
    wanted = (
        [name for name in found if name in names]
        if names
        else [name for name in found if name.startswith("long_") == long]
    )
    return [(name, arguments) for name in wanted for arguments in (LONG_RUNS.get(name, [[]]) if long else [[]])]


def execute(name: str, arguments: list[str]) -> Run:
    """Run one module in a process of its own; never raises for its failure."""
    run = Run(name=name, arguments=arguments)
    print(f"- {name} {' '.join(arguments)} ...", flush=True)
    loads: list[float] = []
    over = threading.Event()

    def watch() -> None:
        while not over.wait(1.0):
            loads.append(os.getloadavg()[0])

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="ringfence-bench-") as folder:
        file = Path(folder) / "figures.json"
        takes_json = '"--json"' in (HERE / f"{name}.py").read_text(encoding="utf-8")
        command = [sys.executable, "-m", f"tests.bench.{name}", *arguments]
        if takes_json:
            command += ["--json", str(file)]
        try:
            done = subprocess.run(
                command,
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                stdout=subprocess.PIPE,
                text=True,
                timeout=LONG_SECONDS if arguments else SHORT_SECONDS,
                check=False,
            )
            text = file.read_text(encoding="utf-8") if file.exists() else last_json(done.stdout)
            run.results = rows(json.loads(text)) if text else []
            if done.returncode or not run.results:
                run.failure = f"ended with code {done.returncode}" + ("" if run.results else ", without figures")
        except subprocess.TimeoutExpired:
            run.failure = "did not end in time"
        except ValueError:
            run.failure = "printed no JSON"
    over.set()
    watcher.join()
    run.seconds = round(time.monotonic() - began, 1)
    run.load_average = [min(loads), max(loads)] if loads else [os.getloadavg()[0]] * 2
    return run


def last_json(text: str) -> str:
    """The last line that begins like JSON."""
    return next((line for line in reversed(text.splitlines()) if line.startswith(("{", "["))), "")


def rows(found: Any) -> list[dict[str, Any]]:
    """Whatever shape a benchmark gives, as a list of flat objects."""
    if isinstance(found, dict):
        found = found.get("results", found)
    return [row for row in (found if isinstance(found, list) else [found]) if isinstance(row, dict)]


def missed(run: Run) -> bool:
    """One of its rows says that it is not within its budget."""
    return any(row.get("within") is False for row in run.results)


def print_table(runs: list[Run]) -> None:
    """One line for each result, wide values left as they are."""
    for run in runs:
        low, high = run.load_average
        print(f"\n{run.name} {' '.join(run.arguments)}  ({run.seconds:.0f} s, load average {low:.1f} to {high:.1f})")
        if run.failure:
            print(f"  FAILED: {run.failure}")
        for row in run.results:
            print("  " + "  ".join(f"{key}={_short(value)}" for key, value in row.items()))
    print()


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) and abs(value) < 1000 else str(value)


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
    }


if __name__ == "__main__":
    raise SystemExit(main())
