"""One typed settings object, read once from ``ringfence.toml``; unknown and missing keys are refused with the cure.

No other module reads the environment. Two variables matter: ``RINGFENCE_CONFIG`` names the file,
``RINGFENCE_DATA`` overrides the data folder. The docstring under each field is its text in docs/reference/settings.md.
"""

import difflib
import ipaddress
import os
import re
import tomllib
import zoneinfo
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, IPvAnyNetwork, ValidationError, field_validator, model_validator

from ringfence.kit.errors import RingfenceError

DEFAULT_FILE = Path("ringfence.toml")


class SettingsError(RingfenceError):
    """The settings cannot be used. Mend ringfence.toml as described above."""


def is_loopback(host: str) -> bool:
    """True for 127.0.0.0/8, ::1 and localhost."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True, use_attribute_docstrings=True)


class DatabaseSettings(Section):
    """Where the centre keeps its rows."""

    url: str = Field(default="", repr=False)
    """``postgresql://user:password@host:port/name``; empty: SQLite in the data folder."""

    @field_validator("url")
    @classmethod
    def _known_kind(cls, value: str) -> str:
        if value and not value.startswith(("postgresql://", "postgres://")):
            raise ValueError("must start with postgresql://, or be empty for SQLite in the data folder")
        return value


class SipSettings(Section):
    """Listeners of the SIP edge."""

    host: str = "127.0.0.1"
    """Address to listen on."""
    advertised_host: str = ""
    """Address that peers are told; empty: ``host``."""
    udp_port: int = Field(default=5060, ge=0, le=65535)
    """0 switches a listener off. UDP, TCP and WS are offered on loopback only (R131)."""
    tcp_port: int = Field(default=5060, ge=0, le=65535)
    """SIP over TCP; loopback only (R131)."""
    tls_port: int = Field(default=5061, ge=0, le=65535)
    """SIP over TLS, for handsets and trunks."""
    ws_port: int = Field(default=5066, ge=0, le=65535)
    """SIP over WebSocket; loopback only (R131)."""
    wss_port: int = Field(default=7443, ge=0, le=65535)
    """SIP over secure WebSocket, for browsers."""
    realm: str = "ringfence"
    """Digest realm. Changing it makes every handset password invalid."""
    requests_per_second: float = Field(default=50.0, gt=0)
    """Unauthenticated requests accepted from one source address."""
    default_region: str = "GB"
    """For numbers written in national form."""
    plain_trunks: bool = False
    """True opens UDP and TCP off loopback for trunks whose exception has a written reason."""


class MediaSettings(Section):
    """Ports and limits of the media engine."""

    host: str = "127.0.0.1"
    """Address of the media ports."""
    advertised_host: str = ""
    """Address written into session descriptions; empty: ``host``."""
    first_port: int = Field(default=20000, ge=1024, le=65535)
    """First UDP port for media; each leg takes two."""
    last_port: int = Field(default=29999, ge=1024, le=65535)
    """Last UDP port for media."""
    dead_media_seconds: float = Field(default=30.0, gt=1)
    """Silence on the wire after which a call is ended."""

    @model_validator(mode="after")
    def _range(self) -> Self:
        if self.last_port < self.first_port + 3:
            raise ValueError("last_port must be at least first_port + 3, because a call takes four ports")
        return self


class WebSettings(Section):
    """The pages."""

    host: str = "127.0.0.1"
    """Address to listen on; off loopback only HTTPS is offered (R131)."""
    port: int = Field(default=8000, ge=1, le=65535)
    """Port of the pages."""
    public_url: str = ""
    """What people type, e.g. ``https://calls.example.gov.uk``; empty: derived from host and port."""

    max_request_bytes: int = Field(default=5_000_000, ge=100_000, le=100_000_000)
    """Largest request, uploads included; it is kept in memory, because no upload may reach a disk in the clear."""

    @field_validator("public_url")
    @classmethod
    def _is_url(cls, value: str) -> str:
        if value and not value.startswith(("https://", "http://127.0.0.1", "http://localhost")):
            raise ValueError("must start with https://, because pages are never offered in plain HTTP off loopback")
        return value.rstrip("/")


class PaymentSettings(Section):
    """Where the cards go that callers key in."""

    keypad: Literal["none", "sandbox"] = "none"
    """``none``: callers cannot key in a card; ``sandbox``: what they key in is judged, never paid, for trials."""


class StorageSettings(Section):
    """Where sealed recordings are kept."""

    kind: Literal["file", "s3"] = "file"
    """``file``: the data folder; ``s3``: an S3-compatible store."""
    bucket: str = ""
    """S3 only: bucket that holds sealed recordings and nothing else."""
    endpoint: str = ""
    """S3 only: address of a store that is not AWS."""
    region: str = "eu-west-2"
    """S3 only."""
    access_key: str = Field(default="", repr=False)
    """S3 only; empty: the machine's own role."""
    secret_key: str = Field(default="", repr=False)
    """S3 only."""
    processor: str = "Own installation"
    """Who stores the recordings, for the record of processing (R42)."""

    @model_validator(mode="after")
    def _bucket_named(self) -> Self:
        if self.kind == "s3" and not self.bucket:
            raise ValueError('bucket must be given when kind is "s3"')
        return self


class TlsSettings(Section):
    """Certificate of the HTTPS, TLS and WSS listeners."""

    certificate: str = ""
    """PEM file, the chain included; empty: a self-signed pair is made in the data folder, for trials."""
    private_key: str = ""
    """PEM file, readable by this user only."""

    @model_validator(mode="after")
    def _both(self) -> Self:
        if bool(self.certificate) != bool(self.private_key):
            raise ValueError("certificate and private_key must be given together, or both left empty")
        return self


class BackupSettings(Section):
    """``ringfence backup``: see docs/howto/back-up-and-restore.md."""

    target: str = ""
    """Folder of the backups; empty: named on the command line."""
    key_folder: str = ""
    """Folder of the keys that open backups of the key store, apart from the backups: another disk, another host."""
    key_life_days: int = Field(default=7, ge=1, le=29)
    """After so many days a backup of the key store is dead; always less than the 30 days of the back-up tier."""
    keep_days: int = Field(default=14, ge=1, le=366)
    """After so many days a backup of everything else is removed."""
    list_copy: str = ""
    """File on another disk or host that is told of every destruction at once; empty: only backups carry the list."""


class RegionSettings(Section):
    """Where data may be without a transfer assessment (R138); docs/howto/keep-the-supplier-register.md."""

    allowed: tuple[str, ...] = (
        *("local", "eu-west-2", "uksouth", "ukwest", "europe-west2", "eu-gb"),
        *("uk", "uk-*", "gb", "united kingdom", "england", "scotland", "wales", "northern ireland"),
    )
    """Regions as providers name them, capital letters or not; ``*`` stands for any ending; ``local``: this machine."""

    @field_validator("allowed")
    @classmethod
    def _no_joker_alone(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for pattern in value:
            if not re.fullmatch(r"[A-Za-z][A-Za-z0-9 _-]+\*?", pattern):
                raise ValueError(
                    f'"{pattern}" is no name of a region; write it like eu-west-2 or uk-*, at least two letters first'
                )
        return value


class MetricsSettings(Section):
    """Prometheus figures, in plain HTTP and therefore on loopback only."""

    host: str = "127.0.0.1"
    """A loopback address."""
    engine_port: int = Field(default=9464, ge=0, le=65535)
    """0 switches the figures of a process off."""
    web_port: int = Field(default=9465, ge=0, le=65535)
    """Figures of the web process."""
    worker_port: int = Field(default=9466, ge=0, le=65535)
    """Figures of the worker process."""

    @field_validator("host")
    @classmethod
    def _loopback(cls, value: str) -> str:
        if not is_loopback(value):
            raise ValueError("must be a loopback address; let a local agent collect the figures from there")
        return value


class AccountSettings(Section):
    """Limits on sign-in and on people's access."""

    dormant_days: int = Field(default=60, ge=0, le=3650)
    """An account unused for so many days is suspended; 0: never."""
    sessions_per_person: int = Field(default=3, ge=1, le=20)
    """Browsers one person may be signed in with; the oldest is signed out."""
    session_hours: int = Field(default=12, ge=1, le=24)
    """After that everybody signs in again; a call that is running then ends first."""
    idle_minutes: int = Field(default=30, ge=5, le=720)
    """A browser that nobody uses for so long is signed out; at the desk, being Available or in a call is use."""
    failed_sign_ins: int = Field(default=10, ge=3, le=10)
    """Wrong passwords or codes before an account is locked; Cyber Essentials allows 10."""
    lock_minutes: int = Field(default=5, ge=5, le=1440)
    """How long it stays locked; the tries are counted over the same time."""
    break_glass_minutes: int = Field(default=240, ge=15, le=1440)
    """Longest urgent role."""
    support_minutes: int = Field(default=240, ge=15, le=1440)
    """Longest support session."""
    review_days: int = Field(default=92, ge=1, le=366)
    """An access review must be signed at least so often."""
    remote_needs_managed_device: Literal["off", "warn", "require"] = "require"
    """Outside the office without managed equipment (R141): ``require``: no calls; ``warn``: warned; ``off``: calls."""
    office_networks: tuple[IPvAnyNetwork, ...] = ()
    """Networks of the offices, such as ``10.20.0.0/16``: who says that they are at the office and comes from elsewhere
    needs managed equipment too. Empty: their word counts."""
    enrolment_minutes: int = Field(default=30, ge=5, le=1440)
    """How long a link counts with which ICT makes a computer known as managed."""
    computer_days: int = Field(default=365, ge=1, le=400)
    """How long a computer stays known; browsers keep nothing for longer than 400 days."""

    @field_validator("office_networks", mode="before")
    @classmethod
    def _networks(cls, value: object) -> object:
        for text in value if isinstance(value, list) else ():
            try:
                ipaddress.ip_network(str(text))
            except ValueError:
                raise ValueError(f"{text} is no network; write its first address and length: 10.20.0.0/16") from None
        return value


class DisclosureSettings(Section):
    """Limits on sharing recordings."""

    longest_days: int = Field(default=28, ge=1, le=90)
    """Longest time for which a release stays open; 14 days are proposed, or this if it is less."""


class AuditSettings(Section):
    """Second places for the signed checkpoints of the audit trail, out of reach of whoever owns the database."""

    checkpoint_minutes: int = Field(default=15, ge=1, le=1440)
    """How often the trail is signed: what is added and rewritten between two checkpoints shows least."""
    folder: str = ""
    """A folder on another machine or a write-once disk; empty: none."""
    syslog: str = ""
    """A collector: ``tls://host:6514``, ``tcp://host:601``, ``udp://host:514`` or ``unix:///dev/log``; empty: none."""
    bucket: str = ""
    """An S3 bucket that nobody but this keeps anything in; empty: none."""
    lock_days: int = Field(default=2557, ge=0)
    """Object lock of each checkpoint in the bucket; 0 for a store without object lock."""
    endpoint: str = ""
    """Bucket only: address of a store that is not AWS."""
    region: str = "eu-west-2"
    """Bucket only."""
    access_key: str = Field(default="", repr=False)
    """Bucket only; empty: the machine's own role."""
    secret_key: str = Field(default="", repr=False)
    """Bucket only."""


class SingleSignOn(Section):
    """One identity provider of a client or of the centre. People must have been invited all the same."""

    kind: Literal["oidc", "saml"]
    """OpenID Connect or SAML 2.0."""
    id: str = Field(pattern=r"^[a-z0-9-]{1,32}$")
    """Stands in the addresses that the provider must know."""
    name: str = Field(min_length=1, max_length=60)
    """On the button of the sign-in page."""
    domains: tuple[str, ...] = Field(min_length=1)
    """E-mail domains it may vouch for; it signs nobody in outside them."""
    server_url: str = ""
    """OIDC only: the issuer, or the address of its ``openid-configuration``."""
    client_id: str = ""
    """OIDC only."""
    client_secret: str = Field(default="", repr=False)
    """OIDC only."""
    entity_id: str = ""
    """SAML only: the provider's entity ID."""
    sso_url: str = ""
    """SAML only: where its sign-in page is."""
    certificate: str = ""
    """SAML only: its signing certificate, in PEM without the first and last line."""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        needed = {
            "oidc": ("server_url", "client_id", "client_secret"),
            "saml": ("entity_id", "sso_url", "certificate"),
        }[self.kind]
        if missing := [name for name in needed if not getattr(self, name)]:
            raise ValueError(f"{', '.join(missing)} must be given for kind {self.kind}")
        urls = [url for url in (self.server_url, self.sso_url) if url]
        if not all(url.startswith(("https://", "http://127.0.0.1", "http://localhost")) for url in urls):
            raise ValueError("addresses of an identity provider must start with https://")
        return self


class Settings(Section):
    """Everything that differs between installations."""

    data: Path = Path("data")
    """Folder for everything that Ringfence keeps; readable by its user only."""
    time_zone: str = "Europe/London"
    """Zone of opening hours and pages."""
    database: DatabaseSettings = DatabaseSettings()
    sip: SipSettings = SipSettings()
    media: MediaSettings = MediaSettings()
    payments: PaymentSettings = PaymentSettings()
    web: WebSettings = WebSettings()
    storage: StorageSettings = StorageSettings()
    tls: TlsSettings = TlsSettings()
    audit: AuditSettings = AuditSettings()
    backup: BackupSettings = BackupSettings()
    regions: RegionSettings = RegionSettings()
    metrics: MetricsSettings = MetricsSettings()
    accounts: AccountSettings = AccountSettings()
    disclosures: DisclosureSettings = DisclosureSettings()
    single_sign_on: tuple[SingleSignOn, ...] = ()
    """Identity providers, each a table ``[[single_sign_on]]``; docs/howto/single-sign-on.md has both kinds."""
    demo: bool = False
    """Set by ``make demo`` only: sign-in links, simulated callers, always-open hours."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """Least severe entry that is written."""
    log_format: Literal["text", "json"] = "text"
    """``json`` writes one object a line, for a log collector."""

    @field_validator("data")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.expanduser().resolve()

    @field_validator("time_zone")
    @classmethod
    def _zone_exists(cls, value: str) -> str:
        try:
            zoneinfo.ZoneInfo(value)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError):
            raise ValueError("is no known time zone; write it like Europe/London") from None
        return value

    @model_validator(mode="after")
    def _demo_stays_home(self) -> Self:
        if self.demo and not all(is_loopback(host) for host in (self.sip.host, self.media.host, self.web.host)):
            raise ValueError("demo = true needs every host on loopback, because its sign-in links need no password")
        return self

    @model_validator(mode="after")
    def _address_known(self) -> Self:
        if not is_loopback(self.web.host) and not self.web.public_url:
            raise ValueError(
                "web.public_url must be given when web.host is off loopback, e.g. https://calls.example.gov.uk, "
                "because sign-in keys are bound to it"
            )
        return self

    @model_validator(mode="after")
    def _ports_differ(self) -> Self:
        taken: dict[int, str] = {}
        for name, port in self.tcp_ports().items():
            if port and (other := taken.setdefault(port, name)) != name:
                raise ValueError(f"{other} and {name} are both {port}; give one of them another port")
        return self

    def tcp_ports(self) -> dict[str, int]:
        """Every TCP port that a process of this installation may listen on, by the name of its setting."""
        sip, metrics = self.sip, self.metrics
        return {
            "web.port": self.web.port,
            **{f"sip.{name}_port": getattr(sip, f"{name}_port") for name in ("tcp", "tls", "ws", "wss")},
            **{f"metrics.{name}_port": getattr(metrics, f"{name}_port") for name in ("engine", "web", "worker")},
        }

    @property
    def control_socket(self) -> Path:
        return self.data / "run" / "engine.sock"

    @property
    def prompts(self) -> Path:
        return self.data / "prompts"

    @property
    def spool(self) -> Path:
        return self.data / "spool"

    @property
    def recordings(self) -> Path:
        return self.data / "recordings"

    @property
    def keys(self) -> Path:
        return self.data / "keys"

    @property
    def secrets(self) -> Path:
        return self.data / "secrets"

    @property
    def logs(self) -> Path:
        return self.data / "logs"

    @property
    def certificate(self) -> Path:
        return Path(self.tls.certificate) if self.tls.certificate else self.data / "tls" / "certificate.pem"

    @property
    def private_key(self) -> Path:
        return Path(self.tls.private_key) if self.tls.private_key else self.data / "tls" / "private-key.pem"

    @property
    def web_is_secure(self) -> bool:
        """The web process itself speaks HTTPS: always off loopback; on loopback a proxy may do it (R131)."""
        return not is_loopback(self.web.host)

    @property
    def page(self) -> str:
        """Address of the first page, without a slash at the end."""
        if self.web.public_url:
            return self.web.public_url
        host = f"[{self.web.host}]" if ":" in self.web.host else self.web.host
        return f"{'https' if self.web_is_secure else 'http'}://{host}:{self.web.port}"


def _known_keys(path: tuple[str, ...]) -> list[str]:
    section: Any = Settings
    for part in path:
        section = section.model_fields[part].annotation
    return list(section.model_fields)


def _sentence(location: Iterable[int | str], kind: str, message: str) -> str:
    path = tuple(str(part) for part in location)
    key = ".".join(path) or "settings"
    if kind == "extra_forbidden":
        known = _known_keys(path[:-1])
        near = difflib.get_close_matches(path[-1], known, n=1)
        cure = f"did you mean {near[0]}" if near else f"known keys here: {', '.join(known)}"
        return f"{key} is no setting ({cure})"
    if kind == "model_type":
        return f"{key} must be a table: write [{key}] on a line of its own and its keys below it"
    return f"{key}: {message.removeprefix('Value error, ')}"


def load(path: Path | None) -> Settings:
    """Settings from a TOML file, or the defaults when ``path`` is None. Raises SettingsError naming key and cure."""
    values: dict[str, object] = {}
    if path is not None:
        try:
            values = tomllib.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise SettingsError(f"There is no settings file {path}. Create it, or unset RINGFENCE_CONFIG.") from None
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise SettingsError(f"{path} is not a readable TOML file: {error}.") from None
    if data := os.environ.get("RINGFENCE_DATA"):
        values["data"] = data
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        lines = [_sentence(item["loc"], item["type"], item["msg"]) for item in error.errors(include_input=False)]
        raise SettingsError(f"{path or 'settings'}: " + "; ".join(lines).rstrip(".") + ".") from None


def choose(path: Path | None) -> Settings:
    """Makes ``path`` the settings file of this process and of its children, and reads it."""
    if path is None and "RINGFENCE_CONFIG" not in os.environ and DEFAULT_FILE.exists():
        path = DEFAULT_FILE
    if path is not None:
        os.environ["RINGFENCE_CONFIG"] = str(path.resolve())
    current.cache_clear()
    return current()


def use_django() -> None:
    """Makes Django's models usable in this process. Raises PrivacyError while one of them declares no privacy."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ringfence.entry.django_settings")
    import django

    django.setup()
    from ringfence.centre.privacy.checks import require_declarations

    require_declarations()


@lru_cache(maxsize=1)
def current() -> Settings:
    """The settings of this process, read once."""
    config = os.environ.get("RINGFENCE_CONFIG")
    return load(Path(config) if config else None)
