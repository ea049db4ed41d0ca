"""The rules of the house that a linter cannot see, checked on the source itself."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "ringfence"
FORBIDDEN_NAMES = {"utils", "helpers", "common", "managers", "services", "misc"}
MAY_READ_ENVIRONMENT = {
    "entry/settings.py",
    "entry/django_settings.py",
    "entry/backup/database.py",  # the path on which pg_dump finds its own parts
}
MAY_IMPORT_CIPHERS = ("vault/", "engine/media/embedded/", "entry/certificates.py")


def modules(root: Path = SOURCE) -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(root.rglob("*.py")):
        if "migrations" not in path.parts and "node_modules" not in path.parts:
            yield path.relative_to(root).as_posix(), ast.parse(path.read_text(encoding="utf-8"))


def calls(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func)


def imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def test_the_walkers_see_what_they_look_for() -> None:
    tree = ast.parse("import os\nfrom cryptography.x509 import y\nloop.create_task(work())\nos.environ.get('A')")
    assert "loop.create_task" in set(calls(tree))
    assert {"os", "cryptography.x509"} == set(imports(tree))
    assert "os.environ" in ast.unparse(tree)


def test_modules_stay_readable() -> None:
    too_long = [
        f"{path.relative_to(ROOT)}: {lines}"
        for folder, cap in ((SOURCE, 600), (ROOT / "tests", 900))
        for path in folder.rglob("*.py")
        if "migrations" not in path.parts and (lines := len(path.read_text(encoding="utf-8").splitlines())) > cap
    ]
    assert too_long == []


def test_no_module_is_named_after_nothing() -> None:
    assert [name for name, _ in modules() if FORBIDDEN_NAMES & set(Path(name).with_suffix("").parts)] == []


def test_tasks_are_created_by_their_owner_only() -> None:
    makers = ("create_task", "ensure_future")
    assert [
        name for name, tree in modules() if name != "kit/tasks.py" for call in calls(tree) if call.endswith(makers)
    ] == []


def test_the_environment_is_read_in_one_place() -> None:
    readers = [name for name, tree in modules() if "os.environ" in (text := ast.unparse(tree)) or "os.getenv" in text]
    assert set(readers) <= MAY_READ_ENVIRONMENT


def test_ciphers_are_imported_by_the_vault_and_the_media_engine_only() -> None:
    assert [
        name
        for name, tree in modules()
        if not name.startswith(MAY_IMPORT_CIPHERS)
        for module in imports(tree)
        if module.split(".")[0] == "cryptography"
    ] == []


def test_the_codec_is_reached_through_its_header_module_only() -> None:
    """docs/adr/0002: of aiosipua only ``headers`` is trusted."""
    used = {module for _, tree in modules() for module in imports(tree) if module.split(".")[0] == "aiosipua"}
    assert used <= {"aiosipua.headers"}


def test_every_end_to_end_module_runs_in_some_stream() -> None:
    script = (ROOT / "scripts" / "test").read_text(encoding="utf-8")
    modules_there = {path.name for path in (ROOT / "tests" / "e2e").glob("test_*.py")}
    assert {name for name in modules_there if f"$e2e/{name}" not in script} == set()


@pytest.mark.timeout(180)
def test_rooms_import_only_what_they_may() -> None:
    linter = subprocess.run(
        [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"], cwd=ROOT, capture_output=True, text=True
    )
    assert linter.returncode == 0, linter.stdout
