"""Which addresses count as a client's payment page: exact origin, and a path below one that was written down.

Nothing here guesses. An address that two programs could read differently (user part, backslash, encoded dots, other
letters than ASCII) is refused before it is compared, because the browser opens what this module allowed.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum

MAX_ADDRESS = 2000
NEAR = 0.8
"""Share of equal letters from which another host name looks like a typing mistake, or like a trap."""

_SHAPE = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?P<authority>[^/?#]*)(?P<path>[^?#]*)(?P<rest>.*)", re.DOTALL)
_HOST = re.compile(r"(?=.{1,253}\Z)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*")
_PORT = re.compile(r"[1-9][0-9]{0,4}")
_PATH = re.compile(r"(/([A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})*)*")
_REST = re.compile(r"(\?([A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*)?")
_HIDDEN = re.compile(r"%(2e|2f|5c|00)", re.IGNORECASE)
_LOOPBACK = ("127.0.0.1", "localhost")


class Fault(StrEnum):
    """Why an address was refused; told in the report of near misses."""

    UNREADABLE = "unreadable"
    NOT_HTTPS = "not_https"
    OTHER_HOST = "other_host"
    OTHER_PORT = "other_port"
    OTHER_PATH = "other_path"


@dataclass(frozen=True)
class Address:
    """A web address taken apart; every part is exactly as a browser would use it."""

    scheme: str
    host: str
    port: int
    path: str
    query: str
    """With its question mark, or empty."""

    @property
    def origin(self) -> str:
        """``https://pay.example`` or ``https://pay.example:8443``."""
        usual = {"https": 443, "http": 80}[self.scheme]
        return f"{self.scheme}://{self.host}" + ("" if self.port == usual else f":{self.port}")

    @property
    def whole(self) -> str:
        return f"{self.origin}{self.path}{self.query}"


@dataclass(frozen=True)
class Allowed:
    """One line of a client's list."""

    link_id: str
    origin: str
    path: str


@dataclass(frozen=True)
class Verdict:
    """What became of an address."""

    address: Address | None
    """Set when it could be read."""
    link: Allowed | None = None
    """Set when it may be opened."""
    fault: Fault | None = None
    near: str = ""
    """Id of the link that it nearly was."""


def read(text: str, *, plain_loopback: bool = False) -> Address:
    """The address in ``text``. Raises ValueError with a sentence; ``plain_loopback``: http on this machine will do."""
    if len(text) > MAX_ADDRESS:
        raise ValueError(f"A web address has at most {MAX_ADDRESS} letters.")
    shape = _SHAPE.fullmatch(text)
    if shape is None:
        raise ValueError("Write the whole address, for example https://pay.example/council.")
    scheme, authority = shape["scheme"], shape["authority"]
    host, colon, port_text = authority.partition(":")
    if scheme not in ("https", "http") or not _HOST.fullmatch(host):
        raise ValueError("Write the address in plain small letters, starting with https:// and the name of the server.")
    if scheme == "http" and not (plain_loopback and host in _LOOPBACK):
        raise ValueError("A payment page must be reached by https.")
    if colon and not (_PORT.fullmatch(port_text) and int(port_text) <= 65535):
        raise ValueError("The port is a number between 1 and 65535.")
    path, rest = shape["path"] or "/", shape["rest"]
    if not _PATH.fullmatch(path) or not _REST.fullmatch(rest):
        raise ValueError("The address has letters that do not belong there. Copy it again, without spaces or a #.")
    if _HIDDEN.search(path) or any(part in (".", "..") for part in path.split("/")):
        raise ValueError("The path may not have . or .. or hidden slashes in it.")
    port = int(port_text) if colon else {"https": 443, "http": 80}[scheme]
    return Address(scheme=scheme, host=host, port=port, path=path, query=rest)


def judge(text: str, allowed: Iterable[Allowed], *, plain_loopback: bool = False) -> Verdict:
    """Whether ``text`` is a payment page of the list: same origin, and the listed path or one below it."""
    lines = tuple(allowed)
    try:
        address = read(text, plain_loopback=plain_loopback)
    except ValueError:
        return _unread(text, lines)
    for line in lines:
        if address.origin == line.origin and _below(address.path, line.path):
            return Verdict(address=address, link=line)
    same_origin = next((line for line in lines if line.origin == address.origin), None)
    if same_origin is not None:
        return Verdict(address=address, fault=Fault.OTHER_PATH, near=same_origin.link_id)
    same_host = next((line for line in lines if _host_of(line) == address.host), None)
    if same_host is not None:
        return Verdict(address=address, fault=Fault.OTHER_PORT, near=same_host.link_id)
    return Verdict(address=address, fault=Fault.OTHER_HOST, near=_resembled(address.host, lines))


def _below(path: str, prefix: str) -> bool:
    return path == prefix or path.startswith(prefix if prefix.endswith("/") else f"{prefix}/")


def _host_of(line: Allowed) -> str:
    return line.origin.partition("://")[2].partition(":")[0]


def _unread(text: str, lines: tuple[Allowed, ...]) -> Verdict:
    """What cannot be read is never opened; it is only looked at for the report."""
    seen = text[:MAX_ADDRESS].strip().lower()
    fault = Fault.NOT_HTTPS if seen.startswith("http:") else Fault.UNREADABLE
    named = next((line.link_id for line in lines if _host_of(line) in seen), "")
    host = re.split(r"[/?#\\:]", seen.partition("://")[2] or seen, maxsplit=1)[0]
    return Verdict(address=None, fault=fault, near=named or _resembled(host, lines))


def _resembled(host: str, lines: tuple[Allowed, ...]) -> str:
    """Id of the line whose host name is most like ``host``, if any is much like it."""
    best, score = "", 0.0
    for line in lines:
        wanted = _host_of(line)
        inside = wanted in host or (len(host) > 3 and wanted.endswith(f".{host}"))
        alike = 1.0 if inside else SequenceMatcher(None, host[:253], wanted).ratio()
        if alike >= NEAR and alike > score:
            best, score = line.link_id, alike
    return best
