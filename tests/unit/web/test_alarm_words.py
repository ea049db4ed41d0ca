"""Every alarm that can be raised is told in words, with what to do about it."""

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path

import ringfence
from ringfence.web.health.labels import ALARMS

ROOT = Path(ringfence.__file__).parent
RAISING = {"raise_alarm", "alarm", "_alarm", "AlarmRaised"}
HANDED_ON = {
    ("bridge/workspace.py", "alarm.code"),
    ("bridge/on_live.py", "fact.code"),
    ("engine/recorder/recovery.py", "recording"),
}
"""Places that pass on a code which somebody else has chosen, or another thing than a code."""


def constants(node: ast.expr) -> set[str]:
    return {each.value for each in ast.walk(node) if isinstance(each, ast.Constant) and isinstance(each.value, str)}


def names(node: ast.expr) -> set[str]:
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}


def chosen(node: ast.expr, function: ast.AST, module: str) -> set[str]:
    """The codes that an argument can have: written there, a name of the module, or what a loop goes through."""
    if isinstance(node, ast.Constant):
        return constants(node)
    if isinstance(node, ast.IfExp):
        return constants(node.body) | constants(node.orelse)
    if isinstance(node, ast.Subscript):
        return set(getattr(importlib.import_module(module), ast.unparse(node.value)).values())
    if isinstance(node, ast.Name):
        known = getattr(importlib.import_module(module), node.id, None)
        if isinstance(known, str):
            return {known}
        for one in ast.walk(function):
            if isinstance(one, ast.Assign) and node.id in names(one.targets[0]):
                return chosen(one.value, function, module)
            if isinstance(one, ast.For) and node.id in names(one.target):
                return {each for each in constants(one.iter) if each.isidentifier()}
    return set()


def raised() -> Iterator[tuple[str, str, set[str]]]:
    for path in sorted(ROOT.rglob("*.py")):
        if "node_modules" in path.parts or "migrations" in path.parts:
            continue
        place = path.relative_to(ROOT).as_posix()
        module = "ringfence." + place.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        for function in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            parameters = {each.arg for each in function.args.args}
            for call in ast.walk(function):
                if not isinstance(call, ast.Call) or ast.unparse(call.func).split(".")[-1] not in RAISING:
                    continue
                code = next((each.value for each in call.keywords if each.arg == "code"), None)
                code = code or (call.args[0] if call.args else None)
                if code is not None and not (isinstance(code, ast.Name) and code.id in parameters):
                    yield place, ast.unparse(code), chosen(code, function, module)


def test_every_alarm_has_words_and_every_words_an_alarm() -> None:
    found = [each for each in raised() if each[:2] not in HANDED_ON]
    assert [each[:2] for each in found if not each[2]] == [], "codes that this test does not find"
    codes = set().union(*(each[2] for each in found))
    assert (sorted(codes - set(ALARMS)), sorted(set(ALARMS) - codes)) == ([], [])
