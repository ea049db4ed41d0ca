#!/usr/bin/env python3
"""Verify a destruction certificate, or an exported destruction list, with nothing but the public key.

    python3 verify_certificate.py CERTIFICATE PUBLIC_KEY.pem

Needs Python 3.9 and no other package, no network and no Ringfence. Ends with 0 when every line is as it was signed,
with 1 when one is not, and with 2 when a file cannot be read. The format is docs/reference/destruction-certificate.md.
"""

import base64
import hashlib
import json
import sys

FORMATS = {
    "certificate": "ringfence destruction certificate 1",
    "entry": "ringfence destruction list entry 1",
    "end": "ringfence destruction list end 1",
}
LABEL = b"ringfence signature 1"
PEM_PREFIX = bytes.fromhex("302a300506032b6570032100")
"""SubjectPublicKeyInfo of an Ed25519 key, RFC 8410."""


class Refused(Exception):
    """Not what was signed; the text says why."""


# Ed25519, RFC 8032 section 5.1 and the reference code in its section 6. Verification only: nothing here is secret.
P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT = pow(2, (P - 1) // 4, P)


def recover_x(y, sign):
    if y >= P:
        return None
    squared = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    if squared == 0:
        return None if sign else 0
    x = pow(squared, (P + 3) // 8, P)
    if (x * x - squared) % P:
        x = x * ROOT % P
    if (x * x - squared) % P:
        return None
    return P - x if x & 1 != sign else x


def decompress(data):
    number = int.from_bytes(data, "little")
    y = number & ((1 << 255) - 1)
    x = recover_x(y, number >> 255)
    return None if x is None else (x, y, 1, x * y % P)


def add(one, other):
    a = (one[1] - one[0]) * (other[1] - other[0]) % P
    b = (one[1] + one[0]) * (other[1] + other[0]) % P
    c = 2 * one[3] * other[3] * D % P
    d = 2 * one[2] * other[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def times(scalar, point):
    result = (0, 1, 1, 0)
    while scalar > 0:
        if scalar & 1:
            result = add(result, point)
        point = add(point, point)
        scalar >>= 1
    return result


def equal(one, other):
    return not (one[0] * other[2] - other[0] * one[2]) % P and not (one[1] * other[2] - other[1] * one[2]) % P


BASE_Y = 4 * pow(5, P - 2, P) % P
BASE_X = recover_x(BASE_Y, 0)
BASE = (BASE_X, BASE_Y, 1, BASE_X * BASE_Y % P)


def signature_fits(public, message, signature):
    if len(public) != 32 or len(signature) != 64:
        return False
    key, r = decompress(public), decompress(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if key is None or r is None or s >= L:
        return False
    h = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % L
    return equal(times(s, BASE), add(r, times(h, key)))


def read_public_key(pem):
    lines = [line.strip() for line in pem.decode("ascii").splitlines() if line.strip()]
    if lines[:1] != ["-----BEGIN PUBLIC KEY-----"] or lines[-1] != "-----END PUBLIC KEY-----":
        raise ValueError
    der = base64.b64decode("".join(lines[1:-1]), validate=True)
    if len(der) != 44 or not der.startswith(PEM_PREFIX):
        raise ValueError
    return der[12:]


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False).encode("ascii")


def open_line(line, public):
    """The statement of one line. Raises Refused."""
    try:
        envelope = json.loads(line)
        statement = envelope["statement"]
        signature = base64.b64decode(envelope["signature"], validate=True)
        form = statement["format"]
        as_issued = canonical({"signature": envelope["signature"], "statement": statement})
    except (ValueError, KeyError, TypeError, RecursionError):
        raise Refused("it is no signed statement") from None
    if as_issued != line:
        raise Refused("it is not written as it was issued")
    if form not in FORMATS.values():
        raise Refused("it is of a kind that this program does not know")
    if not signature_fits(public, LABEL + b"\0" + form.encode("ascii") + b"\0" + canonical(statement), signature):
        raise Refused("its signature does not fit: it was changed, or another key signed it")
    return statement


def say_entry(statement):
    of = f" of {statement['client']}" if statement["client"] else ""
    print(f"{statement['kind']} {statement['item']}{of}: destroyed because of {statement['why']}")
    finished, certified = statement["finished_at"], statement["certified_at"]
    print(f"  ordered {statement['ordered_at']}, finished {finished}, certified {certified}")
    for key in statement["keys"]:
        note = "" if key["was_held"] else " (was not held here)"
        print(f"  key {key['id']} destroyed {key['destroyed_at']}{note}")
    for item in statement["objects"]:
        print(f"  object {item['name']} gone {item['destroyed_at']}, copies deleted: {item['copies']}")
    for rows in statement["records"]:
        print(f"  records {rows['kind']}: {rows['count']} deleted {rows['destroyed_at']}")


def verify(text, public):
    """Prints what is certified. Raises Refused."""
    lines = text.split(b"\n")
    if lines and not lines[-1]:
        lines.pop()
    if not lines:
        raise Refused("the file is empty")
    first = open_line(lines[0], public)
    if first["format"] == FORMATS["certificate"]:
        if len(lines) > 1:
            raise Refused("lines follow the certificate")
        if first["keys_pending"] or not first["finished_at"] or not first["certified_at"]:
            raise Refused("it certifies nothing: something was left")
        say_entry(first)
        print(f"The certificate is genuine. Signed by {first['signed_by']}.")
        return
    entries = 0
    for number, line in enumerate(lines[:-1], start=1):
        try:
            statement = open_line(line, public)
        except Refused as error:
            raise Refused(f"line {number}: {error}") from None
        if statement["format"] != FORMATS["entry"]:
            raise Refused(f"line {number} is no entry of a list")
        entries += 1
    end = open_line(lines[-1], public)
    if end["format"] != FORMATS["end"]:
        raise Refused("the list is cut: its end is missing")
    if end["entries"] != entries:
        raise Refused(f"the list lacks entries: {entries} are here, its end counts {end['entries']}")
    print(f"The list is genuine and complete: {entries} entries. Signed by {end['signed_by']}.")


def main(arguments):
    if len(arguments) != 2:
        print("Usage: verify_certificate.py CERTIFICATE PUBLIC_KEY.pem", file=sys.stderr)
        return 2
    try:
        with open(arguments[0], "rb") as file:
            text = file.read()
        with open(arguments[1], "rb") as file:
            pem = file.read()
    except OSError as error:
        print(f"{error.filename} cannot be read: {error.strerror}.", file=sys.stderr)
        return 2
    try:
        public = read_public_key(pem)
    except (ValueError, UnicodeDecodeError):
        print(f"{arguments[1]} is no Ed25519 public key in PEM form.", file=sys.stderr)
        return 2
    try:
        verify(text, public)
    except Refused as error:
        print(f"NOT genuine: {error}.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
