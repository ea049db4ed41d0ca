"""Which addresses are payment pages: the list decides, to the letter (R27)."""

import string
from urllib.parse import urlsplit

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ringfence.centre.payments.links import Allowed, Fault, judge, read

LIST = (
    Allowed(link_id="tax", origin="https://pay.barford.example", path="/council"),
    Allowed(link_id="rent", origin="https://pay.barford.example", path="/rent/"),
    Allowed(link_id="port", origin="https://till.example:8443", path="/"),
)


@pytest.mark.parametrize(
    ("text", "link"),
    [
        ("https://pay.barford.example/council", "tax"),
        ("https://pay.barford.example:443/council", "tax"),
        ("https://pay.barford.example/council/", "tax"),
        ("https://pay.barford.example/council/bill?ref=A-17&x=%20y", "tax"),
        ("https://pay.barford.example/rent/now", "rent"),
        ("https://till.example:8443", "port"),
        ("https://till.example:8443/a/b", "port"),
    ],
)
def test_a_listed_page_and_what_lies_below_it_may_be_opened(text: str, link: str) -> None:
    verdict = judge(text, LIST)
    assert verdict.link is not None
    assert verdict.link.link_id == link


@pytest.mark.parametrize(
    ("text", "fault", "near"),
    [
        ("https://pay.barford.example/councilx", Fault.OTHER_PATH, "tax"),
        ("https://pay.barford.example/", Fault.OTHER_PATH, "tax"),
        ("https://pay.barford.example/Council", Fault.OTHER_PATH, "tax"),
        ("https://pay.barford.example/rent", Fault.OTHER_PATH, "tax"),
        ("https://pay.barford.example:8443/council", Fault.OTHER_PORT, "tax"),
        ("https://till.example/", Fault.OTHER_PORT, "port"),
        ("https://pay.barfcrd.example/council", Fault.OTHER_HOST, "tax"),
        ("https://pay.barford.example.evil.example/council", Fault.OTHER_HOST, "tax"),
        ("https://barford.example/council", Fault.OTHER_HOST, "tax"),
        ("https://weather.example/", Fault.OTHER_HOST, ""),
        ("http://pay.barford.example/council", Fault.NOT_HTTPS, "tax"),
        ("https://pay.barford.example@evil.example/council", Fault.UNREADABLE, "tax"),
        ("https://evil.example@pay.barford.example/council", Fault.UNREADABLE, "tax"),
        ("https://pay.barford.example\\@evil.example/council", Fault.UNREADABLE, "tax"),
        ("https://pay.barford.example/council/../admin", Fault.UNREADABLE, "tax"),
        ("https://pay.barford.example/council/%2e%2e/admin", Fault.UNREADABLE, "tax"),
        ("https://pay.barford.example/council%2fadmin", Fault.UNREADABLE, "tax"),
        ("https://pay.barford.example/council#top", Fault.UNREADABLE, "tax"),
        ("https://pay.barford.example/council\n", Fault.UNREADABLE, "tax"),
        ("https://PAY.barford.example/council", Fault.UNREADABLE, "tax"),
        ("https://pay.barford.example./council", Fault.UNREADABLE, "tax"),
        ("https://pаy.barford.example/council", Fault.UNREADABLE, "tax"),  # a Cyrillic a
        ("https:/pay.barford.example/council", Fault.UNREADABLE, "tax"),
        ("//pay.barford.example/council", Fault.UNREADABLE, "tax"),
        ("javascript:alert(1)//pay.barford.example/council", Fault.UNREADABLE, "tax"),
        ("pay.barford.example/council", Fault.UNREADABLE, "tax"),
        ("", Fault.UNREADABLE, ""),
    ],
)
def test_anything_else_is_refused_and_told_apart(text: str, fault: Fault, near: str) -> None:
    verdict = judge(text, LIST)
    assert verdict.link is None
    assert (verdict.fault, verdict.near) == (fault, near)


PIECES = st.sampled_from(
    ["https://", "http://", "pay.barford.example", "evil.example", "/council", "/", "..", ".", "@", "\\", ":", "443",
     "8443", "?", "#", "%2f", "%2e", "%", " ", "\t", "\n", "\x00", "а", "。", "x", "//"]
)  # fmt: skip


@settings(max_examples=600, deadline=None)
@given(st.one_of(st.lists(PIECES, max_size=12).map("".join), st.text(max_size=60)))
@example("https://pay.barford.example/council?next=https://evil.example/")
def test_whatever_is_typed_only_the_listed_page_opens(text: str) -> None:
    """An independent reader agrees about what an allowed address leads to, and nothing in it can be read twice."""
    verdict = judge(text, LIST)
    if verdict.link is None:
        assert verdict.fault is not None
        return
    assert verdict.address is not None
    whole = verdict.address.whole
    parts = urlsplit(whole)
    assert f"{parts.scheme}://{parts.netloc}" == verdict.link.origin
    assert parts.username is None
    assert parts.path == verdict.link.path or parts.path.startswith(verdict.link.path.rstrip("/") + "/")
    assert set(whole) <= set(string.ascii_letters + string.digits + "-._~:/?[]@!$&'()*+,;=%")
    assert "/../" not in f"{parts.path}/"


def test_plain_http_counts_on_this_machine_only_where_that_is_allowed() -> None:
    demo = (Allowed(link_id="demo", origin="http://127.0.0.1:8000", path="/demo/payment/"),)
    text = "http://127.0.0.1:8000/demo/payment/"
    assert judge(text, demo).link is None
    assert judge(text, demo, plain_loopback=True).link is not None
    assert judge("http://pay.barford.example/council", LIST, plain_loopback=True).link is None
    with pytest.raises(ValueError, match="https"):
        read("http://192.0.2.7/", plain_loopback=True)
