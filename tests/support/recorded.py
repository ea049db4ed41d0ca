"""Calls that were recorded, sealed for real and stored, with the clock of their life running."""

from datetime import datetime, timedelta
from typing import Any

from ringfence.bridge.apply import apply
from ringfence.centre.accounts.models import User
from ringfence.centre.calls.sealing import party_sealer
from ringfence.centre.recordings.actions import open_audio, state_purpose
from ringfence.centre.recordings.models import Recording
from ringfence.centre.recordings.tasks import move_to_store
from ringfence.centre.tenancy import all_clients
from ringfence.control import facts
from ringfence.kit.ids import AgentId, ClientCode, RecordingId
from tests.support.sealed import seal_to_spool
from tests.support.story import ADA, CALLER, Story

SESSION = "session of a test"


def recorded(
    number: int = 1,
    *,
    ended_at: datetime,
    client: str = "BBC",
    caller: str | None = CALLER,
    agent: AgentId = ADA,
    stored: bool = True,
    seconds: int = 1,
    sound: bytes | None = None,
) -> str:
    """The id of the recording of a call that ended at exactly that instant; ``rec-1`` of ``call-1`` and so on."""
    recording, name = f"rec-{number}", f"call-{number}"
    key_id, sealed = seal_to_spool(recording, name, client=client, seconds=seconds, sound=sound)
    story = Story(boot_id=f"boot-{number}", now=ended_at - timedelta(minutes=5)).start()
    call_id = story.arrive(name, client=ClientCode(client), number=caller)
    story.announce_and_queue(call_id)
    story.offer(call_id, agent)
    story.answer(call_id, agent, recording=None)
    story.told.pop()
    common: dict[str, Any] = {"recording_id": RecordingId(recording), "call_id": call_id}
    story.tell(
        facts.RecordingStarted, client=client, agent_id=agent, segment=1, wording="notice-7", key_id=key_id, **common
    )
    story.now = ended_at - timedelta(seconds=2)
    story.tell(facts.RecordingStopped, reason=facts.StopReason.HANG_UP, **common)
    story.tell(facts.CallEnded, call_id=call_id, reason=facts.EndReason.CALLER_HUNG_UP)
    assert story.now == ended_at
    story.state(agent, facts.AgentState.AVAILABLE)
    story.told.append(sealed)
    with all_clients("a test"):
        apply(story.batch(), sealer=party_sealer(), agents={}, now=ended_at)
    if stored:
        move_to_store.call(recording)
    return recording


def hear(user: User, recording: str, *, now: datetime, case: str = "C-1") -> bytes:
    """All of the sound, as somebody with a purpose hears it. Raises what the player is told."""
    grant = state_purpose(user, recording, session_key=SESSION, purpose="complaint", case_reference=case, now=now)
    view = open_audio(user, grant.grant_id, session_key=SESSION, now=now)
    return view.read(0, view.size)


def row_of(recording: str) -> Recording:
    with all_clients("a test"):
        found: Recording = Recording.objects.get(pk=recording)
        return found
