"""Sealed values follow their client's key through a rotation, and are found and read at every moment of it."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from tests.support.assessments import approve_purposes
from tests.support.people import create_clients, create_person
from tests.support.story import BBC, CALLER, CALLER_NAME, START, Story

from ringfence.bridge.apply import apply
from ringfence.centre.accounts.models import User
from ringfence.centre.accounts.rights import Role
from ringfence.centre.accounts.sealing import seal, unseal
from ringfence.centre.calls.models import Call
from ringfence.centre.calls.queries import CallFilter, call_log
from ringfence.centre.calls.sealing import party_sealer
from ringfence.centre.directory.models import Trunk
from ringfence.centre.privacy import sealed
from ringfence.centre.privacy.registry import PrivacyError
from ringfence.centre.privacy.sealed import INSTALLATION, NO_CLIENT, declare_sealed, reseal, undeclared_sealed
from ringfence.centre.retention.models import Hold
from ringfence.centre.tenancy import all_clients
from ringfence.entry.key_store import key_store
from ringfence.kit.ids import ClientCode
from ringfence.vault.fields import FieldSealer
from ringfence.vault.rotation import KeyRotation

NOW = START + timedelta(hours=1)
NO_GRACE = timedelta(0)


@pytest.fixture(autouse=True)
def clients(db: None) -> Iterator[None]:
    create_clients()
    approve_purposes()
    with all_clients("a test rotates keys"):
        yield
    for state in rotation().status():
        retire(state.client)


@pytest.fixture
def sam() -> User:
    return create_person("sam", Role.SUP, "BBC", "ELDC")


def calls(count: int, client: ClientCode | None = BBC, boot: str = "boot-1") -> list[str]:
    story = Story(boot_id=boot).start()
    made = [story.arrive(f"{boot}-{number}", client=client) for number in range(count)]
    apply(story.batch(), sealer=party_sealer(), agents={}, now=NOW)
    return [str(call) for call in made]


def found(user: User) -> list[str]:
    return sorted(
        str(row.call_id) for row in call_log(user, CallFilter(number=CALLER, purpose="quality"), limit=100).rows
    )


def rotation() -> KeyRotation:
    return KeyRotation(key_store())


def retire(owner: str) -> tuple[int, ...]:
    """The old keys are destroyed; the key store is the one of all tests, so it holds recordings of others."""
    while rotation().rewrap(owner):
        pass
    return rotation().retire(owner, grace=NO_GRACE)


def test_every_column_of_bytes_is_declared() -> None:
    assert undeclared_sealed() == []


def test_calls_are_found_and_read_before_during_and_after(sam: User) -> None:
    made = calls(5)
    others = calls(2, ClientCode("ELDC"), "boot-2")
    before = {row.pk: (bytes(row.party_number or b""), bytes(row.party_index or b"")) for row in Call.objects.all()}
    assert found(sam) == sorted([*made, *others])
    rotation().begin("BBC")
    first = Call.objects.get(pk=made[0])
    reseal_one(first)
    assert found(sam) == sorted([*made, *others]), "some rows stand under the old index, one under the new"
    late = calls(1, boot="boot-3")
    assert found(sam) == sorted([*made, *others, *late])
    passed = reseal("BBC", key_store(), batch=2)
    assert (passed.seen, passed.resealed, passed.left, passed.unreadable) == (8, 8, 0, {})
    assert reseal("BBC", key_store()).seen == 0
    assert retire("BBC")
    assert found(sam) == sorted([*made, *others, *late])
    for row in Call.objects.filter(client_id="BBC"):
        assert party_sealer().open("BBC", row.party_number) == CALLER
        assert party_sealer().open("BBC", row.party_name) == CALLER_NAME
        if row.pk in before:
            assert (bytes(row.party_number or b""), bytes(row.party_index or b"")) != before[row.pk]
    for pk in others:
        row = Call.objects.get(pk=pk)
        assert (bytes(row.party_number or b""), bytes(row.party_index or b"")) == before[pk], "another client's"


def reseal_one(call: Call) -> None:
    """What a pass does to a row, for one row alone, as if it had been interrupted after it."""
    (columns,) = [each for each in sealed.all_sealed() if each.model is Call]
    sealer = FieldSealer(key_store(), purpose=columns.purpose)
    row = Call.objects.filter(pk=call.pk).values("pk", *columns.values, *columns.indexes).get()
    counted = sealed.Resealed()
    sealed._reseal_row(columns, "BBC", sealer, sealer.versions("BBC")[0], row, counted)
    assert counted.resealed == 2


def test_a_row_that_changes_meanwhile_is_left_for_the_next_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    (call,) = calls(1)
    rotation().begin("BBC")
    whole = FieldSealer.seal
    newer = party_sealer().seal("BBC", "+447700900777")

    def seal_while_somebody_writes(self: FieldSealer, client: str, text: str) -> bytes:
        Call.objects.filter(pk=call).update(party_number=newer)
        return whole(self, client, text)

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(FieldSealer, "seal", seal_while_somebody_writes)
        passed = reseal("BBC", key_store())
    assert (passed.seen, passed.resealed, passed.left) == (2, 0, 2)
    row = Call.objects.get(pk=call)
    assert bytes(row.party_number or b"") == newer
    assert reseal("BBC", key_store()).resealed == 1
    retire("BBC")


def test_calls_without_a_client_and_secrets_of_the_installation_have_keys_of_their_own() -> None:
    (call,) = calls(1, None)
    trunk = Trunk.objects.create(
        trunk_id="t1", name="T", host="127.0.0.1", password_sealed=seal("trunk-password", "pw")
    )
    for owner, values in ((NO_CLIENT, 2), (INSTALLATION, 1)):
        rotation().begin(owner)
        assert reseal(owner, key_store()).resealed == values
        assert retire(owner)
    assert party_sealer().open(None, Call.objects.get(pk=call).party_number) == CALLER
    trunk.refresh_from_db()
    assert unseal("trunk-password", trunk.password_sealed or b"") == "pw"


def test_a_hold_goes_on_finding_later_calls_of_its_number(sam: User) -> None:
    sealer = party_sealer()
    hold = Hold.objects.create(
        hold_id="h1", client_id="BBC", kind="sar", case_reference="SAR-1", owner=sam, placed_by=sam, placed_at=NOW,
        review_on=NOW.date(), party_number=sealer.seal("BBC", CALLER), party_index=sealer.index("BBC", CALLER),
    )  # fmt: skip
    before = bytes(hold.party_index or b"")
    rotation().begin("BBC")
    assert reseal("BBC", key_store()).resealed == 1
    retire("BBC")
    hold.refresh_from_db()
    assert bytes(hold.party_index or b"") == party_sealer().index("BBC", CALLER) != before


def test_a_damaged_value_is_counted_and_left_and_stops_nothing() -> None:
    good, bad = calls(2)
    row = Call.objects.get(pk=bad)
    damaged = bytes(row.party_number or b"")[:-1] + b"\0"
    Call.objects.filter(pk=bad).update(party_number=damaged)
    rotation().begin("BBC")
    passed = reseal("BBC", key_store())
    assert (passed.resealed, passed.unreadable, passed.left) == (3, {"calls.Call.party_number": 1}, 0)
    assert bytes(Call.objects.get(pk=bad).party_number or b"") == damaged
    assert party_sealer().open("BBC", Call.objects.get(pk=good).party_number) == CALLER
    retire("BBC")


@pytest.mark.parametrize(
    ("wrong", "names"),
    [
        ({"values": {"number"}}, "number"),
        ({"values": {"party_number"}, "owner": "council"}, "council"),
        ({"values": {"party_number"}, "indexes": {"party_index": "party_name"}}, "party_name"),
    ],
)
def test_a_declaration_names_columns_that_exist(wrong: dict[str, object], names: str) -> None:
    with pytest.raises(PrivacyError, match=names):
        declare_sealed(Call, purpose="test", **wrong)  # type: ignore[arg-type]
