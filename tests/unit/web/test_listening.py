"""A recording is heard for a stated purpose, in exact ranges, and by nobody else."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import AsyncClient
from tests.support.pages import Centre
from tests.support.strict_pages import Visitor, strictly

from ringfence.centre.audit.models import AuditEntry
from ringfence.centre.recordings.models import PlayGrant
from ringfence.centre.tenancy import all_clients

SignIn = Callable[[str], Visitor]
PAGE = "/recordings/rec-heard/"
SIZE = 44 + 12 * 8000 * 4


def stated(visitor: Visitor, **fields: str) -> str:
    answer = visitor.post(PAGE, {"purpose": "quality", **fields})
    assert answer.status_code == 302
    return str(answer.headers["Location"])


def audio_url(visitor: Visitor) -> str:
    html = visitor.get(stated(visitor)).content.decode()
    found = re.search(r'src="(/recordings/rec-heard/audio\?grant=\w+)"', html)
    assert found is not None
    return found.group(1)


def entries(code: str) -> int:
    with all_clients("a test"):
        return AuditEntry.objects.filter(code=code).count()


def test_the_page_asks_why_before_it_plays(sign_in: SignIn) -> None:
    page = sign_in("TL").page(PAGE)
    for words in ("Before you listen", "Quality assessment", "Data protection (GDPR)", "Paused: on hold"):
        assert words in page.text
    assert "audio" not in page.ids


@pytest.mark.parametrize(
    "fields", [{}, {"purpose": "curiosity"}, {"purpose": "complaint"}, {"purpose": "complaint", "case_reference": "  "}]
)
def test_without_a_whole_purpose_nothing_opens(fields: dict[str, str], sign_in: SignIn) -> None:
    page = strictly(sign_in("TL").post(PAGE, fields))
    assert "There is a problem" in page.text
    with all_clients("a test"):
        assert not PlayGrant.objects.exists()


def test_a_stated_purpose_opens_the_player_and_names_the_silent_part(sign_in: SignIn) -> None:
    visitor = sign_in("TL")
    page = visitor.page(stated(visitor, purpose="complaint", case_reference="C-12"))
    assert "audio" in page.ids
    for words in ("Purpose: Complaint.", "Case C-12.", "0:04", "0:07", "Fern Applecross-Hay"):
        assert words in page.text
    assert "Caspian Rooksby" in page.text
    assert entries("recording.purpose_stated") == 1
    assert entries("recording.played") == 0


def test_another_person_and_another_session_cannot_use_the_grant(sign_in: SignIn) -> None:
    url = audio_url(sign_in("TL"))
    assert sign_in("SUP").get(url).status_code == 404
    assert sign_in("TL").get(url).status_code == 404
    assert sign_in("AGT").get(url).status_code == 403
    assert sign_in("TL").get("/recordings/rec-heard/audio?grant=nothing").status_code == 404
    assert entries("recording.played") == 0


def follow(visitor: Visitor) -> AsyncClient:
    """The same session in a client that reads streams as the server does."""
    made = AsyncClient()
    made.cookies = visitor.cookies
    return made


async def fetch(client: AsyncClient, url: str, wanted: str | None = None) -> tuple[Any, bytes]:
    answer: Any = await client.get(url, headers={"range": wanted} if wanted else {})
    if not answer.streaming:
        return answer, answer.content
    return answer, b"".join([part async for part in answer])


def read(visitor: Visitor, url: str, wanted: str | None = None) -> tuple[Any, bytes]:
    from asgiref.sync import async_to_sync

    return async_to_sync(fetch)(follow(visitor), url, wanted)


def test_the_whole_recording_and_every_part_of_it_agree(sign_in: SignIn) -> None:
    visitor = sign_in("TL")
    url = audio_url(visitor)
    answer, whole = read(visitor, url)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "audio/wav"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert (len(whole), whole[:4], whole[8:12]) == (SIZE, b"RIFF", b"WAVE")
    for wanted, start, end in (
        ("bytes=0-1", 0, 2),
        ("bytes=40-50", 40, 51),
        ("bytes=100001-300000", 100001, 300001),
        ("bytes=-7", SIZE - 7, SIZE),
        (f"bytes={SIZE - 1}-", SIZE - 1, SIZE),
        ("bytes=0-", 0, SIZE),
    ):
        answer, part = read(visitor, url, wanted)
        assert answer.status_code == 206
        assert answer.headers["Content-Range"] == f"bytes {start}-{end - 1}/{SIZE}"
        assert answer.headers["Content-Length"] == str(end - start)
        assert part == whole[start:end]
    assert entries("recording.played") == 1  # one play, however many ranges the player fetches


def test_a_range_outside_the_recording_is_416(sign_in: SignIn) -> None:
    visitor = sign_in("TL")
    answer, body = read(visitor, audio_url(visitor), f"bytes={SIZE}-")
    assert (answer.status_code, answer.headers["Content-Range"], body) == (416, f"bytes */{SIZE}", b"")


def test_head_tells_the_size_only(sign_in: SignIn) -> None:
    visitor = sign_in("TL")
    answer = visitor.head(audio_url(visitor))
    assert (answer.status_code, answer.headers["Content-Length"], answer.content) == (200, str(SIZE), b"")


def test_a_grant_that_has_ended_says_so(sign_in: SignIn, centre: Centre) -> None:
    visitor = sign_in("TL")
    url = audio_url(visitor)
    with all_clients("a test"):
        grant = PlayGrant.objects.get()
        PlayGrant.objects.update(
            granted_at=grant.granted_at - (grant.expires_at - grant.granted_at), expires_at=grant.granted_at
        )
    assert visitor.get(url).status_code == 410
    page = visitor.page(f"{PAGE}?{url.partition('?')[2]}")
    assert "audio" not in page.ids
    assert "Before you listen" in page.text


def test_a_recording_whose_key_is_gone_cannot_be_played(sign_in: SignIn) -> None:
    from ringfence.centre.recordings.models import Recording
    from ringfence.centre.recordings.storage import key_store

    visitor = sign_in("TL")
    url = audio_url(visitor)
    with all_clients("a test"):
        key_store().destroy(Recording.objects.get().key_id)
    answer = visitor.get(url)
    assert answer.status_code == 409
    assert "The key of this recording is gone" in answer.content.decode()
