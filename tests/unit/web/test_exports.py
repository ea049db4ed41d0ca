"""Every file that leaves the centre carries one of the closed purposes in its audit entry (R80)."""

import ast
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.support.access_table import TABLE
from tests.support.pages import Centre
from tests.support.strict_pages import Visitor

import ringfence.web
from ringfence.centre.assessments.purposes import Purpose
from ringfence.centre.audit.kinds import ChainRenewed, FileExported
from ringfence.centre.audit.models import AuditEntry
from ringfence.centre.tenancy import all_clients
from ringfence.web.exports import PROVES, csv_bytes, save_file

FILES = {"audit_export", "breach_affected_file", "destructions", "payments_export", "plays_csv", "recording_health"}
"""Routes whose line in the access table answers with a file; certificates and reviews have tests of their own."""
KINDS = ("text/csv", "application/jsonl", "application/x-ndjson", "application/zip", "application/pdf")


def is_file(answer: Any) -> bool:
    kind = answer.headers.get("Content-Type", "")
    return kind.startswith(KINDS) or "attachment" in answer.headers.get("Content-Disposition", "")


def newest() -> int:
    with all_clients("the test reads"):
        return AuditEntry.objects.order_by("number").values_list("number", flat=True).last() or 0


@pytest.mark.timeout(300)
def test_every_address_that_answers_with_a_file_has_a_purpose_in_its_entry(
    sign_in: Callable[[str], Visitor], centre: Centre
) -> None:
    found, purposeless = set(), []
    for line in TABLE:
        if line.asks is not None:
            continue
        visitor, before = sign_in(line.roles.split()[-1]), newest()
        answer: Any = visitor.get(line.url) if line.method == "GET" else visitor.post(line.url, dict(line.data))
        if not is_file(answer):
            continue
        found.add(line.route)
        with all_clients("the test reads"):
            entries = AuditEntry.objects.filter(number__gt=before)
            purposes = {json.loads(entry.fields).get("purpose") for entry in entries}
        if not purposes & set(Purpose.values):
            purposeless.append(line.url)
    assert purposeless == []
    assert found >= FILES


def test_files_are_answered_in_one_place_which_refuses_those_without_a_purpose() -> None:
    """So that a new address cannot slip past the table above by answering with a file only sometimes."""
    home = Path(ringfence.web.__file__).parent
    makers = {
        path.relative_to(home).as_posix()
        for path in home.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and (node.value.startswith(KINDS) or node.value.startswith("attachment") or node.value == "as_attachment")
    }
    assert makers == {"exports.py", "audit/views.py"}, "the second names a kind only"


@pytest.mark.parametrize(
    "entry", [FileExported(what="x", lines=1, purpose="curiosity"), ChainRenewed(entries=1, last="")]
)
def test_nothing_leaves_without_one_of_the_closed_purposes(entry: Any) -> None:
    with pytest.raises(ValueError, match="Purpose"):
        save_file(None, entry, "x", kind="", name="x", concerns=PROVES)  # type: ignore[arg-type] # refused before


def test_what_is_said_to_be_proof_leaves_for_data_protection_only() -> None:
    entry = FileExported(what="x", lines=1, purpose="quality")
    with pytest.raises(ValueError, match="for data protection only"):
        save_file(None, entry, "x", kind="text/plain", name="x", concerns=PROVES)  # type: ignore[arg-type] # as above


def test_no_cell_is_a_formula() -> None:
    table = csv_bytes(("a", "b"), [("=1+1", -5), ("@x", "\tx"), ("fine", "-")])
    assert table == "\ufeffa,b\r\n'=1+1,-5\r\n'@x,'\tx\r\nfine,'-\r\n".encode()
