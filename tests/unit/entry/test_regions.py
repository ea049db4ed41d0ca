"""Where the settings send data: a region is read where a setting names one, and nowhere else (R138)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.support.assessments import approve_purposes
from tests.support.people import create_clients, create_person

from ringfence.centre.accounts.rights import Role
from ringfence.centre.suppliers import actions
from ringfence.centre.suppliers.actions.samples import CARRIER, HOSTING, load_samples
from ringfence.centre.suppliers.models import Certificate
from ringfence.entry import cli
from ringfence.entry.checks import key_files, machine, registers
from ringfence.entry.checks.findings import Level
from ringfence.entry.errors import OperatorError
from ringfence.entry.regions import data_places
from ringfence.entry.settings import Settings, SettingsError, load

NOW = datetime(2026, 5, 4, 9, 0, tzinfo=UTC)
DATABASE = ("database", "database.url", "local")


def places(**values: Any) -> list[tuple[str, str, str]]:
    told = data_places(Settings.model_validate(values))
    return [(place.keeps, place.setting, place.region) for place in told]


def test_a_trial_keeps_everything_on_this_machine() -> None:
    assert places() == [("recordings", "storage.kind", "local"), DATABASE]


@pytest.mark.parametrize(
    ("storage", "named"),
    [
        ({}, [("storage.region", "eu-west-2")]),
        ({"region": "us-east-1"}, [("storage.region", "us-east-1")]),
        ({"endpoint": "https://s3.eu-central-1.wasabisys.example"}, [("storage.endpoint", "eu-central-1")]),
        (
            {"endpoint": "https://s3.eu-central-1.amazonaws.com", "region": "eu-west-2"},
            [("storage.endpoint", "eu-central-1"), ("storage.region", "eu-west-2")],
        ),
        ({"endpoint": "https://s3.us-gov-west-1.amazonaws.com"}, [("storage.endpoint", "us-gov-west-1")]),
        ({"endpoint": "https://s3-us-west-2.amazonaws.com"}, [("storage.endpoint", "us-west-2")]),
        ({"endpoint": "https://objects.barford.example"}, [("storage.endpoint", "")]),
        ({"endpoint": "https://objects.barford.example", "region": "uk-1"}, [("storage.region", "uk-1")]),
        ({"endpoint": "http://127.0.0.1:9000", "region": "us-east-1"}, [("storage.endpoint", "local")]),
        ({"endpoint": "https://[oops"}, [("storage.endpoint", "")]),
        ({"endpoint": "objects.barford.example:9000"}, [("storage.endpoint", "")]),
    ],
)
def test_the_region_of_a_bucket_is_never_the_default_of_another_store(
    storage: dict[str, str], named: list[tuple[str, str]]
) -> None:
    told = places(storage={"kind": "s3", "bucket": "recordings", **storage})
    assert told == [*(("recordings", setting, region) for setting, region in named), DATABASE]


@pytest.mark.parametrize(
    ("url", "region"),
    [
        ("postgresql:///ringfence", "local"),
        ("postgresql://u:p@localhost/ringfence", "local"),
        ("postgresql://u:p@10.0.0.7:5432/ringfence", ""),
        ("postgresql://u:p@ringfence.c1x2.eu-west-1.rds.amazonaws.com/ringfence", "eu-west-1"),
        ("postgresql://u:p@[oops/ringfence", ""),
    ],
)
def test_a_database_elsewhere_names_a_region_only_in_its_host(url: str, region: str) -> None:
    assert places(database={"url": url})[-1] == ("database", "database.url", region)


def test_a_folder_may_be_a_mount_of_anything() -> None:
    told = places(
        backup={"target": "/b", "key_folder": "/k", "list_copy": "/l"},
        audit={"folder": "/a", "bucket": "trail", "region": "eu-west-1", "syslog": "tls://log.barford.example:6514"},
    )
    assert told[2:] == [
        ("backups", "backup.target", ""),
        ("backup_keys", "backup.key_folder", ""),
        ("list_copy", "backup.list_copy", ""),
        ("audit", "audit.folder", ""),
        ("audit", "audit.region", "eu-west-1"),
        ("audit", "audit.syslog", ""),
    ]
    assert places(audit={"syslog": "unix:///dev/log"})[-1] == ("audit", "audit.syslog", "local")


@pytest.mark.parametrize("pattern", ["*", "?", "", "e*", "[a-z]*", "uk-*-1"])
def test_an_allow_list_that_would_allow_anything_is_refused(pattern: str, tmp_path: Path) -> None:
    file = tmp_path / "ringfence.toml"
    file.write_text(f'[regions]\nallowed = ["local", "{pattern}"]\n')
    with pytest.raises(SettingsError, match="is no name of a region"):
        load(file)


def found(**values: Any) -> list[tuple[Level, str]]:
    settings = Settings.model_validate(values)
    return [(finding.level, finding.sentence) for finding in registers.regions(settings, now=NOW)]


ABROAD = {"kind": "s3", "bucket": "recordings", "region": "us-east-1"}


@pytest.mark.django_db(transaction=True)  # the check closes its connection
def test_the_check_fails_for_another_region_until_an_assessment_of_its_keeper_is_accepted() -> None:
    ((level, sentence),) = found()
    assert (level, "local" in sentence) == (Level.OK, True)
    failed, _database = found(storage=ABROAD)
    assert failed[0] is Level.FAIL
    assert failed[1].startswith("storage.region: the data would be in us-east-1")
    assert "record the assessment on the page Suppliers" in failed[1]

    officer, head = create_person("officer", Role.DPO), create_person("head", Role.HOS)
    code = actions.add(details=HOSTING, now=NOW, by=None).supplier_id
    made = actions.assess_transfer(
        code=code,
        region="us-east-1",
        safeguard="idta",
        findings="The keys stay in the UK.",
        review_on=NOW.date().replace(year=2027),
        now=NOW,
        by=officer,
    )
    assert found(storage=ABROAD)[0][0] is Level.FAIL
    actions.accept_transfer(assessment=made, now=NOW, by=head)
    assert found(storage=ABROAD)[0] == (
        Level.OK,
        "storage.region: us-east-1, by an accepted transfer assessment.",
    )
    later = Settings.model_validate({"storage": ABROAD})
    overdue = next(registers.regions(later, now=NOW.replace(year=2028)))
    assert (overdue.level, "whose review is overdue" in overdue.sentence) == (Level.WARN, True)
    assert found(storage=ABROAD, regions={"allowed": ["us-east-1", "local"]})[0][0] is Level.OK


@pytest.mark.django_db(transaction=True)  # the check closes its connection
def test_a_place_that_no_setting_names_is_a_warning_until_the_register_states_it() -> None:
    lines = found(backup={"target": "/mnt/backups"})
    assert [level for level, _sentence in lines] == [Level.OK, Level.OK, Level.WARN]
    assert lines[2][1].startswith("backup.target: where this is cannot be read from the settings")
    actions.add(details=HOSTING, now=NOW, by=None)
    assert found(backup={"target": "/mnt/backups"})[2] == (
        Level.OK,
        "backup.target: UK, as the register of suppliers states.",
    )


@pytest.mark.django_db
def test_the_check_names_suppliers_that_are_not_in_order() -> None:
    def told() -> list[tuple[Level, str]]:
        return [(finding.level, finding.sentence) for finding in registers.suppliers(Settings(), now=NOW)]

    assert told()[0] == (Level.WARN, "None is in the register; add whoever runs the machines and carries calls.")
    load_samples(now=NOW)
    assert told() == [(Level.WARN, "Larkfield Telecom needs attention; see page Suppliers.")]
    carrier = replace(CARRIER, deletion="Clause 10", regions="Frankfurt")
    actions.change(code="larkfield-telecom", details=carrier, read=1, now=NOW, by=None)
    ((level, sentence),) = told()
    assert (level, "Larkfield Telecom has data in Frankfurt" in sentence) == (Level.FAIL, True)
    actions.change(code="larkfield-telecom", details=replace(carrier, regions="UK"), read=2, now=NOW, by=None)
    (row,) = Certificate.objects.filter(supplier="larkfield-telecom")
    renewed: dict[str, Any] = {
        "standard": row.standard,
        "issuer": row.issuer,
        "scope": row.scope,
        "now": NOW,
        "by": None,
    }
    actions.record_certificate(code="larkfield-telecom", expires_on=NOW.date() - timedelta(days=1), **renewed)
    assert "has expired" in told()[0][1]
    actions.record_certificate(code="larkfield-telecom", expires_on=NOW.date() + timedelta(days=99), **renewed)
    assert told() == [(Level.OK, "2 are in the register and in order.")]


@pytest.mark.django_db
def test_the_check_names_clients_of_whom_nobody_hears_anything() -> None:
    def told() -> list[tuple[Level, str]]:
        return [(finding.level, finding.sentence) for finding in registers.purposes(Settings(), now=NOW)]

    assert told() == []
    create_clients()
    approve_purposes("BBC", at=NOW)
    ((level, sentence),) = told()
    assert (level, "None is on for ELDC" in sentence) == (Level.WARN, True)
    approve_purposes(at=NOW)
    assert told() == [(Level.OK, "An approved impact assessment covers every client.")]


@pytest.mark.django_db(transaction=True)  # the check closes its connection
def test_up_refuses_to_start_with_recordings_abroad(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings.model_validate({"storage": ABROAD})
    for room, name in ((machine, "data_folder"), (machine, "control_socket"), (key_files, "keys")):
        monkeypatch.setattr(room, name, lambda _settings: iter(()))
    with pytest.raises(OperatorError, match=r"regions: storage\.region: the data would be in us-east-1"):
        cli.ready_to_run(settings)
