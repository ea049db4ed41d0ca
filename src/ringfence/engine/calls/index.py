"""Finds devices in the directory in force without reading through all of them for every call."""

from ringfence.control.directory import DeviceEntry, DirectorySnapshot
from ringfence.engine.ports import Directory
from ringfence.kit.ids import AgentId, DeviceId


class DeviceIndex:
    """Always of the snapshot in force: made anew by the first question after a change."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._snapshot: DirectorySnapshot | None = None
        self._by_id: dict[DeviceId, DeviceEntry] = {}
        self._by_agent: dict[AgentId, list[DeviceEntry]] = {}

    def device(self, device_id: DeviceId) -> DeviceEntry | None:
        self._renew()
        return self._by_id.get(device_id)

    def of_agent(self, agent_id: AgentId) -> list[DeviceEntry]:
        """In the directory's order."""
        self._renew()
        return self._by_agent.get(agent_id, [])

    def _renew(self) -> None:
        snapshot = self._directory.snapshot
        if snapshot is self._snapshot:
            return
        self._snapshot, self._by_id, self._by_agent = snapshot, {}, {}
        for device in snapshot.devices:
            self._by_id.setdefault(device.device_id, device)
            if device.agent_id is not None:
                self._by_agent.setdefault(device.agent_id, []).append(device)
