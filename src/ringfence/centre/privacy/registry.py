"""Declarations: one for each model, in the ``privacy`` module of its app (house rule 44).

    declare(
        Call,
        purpose="Show what happened to a call.",
        subjects={Subject.CALLER, Subject.STAFF},
        personal={"party_number": "the caller's number, sealed", "agent_id": "who took the call"},
        plain={"line", "trunk_id"},
        retention=RetentionClass.CALL_LOG,
        export=by_agent("agent_id"),
        erase=deleted("with the call log"),
    )

``personal`` and ``plain`` together name every field that could tell of a person: texts, bytes, JSON, and links to an
account. A field that nobody has thought about is therefore found, not forgotten.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum

from django.apps import apps
from django.conf import settings
from django.db import models

from ringfence.kit.errors import RingfenceError


class PrivacyError(RingfenceError):
    """A privacy declaration cannot be used. Mend the privacy module of the app as described above."""


class Subject(StrEnum):
    """Whom data is about (R40)."""

    CALLER = "callers and people they speak of"
    STAFF = "staff"


class RetentionClass(StrEnum):
    """Kinds of record that are kept for the same reason and therefore for the same time; the value is its heading."""

    RECORDING = "Recordings"
    CALL_LOG = "Call log"
    LISTENING = "Who listened"
    PAYMENT = "Payments without card data"
    HOLD = "Holds, requests and certificates"
    AUDIT = "Audit trail"
    ACCOUNT = "Accounts and rights"
    SIGN_IN = "Sign-in"
    TRAINING = "Training and sign-off"
    NOTICE = "Privacy notices"
    BREACH = "Data breaches"
    DISCLOSURE = "Disclosures"
    SUPPLIER = "Suppliers and processors"
    ASSESSMENT = "Impact assessments"
    CONFIGURATION = "Configuration of the centre"
    LIVE = "State of the moment"
    OPERATION = "Running of the installation"


RULES: Mapping[RetentionClass, str] = {
    RetentionClass.RECORDING: "Live and back tier count from the end of the call, 30 days each unless the client's "
    "schedule says otherwise; a hold stops both.",
    RetentionClass.CALL_LOG: "Counted from the end of the call, by the client's schedule.",
    RetentionClass.LISTENING: "At least as long as the recording it tells of; the audit trail keeps the fact longer.",
    RetentionClass.PAYMENT: "With the call log; no card data is ever in it.",
    RetentionClass.HOLD: "Longer than what it explains, so that every deletion can be accounted for.",
    RetentionClass.AUDIT: "Longer than anything it describes; entries are never changed and hold ids and codes only.",
    RetentionClass.ACCOUNT: "Past grants answer who could do what at any moment (R74), so they outlive the account.",
    RetentionClass.SIGN_IN: "Until it expires, or the person or the account goes.",
    RetentionClass.TRAINING: "As long as it must be shown who had signed what when calls were taken.",
    RetentionClass.NOTICE: "Every published version stays readable.",
    RetentionClass.BREACH: "Kept as the controller's proof of each breach, its effects and measures (Article 33(5)).",
    RetentionClass.DISCLOSURE: "Kept as the controller's proof of what was shared, with whom and on whose word (R77).",
    RetentionClass.SUPPLIER: "Every version stays: it shows what was known of a processor while data was with it.",
    RetentionClass.ASSESSMENT: "Every entry stays: it shows which purposes were on when people listened, and why.",
    RetentionClass.CONFIGURATION: "As long as it is used; published versions stay, because calls point at them.",
    RetentionClass.LIVE: "Replaced as things change; events are pruned within days.",
    RetentionClass.OPERATION: "Pruned by the job that writes it.",
}


@dataclass(frozen=True)
class Export:
    """How the rows of one person are found for an access request."""

    user_field: str = ""
    """Field that holds or links to the user."""
    agent_field: str = ""
    """Field that holds or links to the agent."""
    said: str = ""


@dataclass(frozen=True)
class Erase:
    """What erasure does to a row."""

    mode: str
    """``deleted``, ``masked``, ``key destroyed`` or ``kept``."""
    said: str


def by_user(name: str) -> Export:
    """Rows belong to the member of staff in ``name``."""
    return Export(user_field=name, said=f"by the account in {name}")


def by_agent(name: str) -> Export:
    """Rows belong to the agent in ``name``."""
    return Export(agent_field=name, said=f"by the agent in {name}")


def with_parent(parent: str) -> Export:
    """Rows are exported with what they belong to."""
    return Export(said=f"with its {parent}")


def not_exported(reason: str) -> Export:
    """Rows tell of nobody, or an access request must not return them; ``reason`` says which."""
    return Export(said=f"no: {reason}")


def deleted(how: str) -> Erase:
    return Erase("deleted", how)


def masked(how: str) -> Erase:
    return Erase("masked", how)


def key_destroyed(how: str) -> Erase:
    return Erase("key destroyed", how)


def kept(reason: str) -> Erase:
    return Erase("kept", reason)


@dataclass(frozen=True, kw_only=True)
class Declaration:
    """What is promised of one model."""

    label: str
    """``app.Model``."""
    purpose: str
    subjects: frozenset[Subject]
    personal: Mapping[str, str]
    """Field to what it is, in words."""
    plain: frozenset[str]
    """Fields that could hold text about a person and hold none."""
    retention: RetentionClass
    export: Export
    erase: Erase

    @property
    def model(self) -> type[models.Model]:
        return apps.get_model(self.label)


_declared: dict[str, Declaration] = {}


def declare(
    model: type[models.Model] | str,
    *,
    purpose: str,
    retention: RetentionClass,
    erase: Erase,
    export: Export,
    subjects: Collection[Subject] = (),
    personal: Mapping[str, str] | None = None,
    plain: Collection[str] = (),
) -> None:
    """States what ``model`` is for. Raises PrivacyError at import when the statement contradicts itself."""
    label = model if isinstance(model, str) else model._meta.label
    given = dict(personal or {})
    if label.lower() in _declared:
        raise PrivacyError(f"{label} is declared twice. Keep the declaration in its own app.")
    if bool(given) != bool(subjects):
        raise PrivacyError(f"{label} must name both its personal fields and whom they are about, or neither.")
    if both := set(given) & set(plain):
        raise PrivacyError(f"{label} calls {', '.join(sorted(both))} both personal and plain.")
    if not purpose.strip() or not export.said or not erase.said.strip():
        raise PrivacyError(f"{label} needs a purpose, a way to export it and a way to erase it.")
    _declared[label.lower()] = Declaration(
        label=label,
        purpose=purpose,
        subjects=frozenset(subjects),
        personal=given,
        plain=frozenset(plain),
        retention=retention,
        export=export,
        erase=erase,
    )


def declarations() -> tuple[Declaration, ...]:
    """Every declaration whose model is installed, by label."""
    installed = {model._meta.label_lower for model in apps.get_models()}
    return tuple(_declared[label] for label in sorted(_declared) if label in installed)


def telling_fields(model: type[models.Model]) -> set[str]:
    """Fields of ``model`` that could tell of a person: texts without a closed list, bytes, JSON, links to accounts."""
    found = set()
    for item in model._meta.get_fields():
        if not isinstance(item, models.Field):
            continue
        target = item.remote_field.model if item.remote_field else None
        if target is not None:
            if target._meta.label in (settings.AUTH_USER_MODEL, "accounts.Agent"):
                found.add(item.name)
        elif isinstance(item, models.CharField | models.TextField | models.BinaryField | models.JSONField):
            if not item.choices:
                found.add(item.name)
        elif isinstance(item, models.GenericIPAddressField):
            found.add(item.name)
    return found


def problems(model: type[models.Model]) -> list[str]:
    """What is missing or wrong in the declaration of ``model``, each with its cure."""
    label = model._meta.label
    declaration = _declared.get(model._meta.label_lower)
    if declaration is None:
        app = model.__module__.rpartition(".")[0]
        return [f"{label} declares no privacy. Add declare({model.__name__}, ...) to {app}.privacy."]
    names = {item.name for item in model._meta.get_fields()}
    named = set(declaration.personal) | declaration.plain
    found = [f"{label} declares {name}, which it does not have. Remove it." for name in sorted(named - names)]
    found += [
        f"{label}.{name} could tell of a person. Name it in personal, saying what it is, or in plain."
        for name in sorted(telling_fields(model) - named)
    ]
    for name in (declaration.export.user_field, declaration.export.agent_field):
        if name and name not in names:
            found.append(f"{label} is exported by {name}, which it does not have. Name a field of it.")
    return found
