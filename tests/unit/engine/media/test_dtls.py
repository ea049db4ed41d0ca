"""DTLS-SRTP between two of our own ends in memory."""

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence.engine.media.embedded.dtls import DtlsConnection, DtlsIdentity, DtlsState, create_identity

SERVER, CLIENT = create_identity(), create_identity()
RTP = struct.pack("!BBHII", 0x80, 8, 1, 160, 7) + bytes(160)


def fingerprint(identity: DtlsIdentity) -> tuple[tuple[str, str], ...]:
    return (("sha-256", identity.fingerprint),)


def pair(
    *,
    announced_client: tuple[tuple[str, str], ...] | None = None,
) -> tuple[DtlsConnection, DtlsConnection]:
    server = DtlsConnection(SERVER, server=True, fingerprints=announced_client or fingerprint(CLIENT))
    client = DtlsConnection(CLIENT, server=False, fingerprints=fingerprint(SERVER))
    return server, client


def shake(server: DtlsConnection, client: DtlsConnection) -> list[int]:
    """Carry datagrams both ways until both are silent; returns their sizes."""
    sizes: list[int] = []
    to_server, to_client = client.begin(), server.begin()
    while to_server or to_client:
        sizes += [len(data) for data in to_server + to_client]
        to_client, to_server = (
            to_client + [out for data in to_server for out in server.feed(data)],
            [],
        )
        to_server, to_client = [out for data in to_client for out in client.feed(data)], []
    return sizes


def test_both_ends_agree_on_keys_and_open_each_others_packets() -> None:
    server, client = pair()
    sizes = shake(server, client)
    assert (server.state, client.state) == (DtlsState.CONNECTED, DtlsState.CONNECTED)
    assert max(sizes) <= 1200
    assert server.profile == client.profile == b"SRTP_AEAD_AES_256_GCM"
    assert server.tx is not None
    assert server.rx is not None
    assert client.tx is not None
    assert client.rx is not None
    sealed = server.tx.protect(RTP)
    assert RTP[12:] not in sealed
    assert client.rx.unprotect(sealed) == RTP
    assert server.rx.unprotect(client.tx.protect(RTP)) == RTP
    assert server.timeout_seconds() is None


@pytest.mark.parametrize(
    "announced",
    [
        (("sha-256", ":".join(["00"] * 32)),),
        (("md5", ":".join(["00"] * 16)),),
        (("sha-256", CLIENT.fingerprint), ("sha-512", ":".join(["00"] * 64))),
    ],
)
def test_a_certificate_that_does_not_fit_every_announcement_gives_no_keys(
    announced: tuple[tuple[str, str], ...],
) -> None:
    server, client = pair(announced_client=announced)
    shake(server, client)
    assert server.state is DtlsState.FAILED
    assert (server.rx, server.tx) == (None, None)
    assert server.feed(b"\x16" + bytes(30)) == []


def test_a_flight_that_waits_for_its_answer_sets_a_timer() -> None:
    _, client = pair()
    assert client.begin()
    wait = client.timeout_seconds()
    assert wait is not None
    assert 0 < wait <= 1.0


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200), st.integers(0, 3))
def test_garbage_never_raises_and_never_connects(data: bytes, turns: int) -> None:
    server, client = pair()
    flight = client.begin()
    for datagram in flight[:turns]:
        server.feed(datagram)
    server.feed(b"\x16\xfe\xfd" + data)
    server.feed(data)
    assert server.state in (DtlsState.HANDSHAKING, DtlsState.FAILED)
