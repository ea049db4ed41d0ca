"""Loading a centre file from the command line: what is said of prompts that nobody can hear yet."""

import shutil
from pathlib import Path

import pytest

from ringfence.centre.directory.actions import SAMPLE
from ringfence.centre.directory.models import Prompt
from ringfence.centre.tenancy import all_clients
from ringfence.entry import centre_files

pytestmark = pytest.mark.django_db


def test_a_prompt_with_text_alone_is_spoken_where_speech_is_installed_and_named_with_its_cure_where_not(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "centre"
    shutil.copytree(SAMPLE.parent, folder)
    file = folder / SAMPLE.name
    line = 'audio = "prompts/eldc-greeting.alaw"\n'
    text = file.read_text(encoding="utf-8")
    assert line in text
    file.write_text(text.replace(line, ""), encoding="utf-8")
    said: list[str] = []
    centre_files.load(file, say=said.append)
    assert [sentence for sentence in said if sentence.startswith("Not audible yet: ELDC eldc-greeting: ")]
    assert any("scripts/speech" in sentence for sentence in said)
    with all_clients("test"):
        assert Prompt.objects.get(slug="eldc-greeting").state == Prompt.State.MISSING


def test_a_centre_whose_prompts_are_all_there_says_nothing_of_speech(tmp_path: Path) -> None:
    said: list[str] = []
    centre_files.load(SAMPLE, say=said.append)
    assert not [sentence for sentence in said if "peak" in sentence or "audible" in sentence]
