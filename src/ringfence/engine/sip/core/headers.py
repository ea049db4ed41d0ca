"""Header values that the codec does not parse, or parses too freely: name-addr, URIs, Replaces, Privacy, intervals."""

import re
from typing import NamedTuple
from urllib.parse import unquote

from aiosipua.headers import SipUri, parse_params, parse_uri

from ringfence.engine.sip.api import Identity, Replaces

_NAME_ADDR = re.compile(r'(?:"((?:[^"\\]|\\.)*)"\s*|([^<"]*))<([^<>]*)>\s*(;.*)?', re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_HOST = re.compile(r"(?:[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_.])?|\[[0-9A-Fa-f:.]+\])")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_UNSAFE = re.compile(r"[\x00-\x20\x7f<>\"]")
_NUMBER = re.compile(r"\d{1,10}")
_USUAL_URI = re.compile(
    r"(sips?):(?:([A-Za-z0-9+._~%-]+)@)?([A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_.])?)(?::([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}))?"
)
"""What nearly every message holds; whatever does not match is read in full, with the same result."""


class UnknownScheme(ValueError):
    """A URI has a scheme other than sip, sips and tel."""


class NameAddr(NamedTuple):
    """RFC 3261 section 20.10: display name, URI as written, header parameters."""

    name: str | None
    uri: str
    params: str
    """Raw, with its first semicolon; empty when there are none."""

    def param(self, name: str) -> str | None:
        """The value of a parameter, None when it is missing or has none."""
        return parse_params(self.params).get(name) if self.params else None


def parse_name_addr(value: str) -> NameAddr:
    """A name-addr or addr-spec; parameters of a bare addr-spec belong to the header. Raises ValueError."""
    value = value.strip()
    match = _NAME_ADDR.fullmatch(value)
    if match is not None:
        quoted, token, uri, params = match.groups()
        name = _ESCAPED.sub(r"\1", quoted) if quoted is not None else token.strip()
        return NameAddr(name or None, uri.strip(), params or "")
    if "<" in value or ">" in value or '"' in value:
        raise ValueError("An address header is malformed.")
    uri, semicolon, params = value.partition(";")
    return NameAddr(None, uri.strip(), semicolon + params)


def check_uri(value: str) -> SipUri:
    """A sip, sips or tel URI; ``tel:`` has its digits as user and no host. Raises UnknownScheme or ValueError."""
    if len(value) > 2048:
        raise ValueError("A URI is too long.")
    usual = _USUAL_URI.fullmatch(value)
    if usual is not None:
        kind, user, host, port = usual.groups()
        return SipUri(scheme=kind, user=user, host=host, port=int(port) if port else None)
    if _UNSAFE.search(value):
        raise ValueError("A URI holds characters that must be escaped.")
    scheme = _SCHEME.match(value)
    if scheme is None:
        raise ValueError("A URI has no scheme.")
    kind = scheme.group(1).lower()
    rest = value[scheme.end() :]
    if kind == "tel":
        number, _, params = rest.partition(";")
        if not number:
            raise ValueError("A tel URI has no number.")
        return SipUri(scheme="tel", user=number, params=parse_params(params))
    if kind not in ("sip", "sips"):
        raise UnknownScheme("A URI has an unknown scheme.")
    user = None
    if "@" in rest:
        user, _, rest = rest.partition("@")
    uri = parse_uri(f"{kind}:{rest}")
    uri.user = user
    if _HOST.fullmatch(uri.host) is None:
        raise ValueError("A URI has no valid host.")
    if uri.port is not None and not 0 < uri.port < 65536:
        raise ValueError("A URI has no valid port.")
    return uri


def user_of(uri: SipUri) -> str:
    """The user part, percent-decoded, without password and user parameters; empty when there is none."""
    return unquote((uri.user or "").partition(";")[0].partition(":")[0])


def split_list(value: str) -> list[str]:
    """Comma-separated values; commas inside quotes and angle brackets stay."""
    parts: list[str] = []
    start = depth = 0
    quoted = escaped = False
    for index, char in enumerate(value):
        if escaped:
            escaped = False
        elif quoted:
            escaped = char == "\\"
            quoted = char != '"'
        elif char == '"':
            quoted = True
        elif char == "<":
            depth += 1
        elif char == ">":
            depth = max(0, depth - 1)
        elif char == "," and depth == 0:
            parts.append(value[start:index].strip())
            start = index + 1
    parts.append(value[start:].strip())
    return [part for part in parts if part]


def parse_replaces(value: str) -> Replaces:
    """RFC 3891 section 6.1. Raises ValueError."""
    call_id, _, rest = value.partition(";")
    params = parse_params(rest)
    to_tag, from_tag = params.get("to-tag"), params.get("from-tag")
    if not (call_id.strip() and to_tag and from_tag):
        raise ValueError("Replaces needs a Call-ID, a to-tag and a from-tag.")
    return Replaces(call_id=call_id.strip(), to_tag=to_tag, from_tag=from_tag, early_only="early-only" in params)


def parse_refer_to(value: str) -> tuple[str, Replaces | None]:
    """Target URI without its headers, and the Replaces that it carries (RFC 3515, RFC 3891). Raises ValueError."""
    uri = parse_name_addr(value).uri
    base, _, headers = uri.partition("?")
    check_uri(base)
    for part in headers.split("&"):
        name, _, raw = part.partition("=")
        if name.lower() == "replaces":
            return base, parse_replaces(unquote(raw))
    return base, None


def parse_seconds(value: str | None) -> int | None:
    """A delta-seconds value with or without parameters, None when missing or unreadable; huge values are capped."""
    if value is None:
        return None
    match = _NUMBER.match(value.strip())
    return min(int(match.group()), 2**31 - 1) if match else None


def parse_digit(content_type: str, body: str) -> str | None:
    """The digit of an ``application/dtmf-relay`` or ``application/dtmf`` body, None when there is none."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "application/dtmf-relay":
        for line in body.splitlines():
            name, _, value = line.partition("=")
            if name.strip().lower() == "signal":
                return _digit(value)
        return None
    return _digit(body) if kind == "application/dtmf" else None


def _digit(value: str) -> str | None:
    value = value.strip().upper()
    value = {"10": "*", "11": "#"}.get(value, value)
    return value if len(value) == 1 and value in "0123456789*#ABCD" else None


def _number(uri: SipUri) -> str | None:
    if uri.host.lower() == "anonymous.invalid":
        return None
    user = user_of(uri)
    return user if user and user.lower() not in ("anonymous", "unavailable", "restricted") else None


def parse_identity(*, from_: str, asserted: list[str], privacy: str) -> Identity:
    """Who calls (RFC 3325, RFC 3323). ``asserted`` is empty unless the source is trusted. Raises ValueError.

    A private identity carries neither number nor name, so that nothing behind this point can pass it on.
    """
    wishes = {wish.strip().lower() for wish in privacy.replace(",", ";").split(";")}
    if wishes & {"id", "user", "header"}:
        return Identity(private=True)
    sources = [part for value in asserted for part in split_list(value)] or [from_]
    name: str | None = None
    number: str | None = None
    for source in sources:
        try:
            address = parse_name_addr(source)
            number = number or _number(check_uri(address.uri))
        except ValueError:
            continue
        name = name or address.name
    if number is None:
        return Identity()
    if name is not None:
        name = "".join(char for char in name if char.isprintable())[:80].strip() or None
    return Identity(number=number[:64], name=name)
