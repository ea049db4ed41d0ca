"""The registrar: which device is reached over which flow (RFC 3261 section 10, RFC 5626). Sans-I/O."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ringfence.engine.sip.api import Binding, DeviceBound, DeviceUnbound, SipEvent
from ringfence.engine.sip.core.endpoint import Endpoint
from ringfence.engine.sip.core.flow import Flow
from ringfence.engine.sip.core.headers import check_uri, parse_name_addr, parse_seconds
from ringfence.engine.sip.core.message import Message
from ringfence.engine.sip.core.timers import Timer
from ringfence.kit.ids import DeviceId

_INSTANCE = re.compile(r';\s*\+sip\.instance\s*=\s*"([^"]{1,200})"', re.IGNORECASE)


@dataclass(slots=True, eq=False)
class Contact:
    """One binding of a device."""

    device: DeviceId
    key: str
    """Instance and reg-id where the device tells them (RFC 5626), otherwise its URI."""
    uri: str
    raw: str
    """The Contact as it was written, without its expires parameter."""
    flow: Flow
    call_id: str
    cseq: int
    expires_at: float
    timer: Timer | None = None


class Registrar:
    """Bindings by device, newest first."""

    def __init__(
        self,
        endpoint: Endpoint,
        emit: Callable[[SipEvent], None],
        *,
        longest_seconds: int,
        shortest_seconds: int,
        moved: Callable[[str, Flow | None, Flow], None],
    ) -> None:
        self.endpoint = endpoint
        self._emit = emit
        self._longest = longest_seconds
        self._shortest = shortest_seconds
        self._moved = moved
        self._contacts: dict[DeviceId, list[Contact]] = {}
        self._flows: dict[tuple[str, tuple[str, int]], set[DeviceId]] = {}

    def __len__(self) -> int:
        return len(self._contacts)

    def newest(self, device: DeviceId) -> Contact | None:
        """The newest binding whose flow lives."""
        for contact in self._contacts.get(device, ()):
            if not contact.flow.closed:
                return contact
        return None

    def binding(self, device: DeviceId) -> Binding | None:
        contact = self.newest(device)
        if contact is None:
            return None
        flow = contact.flow
        return Binding(device_id=device, transport=flow.protocol, secure=flow.secure, browser=flow.browser)

    def knows(self, flow: Flow) -> bool:
        """A device is registered over this flow."""
        return flow.key in self._flows

    def register(self, message: Message, device: DeviceId) -> None:
        """A REGISTER whose sender has proved to be ``device``."""
        now = self.endpoint.now
        values = message.all("contact")
        if values and values[0].strip().startswith("*"):
            self._remove_all(message, device, alone=len(values) == 1)
            return
        header = parse_seconds(message.get("expires"))
        wanted: list[tuple[Contact, int]] = []
        for value in values[: self.endpoint.limits.contacts_per_device]:
            try:
                contact, seconds = self._read(message, device, value)
            except ValueError:
                self.endpoint.answer(message, 400)
                return
            seconds = header if seconds is None else seconds
            seconds = self._longest if seconds is None else min(seconds, self._longest)
            if 0 < seconds < self._shortest:
                self.endpoint.answer(message, 423, headers=[("Min-Expires", str(self._shortest))])
                return
            wanted.append((contact, seconds))
        known = {contact.key: contact for contact in self._contacts.get(device, ())}
        for contact, _ in wanted:
            old = known.get(contact.key)
            if old is not None and old.call_id == contact.call_id and contact.cseq <= old.cseq:
                self.endpoint.answer(message, 500)
                return
        for contact, seconds in wanted:
            if seconds:
                contact.expires_at = now + seconds
                self._bind(contact, seconds)
            elif contact.key in known:
                self._drop(known[contact.key], "unregistered")
        self._answer(message, device)

    def _read(self, message: Message, device: DeviceId, value: str) -> tuple[Contact, int | None]:
        address = parse_name_addr(value)
        if check_uri(address.uri).scheme == "tel":
            raise ValueError("A tel URI cannot be registered.")
        instance = _INSTANCE.search(address.params)
        key = f"{instance.group(1)}|{address.param('reg-id') or ''}" if instance else address.uri
        raw = f"<{address.uri}>" + re.sub(r";\s*expires\s*=\s*[^;]*", "", address.params, flags=re.IGNORECASE)
        contact = Contact(device, key, address.uri, raw, message.flow, message.call_id, message.cseq, 0.0)
        return contact, parse_seconds(address.param("expires"))

    def _remove_all(self, message: Message, device: DeviceId, *, alone: bool) -> None:
        if not alone or parse_seconds(message.get("expires")) != 0:
            self.endpoint.answer(message, 400)
            return
        for contact in list(self._contacts.get(device, ())):
            self._drop(contact, "unregistered")
        self._answer(message, device)

    def _answer(self, message: Message, device: DeviceId) -> None:
        now = self.endpoint.now
        contacts = self._contacts.get(device, [])
        headers = [("Contact", f"{each.raw};expires={max(1, round(each.expires_at - now))}") for each in contacts]
        if "outbound" in message.tokens("supported") and any("|" in each.key for each in contacts):
            headers.append(("Require", "outbound"))
        self.endpoint.answer(message, 200, headers=headers)

    def _bind(self, contact: Contact, seconds: int) -> None:
        device = contact.device
        held = self._contacts.setdefault(device, [])
        old = next((each for each in held if each.key == contact.key), None)
        if old is not None:
            self._detach(old)
        contact.timer = self.endpoint.timers.after(seconds, lambda: self._drop(contact, "expired"))
        held.insert(0, contact)
        flow = contact.flow
        holders = self._flows.setdefault(flow.key, set())
        if device not in holders:
            holders.add(device)
            if flow.reliable:
                flow.onclose.append(lambda: self._flow_closed(flow))
        for surplus in held[self.endpoint.limits.contacts_per_device :]:
            self._drop(surplus, "expired")
        if old is None or old.flow.key != flow.key:
            self._moved(device, old.flow if old else None, flow)
        if old is None:
            self._emit(DeviceBound(device_id=device, transport=flow.protocol))

    def _detach(self, contact: Contact) -> None:
        if contact.timer is not None:
            contact.timer.cancel()
        held = self._contacts.get(contact.device, [])
        if contact in held:
            held.remove(contact)
        key = contact.flow.key
        if key in self._flows and not any(each.flow.key == key for each in held):
            self._flows[key].discard(contact.device)
            if not self._flows[key]:
                del self._flows[key]

    def _drop(self, contact: Contact, cause: str) -> None:
        self._detach(contact)
        if not self._contacts.get(contact.device):
            self._contacts.pop(contact.device, None)
            self._emit(DeviceUnbound(device_id=contact.device, cause=cause))

    def _flow_closed(self, flow: Flow) -> None:
        for device in list(self._flows.get(flow.key, ())):
            for contact in list(self._contacts.get(device, ())):
                if contact.flow is flow:
                    self._drop(contact, "flow_closed")

    def retain(self, devices: Iterable[DeviceId]) -> None:
        """Drop the bindings of devices that the directory no longer holds."""
        for device in set(self._contacts) - set(devices):
            for contact in list(self._contacts[device]):
                contact.flow.device = None
                self._drop(contact, "unregistered")
