"""Published advisories (OSV, https://ossf.github.io/osv-schema/) on locked packages: from an OSV API or from a mirror.

Both give the same answer; only who compares the versions differs. An API is asked as
https://google.github.io/osv.dev/post-v1-querybatch/ says. A mirror is a folder or a zip file of OSV records, as osv.dev
publishes them for each ecosystem; zip files in the folder are read too.

What is read comes from outside: sizes and time are limited, and what cannot be read is told as a gap, never as clean.
"""

import json
import threading
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from http.client import HTTPException
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.error import URLError
from urllib.parse import quote, urlsplit
from urllib.request import Request, urlopen

import msgspec
from locks import Package, normal
from packaging.version import InvalidVersion, Version
from semver import Version as SemanticVersion

OSV: Final = "https://api.osv.dev"
ANSWER_SECONDS: Final = 3
"""How long one connection or answer may keep silent."""
ALL_SECONDS: Final = 10
"""How long asking an API may take altogether, names looked up and slow answers included."""
MIRROR_SECONDS: Final = 300
"""The same for reading a mirror: the records of PyPI and npm are some 200,000."""
_LARGEST: Final = 32 * 1024 * 1024
_BATCH: Final = 1000
"""What one question may hold, by the API's documentation."""


class Concerned(msgspec.Struct):
    """Which package an ``affected`` entry is about."""

    ecosystem: str = ""
    name: str = ""


class Span(msgspec.Struct):
    """Versions between events."""

    type: str = ""
    events: list[dict[str, str]] = []


class Affected(msgspec.Struct):
    """One package with its affected versions."""

    package: Concerned = msgspec.field(default_factory=Concerned)
    ranges: list[Span] = []
    versions: list[str] = []


class Record(msgspec.Struct):
    """The part of an OSV record that an audit needs."""

    id: str
    modified: datetime
    withdrawn: datetime | None = None
    aliases: list[str] = []
    affected: list[Affected] = []


class _Named(msgspec.Struct):
    id: str


class _Result(msgspec.Struct):
    vulns: list[_Named] = []
    next_page_token: str = ""


class _Batch(msgspec.Struct):
    results: list[_Result]


class Finding(NamedTuple):
    """A locked package that an advisory covers."""

    package: Package
    advisory: str
    aliases: tuple[str, ...]
    """The same weakness under other names, such as its CVE number."""
    fixed: str
    """The first version above the locked one that is fixed; empty when none is known."""


@dataclass
class Heard:
    """What the advisories say, and what could not be heard."""

    findings: list[Finding] = field(default_factory=list)
    gaps: list[str] = field(default_factory=list)
    """Empty when everything was audited; otherwise a reason each."""


def hear(
    packages: list[Package], source: str, *, now: datetime, max_age: timedelta, seconds: float | None = None
) -> Heard:
    """Everything known against ``packages`` at ``source``: an address, a folder or a zip file.

    What fails becomes a gap. ``max_age`` is how old a mirror's newest record may be, ``seconds`` another limit of time.
    """
    heard, name = Heard(), source
    try:
        address = urlsplit(source)
        if address.scheme in ("http", "https"):
            name = f"{address.scheme}://{address.hostname}"
            if "@" in address.netloc:
                raise ValueError("an address with a name and password in it is not asked")
            limit, work = ALL_SECONDS, partial(_ask, source.rstrip("/"), packages, heard)
        else:
            limit, work = MIRROR_SECONDS, partial(_read, Path(source), packages, heard, now - max_age)
        within(seconds or limit, work)
    except (OSError, ValueError, HTTPException, msgspec.MsgspecError, zipfile.BadZipFile, RuntimeError) as error:
        heard.gaps.append(f"the advisories at {name} cannot be reached or read: {_short(error)}")
    return Heard(sorted(set(heard.findings)), list(heard.gaps))


def within(seconds: float, work: Callable[[], None]) -> None:
    """Does ``work``, and raises what it raises; TimeoutError once ``seconds`` are over, whatever it waits for."""
    raised: list[BaseException] = []

    def guarded() -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 # raised again where it is waited for
            raised.append(error)

    # No socket time-out limits a name look-up or an answer that trickles; a thread that may be left behind does.
    thread = threading.Thread(target=guarded, daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        raise TimeoutError(f"no full answer within {seconds:g} seconds")
    if raised:
        raise raised[0]


def _ask(base: str, packages: list[Package], heard: Heard) -> None:
    covering: dict[str, list[Package]] = {}
    waiting = [(package, "") for package in packages]
    while waiting:
        batch, waiting = waiting[:_BATCH], waiting[_BATCH:]
        questions = [
            {
                "package": {"ecosystem": package.ecosystem, "name": package.name},
                "version": package.version,
                **({"page_token": token} if token else {}),
            }
            for package, token in batch
        ]
        answer = msgspec.json.decode(_fetch(f"{base}/v1/querybatch", {"queries": questions}), type=_Batch)
        if len(answer.results) != len(batch):
            raise ValueError(f"{len(batch)} packages were asked about and {len(answer.results)} answered")
        for (package, _), result in zip(batch, answer.results, strict=True):
            for named in result.vulns:
                covering.setdefault(named.id, []).append(package)
            if result.next_page_token:
                waiting.append((package, result.next_page_token))
    # Told first without the fix: if its record cannot be fetched, a finding is still one.
    heard.findings += [Finding(one, advisory, (), "") for advisory, those in covering.items() for one in those]
    for advisory, those in covering.items():
        record = msgspec.json.decode(_fetch(f"{base}/v1/vulns/{quote(advisory, safe='')}"), type=Record)
        known = [] if record.withdrawn else [_finding(one, record) for one in those]
        heard.findings = [*(one for one in heard.findings if one.advisory != advisory), *known]


def _fetch(address: str, question: dict[str, Any] | None = None) -> bytes:
    body = None if question is None else json.dumps(question).encode()
    request = Request(address, data=body, headers={"Content-Type": "application/json", "User-Agent": "ringfence-audit"})
    with urlopen(request, timeout=ANSWER_SECONDS) as response:
        content: bytes = response.read(_LARGEST + 1)
    if len(content) > _LARGEST:
        raise ValueError(f"an answer is larger than {_LARGEST} bytes")
    return content


def _read(mirror: Path, packages: list[Package], heard: Heard, oldest: datetime) -> None:
    locked: dict[tuple[str, str], list[Package]] = {}
    for package in packages:
        locked.setdefault((package.ecosystem, package.name), []).append(package)
    newest: dict[str, datetime] = {}
    decoder = msgspec.json.Decoder(Record)
    for name, content in _files(mirror):
        try:
            record = decoder.decode(content)
        except msgspec.MsgspecError as error:
            raise ValueError(f"{name}: {_short(error)}") from error
        changed = record.modified if record.modified.tzinfo else record.modified.replace(tzinfo=UTC)
        for entry in record.affected:
            ecosystem = entry.package.ecosystem
            newest[ecosystem] = max(newest.get(ecosystem, changed), changed)
            if record.withdrawn is not None:
                continue
            named = normal(entry.package.name) if ecosystem == "PyPI" else entry.package.name
            heard.findings += [
                _finding(one, record) for one in locked.get((ecosystem, named), ()) if covers(one, entry)
            ]
    for ecosystem in sorted({package.ecosystem for package in packages}):
        if ecosystem not in newest:
            heard.gaps.append(f"{mirror} holds no record of {ecosystem}")
        elif newest[ecosystem] < oldest:
            heard.gaps.append(f"the newest record of {ecosystem} in {mirror} is of {newest[ecosystem]:%-d %B %Y}")


def _files(mirror: Path) -> Iterator[tuple[str, bytes]]:
    if mirror.is_dir():
        for path in sorted(mirror.rglob("*")):
            if path.suffix == ".json":
                yield path.name, path.read_bytes()
            elif path.suffix == ".zip":
                yield from _files(path)
        return
    with zipfile.ZipFile(mirror) as archive:
        for name in archive.namelist():
            if name.endswith(".json"):
                yield name, archive.read(name)


def covers(package: Package, entry: Affected) -> bool:
    """Whether an ``affected`` entry covers the version, by the evaluation of the OSV schema.

    A version that cannot be compared counts as covered: a person shall look.
    """
    try:
        mine = _order(package.ecosystem, package.version)
        if any(_inside(package.ecosystem, mine, span) for span in entry.ranges if span.type != "GIT"):
            return True
    except ValueError:
        return True
    return any(one == package.version or _same(package.ecosystem, one, mine) for one in entry.versions)


def _inside(ecosystem: str, mine: Any, span: Span) -> bool:
    events = [(kind, version) for event in span.events for kind, version in event.items()]
    limits = [version for kind, version in events if kind == "limit" and version != "*"]
    if limits and not any(mine < _order(ecosystem, version) for version in limits):
        return False
    inside = False
    ordered = [(_order(ecosystem, version), kind) for kind, version in events if kind != "limit" and version != "0"]
    if any(version == "0" for kind, version in events if kind == "introduced"):
        inside = True
    # At the same version an introduction comes last, so that it holds.
    for at, kind in sorted(ordered, key=lambda event: (event[0], event[1] == "introduced")):
        if kind == "introduced" and mine >= at:
            inside = True
        elif (kind == "fixed" and mine >= at) or (kind == "last_affected" and mine > at):
            inside = False
    return inside


def _order(ecosystem: str, version: str) -> Any:
    """``version`` as what its ecosystem compares. Raises ValueError."""
    if ecosystem != "PyPI":
        return SemanticVersion.parse(version)
    try:
        return Version(version)
    except InvalidVersion as error:
        raise ValueError(str(error)) from error


def _same(ecosystem: str, version: str, mine: Any) -> bool:
    try:
        return bool(_order(ecosystem, version) == mine)
    except ValueError:
        return False


def _finding(package: Package, record: Record) -> Finding:
    fixes = []
    for entry in record.affected:
        named = normal(entry.package.name) if entry.package.ecosystem == "PyPI" else entry.package.name
        if (entry.package.ecosystem, named) == (package.ecosystem, package.name):
            spans = [span for span in entry.ranges if span.type != "GIT"]
            fixes += [event["fixed"] for span in spans for event in span.events if "fixed" in event]
    try:
        mine = _order(package.ecosystem, package.version)
        above = [fix for fix in fixes if _order(package.ecosystem, fix) > mine]
        fixed = min(above, key=lambda fix: _order(package.ecosystem, fix), default="")
    except ValueError:
        fixed = ""
    return Finding(package, record.id, tuple(sorted(record.aliases)), fixed)


def _short(error: Exception) -> str:
    """One printable line of what went wrong; a server's or a file's own text stays short."""
    reason = error.reason if type(error) is URLError else error
    text = " ".join(str(reason).split()) or type(error).__name__
    return "".join(letter for letter in text if letter.isprintable())[:160]
