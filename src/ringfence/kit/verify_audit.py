"""Verifies an exported audit trail. One file, Python 3.11 or newer, nothing to install:

    python3 verify_audit.py entries.jsonl [--checkpoints checkpoints.jsonl --key public-key.pem] [--partial]

Each line of the export is an entry. Its hash is the SHA-256 of the bytes of its line before ``,"hash":``, and these
bytes end with the hash of the entry before it. So an entry that was altered, removed, inserted or moved breaks the
chain at its place, and this program names the place. Checkpoints are signed (Ed25519, RFC 8032) and were written
elsewhere when they were made: they show a chain that was cut off at its end, or made anew from some place on.

The installation verifies itself with the same code. docs/reference/audit-format.md describes the format.
"""

import argparse
import base64
import hashlib
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

GENESIS = hashlib.sha256(b"ringfence audit v2").hexdigest()
"""What the first entry names as the one before it."""
CHECKPOINT_CONTEXT = "audit checkpoint"
"""What the signature of a checkpoint is bound to."""
FIRST_CHECKPOINT = "0" * 64
"""What the first checkpoint names as the one before it."""

_HASH_KEY = b',"hash":"'
_TAIL = len(_HASH_KEY) + 64 + len(b'"}\n')


@dataclass(frozen=True)
class Fault:
    """The first place at which the trail is not as it was written."""

    entry: int
    problem: str
    place: str = "entry"


@dataclass
class Walk:
    """Where a walk along the chain stands; ``faults`` stays empty while all is well."""

    expected: int = 1
    """Number of the next entry."""
    previous: str = GENESIS
    """Hash that the next entry must name."""
    verified: int = 0
    partial: bool = False
    """True: entries may be missing, as in an export of some of them; each is verified for itself."""
    fault: Fault | None = None
    wanted: dict[int, str] = field(default_factory=dict)
    """Hashes that checkpoints vouch for, by entry number; matched ones are removed."""

    def follow(self, lines: Iterable[bytes]) -> Fault | None:
        """Walks to the end or to the first fault. Each line ends with a line feed; the last may do without."""
        expected, wanted, verified = self.expected, self.wanted, 0
        link = _link(self.previous)
        sha256 = hashlib.sha256
        for line in lines:
            body = line[:-_TAIL]
            digest = sha256(body).hexdigest()
            if (
                not line.endswith(f'{digest}"}}\n'.encode())
                or not body.endswith(link)
                or not body.startswith(b'{"number":%d,' % expected)
                or line[-_TAIL:-67] != _HASH_KEY
            ):
                expected, digest = self._look_closer(line, expected, link)
                if self.fault is not None:
                    break
            if expected in wanted and wanted.pop(expected) != digest:
                self.fault = Fault(
                    expected, "This entry has another hash than its signed checkpoint: the chain was made anew."
                )
                break
            link = _link(digest)
            self.previous = digest
            expected += 1
            verified += 1
        self.expected = expected
        self.verified += verified
        return self.fault

    def _look_closer(self, line: bytes, expected: int, link: bytes) -> tuple[int, str]:
        """What is wrong with a line, as ``fault``; or its number and hash, where it is allowed to be as it is."""
        line = line if line.endswith(b"\n") else line + b"\n"
        body, named = line[:-_TAIL], line[-67:-3]
        number = _number(body)
        sound = line[-_TAIL:] == _HASH_KEY + hashlib.sha256(body).hexdigest().encode() + b'"}\n'
        if number is None:
            self.fault = Fault(expected, "This line is no entry: it was altered or inserted.")
        elif self.partial and number >= expected and sound:
            return number, named.decode()
        elif number > expected and not self.partial:
            self.fault = Fault(
                expected, f"This entry is missing: {number} stands in its place. It was removed or moved."
            )
        elif number < expected:
            self.fault = Fault(expected, f"Entry {number} stands here: it was inserted, or moved.")
        elif not sound:
            self.fault = Fault(number, "This entry was altered.")
        elif not body.endswith(link):
            self.fault = Fault(
                expected, "This entry does not follow the one before it: it was inserted, or others were removed."
            )
        return expected, named.decode("ascii", "replace")

    def end(self) -> Fault | None:
        """Call when there are no more lines: entries that a checkpoint saw must have come by."""
        if self.fault is None and not self.partial and self.wanted and max(self.wanted) >= self.expected:
            self.fault = Fault(
                self.expected,
                f"Entries are missing from here: a signed checkpoint saw {max(self.wanted)}. The end was cut off.",
            )
        return self.fault


def _link(previous: str) -> bytes:
    return f',"previous":"{previous}"'.encode()


def _number(line: bytes) -> int | None:
    digits = line[len(b'{"number":') :].partition(b",")[0]
    return int(digits) if line.startswith(b'{"number":') and digits.isdigit() and len(digits) < 20 else None


# Checkpoints


@dataclass(frozen=True)
class Checkpoint:
    """One signed line."""

    entry: int
    hash: str
    """Of that entry."""
    at: str
    previous: str
    """SHA-256 of the checkpoint line before, or 64 zeros."""
    key: str
    """Id of the key that signed."""
    signed: bytes
    """What the signature is over."""
    signature: bytes
    line: bytes


def read_checkpoint(line: bytes) -> Checkpoint:
    """Raises ValueError when it is no checkpoint."""
    line = line.strip()
    signed, mark, rest = line.partition(b',"signature":"')
    values = json.loads(line)
    if not mark or not isinstance(values, dict) or values.get("checkpoint") != 1 or not rest.endswith(b'"}'):
        raise ValueError("not a checkpoint")
    digest, at, previous, key = (values[name] for name in ("hash", "at", "previous", "key"))
    if not isinstance(values["entry"], int) or not all(isinstance(text, str) for text in (digest, at, previous, key)):
        raise ValueError("not a checkpoint")
    return Checkpoint(
        entry=values["entry"],
        hash=digest,
        at=at,
        previous=previous,
        key=key,
        signed=signed,
        signature=bytes.fromhex(values["signature"]),
        line=line,
    )


def follow_checkpoints(lines: Iterable[bytes], public_pem: bytes | None) -> tuple[dict[int, str], Fault | None]:
    """The hash each checkpoint vouches for by entry, and the first that is forged or out of place."""
    vouched: dict[int, str] = {}
    before: Checkpoint | None = None
    key = _raw_public_key(public_pem) if public_pem is not None else None
    for position, line in enumerate((line for line in lines if line.strip()), start=1):
        place = f"checkpoint {position}"
        try:
            one = read_checkpoint(line)
        except (ValueError, KeyError, TypeError):
            return vouched, Fault(0, "This line is no checkpoint.", place)
        if key is not None and not _signed(key, one):
            return vouched, Fault(one.entry, "Its signature is not this key's: it was forged or altered.", place)
        if before is not None:
            if hashlib.sha256(before.line).hexdigest() != one.previous or one.entry < before.entry:
                return vouched, Fault(one.entry, "It does not follow the checkpoint before it.", place)
        elif one.previous != FIRST_CHECKPOINT:
            return vouched, Fault(one.entry, "Checkpoints before it are missing.", place)
        vouched[one.entry] = one.hash
        before = one
    return vouched, None


def _signed(key: bytes, one: Checkpoint) -> bool:
    message = b"ringfence signature 1\0" + CHECKPOINT_CONTEXT.encode() + b"\0" + one.signed
    return ed25519_verify(key, message, one.signature)


def _raw_public_key(pem: bytes) -> bytes:
    """The 32 bytes of an Ed25519 key in PEM (RFC 8410). Raises ValueError."""
    der = base64.b64decode(b"".join(line for line in pem.split(b"\n") if line and not line.startswith(b"-----")))
    if len(der) != 44 or der[:12] != bytes.fromhex("302a300506032b6570032100"):
        raise ValueError("The key is no Ed25519 public key in PEM.")
    return der[12:]


# Ed25519 verification as in RFC 8032, section 5.1.7. It handles no secrets, so it need not run in constant time.

_P = 2**255 - 19
_Q = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, -1, _P) % _P
_Point = tuple[int, int, int, int]


def _add(first: _Point, second: _Point) -> _Point:
    a = (first[1] - first[0]) * (second[1] - second[0]) % _P
    b = (first[1] + first[0]) * (second[1] + second[0]) % _P
    c = 2 * first[3] * second[3] * _D % _P
    d = 2 * first[2] * second[2] % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _times(scalar: int, point: _Point) -> _Point:
    result: _Point = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            result = _add(result, point)
        point = _add(point, point)
        scalar >>= 1
    return result


def _decode(data: bytes) -> _Point | None:
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & ((1 << 255) - 1)
    if y >= _P:
        return None
    square = (y * y - 1) * pow(_D * y * y + 1, -1, _P) % _P
    x = pow(square, (_P + 3) // 8, _P)
    if (x * x - square) % _P:
        x = x * pow(2, (_P - 1) // 4, _P) % _P
    if (x * x - square) % _P or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = _P - x
    return x, y, 1, x * y % _P


_BASE = _decode((4 * pow(5, -1, _P) % _P).to_bytes(32, "little"))


def ed25519_verify(public: bytes, message: bytes, signature: bytes) -> bool:
    """True when ``signature`` is this key's for ``message``."""
    if len(public) != 32 or len(signature) != 64 or _BASE is None:
        return False
    key, r = _decode(public), _decode(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if key is None or r is None or s >= _Q:
        return False
    h = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % _Q
    left, right = _times(s, _BASE), _add(r, _times(h, key))
    return (left[0] * right[2] - right[0] * left[2]) % _P == 0 and (left[1] * right[2] - right[1] * left[2]) % _P == 0


# The command


def _lines(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        yield from file


def main(arguments: Sequence[str] | None = None) -> int:
    """0 when everything verifies, 1 when it does not, 2 when a file cannot be used."""
    parser = argparse.ArgumentParser(description="Verifies an exported audit trail of Ringfence.")
    parser.add_argument("entries", type=Path, help="the export: JSON Lines")
    parser.add_argument("--checkpoints", type=Path, help="signed checkpoints, best from the second place")
    parser.add_argument("--key", type=Path, help="public key of the installation (PEM), got on another way")
    parser.add_argument("--partial", action="store_true", help="the export is of some entries only")
    options = parser.parse_args(arguments)
    if bool(options.checkpoints) != bool(options.key):
        parser.error("give --checkpoints and --key together: unsigned checkpoints prove nothing")
    walk = Walk(partial=options.partial)
    try:
        fault: Fault | None = None
        if options.checkpoints:
            walk.wanted, fault = follow_checkpoints(_lines(options.checkpoints), options.key.read_bytes())
        checked = len(walk.wanted)
        fault = fault or walk.follow(_lines(options.entries)) or walk.end()
    except (OSError, ValueError) as error:
        sys.stderr.write(f"A file cannot be used: {error}\n")
        return 2
    if fault is not None:
        where = f"{fault.place}, for entry {fault.entry}" if fault.place != "entry" else f"entry {fault.entry}"
        sys.stdout.write(f"NOT AS WRITTEN at {where}: {fault.problem}\n")
        return 1
    last = f", the last is {walk.expected - 1} with hash {walk.previous}" if walk.verified else ""
    sys.stdout.write(f"Verified: {walk.verified} entries{last}.\n")
    if options.partial:
        sys.stdout.write("Each entry is as it was written; whether others are missing between them was not asked.\n")
    elif checked:
        sys.stdout.write(f"{checked} signed checkpoints agree.\n")
    else:
        sys.stdout.write("No checkpoints were given: a chain cut off at its end or made anew would not show.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
