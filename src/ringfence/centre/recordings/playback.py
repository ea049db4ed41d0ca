"""Opening the audio of one recording: any byte range of a WAV view, in memory only."""

from ringfence.centre.recordings.errors import NotPlayable
from ringfence.centre.recordings.models import Recording, RecordingState
from ringfence.centre.recordings.storage import key_store, object_store, spool
from ringfence.vault.errors import KeyDestroyed, KeyUnknown, ObjectMissing
from ringfence.vault.names import spool_file
from ringfence.vault.opening import RangeSource, SealedReader, read_header
from ringfence.vault.stores import FileStore
from ringfence.vault.wav import WavView


def open_view(recording: Recording) -> WavView:
    """The recording as a WAV file of which ranges can be read. Raises NotPlayable or VaultError.

    Whether the person may hear it now is asked before, by :func:`tiers.check_playable`.
    """
    if recording.state not in (RecordingState.SPOOLED, RecordingState.LIVE, RecordingState.BACK):
        raise NotPlayable
    name = recording.object_name
    if recording.state == RecordingState.SPOOLED:
        # It may move to the store at any moment; the store is asked when the spool has it no more.
        try:
            return _view(FileStore(spool()), spool_file(spool(), name).name, recording.key_id)
        except ObjectMissing:
            pass
    return _view(object_store(), name, recording.key_id)


def _view(store: RangeSource, name: str, key_id: str) -> WavView:
    try:
        key = key_store().unwrap(key_id or read_header(store, name).key)
    except (KeyDestroyed, KeyUnknown):
        raise NotPlayable("The key of this recording is gone, and with it the recording.") from None
    return WavView(SealedReader(store, name, key))
