"""Runs the benchmarks of this folder, prints one table, and writes JSON with the machine they ran on.

    python tests/bench/run.py                 the short ones, some minutes
    python tests/bench/run.py --long          the long ones, up to an hour each
    python tests/bench/run.py bridge_rate     only the named ones

A benchmark either takes ``--json FILE`` or prints JSON as its last line: one object, a list of them, or an object with
``results``. A row with ``within`` has a budget and says whether it was kept. docs/reference/benchmarks.md explains all.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

if __package__ in (None, ""):  # started by its path, as `make bench` does
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.bench.machine import MachineState, describe_machine

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
OUTPUT = ROOT / "build" / "bench"

SHORT_RUNS: dict[str, list[list[str]]] = {
    "media_load": [["--rounds", "2", "--seconds", "4"]],
    "b2bua": [["--rate", "300", "--seconds", "10"]],
    "sip_core": [[]],
    "vault_io": [[]],
    "keys": [["2000"]],
    "leak": [["--calls", "40", "--rounds", "5"]],
    "bridge_rate": [[]],
    "audit_rate": [[]],
    "audit_read": [["300000"]],
    "purge": [["2000"]],
}
LONG_RUNS: dict[str, list[list[str]]] = {
    "torture": [["--rounds", "60"]],
    "long_mix": [
        ["--calls", "60", "--minutes", "30"],  # R173: every recording complete
        ["--replay", "1453", "--minutes", "60", "--memory"],  # R173: one full day, memory flat within 10 % over an hour
    ],
    "purge": [["61000"]],  # a full store
}
SHORT_SECONDS = 240
LONG_SECONDS = 75 * 60


@dataclass
class Run:
    """One benchmark's outcome."""

    name: str
    arguments: list[str]
    seconds: float = 0.0
    machine: dict[str, Any] = field(default_factory=dict)
    """What it was doing meanwhile."""
    results: list[dict[str, Any]] = field(default_factory=list)
    failure: str = ""


def main() -> int:
    """0 when every benchmark ran and none reported that it missed its budget."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("names", nargs="*", help="modules to run; otherwise all")
    parser.add_argument("--long", action="store_true", help="the long ones, up to an hour each")
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
    runs = LONG_RUNS if long else SHORT_RUNS
    return [(name, arguments) for name, each in runs.items() if not names or name in names for arguments in each]


def execute(name: str, arguments: list[str]) -> Run:
    """Run one module in a process of its own; never raises for its failure."""
    run = Run(name=name, arguments=arguments)
    print(f"- {name} {' '.join(arguments)} ...", flush=True)
    machine = MachineState()
    over = threading.Event()

    def watch() -> None:
        while not over.wait(1.0):
            machine.sample()

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
                timeout=LONG_SECONDS if name in LONG_RUNS else SHORT_SECONDS,
                check=False,
            )
            text = file.read_text(encoding="utf-8") if file.exists() else last_json(done.stdout)
            run.results = rows(json.loads(text)) if text else []
            if not run.results or (done.returncode and not missed(run)):
                run.failure = f"ended with code {done.returncode}" + ("" if run.results else ", without figures")
        except subprocess.TimeoutExpired:
            run.failure = "did not end in time"
        except ValueError:
            run.failure = "printed no JSON"
    over.set()
    watcher.join()
    run.seconds = round(time.monotonic() - began, 1)
    run.machine = machine.figures()
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
    """One line for each result, and at the end the budgets."""
    budgets: list[str] = []
    for run in runs:
        low, _, high = run.machine["load_average"]
        print(f"\n{run.name} {' '.join(run.arguments)}  ({run.seconds:.0f} s, load average {low:.1f} to {high:.1f}, "
              f"steal {run.machine['steal_percent']} %)")  # fmt: skip
        if run.failure:
            print(f"  FAILED: {run.failure}")
        for row in run.results:
            shown = {key: value for key, value in row.items() if key != "machine"}
            print("  " + "  ".join(f"{key}={_short(value)}" for key, value in shown.items()))
            if "within" in row:
                what = f"{run.name} {row.get('mode', row.get('kind', ''))}".strip()
                budgets.append(f"  {what:32}{'kept' if row['within'] else 'MISSED'}")
    print("\nBudgets")
    print("\n".join(budgets) or "  none of these has one")
    print()


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) and abs(value) < 1000 else str(value)


if __name__ == "__main__":
    raise SystemExit(main())
