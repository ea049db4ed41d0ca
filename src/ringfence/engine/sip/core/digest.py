"""Digest authentication, both sides (RFC 3261 section 22, RFC 7616, RFC 8760).

Server: qop=auth with MD5 only, because accounts are kept as MD5 HA1 and browsers' SIP stacks know nothing else. The
nonce proves itself by an HMAC, so a challenge costs no memory; only a nonce that was used successfully is remembered.
"""

import hashlib
import hmac
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from aiosipua.headers import AuthCredentials, parse_auth, stringify_auth
from typing_extensions import override

_NC_MAX = 0xFFFFFFFF


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def ha1_of(username: str, realm: str, password: str) -> str:
    """MD5(user:realm:password), the form in which accounts are kept."""
    return _md5(f"{username}:{realm}:{password}")


class Verdict(Enum):
    ACCEPTED = "accepted"
    MISSING = "missing"
    """No credentials for our realm."""
    STALE = "stale"
    """Right password, but the nonce is too old: the client may try again without asking its user."""
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Judged:
    verdict: Verdict
    username: str = ""


class DigestServer:
    """Issues challenges and judges answers."""

    def __init__(
        self, realm: str, *, secret: bytes, entropy: Callable[[int], bytes], life_seconds: float, capacity: int
    ) -> None:
        self.realm = realm
        self._secret = secret
        self._entropy = entropy
        self._life = life_seconds
        self._capacity = capacity
        self._counts: OrderedDict[str, int] = OrderedDict()
        self._forgotten_until = -1

    def _stamp(self, issued_ms: int, salt: str) -> str:
        text = f"{issued_ms:x}.{salt}.{self.realm}".encode()
        return hmac.new(self._secret, text, hashlib.sha256).hexdigest()[:24]

    def challenge(self, now: float, *, stale: bool = False) -> tuple[str, str]:
        """A WWW-Authenticate header."""
        issued = max(0, int(now * 1000))
        salt = self._entropy(6).hex()
        nonce = f"{issued:x}.{salt}.{self._stamp(issued, salt)}"
        more = ", stale=true" if stale else ""
        return (
            "WWW-Authenticate",
            f'Digest realm="{self.realm}", nonce="{nonce}", algorithm=MD5, qop="auth"{more}',
        )

    def judge(
        self, authorizations: list[str], method: str, *, now: float, find_ha1: Callable[[str], str | None]
    ) -> Judged:
        """Whether one of the Authorization headers proves an account. The nonce count must rise."""
        for value in authorizations:
            credentials = parse_auth(value[:4096], credentials=True)
            given = {name.lower(): part for name, part in credentials.params.items()}
            if credentials.scheme.lower() == "digest" and given.get("realm") == self.realm:
                return self._judge(given, method, now=now, find_ha1=find_ha1)
        return Judged(Verdict.MISSING)

    def _judge(
        self, given: dict[str, str], method: str, *, now: float, find_ha1: Callable[[str], str | None]
    ) -> Judged:
        username = given.get("username", "")
        nonce, answer = given.get("nonce", ""), given.get("response", "")
        nc, cnonce = given.get("nc", ""), given.get("cnonce", "")
        refused = Judged(Verdict.REFUSED, username)
        if given.get("qop", "").lower() != "auth" or given.get("algorithm", "MD5").upper() != "MD5":
            return refused
        issued = self._issued(nonce)
        if issued is None or len(nc) != 8 or not cnonce:
            return refused
        try:
            count = int(nc, 16)
        except ValueError:
            return refused
        ha1 = find_ha1(username)
        # An unknown user costs the same work as a wrong password, so that the time taken tells nothing.
        ha2 = _md5(f"{method}:{given.get('uri', '')}")
        expected = _md5(f"{ha1 or 'x'}:{nonce}:{nc}:{cnonce}:auth:{ha2}")
        right = hmac.compare_digest(expected.encode(), answer.lower().encode())
        if ha1 is None or not right:
            return refused
        age = now - issued / 1000
        last = self._counts.get(nonce, 0)
        if age > self._life or (not last and issued <= self._forgotten_until):
            return Judged(Verdict.STALE, username)
        if not last < count <= _NC_MAX:
            return refused
        self._remember(nonce, count)
        return Judged(Verdict.ACCEPTED, username)

    def _issued(self, nonce: str) -> int | None:
        parts = nonce.split(".")
        if len(parts) != 3 or len(nonce) > 80:
            return None
        try:
            issued = int(parts[0], 16)
        except ValueError:
            return None
        return issued if hmac.compare_digest(self._stamp(issued, parts[1]).encode(), parts[2].encode()) else None

    def _remember(self, nonce: str, count: int) -> None:
        self._counts[nonce] = count
        self._counts.move_to_end(nonce)
        while len(self._counts) > self._capacity:
            old, _ = self._counts.popitem(last=False)
            self._forgotten_until = max(self._forgotten_until, self._issued(old) or -1)


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a trunk gave us; the password never shows in a repr."""

    username: str
    password: str

    @override
    def __repr__(self) -> str:
        return "Credentials(...)"


class DigestClient:
    """Answers challenges of carriers: SHA-256 where offered, otherwise MD5; qop=auth where offered."""

    def __init__(self, credentials: Credentials, entropy: Callable[[int], bytes]) -> None:
        self._credentials = credentials
        self._entropy = entropy
        self._counts: OrderedDict[str, int] = OrderedDict()

    def authorize(self, status: int, challenges: list[str], *, method: str, uri: str) -> tuple[str, str] | None:
        """The header that answers a 401 or 407, None when no challenge can be answered."""
        best: dict[str, str] | None = None
        strength = -1
        for value in challenges:
            challenge = parse_auth(value[:4096])
            given = {name.lower(): part for name, part in challenge.params.items()}
            algorithm = given.get("algorithm", "MD5").upper()
            if challenge.scheme.lower() != "digest" or algorithm not in ("MD5", "SHA-256") or not given.get("nonce"):
                continue
            offered = {part.strip().lower() for part in given.get("qop", "").split(",") if part.strip()}
            if offered and "auth" not in offered:
                continue
            if (rank := int(algorithm == "SHA-256")) > strength:
                best, strength = given, rank
        if best is None:
            return None
        return ("Authorization" if status == 401 else "Proxy-Authorization", self._answer(best, method, uri))

    def _answer(self, given: dict[str, str], method: str, uri: str) -> str:
        algorithm = given.get("algorithm", "MD5").upper()
        digest = _sha256 if algorithm == "SHA-256" else _md5
        realm, nonce = given.get("realm", ""), given["nonce"]
        who = self._credentials
        ha1 = digest(f"{who.username}:{realm}:{who.password}")
        ha2 = digest(f"{method}:{uri}")
        params = {"username": who.username, "realm": realm, "nonce": nonce, "uri": uri}
        if given.get("qop"):
            count = self._counts.pop(nonce, 0) + 1
            self._counts[nonce] = count
            while len(self._counts) > 16:
                self._counts.popitem(last=False)
            nc, cnonce = f"{count:08x}", self._entropy(8).hex()
            params["response"] = digest(f"{ha1}:{nonce}:{nc}:{cnonce}:auth:{ha2}")
            params["algorithm"] = algorithm
            params |= {"qop": "auth", "cnonce": cnonce}
            answer = stringify_auth(AuthCredentials(scheme="Digest", params=params)) + f", nc={nc}"
        else:
            params["response"] = digest(f"{ha1}:{nonce}:{ha2}")
            params["algorithm"] = algorithm
            answer = stringify_auth(AuthCredentials(scheme="Digest", params=params))
        if "opaque" in given:
            answer += f', opaque="{given["opaque"]}"'
        return answer
