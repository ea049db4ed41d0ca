"""Bytes in, checked messages out; bytes of requests and responses back.

Everything that comes from the network passes :func:`parse` once and is never parsed again. Broken input raises
:class:`Malformed`, which carries what an error response needs when the sender can be told at all.
"""

import re
from collections.abc import Iterable, Sequence
from http import HTTPStatus

from aiosipua.headers import parse_cseq, parse_via

from ringfence.engine.sip.core.config import Limits
from ringfence.engine.sip.core.flow import Flow, bracket
from ringfence.engine.sip.core.headers import UnknownScheme, check_uri, parse_name_addr, split_list

Headers = Sequence[tuple[str, str]]

METHODS = ("INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "INFO", "UPDATE", "REFER", "NOTIFY")
ALLOW = ("Allow", ", ".join(METHODS))
SUPPORTED = ("Supported", "timer, replaces")

_REQUEST = re.compile(rb"([A-Za-z0-9.!%*_+`'~-]{1,64}) (\S+) (SIP/\d+\.\d+)")
_RESPONSE = re.compile(rb"SIP/2\.0 ([1-6]\d\d)(?: ([^\r\n]*))?")
_LONG_NAMES = {
    "v": "via",
    "f": "from",
    "t": "to",
    "i": "call-id",
    "m": "contact",
    "l": "content-length",
    "c": "content-type",
    "e": "content-encoding",
    "k": "supported",
    "x": "session-expires",
    "r": "refer-to",
    "b": "referred-by",
}
_LISTS = frozenset({"via", "contact", "route", "record-route"})
_SALVAGE = re.compile(rb"^(via|v|from|f|to|t|call-id|i|cseq)[ \t]*:[ \t]*([^\r\n]*)", re.IGNORECASE | re.MULTILINE)
_FOLD = re.compile(r"\r\n[ \t]+")
_SLASHES = re.compile(r"\s*/\s*")
_OWN_PARAMS = re.compile(r";\s*(?:received|rport)\s*(?:=[^;]*)?(?=;|$)", re.IGNORECASE)
_HOST = re.compile(r"[A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.%]+\]")
_TAG = re.compile(r";\s*tag\s*=\s*([^\s;,<>\"]+)", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")

# What nearly every message holds. Whatever does not match is read in full, with the same result: a test compares them.
_USUAL_VIA = re.compile(
    r"SIP/2\.0/[A-Z]{2,4} ([A-Za-z0-9_.-]+(?::[1-9][0-9]{0,4})?)(?:;(?!branch)[a-z]+(?:=[^\s;=,\"]+)?)*"
    r";branch=([^\s;=,\"]+)(?:;(?!branch)[a-z]+(?:=[^\s;=,\"]+)?)*"
)
_USUAL_ADDRESS = re.compile(
    r"(?:\"[^\"\\\x00-\x1f\x7f]*\" ?|[^<>\"\x00-\x1f\x7f]*)"
    r"<([^<>\"\x00-\x20\x7f-\U0010ffff]+)>(?:;tag=([A-Za-z0-9.!%*_+`'~-]+))?"
)
_USUAL_CSEQ = re.compile(r"([0-9]{1,10}) ([A-Z]+)")
_USUAL_NAMES = {
    name: name.lower()
    for name in (
        "Via", "From", "To", "Call-ID", "CSeq", "Contact", "Max-Forwards", "Content-Length", "Content-Type", "Allow",
        "Supported", "Require", "User-Agent", "Server", "Record-Route", "Route", "Session-Expires", "Min-SE", "Expires",
        "P-Asserted-Identity", "Privacy", "Accept", "Authorization", "Reason", "Allow-Events",
    )
}  # fmt: skip

_REASONS = {status.value: status.phrase for status in HTTPStatus} | {
    100: "Trying",
    180: "Ringing",
    183: "Session Progress",
    202: "Accepted",
    400: "Bad Request",
    408: "Request Timeout",
    416: "Unsupported URI Scheme",
    420: "Bad Extension",
    422: "Session Interval Too Small",
    423: "Interval Too Brief",
    480: "Temporarily Unavailable",
    481: "Call/Transaction Does Not Exist",
    482: "Loop Detected",
    483: "Too Many Hops",
    484: "Address Incomplete",
    486: "Busy Here",
    487: "Request Terminated",
    488: "Not Acceptable Here",
    489: "Bad Event",
    491: "Request Pending",
    500: "Server Internal Error",
    505: "Version Not Supported",
    513: "Message Too Large",
    600: "Busy Everywhere",
    603: "Decline",
    606: "Not Acceptable",
}

_MISSING = [""]
_ONCE = ("from", "to", "call-id", "cseq", "max-forwards", "content-length", "expires", "content-type")


def reason_of(status: int) -> str:
    """The standard reason phrase."""
    return _REASONS.get(status, "Unknown")


class Message:
    """A request (``method`` set) or a response (``status`` set) whose framing headers are known to be sound."""

    __slots__ = (
        "body",
        "branch",
        "call_id",
        "cseq",
        "cseq_method",
        "flow",
        "from_",
        "from_tag",
        "from_uri",
        "headers",
        "method",
        "reason",
        "sent_by",
        "status",
        "to",
        "to_tag",
        "uri",
        "vias",
    )

    def __init__(self, flow: Flow, headers: dict[str, list[str]], body: bytes) -> None:
        self.flow = flow
        self.headers = headers
        self.body = body
        self.method = ""
        self.uri = ""
        self.status = 0
        self.reason = ""
        self.vias: list[str] = []
        self.branch = ""
        self.sent_by = ""
        self.from_ = ""
        self.to = ""
        self.from_tag = ""
        self.from_uri = ""
        """Empty when From is not of the usual shape."""
        self.to_tag = ""
        self.call_id = ""
        self.cseq = 0
        self.cseq_method = ""

    def get(self, name: str) -> str | None:
        """The first value of a header, by its long name in lower case."""
        values = self.headers.get(name)
        return values[0] if values else None

    def all(self, name: str) -> list[str]:
        """Every value; those of Via, Contact, Route and Record-Route one by one."""
        return self.headers.get(name, [])

    def tokens(self, name: str) -> set[str]:
        """The values of a token list such as Supported or Require, in lower case."""
        return {part.strip().lower() for value in self.all(name) for part in value.split(",") if part.strip()}

    def contact(self) -> str | None:
        """URI of the first Contact, None when it is missing or unusable."""
        value = self.get("contact")
        if value is None:
            return None
        try:
            uri = parse_name_addr(value).uri
            check_uri(uri)
        except ValueError:
            return None
        return uri

    @property
    def sdp(self) -> str | None:
        """The session description, also inside a multipart body (RFC 5621)."""
        if not self.body:
            return None
        kind = (self.get("content-type") or "application/sdp").strip()
        lower = kind.lower()
        if lower.startswith("application/sdp"):
            return self.body.decode("utf-8", errors="replace")
        return _sdp_part(kind, self.body) if lower.startswith("multipart/") else None


def _sdp_part(kind: str, body: bytes) -> str | None:
    match = re.search(r'boundary\s*=\s*(?:"([^"]{1,200})"|([^\s;"]{1,200}))', kind, re.IGNORECASE)
    if match is None:
        return None
    boundary = b"--" + (match.group(1) or match.group(2)).encode()
    for part in body.split(boundary)[1:20]:
        head, _, content = part.lstrip(b"\r\n").partition(b"\r\n\r\n")
        if re.search(rb"^content-type[ \t]*:[ \t]*application/sdp", head, re.IGNORECASE | re.MULTILINE):
            return content.removesuffix(b"\r\n").decode("utf-8", errors="replace")
    return None


class Malformed(ValueError):
    """A message that cannot be used. ``request`` is set when its sender can be answered with ``status``."""

    def __init__(self, sentence: str, *, status: int = 400, request: Message | None = None) -> None:
        super().__init__(sentence)
        self.status = status
        self.request = request


def parse(data: bytes, flow: Flow, limits: Limits) -> Message:
    """The checked message. Raises Malformed and nothing else."""
    start, _, _ = data[:8192].partition(b"\r\n")
    request = _REQUEST.fullmatch(start)
    response_ = None if request is not None else _RESPONSE.fullmatch(start)
    if request is None and response_ is None:
        status = 505 if re.fullmatch(rb"\S+ \S.* SIP/(?!2\.0)\S+", start) else 400
        raise _salvaged("The start line is malformed.", data, flow, status=status)
    if len(data) > limits.message_bytes:
        raise _salvaged("The message is too large.", data, flow, status=513)
    if request is not None and request.group(3) != b"SIP/2.0":
        raise _salvaged("The version is not SIP/2.0.", data, flow, status=505)
    head, blank, body = data.partition(b"\r\n\r\n")
    if head.count(b"\r\n") >= limits.headers or (
        len(head) > limits.header_line_bytes and max(map(len, head.split(b"\r\n"))) > limits.header_line_bytes
    ):
        raise _salvaged("There are too many or too long header lines.", data, flow, status=513)
    if not blank:
        raise _salvaged("The header section has no end.", data, flow)
    message = Message(flow, _read_headers(head), body)
    if request is not None:
        message.method, message.uri = request.group(1).decode(), request.group(2).decode("utf-8", errors="replace")
    elif response_ is not None:
        message.status = int(response_.group(1))
        message.reason = (response_.group(2) or b"").decode("utf-8", errors="replace")
    _fill(message)
    _cut_body(message)
    if message.method:
        _check_request(message)
    return message


def _read_headers(head: bytes) -> dict[str, list[str]]:
    """Header fields by long lower-case name, unfolded (RFC 3261 section 7.3.1); a line without a colon is ignored."""
    text = head.decode("utf-8", errors="replace")
    if "\r\n " in text or "\r\n\t" in text:
        text = _FOLD.sub(" ", text)
    headers: dict[str, list[str]] = {}
    for line in text.replace("\r", "\n").split("\n")[1:]:
        name, colon, value = line.partition(":")
        if not colon:
            continue
        key = _USUAL_NAMES.get(name)
        if key is None:
            key = name.strip().lower()
            key = _LONG_NAMES.get(key, key)
        value = value.strip()
        values = split_list(value) if "," in value and key in _LISTS else [value]
        if key in headers:
            headers[key].extend(values)
        else:
            headers[key] = values
    return headers


def _cut_body(message: Message) -> None:
    """Bytes of a datagram after the body are ignored (RFC 3261 section 18.3)."""
    declared = message.get("content-length")
    if declared is None:
        return
    usable = message if message.method not in ("", "ACK") else None
    if not (declared.isascii() and declared.isdigit()) or len(declared) > 9 or int(declared) > len(message.body):
        raise Malformed("Content-Length does not fit the body.", request=usable)
    message.body = message.body[: int(declared)]


def _fill(message: Message) -> None:
    """Read the framing headers. Raises Malformed, answerable once the Via is known to be usable."""
    headers = message.headers
    message.vias = headers.get("via", [])
    usual = _USUAL_VIA.fullmatch(message.vias[0]) if message.vias else None
    if usual is not None:
        message.sent_by, message.branch = usual.groups()
    else:
        _fill_via(message)
    usable = message if message.method and message.method != "ACK" else None
    message.from_ = headers.get("from", _MISSING)[0]
    message.to = headers.get("to", _MISSING)[0]
    message.call_id = headers.get("call-id", _MISSING)[0]
    if not (message.from_ and message.to and message.call_id):
        raise Malformed("From, To or Call-ID is missing.", request=usable)
    for name in _ONCE:
        if len(headers.get(name, _MISSING)) > 1:
            raise Malformed("A header that may stand once stands twice.", request=usable)
    from_, to = _USUAL_ADDRESS.fullmatch(message.from_), _USUAL_ADDRESS.fullmatch(message.to)
    if from_ is not None and to is not None:
        message.from_uri, message.from_tag, message.to_tag = from_[1], from_[2] or "", to[2] or ""
        unclear = False
    else:
        message.from_tag, message.to_tag = _tag(message.from_, usable), _tag(message.to, usable)
        unclear = True
    _fill_cseq(message, headers.get("cseq", _MISSING)[0], usable)
    if _CONTROL.search(message.call_id) or (
        unclear and (_CONTROL.search(message.from_) or _CONTROL.search(message.to))
    ):
        raise Malformed("A framing header holds control characters.", request=usable)


def _fill_via(message: Message) -> None:
    try:
        top = message.vias[0]
        if top.count("/", 0, 12) != 2 or " /" in top[:32] or "/ " in top[:32]:
            top = _SLASHES.sub("/", top, count=2)
            message.vias[0] = top
        via = parse_via(top)
    except (IndexError, ValueError):
        raise Malformed("The Via header is missing or malformed.") from None
    if via.protocol.upper() != "SIP/2.0" or not via.transport or not _HOST.fullmatch(via.host):
        raise Malformed("The Via header is missing or malformed.")
    message.branch = via.branch or ""
    message.sent_by = via.host if via.port is None else f"{via.host}:{via.port}"


def _fill_cseq(message: Message, value: str, usable: Message | None) -> None:
    usual = _USUAL_CSEQ.fullmatch(value)
    if usual is not None:
        message.cseq, message.cseq_method = int(usual[1]), usual[2]
    else:
        try:
            cseq = parse_cseq(value)
        except ValueError:
            raise Malformed("CSeq is malformed.", request=usable) from None
        message.cseq, message.cseq_method = cseq.seq, cseq.method.strip()
    if not 0 <= message.cseq < 2**31 or not message.cseq_method:
        raise Malformed("CSeq is malformed.", request=usable)


def _tag(value: str, usable: Message | None) -> str:
    _, bracket_, params = value.rpartition(">")
    if not bracket_:
        params = value
        if '"' in value or "<" in value:
            raise Malformed("From or To is malformed.", request=usable)
    elif value.count('"') % 2 and "\\" not in value:
        raise Malformed("From or To is malformed.", request=usable)
    match = _TAG.search(params)
    return match.group(1) if match else ""


def _check_request(message: Message) -> None:
    usable = None if message.method == "ACK" else message
    if message.cseq_method != message.method:
        raise Malformed("CSeq names another method.", request=usable)
    hops = message.get("max-forwards")
    if hops is not None and not (hops.isascii() and hops.isdigit() and len(hops) <= 4 and int(hops) <= 255):
        raise Malformed("Max-Forwards is malformed.", request=usable)
    try:
        check_uri(message.uri)
        check_uri(message.from_uri or parse_name_addr(message.from_).uri)
    except UnknownScheme:
        if usable is None:
            raise Malformed("The URI scheme is unknown.") from None
        raise Malformed("The URI scheme is unknown.", status=416, request=usable) from None
    except ValueError:
        raise Malformed("The Request-URI or From is malformed.", request=usable) from None


def _salvaged(sentence: str, data: bytes, flow: Flow, *, status: int = 400) -> Malformed:
    """An error for input that the codec must not see; answerable when its head holds the five framing headers."""
    head = data[:16384].partition(b"\r\n\r\n")[0]
    if head.startswith(b"SIP/"):
        return Malformed(sentence)
    headers: dict[str, list[str]] = {}
    for match in _SALVAGE.finditer(head):
        name = match.group(1).decode().lower()
        key = _LONG_NAMES.get(name, name)
        value = match.group(2).decode("utf-8", errors="replace").strip()[:2048]
        if key == "via" or key not in headers:
            headers.setdefault(key, []).append(value)
    message = Message(flow, headers, b"")
    message.method = head.split(None, 1)[0][:64].decode("ascii", errors="replace") if head.split(None, 1) else ""
    if not message.method or message.method == "ACK":
        return Malformed(sentence)
    try:
        _fill(message)
    except Malformed as error:
        if error.request is None:
            return Malformed(sentence)
    return Malformed(sentence, status=status, request=message)


def response(
    request: Message,
    status: int,
    *,
    reason: str | None = None,
    to_tag: str = "",
    headers: Headers = (),
    body: str = "",
    content_type: str = "application/sdp",
) -> bytes:
    """A response to ``request`` on the wire; received and rport are ours whatever the sender wrote (RFC 3581)."""
    host, port = request.flow.remote
    lines = [f"SIP/2.0 {status} {reason or reason_of(status)}"]
    vias = request.vias
    if vias:
        own = f";received={bracket(host).strip('[]')};rport={port}"
        lines.append(f"Via: {_OWN_PARAMS.sub('', vias[0])}{own}")
        lines.extend([f"Via: {via}" for via in vias[1:]])
    to = request.to if request.to_tag or not to_tag else f"{request.to};tag={to_tag}"
    lines.append(f"From: {request.from_}")
    lines.append(f"To: {to}")
    lines.append(f"Call-ID: {request.call_id}")
    lines.append(f"CSeq: {request.get('cseq') or ''}")
    if 100 < status < 300 and request.method in ("INVITE", "UPDATE", "REFER"):
        lines.extend([f"Record-Route: {value}" for value in request.all("record-route")])
    return _finish(lines, headers, body, content_type)


def request(
    method: str,
    uri: str,
    *,
    via: str,
    branch: str,
    from_: str,
    to: str,
    call_id: str,
    cseq: int,
    routes: Iterable[str] = (),
    headers: Headers = (),
    body: str = "",
    content_type: str = "application/sdp",
) -> bytes:
    """A request on the wire; ``cseq`` goes with ``method``."""
    lines = [
        f"{method} {uri} SIP/2.0",
        f"Via: {via};branch={branch};rport",
        "Max-Forwards: 70",
        f"From: {from_}",
        f"To: {to}",
        f"Call-ID: {call_id}",
        f"CSeq: {cseq} {method}",
    ]
    lines.extend([f"Route: {route}" for route in routes])
    return _finish(lines, headers, body, content_type)


def _finish(lines: list[str], headers: Headers, body: str, content_type: str) -> bytes:
    lines.extend([f"{name}: {value}" for name, value in headers])
    octets = body.encode()
    if octets:
        lines.append(f"Content-Type: {content_type}")
    lines.append(f"Content-Length: {len(octets)}")
    head = "\r\n".join(lines) + "\r\n\r\n"
    if head.count("\n") != len(lines) + 1 or head.count("\r") != len(lines) + 1:
        raise ValueError("A header value holds a line break.")
    return head.encode() + octets
