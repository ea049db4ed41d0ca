"""Signed statements: JSON in one canonical form, a line each, that anybody can verify with the public key alone.

docs/reference/destruction-certificate.md says how; certificates, the destruction list and backups are such statements.
"""

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any

from ringfence.vault.errors import CertificateWrong, SignatureWrong
from ringfence.vault.signing import SigningKey, verify


def canonical(body: object) -> bytes:
    """The one form that is signed: keys sorted, no spaces, ASCII, no fractions."""
    return json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False).encode("ascii")


def sign_statement(form: str, body: Mapping[str, object], signing: SigningKey) -> bytes:
    """``body`` as a signed line of the format ``form``, which is also the context of the signature."""
    whole = {**body, "format": form, "signed_by": signing.key_id}
    signature = signing.sign(form, canonical(whole))
    return canonical({"signature": base64.b64encode(signature).decode("ascii"), "statement": whole}) + b"\n"


def open_statement(form: str, text: bytes, public: bytes) -> dict[str, Any]:
    """The body of a signed line. Raises CertificateWrong, or PublicKeyMalformed."""
    try:
        envelope = json.loads(text)
        body = envelope["statement"]
        signature = base64.b64decode(envelope["signature"], validate=True)
        # Exactly the bytes that were issued: nothing that a reader could understand differently may hide in between.
        as_issued = canonical({"signature": envelope["signature"], "statement": body})
    except (ValueError, KeyError, TypeError, RecursionError, binascii.Error):
        raise CertificateWrong from None
    if as_issued != text.removesuffix(b"\n") or not isinstance(body, dict) or body.get("format") != form:
        raise CertificateWrong
    try:
        verify(public, form, canonical(body), signature)
    except SignatureWrong:
        raise CertificateWrong from None
    return body
