"""Sealed values open for their own client and purpose only, and are found by a keyed index."""

from pathlib import Path

import pytest

from ringfence.vault import FieldSealer, FileRootKey, SqliteKeyStore
from ringfence.vault.errors import FieldTampered, KeyStoreUnavailable, KeyUnknown
from ringfence.vault.keys import ClientKey

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


class Away:
    """The key store of the tests, which can be away for a while."""

    def __init__(self, keys: SqliteKeyStore) -> None:
        self.keys = keys
        self.away = False

    def client_key(self, client: str, version: int | None = None) -> ClientKey:
        if self.away:
            raise KeyStoreUnavailable
        return self.keys.client_key(client, version)

    def client_versions(self, client: str) -> tuple[int, ...]:
        if self.away:
            raise KeyStoreUnavailable
        return self.keys.client_versions(client)


def test_what_was_known_goes_on_while_the_key_store_does_not_answer(keys: SqliteKeyStore) -> None:
    store = Away(keys)
    fields = FieldSealer(store, purpose="caller number")
    sealed, index = fields.seal("BBC", NUMBER), fields.index("BBC", NUMBER)
    store.away = True
    assert fields.open("BBC", sealed) == fields.open("BBC", fields.seal("BBC", NUMBER)) == NUMBER
    assert fields.indexes("BBC", NUMBER) == (index,)
    for use in (fields.seal, fields.index):
        with pytest.raises(KeyStoreUnavailable):
            use("SHDC", NUMBER)
    store.away = False
    assert fields.open("SHDC", fields.seal("SHDC", NUMBER)) == NUMBER
