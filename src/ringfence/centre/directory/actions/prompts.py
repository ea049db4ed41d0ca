"""Saving prompts, and giving them audio."""

from dataclasses import dataclass

from django.db import transaction

from ringfence.centre.accounts.models import User
from ringfence.centre.accounts.queries import actor_of
from ringfence.centre.audit.actions import record
from ringfence.centre.directory import audio as prompt_audio
from ringfence.centre.directory import entries
from ringfence.centre.directory.actions.writing import Change, upsert
from ringfence.centre.directory.errors import Invalid, RenderingUnavailable
from ringfence.centre.directory.models import Prompt, PromptKind
from ringfence.centre.tenancy.actions import bump_directory
from ringfence.centre.tenancy.models import Client


@transaction.atomic
def save_prompt(
    *,
    client: Client,
    slug: str,
    kind: PromptKind,
    text: str = "",
    speech: str = "",
    voice: str = "",
    wording: str = "",
    audio: bytes | None = None,
    by: User | None,
) -> tuple[Prompt, Change]:
    """The prompt says this. ``audio`` None keeps what is there if the text is the same. Raises Invalid.

    A notice's text is fixed once it has a wording id: every call is stamped with that id (R36).
    """
    if kind is not PromptKind.MUSIC and not text.strip():
        raise Invalid("The prompt has no text. People who read the page must know what callers hear.")
    if (kind is PromptKind.NOTICE) != bool(wording):
        raise Invalid("A recording notice has a wording id, for example notice-v1; other prompts have none.")
    before = Prompt.objects.filter(client=client, slug=slug).first()
    values: dict[str, object] = {
        "kind": kind.value,
        "text": text.strip(),
        "speech": speech.strip(),
        "voice": voice,
        "wording": wording,
    }
    if before and wording and before.wording == wording and before.text != text.strip():
        raise Invalid(f"The wording {wording} has been published with another text. Give the new text a new id.")
    if audio is not None:
        values |= _audio_values(audio)
    elif before and (before.text, before.voice, before.speech) != (text.strip(), voice, speech.strip()):
        values |= {"content_id": "", "duration_ms": 0, "state": Prompt.State.MISSING.value}
    prompt, change = upsert(Prompt, {"client": client, "slug": slug}, values)
    if change is not Change.UNCHANGED:
        _record(prompt, by=by)
    return prompt, change


@dataclass(frozen=True)
class Rendering:
    """What rendering did."""

    rendered: int
    missing: tuple[str, ...]
    """A sentence for each prompt that still has no audio."""


def render_missing_prompts(*, by: User | None) -> Rendering:
    """Speaks every prompt of the active scope that has text and no audio, each in its own transaction."""
    rendered, missing = 0, []
    for prompt in Prompt.objects.filter(state=Prompt.State.MISSING):
        try:
            if not prompt.text:
                raise RenderingUnavailable("Music cannot be spoken. Give it a recording.")
            values = _audio_values(prompt_audio.render(prompt.speech or prompt.text, prompt.voice))
        except RenderingUnavailable as error:
            missing.append(f"{prompt.client_id} {prompt.slug}: {error}")
            continue
        with transaction.atomic():
            for name, value in values.items():
                setattr(prompt, name, value)
            prompt.save(update_fields=list(values))
            _record(prompt, by=by)
        rendered += 1
    return Rendering(rendered, tuple(missing))


def _audio_values(audio: bytes) -> dict[str, object]:
    return {
        "content_id": prompt_audio.store(audio),
        "duration_ms": prompt_audio.duration_ms_of(audio),
        "state": Prompt.State.RENDERED.value,
    }


def _record(prompt: Prompt, *, by: User | None) -> None:
    entry = entries.PromptSaved(
        slug=prompt.slug, kind=prompt.kind, content_id=prompt.content_id, wording=prompt.wording
    )
    record(entry, actor=actor_of(by), client=prompt.client_id)
    bump_directory()
