"""The software list is valid CycloneDX, holds what a centre may run, and differs from an untrue environment."""

import hashlib
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import software_list
from cyclonedx.validation.json import JsonStrictValidator
from locks import REQUIREMENTS, ROOT, Locked, Package, npm_packages, python_packages, voices


@pytest.fixture(scope="module")
def listed() -> dict[str, Any]:
    made: dict[str, Any] = json.loads(software_list.software_list())
    return made


def test_the_list_is_cyclonedx_by_its_schema_and_the_same_each_time(listed: dict[str, Any]) -> None:
    text = software_list.software_list()
    assert json.loads(text) == listed
    validator = JsonStrictValidator(software_list.FORMAT)
    assert validator.validate_str(text) is None
    listed_badly = {**listed, "components": [{**listed["components"][0], "type": "thing"}]}
    assert validator.validate_str(json.dumps(listed_badly)) is not None


def test_the_list_holds_every_package_that_may_run_once_with_its_hashes(listed: dict[str, Any]) -> None:
    purls = Counter(one["purl"] for one in listed["components"] if "purl" in one)
    assert set(purls.values()) == {1}
    wanted = {one.package for file in ("run.txt", "speech.txt") for one in python_packages(REQUIREMENTS / file)}
    wanted |= {one.package for one in npm_packages() if one.ships} | {voices().package}
    assert len(wanted) == len(purls) > 100
    for ecosystem, name, version in wanted:
        assert f"pkg:{ecosystem.lower()}/{name.replace('@', '%40')}@{version}" in purls
    lengths = {"pypi": ("SHA-256", 64), "npm": ("SHA-512", 128)}
    for one in listed["components"]:
        if "purl" in one:
            kind = lengths[one["purl"].removeprefix("pkg:").partition("/")[0]]
            assert {(each["alg"], len(each["content"])) for each in one["hashes"]} == {kind}


def test_the_list_says_what_needs_what(listed: dict[str, Any]) -> None:
    needs = {one["ref"].rpartition("@")[0]: one.get("dependsOn", []) for one in listed["dependencies"]}
    assert any(one.startswith("pkg:pypi/asgiref@") for one in needs["pkg:pypi/django"])
    assert any(one.startswith("pkg:npm/sdp-transform@") for one in needs["pkg:npm/jssip"])
    reached = {one for those in needs.values() for one in those}
    root = next(one for one in listed["dependencies"] if one["ref"] == "ringfence")
    reached |= set(root["dependsOn"])
    assert {one["bom-ref"] for one in listed["components"]} == reached, "nothing is there that nothing needs"


def test_the_list_holds_the_speech_model_and_each_shipped_recording(listed: dict[str, Any]) -> None:
    (model,) = [one for one in listed["components"] if one["type"] == "machine-learning-model"]
    assert model["name"] == "Kokoro"
    recordings = {one["name"]: one for one in listed["components"] if one["type"] == "file"}
    shipped = [path.relative_to(ROOT).as_posix() for path in (ROOT / "src").rglob("*.alaw")]
    assert set(recordings) == set(shipped)
    assert len(shipped) > 20
    content = (ROOT / shipped[0]).read_bytes()
    assert recordings[shipped[0]]["hashes"] == [{"alg": "SHA-256", "content": hashlib.sha256(content).hexdigest()}]


def test_another_version_than_the_locked_one_is_told() -> None:
    assert software_list.differences(python_packages(REQUIREMENTS / "run.txt")) == []
    (found,) = software_list.differences([Locked(Package("PyPI", "django", "0.1"))])
    assert "0.1 is locked" in found
    (absent,) = software_list.differences([Locked(Package("PyPI", "no-such-package-here", "1"))])
    assert "not installed" in absent


def test_a_bundled_package_that_is_not_listed_is_told(tmp_path: Path) -> None:
    sources = [
        "../src/site.ts",
        "../node_modules/jssip/lib/UA.js",
        "../node_modules/@scope/kit/node_modules/ms/index.js",
    ]
    (tmp_path / "site.js.map").write_text(json.dumps({"sources": sources}))
    assert software_list.unlisted(["jssip"], tmp_path) == ["ms is in the built pages and not in the list"]
    assert software_list.unlisted(["jssip", "ms"], tmp_path) == []


def test_a_line_that_is_no_locked_package_is_refused(tmp_path: Path) -> None:
    (tmp_path / "lock.txt").write_text("django>=5\n")
    with pytest.raises(ValueError, match="no locked package"):
        python_packages(tmp_path / "lock.txt")


def test_an_npm_package_without_a_hash_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "package-lock.json"
    path.write_text(json.dumps({"packages": {"": {}, "node_modules/jssip": {"version": "1.0.0"}}}))
    with pytest.raises(ValueError, match="jssip without a version or without a hash"):
        npm_packages(path)
