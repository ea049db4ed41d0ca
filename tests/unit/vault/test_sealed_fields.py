"""Sealed values open for their own client and purpose only, and are found by a keyed index."""

from pathlib import Path

import pytest

from ringfence.vault import FieldSealer, FileRootKey, SqliteKeyStore
from ringfence.vault.errors import FieldTampered, KeyUnknown

NUMBER = "+447700900123"


@pytest.fixture
def keys(tmp_path: Path) -> SqliteKeyStore:
    return SqliteKeyStore(tmp_path / "keys.sqlite3", FileRootKey(bytes(32)))


def test_value_comes_back_and_is_not_seen(keys: SqliteKeyStore) -> None:
    fields = FieldSealer(keys, purpose="caller number")
    sealed = fields.seal("BBC", NUMBER)
    assert fields.open("BBC", sealed) == NUMBER
    assert FieldSealer(keys, purpose="caller number").open("BBC", sealed) == NUMBER
    assert NUMBER.encode() not in sealed
    assert fields.seal("BBC", NUMBER) != sealed
    assert fields.open("BBC", fields.seal("BBC", "Zoë Ødegård")) == "Zoë Ødegård"


def test_value_opens_for_no_other_client_or_purpose(keys: SqliteKeyStore) -> None:
    fields = FieldSealer(keys, purpose="caller number")
    sealed = fields.seal("BBC", NUMBER)
    with pytest.raises(KeyUnknown):
        fields.open("SHDC", sealed)
    fields.seal("SHDC", NUMBER)
    with pytest.raises(FieldTampered):
        fields.open("SHDC", sealed)
    with pytest.raises(FieldTampered):
        FieldSealer(keys, purpose="caller name").open("BBC", sealed)


def test_damaged_value_is_refused(keys: SqliteKeyStore) -> None:
    fields = FieldSealer(keys, purpose="caller number")
    sealed = fields.seal("BBC", NUMBER)
    for bad in (b"", sealed[:10], sealed[:-1], sealed[:-1] + bytes([sealed[-1] ^ 1]), b"\2" + sealed[1:]):
        with pytest.raises(FieldTampered):
            fields.open("BBC", bad)


def test_index_finds_equal_values_of_one_client_and_purpose(keys: SqliteKeyStore) -> None:
    fields = FieldSealer(keys, purpose="caller number")
    index = fields.index("BBC", NUMBER)
    assert len(index) == 32
    assert index == FieldSealer(keys, purpose="caller number").index("BBC", NUMBER)
    others = {
        fields.index("SHDC", NUMBER),
        fields.index("BBC", "+447700900124"),
        FieldSealer(keys, purpose="dialled").index("BBC", NUMBER),
    }
    assert len(others | {index}) == 4
