"""The short way of the parser: every text that it takes means the same to the full reader."""

from aiosipua.headers import parse_cseq, parse_uri, parse_via
from hypothesis import given
from hypothesis import strategies as st

from ringfence.engine.sip.core.headers import _USUAL_URI, check_uri, parse_name_addr
from ringfence.engine.sip.core.message import _CONTROL, _HOST, _USUAL_ADDRESS, _USUAL_CSEQ, _USUAL_VIA, _tag


@given(st.from_regex(_USUAL_VIA, fullmatch=True))
def test_via(text: str) -> None:
    usual = _USUAL_VIA.fullmatch(text)
    assert usual is not None
    via = parse_via(text)
    assert (via.protocol, bool(via.transport), bool(_HOST.fullmatch(via.host))) == ("SIP/2.0", True, True)
    sent_by = via.host if via.port is None else f"{via.host}:{via.port}"
    assert usual.groups() == (sent_by, via.branch)


@given(st.from_regex(_USUAL_ADDRESS, fullmatch=True))
def test_from_and_to(text: str) -> None:
    usual = _USUAL_ADDRESS.fullmatch(text)
    assert usual is not None
    assert usual.groups(default="") == (parse_name_addr(text).uri, _tag(text, None))
    assert _CONTROL.search(text) is None


@given(st.from_regex(_USUAL_CSEQ, fullmatch=True))
def test_cseq(text: str) -> None:
    usual = _USUAL_CSEQ.fullmatch(text)
    assert usual is not None
    full = parse_cseq(text)
    assert (int(usual[1]), usual[2]) == (full.seq, full.method.strip())


@given(st.from_regex(_USUAL_URI, fullmatch=True))
def test_uri(text: str) -> None:
    full = parse_uri(text)
    assert check_uri(text) == full
    assert full.port is None or 0 < full.port < 65536
