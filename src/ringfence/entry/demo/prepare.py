"""Everything between a checkout and a running demonstration: settings, keys, database, sample centre, telephones."""

import hashlib
import tomllib
from collections.abc import Callable
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ringfence.entry import installation
from ringfence.entry import settings as settings_module
from ringfence.entry.demo import plan as plans
from ringfence.entry.demo.plan import Handset, Line, Plan, RoleLink
from ringfence.entry.errors import OperatorError
from ringfence.entry.settings import Settings, use_django
from ringfence.kit.ids import AgentId

SOURCE = Path(__file__).parents[2]
SAMPLE = SOURCE / "centre" / "directory" / "samples" / "three-councils.toml"
LIBRARY = SOURCE / "centre" / "training" / "samples"
BUILT = SOURCE / "web" / "static" / "dist"
CARRIER = "simulated-carrier"
DEMO_PAGE = "Council tax (invented payment page)"
FIRST_MEDIA_PORT = 20000
LAST_MEDIA_PORT = 20999


def write_settings(folder: Path, *, port: int, sip_port: int) -> Settings:
    """The demonstration's own settings file, made anew at each start; returns the settings, in force."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = folder / "ringfence.toml"
        path.write_text(
            "# Written by 'make demo' at each start. Ports: make demo DEMO_PORT=8100 DEMO_SIP_PORT=5160\n"
            f'data = "{folder.resolve()}"\n'
            "demo = true\n\n"
            f"[web]\nport = {port}\n\n"
            f"[sip]\nudp_port = {sip_port}\ntcp_port = {sip_port}\ntls_port = {sip_port + 1}\n"
            f"ws_port = {sip_port + 6}\nwss_port = {sip_port + 7}\n\n"
            f"[media]\nfirst_port = {FIRST_MEDIA_PORT}\nlast_port = {LAST_MEDIA_PORT}\n\n"
            '[payments]\nkeypad = "sandbox"\n\n'
            '[accounts]\nremote_needs_managed_device = "off"\n\n'
            f"[metrics]\nengine_port = {port + 1}\nweb_port = {port + 2}\nworker_port = {port + 3}\n",
            encoding="utf-8",
        )
    except OSError as error:
        raise OperatorError(
            f"The demonstration's folder {folder} cannot be used ({error.strerror}). Remove it or give it to this "
            "user, or name another one: ringfence demo --folder FOLDER."
        ) from None
    return settings_module.choose(path)


def sample() -> dict[str, Any]:
    """The sample centre as it is written in its file."""
    return tomllib.loads(SAMPLE.read_text(encoding="utf-8"))


def fingerprint(settings: Settings) -> str:
    """Changes with the version, the tables, the sample centre, the built pages and the address of the pages."""
    digest = hashlib.sha256(f"{version('ringfence')} {settings.page}".encode())
    for path in sorted(SOURCE.glob("centre/*/migrations/*.py")):
        digest.update(path.name.encode() + path.read_bytes())
    for path in (SAMPLE, *sorted(LIBRARY.glob("*.md")), BUILT / ".stamp", Path(plans.__file__), Path(__file__)):
        digest.update(path.read_bytes() if path.is_file() else b"-")
    return digest.hexdigest()


def prepare(settings: Settings, *, now: datetime, say: Callable[[str], None]) -> Plan:
    """The plan of a centre that is ready to run; made only when something it depends on has changed."""
    wanted = fingerprint(settings)
    found = plans.read(settings.data)
    if found is not None and found.made_of == wanted:
        installation.make_certificate(settings, now=now)
        return found
    if not BUILT.is_dir():
        raise OperatorError("The pages are not built yet. Start the demonstration with 'make demo', which builds them.")
    say("- preparing the demonstration (keys, database, sample centre); the first time takes half a minute")
    installation.init(settings, now=now, say=lambda sentence: say(f"  {sentence}"))
    say("  sample centre: loading ...")
    return _load(settings, made_of=wanted)


def _train() -> None:
    """The library that comes with the package, and each invented agent's own signature under what is mandatory."""
    from django.utils import timezone

    from ringfence.centre.accounts.models import Agent
    from ringfence.centre.training.actions import load_samples, sign
    from ringfence.centre.training.models import DocumentVersion

    load_samples(today=timezone.localdate())
    for text in DocumentVersion.objects.filter(document__mandatory=True):
        for agent in Agent.objects.select_related("user"):
            sign(version=text, sha256=text.sha256, by=agent.user)


def _load(settings: Settings, *, made_of: str) -> Plan:
    use_django()
    from ringfence.centre.accounts import actions
    from ringfence.centre.accounts.models import Device
    from ringfence.centre.accounts.queries import demo_signin_users
    from ringfence.centre.directory.actions import load_centre
    from ringfence.centre.directory.queries import build_snapshot

    passwords = load_centre(SAMPLE).passwords
    _train()
    _save_payment_pages(settings)
    _record_suppliers()
    _approve_purposes()
    now = build_snapshot()
    names = {client.code: client.name for client in now.clients}
    labels = {number["number"]: number["label"] for row in sample()["clients"] for number in row["numbers"]}
    handsets = []
    for device in Device.objects.filter(ha1_sealed__isnull=False, removed_at__isnull=True, agent__isnull=False):
        password = passwords.get(device.device_id) or actions.reset_device_password(device=device, by=None)
        handsets.append(Handset(device_id=device.device_id, password=password, agent_id=AgentId(str(device.agent_id))))
    lines = tuple(
        Line(
            number=entry.number,
            client=entry.client,
            client_name=names[entry.client],
            label=labels.get(entry.number, "Line"),
        )
        for entry in sorted(now.numbers, key=lambda entry: entry.number)
    )
    plan = Plan(
        made_of=made_of,
        lines=lines,
        handsets=tuple(handsets),
        roles=tuple(RoleLink(role=user.role.value, title=str(user.role.title)) for user in demo_signin_users()),
        carrier_port=next((trunk.port for trunk in now.trunks if trunk.trunk_id == CARRIER), 5070),
    )
    plans.write(settings.data, plan)
    return plan


def _record_suppliers() -> None:
    """Two invented suppliers, one of whose certificates ends soon, and the alarm that says so."""
    from django.utils import timezone

    from ringfence.centre.suppliers.actions import watch
    from ringfence.centre.suppliers.actions.samples import load_samples

    load_samples(now=timezone.now())
    watch(now=timezone.now())


def _approve_purposes() -> None:
    """An invented assessment of every purpose, without which nobody would hear anything (R81)."""
    from django.utils import timezone

    from ringfence.centre.assessments.actions.samples import load_samples

    load_samples(now=timezone.now())


def _save_payment_pages(settings: Settings) -> None:
    """Each council has one payment page, the invented one of the demonstration at its present address."""
    from ringfence.centre.payments.actions import save_link
    from ringfence.centre.payments.queries import links_of
    from ringfence.centre.tenancy.queries import client_codes

    for client in sorted(client_codes()):
        known = next((link.link_id for link in links_of(client) if link.name == DEMO_PAGE), "")
        address = f"{settings.page}/demo/payment/"
        save_link(client=client, name=DEMO_PAGE, address=address, link_id=known, by=None)
