"""ICE-lite: who may open a path, and what a restart changes."""

import contextlib

import pytest
from aioice import stun
from hypothesis import given
from hypothesis import strategies as st

from ringfence.engine.media.embedded.ice import MAX_ADDRESSES, IceLite

HERE = ("192.0.2.5", 4000)


def check(ice: IceLite, *, nominate: bool = False, ufrag: str = "", password: str = "", remote: str = "them") -> bytes:
    message = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
    message.attributes["USERNAME"] = f"{ufrag or ice.ufrag}:{remote}"
    if nominate:
        message.attributes["USE-CANDIDATE"] = None
    message.add_message_integrity((password or ice.password).encode())
    return bytes(message)


def test_a_valid_check_is_answered_with_the_mapped_address_and_the_password() -> None:
    ice = IceLite()
    request = check(ice)
    answer = stun.parse_message(ice.check(request, HERE, 7.0))
    assert answer.message_class is stun.Class.RESPONSE
    assert answer.attributes["XOR-MAPPED-ADDRESS"] == HERE
    assert answer.transaction_id == stun.parse_message(request).transaction_id
    assert answer.check_message_integrity(ice.password.encode())
    assert (ice.nominated, ice.last_check_at, list(ice.checked)) == (None, 7.0, [HERE])


def test_use_candidate_nominates() -> None:
    ice = IceLite()
    ice.check(check(ice, nominate=True), HERE, 7.0)
    assert ice.nominated == HERE


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"ufrag": "stranger"}, "The ICE check is for another user."),
        ({"password": "wrong"}, "The ICE check has a wrong password."),
    ],
)
def test_a_check_without_the_credentials_changes_nothing(change: dict[str, str], sentence: str) -> None:
    ice = IceLite()
    with pytest.raises(ValueError) as refused:
        ice.check(check(ice, nominate=True, **change), HERE, 7.0)
    assert str(refused.value) == sentence
    assert (ice.nominated, ice.last_check_at, len(ice.checked)) == (None, None, 0)


def test_a_response_and_a_request_without_integrity_are_refused() -> None:
    ice = IceLite()
    response = stun.Message(stun.Method.BINDING, stun.Class.RESPONSE)
    naked = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
    naked.attributes["USERNAME"] = f"{ice.ufrag}:x"
    for message in (response, naked):
        with pytest.raises(ValueError):
            ice.check(bytes(message), HERE, 7.0)


def test_a_restart_gives_new_credentials_and_keeps_the_old_ones_until_the_new_are_used() -> None:
    ice = IceLite()
    ice.set_remote("them")
    old = (ice.ufrag, ice.password)
    ice.set_remote("them")
    assert (ice.ufrag, ice.password) == old
    ice.set_remote("them2")
    assert ice.ufrag != old[0]
    assert ice.password != old[1]
    ice.check(check(ice, ufrag=old[0], password=old[1]), HERE, 1.0)
    ice.check(check(ice, remote="them2"), HERE, 2.0)
    with pytest.raises(ValueError):
        ice.check(check(ice, ufrag=old[0], password=old[1]), HERE, 3.0)


def test_the_list_of_checked_addresses_is_bounded() -> None:
    ice = IceLite()
    for port in range(1000, 1100):
        ice.check(check(ice), ("192.0.2.5", port), 1.0)
    assert len(ice.checked) == MAX_ADDRESSES
    assert ("192.0.2.5", 1099) in ice.checked


@given(st.integers(0, 200), st.integers(0, 255), st.binary(max_size=30))
def test_any_mutation_of_a_check_is_answered_or_refused(place: int, value: int, tail: bytes) -> None:
    ice = IceLite()
    data = bytearray(check(ice))
    data[place % len(data)] = value
    with contextlib.suppress(ValueError):
        ice.check(bytes(data), HERE, 1.0)
    with contextlib.suppress(ValueError):
        ice.check(bytes(data[: place % len(data)]) + tail, HERE, 1.0)
