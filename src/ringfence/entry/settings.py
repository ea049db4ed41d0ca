"""One typed settings object, read once from ``ringfence.toml``; unknown and missing keys are refused with the cure.

No other module reads the environment. Two variables matter: ``RINGFENCE_CONFIG`` names the file,
``RINGFENCE_DATA`` overrides the data folder.
"""

import ipaddress
import os
import tomllib
from functools import lru_cache
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from ringfence.kit.errors import RingfenceError


class SettingsError(RingfenceError):
    """The settings cannot be used. Mend ringfence.toml as described above."""


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


class DatabaseSettings(Section):
    url: str = ""
    """``postgresql://user:password@host:port/name``; empty: SQLite in the data folder."""


class SipSettings(Section):
    host: str = "127.0.0.1"
    """Address to listen on."""
    advertised_host: str = ""
    """Address that peers are told; empty: ``host``."""
    udp_port: int = Field(default=5060, ge=0, le=65535)
    """0 switches a listener off. UDP, TCP and WS are offered on loopback only (R131)."""
    tcp_port: int = Field(default=5060, ge=0, le=65535)
    tls_port: int = Field(default=5061, ge=0, le=65535)
    ws_port: int = Field(default=5066, ge=0, le=65535)
    wss_port: int = Field(default=7443, ge=0, le=65535)
    realm: str = "ringfence"
    requests_per_second: float = Field(default=50.0, gt=0)
    """Unauthenticated requests accepted from one source address."""
    default_region: str = "GB"
    """For numbers written in national form."""
    plain_trunks: bool = False
    """True opens UDP and TCP off loopback for trunks whose exception has a written reason."""


class MediaSettings(Section):
    host: str = "127.0.0.1"
    advertised_host: str = ""
    first_port: int = Field(default=20000, ge=1024, le=65535)
    last_port: int = Field(default=29999, ge=1024, le=65535)
    dead_media_seconds: float = Field(default=30.0, gt=1)


class WebSettings(Section):
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=1, le=65535)
    public_url: str = ""
    """What people type, e.g. ``https://calls.example.gov.uk``; empty: derived from host and port."""


class StorageSettings(Section):
    kind: Literal["file", "s3"] = "file"
    bucket: str = ""
    endpoint: str = ""
    region: str = "eu-west-2"
    access_key: str = ""
    secret_key: str = ""
    processor: str = "Own installation"
    """Who stores the recordings, for the record of processing (R42)."""


class TlsSettings(Section):
    certificate: str = ""
    private_key: str = ""
    """Empty: a self-signed pair is made in the data folder, for trials."""


class Settings(Section):
    """Everything that differs between installations."""

    data: Path = Path("data")
    time_zone: str = "Europe/London"
    database: DatabaseSettings = DatabaseSettings()
    sip: SipSettings = SipSettings()
    media: MediaSettings = MediaSettings()
    web: WebSettings = WebSettings()
    storage: StorageSettings = StorageSettings()
    tls: TlsSettings = TlsSettings()
    demo: bool = False
    """Set by ``make demo`` only: sign-in links, simulated callers, always-open hours."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"

    @field_validator("data")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.expanduser().resolve()

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


def is_loopback(host: str) -> bool:
    """True for 127.0.0.0/8, ::1 and localhost."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


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
        lines = [f"{'.'.join(str(part) for part in item['loc'])}: {item['msg']}" for item in error.errors()]
        raise SettingsError(f"{path or 'settings'}: " + "; ".join(lines) + ".") from None


@lru_cache(maxsize=1)
def current() -> Settings:
    """The settings of this process, read once."""
    config = os.environ.get("RINGFENCE_CONFIG")
    return load(Path(config) if config else None)
