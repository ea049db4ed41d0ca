"""Plugs the bridge into this installation: its control socket, its directory, its keys."""

from ringfence.bridge.follow import Bridge, DirectorySource
from ringfence.centre.calls.sealing import party_sealer
from ringfence.centre.directory.queries import build_snapshot
from ringfence.centre.tenancy.queries import directory_revision
from ringfence.entry.settings import Settings


def create_bridge(settings: Settings) -> Bridge:
    """A bridge that has not begun yet. Raises VaultError when the keys cannot be used."""
    directory = DirectorySource(revision=directory_revision, build=build_snapshot)
    return Bridge(settings.control_socket, directory=directory, sealer=party_sealer())
