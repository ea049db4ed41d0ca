"""Opening the audio of one recording: any byte range of a WAV view, in memory only."""

from ringfence.centre.recordings.errors import NotPlayable
from ringfence.centre.recordings.models import Recording, RecordingState
from ringfence.centre.recordings.storage import key_store, object_store, spool
from ringfence.vault.errors import KeyDestroyed, KeyUnknown, ObjectMissing
from ringfence.vault.names import spool_file
from ringfence.vault.opening import SealedReader
from ringfence.vault.stores import FileStore
from ringfence.vault.wav import WavView


def open_view(recording: Recording) -> WavView:
    """The recording as a WAV file of which ranges can be read. Raises NotPlayable or VaultError."""
    if recording.state not in (RecordingState.SPOOLED, RecordingState.LIVE):
        raise NotPlayable
    try:
        key = key_store().unwrap(recording.key_id)
    except (KeyDestroyed, KeyUnknown):
        raise NotPlayable("The key of this recording is gone, and with it the recording.") from None
    name = recording.object_name
    if recording.state == RecordingState.SPOOLED:
        # It may move to the store at any moment; the store is asked when the spool has it no more.
        try:
            return WavView(SealedReader(FileStore(spool()), spool_file(spool(), name).name, key))
        except ObjectMissing:
            pass
    return WavView(SealedReader(object_store(), name, key))
