"""What a dialled string means, without I/O: emergency, extension, one of our own numbers, or a number outside."""

import re
from dataclasses import dataclass

import phonenumbers

from ringfence.control.directory import DeviceEntry, DirectorySnapshot, NumberEntry
from ringfence.kit.ids import AgentId, ClientCode

EMERGENCY = ("999", "112")
_SEPARATORS = re.compile(r"[\s().\-/]")
_EMERGENCY = re.compile(r"(?:\+44|0044)?(?:9|0{1,2})?(999|112)\Z")
"""As people dial it: with a line prefix 9 or 0, or with the country code in front."""
_SHORT = re.compile(r"1[0-9]{2}|116[0-9]{3}|118[0-9]{3}")
"""Short codes of the national plan: 101, 111, 105, helplines and directory enquiries."""
_NUMBER = re.compile(r"\+?[0-9]{3,20}\Z")
_BRITISH = re.compile(r"\+44[1-9][0-9]{9}\Z")
"""Already as the library would write it, which takes twenty times as long; a test compares them."""


@dataclass(frozen=True, kw_only=True)
class Emergency:
    number: str
    """999 or 112."""


@dataclass(frozen=True, kw_only=True)
class Extension:
    device: DeviceEntry


@dataclass(frozen=True, kw_only=True)
class OwnNumber:
    entry: NumberEntry


@dataclass(frozen=True, kw_only=True)
class Outside:
    number: str
    """E.164, or a short code of the national plan."""


Meaning = Emergency | Extension | OwnNumber | Outside


def emergency(dialled: str) -> Emergency | None:
    """Set when ``dialled`` asks for the emergency services, whatever prefix was dialled."""
    found = _EMERGENCY.match(_SEPARATORS.sub("", dialled))
    return Emergency(number=found[1]) if found else None


def e164(number: str | None, *, region: str) -> str | None:
    """``number`` in E.164, also when it came in national form or as 44... without its plus; None if it is none."""
    if number is None:
        return None
    if _BRITISH.match(number):
        return number
    plain = _SEPARATORS.sub("", number)
    if not _NUMBER.match(plain):
        return None
    for text, home in ((plain, region), (f"+{plain}", None)):
        try:
            parsed = phonenumbers.parse(text, home)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_possible_number_with_reason(parsed) == phonenumbers.ValidationResult.IS_POSSIBLE:
            return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
    return None


def own_number(snapshot: DirectorySnapshot, dialled: str, *, region: str) -> NumberEntry | None:
    """The entry of a number that the centre answers."""
    plain = _SEPARATORS.sub("", dialled)
    for wanted in ({plain, f"+{plain}"}, {e164(dialled, region=region)}):
        if (entry := next((each for each in snapshot.numbers if each.number in wanted), None)) is not None:
            return entry
    return None


def meaning(snapshot: DirectorySnapshot, dialled: str, *, region: str) -> Meaning | None:
    """What to do with ``dialled``; an extension wins over a number of the same digits, an emergency over all."""
    if (urgent := emergency(dialled)) is not None:
        return urgent
    plain = _SEPARATORS.sub("", dialled)
    for device in snapshot.devices:
        if device.extension is not None and device.extension == plain:
            return Extension(device=device)
    if (own := own_number(snapshot, dialled, region=region)) is not None:
        return OwnNumber(entry=own)
    outside = plain if _SHORT.fullmatch(plain) else e164(dialled, region=region)
    return Outside(number=outside) if outside is not None else None


def shown_number(snapshot: DirectorySnapshot, *, client: ClientCode | None, agent_id: AgentId | None) -> str | None:
    """The number that an outgoing call shows: the client's, else one of the agent's clients', else any client's."""
    numbers = {entry.code: entry.outbound_number for entry in snapshot.clients if entry.outbound_number}
    if client is not None:
        return numbers.get(client)
    person = next((entry for entry in snapshot.agents if entry.agent_id == agent_id), None)
    for code in sorted(person.clients) if person is not None else ():
        if code in numbers:
            return numbers[code]
    return next(iter(numbers.values()), None)
