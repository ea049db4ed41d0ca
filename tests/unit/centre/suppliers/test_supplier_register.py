"""What is known of suppliers, what is blank, and what ends: nothing is overwritten, nothing goes unnoticed."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from unittest.mock import patch

import pytest
from django.db import IntegrityError, transaction
from tests.support.people import create_clients, create_person

from ringfence.centre.accounts.models import RoleGrant, User
from ringfence.centre.accounts.rights import Role
from ringfence.centre.audit.models import AuditEntry
from ringfence.centre.audit.queries import describe
from ringfence.centre.jobs.models import Alarm
from ringfence.centre.suppliers import actions, queries
from ringfence.centre.suppliers.actions import Details
from ringfence.centre.suppliers.actions.samples import CARRIER, HOSTING, load_samples
from ringfence.centre.suppliers.errors import Invalid, NotFound, Refused
from ringfence.centre.suppliers.models import Certificate, Keeps, Supplier, TransferAssessment
from ringfence.centre.suppliers.places import Place, is_allowed
from ringfence.centre.suppliers.queries import Fault, Problem, Whereabouts
from ringfence.centre.suppliers.tasks import watch_suppliers
from ringfence.centre.tenancy import all_clients

pytestmark = pytest.mark.django_db

START = datetime(2026, 1, 5, 9, tzinfo=UTC)
TODAY = START.date()
DAY = timedelta(days=1)
PLAIN = Details(name="Fernhill Headsets", service="Sells headsets", processor=False)


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture(autouse=True)
def clock(settings: Any) -> Iterator[Clock]:
    settings.RINGFENCE_REGIONS = ("local", "uk", "uk-*", "eu-west-2")
    settings.RINGFENCE_DATA_PLACES = (Place(keeps="recordings", setting="storage.kind", region="local"),)
    create_clients()
    made = Clock()
    with patch("django.utils.timezone.now", made):
        yield made


@pytest.fixture
def manager() -> User:
    return create_person("manager", Role.CODM)


def add(details: Details = HOSTING, *, by: User | None = None) -> str:
    return actions.add(details=details, now=START, by=by).supplier_id


def certify(code: str, expires_on: date, **values: Any) -> Certificate:
    told: dict[str, Any] = {
        "standard": "ISO/IEC 27001:2022",
        "issuer": "Harbourlight",
        "scope": "Everything",
        "now": START,
        "by": None,
    }
    return actions.record_certificate(code=code, expires_on=expires_on, **{**told, **values})


def problems(code: str, today: date = TODAY) -> list[Problem]:
    return list(queries.access_supplier(code, today=today).problems)


def alarms() -> list[tuple[str, str, str]]:
    rows = Alarm.objects.filter(cleared_at=None).order_by("code", "subject")
    return [(row.code, row.subject, row.detail) for row in rows]


def audited() -> list[str]:
    with all_clients("the test reads"):
        return [describe(row) for row in AuditEntry.objects.order_by("number")]


def test_a_certificate_alarms_from_sixty_days_before_its_end_until_it_is_renewed(clock: Clock) -> None:
    code = add()
    certify(code, TODAY + 61 * DAY)
    watch_suppliers.call()
    assert (alarms(), problems(code)) == ([], [])
    clock.now += DAY
    watch_suppliers.call()
    assert alarms() == [("supplier_certificate", code, "days=60")]
    assert problems(code, TODAY + DAY) == [Problem(fault=Fault.EXPIRING, about="ISO/IEC 27001:2022", days=60)]
    clock.now += 60 * DAY
    assert problems(code, TODAY + 61 * DAY)[0].fault is Fault.EXPIRING, "its last day counts"
    clock.now += DAY
    watch_suppliers.call()
    assert alarms() == [("supplier_certificate", code, "days=-1")]
    assert problems(code, TODAY + 62 * DAY) == [Problem(fault=Fault.EXPIRED, about="ISO/IEC 27001:2022", days=-1)]
    certify(code, TODAY + 400 * DAY, now=clock.now, standard="iso/iec  27001:2022")
    assert alarms() == [], "a renewal ends the alarm at once"
    old, new = Certificate.objects.order_by("id")
    assert (old.ended_at, new.ended_at) == (clock.now, None)


def test_each_certificate_has_its_own_days_of_warning_and_each_supplier_one_alarm(clock: Clock) -> None:
    hosting, carrier = add(), add(CARRIER)
    certify(hosting, TODAY + 80 * DAY, warn_days=90)
    certify(hosting, TODAY + 50 * DAY, standard="Cyber Essentials Plus")
    certify(carrier, TODAY + 20 * DAY, warn_days=10)
    watch_suppliers.call()
    watch_suppliers.call()
    assert alarms() == [("supplier_certificate", hosting, "days=50")]
    assert [problem.days for problem in problems(hosting)] == [50, 80]


def test_an_alarm_ends_when_the_certificate_or_the_supplier_goes(manager: User, clock: Clock) -> None:
    code = add()
    first, second = certify(code, TODAY), certify(code, TODAY, standard="Cyber Essentials Plus")
    watch_suppliers.call()
    actions.end_certificate(certificate=first, now=START, by=manager)
    assert len(alarms()) == 1
    with pytest.raises(NotFound):
        actions.end_certificate(certificate=first, now=START, by=manager)
    actions.remove(code=code, reason="Contract ended", deletion_proof="Certificate of 4 January", now=START, by=manager)
    assert alarms() == []
    with pytest.raises(Refused, match="was removed"):
        actions.end_certificate(certificate=second, now=START, by=manager)
    watch_suppliers.call()
    assert alarms() == []


def test_what_nobody_knows_of_a_processor_is_blank_and_named() -> None:
    code = add(Details(name="Tarn Backup", service="Keeps backups", processor=True))
    assert [problem.about for problem in problems(code)] == ["certificate", *queries.ASKED_OF_PROCESSORS]
    assert {problem.fault for problem in problems(code)} == {Fault.BLANK}
    told = replace(HOSTING, name="Tarn Backup", deletion="")
    actions.change(code=code, details=told, read=1, now=START, by=None)
    certify(code, TODAY + 300 * DAY)
    assert [problem.about for problem in problems(code)] == ["deletion"]
    assert problems(add(PLAIN)) == [], "who processes no personal data is asked for nothing"


def test_every_version_stays_and_says_who_saved_it(manager: User) -> None:
    code = add(by=manager)
    again = actions.change(code=code, details=HOSTING, read=1, now=START, by=manager)
    assert again.number == 1, "nothing differs, so there is no new version"
    later = START + DAY
    changed = replace(HOSTING, regions="UK\n\n  uk-london-1 \r\nUK", breach_hours=12)
    made = actions.change(code=code, details=changed, read=1, now=later, by=manager)
    assert (made.number, made.regions, made.saved_by, made.saved_at) == (2, "UK\nuk-london-1", manager.id.hex, later)
    assert queries.access_version(code, 1).regions == "UK"
    assert audited()[-1] == "Version 2 of supplier northwharf-hosting was saved; changed: regions, breach_hours."


def test_nobody_overwrites_a_version_that_they_have_not_seen(manager: User) -> None:
    code = add()
    actions.change(code=code, details=replace(HOSTING, breach_hours=12), read=1, now=START, by=manager)
    with pytest.raises(Refused, match="Somebody saved another version"):
        actions.change(code=code, details=replace(HOSTING, breach_hours=48), read=1, now=START, by=manager)
    assert queries.access_supplier(code, today=TODAY).version.breach_hours == 12


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "x" * 121}, "name"),
        ({"service": ""}, "service"),
        ({"measures": "x" * 4001}, "measures"),
        ({"regions": "x" * 61}, "regions"),
        ({"regions": "\n".join(f"uk-{number}" for number in range(21))}, "regions"),
        ({"keeps": ("everything",)}, "keeps"),
        ({"processor": False}, "processor"),
        ({"breach_hours": 0}, "breach_hours"),
        ({"breach_hours": 721}, "breach_hours"),
    ],
)
def test_a_value_that_cannot_be_used_is_named(changed: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        add(replace(HOSTING, **changed))
    assert refused.value.field == field
    assert not Supplier.objects.exists()


def test_names_are_taken_once_and_codes_never_hide_a_page() -> None:
    assert add(replace(PLAIN, name="Add")) == "add-2"
    assert add(replace(PLAIN, name="電話")) == "supplier"
    code = add()
    with pytest.raises(Invalid, match="has a supplier of this name"):
        add(replace(PLAIN, name=" northwharf  HOSTING "))
    actions.remove(code=code, reason="Left", deletion_proof="Letter of 4 January", now=START, by=None)
    assert add() == "northwharf-hosting-2"


def test_a_processor_leaves_with_a_proof_of_deletion_only(manager: User) -> None:
    code, plain = add(), add(PLAIN)
    with pytest.raises(Invalid, match="proved that it deleted") as refused:
        actions.remove(code=code, reason="Contract ended", deletion_proof=" ", now=START, by=manager)
    assert refused.value.field == "deletion_proof"
    actions.remove(code=plain, reason="Bought elsewhere", deletion_proof="", now=START, by=manager)
    actions.remove(code=code, reason="Contract ended", deletion_proof="Certificate 7", now=START, by=manager)
    assert queries.suppliers_now(today=TODAY) == ()
    assert {one.supplier.code for one in queries.removed_suppliers(today=TODAY)} == {code, plain}
    with pytest.raises(Refused, match="was removed"):
        actions.change(code=code, details=HOSTING, read=1, now=START, by=manager)


def test_only_roles_that_cover_every_client_change_the_register() -> None:
    code = add()
    partly, officer, ict = (
        create_person("partly", Role.CODM, "BBC"),
        create_person("officer", Role.DPO),
        create_person("ict", Role.ICT),
    )
    for by in (partly, officer):
        with pytest.raises(Refused, match="must cover every client"):
            actions.change(code=code, details=PLAIN, read=1, now=START, by=by)
        with pytest.raises(Refused, match="must cover every client"):
            certify(code, TODAY + DAY, by=by)
    actions.change(code=code, details=replace(HOSTING, breach_hours=12), read=1, now=START, by=ict)


def assess(code: str, officer: User, region: str = "us-east-1", **values: Any) -> TransferAssessment:
    told: dict[str, Any] = {
        "safeguard": "idta",
        "findings": "Law allows access; the keys stay in the UK.",
        "review_on": TODAY + 365 * DAY,
        "now": START,
    }
    return actions.assess_transfer(code=code, region=region, by=officer, **{**told, **values})


def test_the_officer_assesses_and_the_head_of_service_accepts(manager: User) -> None:
    officer, head = create_person("officer", Role.DPO), create_person("head", Role.HOS)
    code = add(replace(HOSTING, regions="UK\nus-east-1"))
    certify(code, TODAY + 300 * DAY)
    assert problems(code) == [Problem(fault=Fault.REGION, about="us-east-1")]
    for by in (manager, head):
        with pytest.raises(Refused):
            assess(code, by)
    made = assess(code, officer, "US-East-1")
    watch_suppliers.call()
    assert alarms() == [("region_not_assessed", code, "region=us-east-1")]
    assert problems(code) == [Problem(fault=Fault.REGION, about="us-east-1")], "advice alone opens nothing"
    for by in (manager, officer):
        with pytest.raises(Refused):
            actions.accept_transfer(assessment=made, now=START, by=by)
    actions.accept_transfer(assessment=made, now=START, by=head)
    with pytest.raises(Refused, match="accepted already"):
        actions.accept_transfer(assessment=made, now=START, by=head)
    assert (problems(code), alarms()) == ([], [])
    assert problems(code, TODAY + 366 * DAY)[-1] == Problem(fault=Fault.REVIEW_DUE, about="US-East-1", days=-1)
    renewed = assess(code, officer)
    assert problems(code) == [], "the old one counts until the new one is accepted"
    actions.accept_transfer(assessment=renewed, now=START, by=head)
    made.refresh_from_db()
    assert made.ended_at == START
    actions.end_transfer(assessment=renewed, now=START, by=officer)
    assert problems(code) == [Problem(fault=Fault.REGION, about="us-east-1")]
    assert audited()[-1].endswith("at northwharf-hosting to us-east-1 no longer counts.")


@pytest.mark.parametrize("regions", ["UK\nus-east-1", "UK"])
def test_a_review_alarms_from_thirty_days_before_until_the_next_assessment_is_accepted(
    settings: Any, clock: Clock, regions: str
) -> None:
    officer, head = create_person("officer", Role.DPO), create_person("head", Role.HOS)
    named = Place(keeps="recordings", setting="storage.region", region="us-east-1")
    mount = Place(keeps="backups", setting="backup.target", region="")
    settings.RINGFENCE_DATA_PLACES = (named, mount)

    def where() -> list[Whereabouts]:
        return [line.known for line in queries.where_data_is(today=clock.now.date())]

    code = add(replace(HOSTING, regions=regions))
    certify(code, TODAY + 900 * DAY)
    made = assess(code, officer, review_on=TODAY + 100 * DAY)
    actions.accept_transfer(assessment=made, now=START, by=head)
    sound = [Whereabouts.ASSESSED, Whereabouts.STATED]
    late = [Whereabouts.OVERDUE, Whereabouts.OVERDUE if "us" in regions else Whereabouts.STATED]
    for later, days in ((69, None), (70, 30), (100, 0), (101, -1), (130, -30)):
        clock.now = START + later * DAY
        watch_suppliers.call()
        assert alarms() == ([] if days is None else [("transfer_review", code, f"days={days}")])
        assert where() == (sound if later <= 100 else late), "it still counts, and says so"
    assert problems(code, TODAY + 100 * DAY) == [Problem(fault=Fault.REVIEW_SOON, about="us-east-1", days=0)]
    renewed = assess(code, officer, review_on=TODAY + 400 * DAY, now=clock.now)
    assert [code for code, *_ in alarms()] == ["transfer_review"], "advice alone ends nothing"
    actions.accept_transfer(assessment=renewed, now=clock.now, by=head)
    assert (alarms(), where()) == ([], sound)


def test_nobody_who_changed_posts_accepts_their_own_assessment() -> None:
    officer, code = create_person("officer", Role.DPO), add()
    made = assess(code, officer)
    RoleGrant.objects.filter(user=officer).update(role=Role.HOS)
    with pytest.raises(Refused, match="Somebody else than its author"):
        actions.accept_transfer(assessment=made, now=START, by=officer)
    with pytest.raises(IntegrityError), transaction.atomic():
        TransferAssessment.objects.filter(pk=made.pk).update(accepted_at=START, accepted_by=officer.id.hex)


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"region": "uk-london-1"}, "region"),
        ({"region": " "}, "region"),
        ({"safeguard": "hope"}, "safeguard"),
        ({"findings": " "}, "findings"),
        ({"review_on": TODAY}, "review_on"),
    ],
)
def test_an_assessment_that_says_too_little_is_refused(changed: dict[str, Any], field: str) -> None:
    officer, code = create_person("officer", Role.DPO), add()
    with pytest.raises(Invalid) as refused:
        assess(code, officer, **changed)
    assert refused.value.field == field


def known(place: Place) -> Whereabouts:
    return queries.where_data_is(today=TODAY, places=[place])[0].known


def test_a_region_outside_the_list_needs_an_assessment_of_whoever_keeps_that_place(settings: Any) -> None:
    officer, head = create_person("officer", Role.DPO), create_person("head", Role.HOS)
    there = Place(keeps="recordings", setting="storage.region", region="us-east-1")
    settings.RINGFENCE_DATA_PLACES = (there,)
    carrier, hosting = add(CARRIER), add()
    watch_suppliers.call()
    assert alarms() == [("region_not_assessed", "storage.region", "region=us-east-1")]
    other = assess(carrier, officer)
    actions.accept_transfer(assessment=other, now=START, by=head)
    assert known(there) is Whereabouts.REFUSED, "the carrier keeps no recordings"
    mine = assess(hosting, officer)
    assert known(there) is Whereabouts.REFUSED
    actions.accept_transfer(assessment=mine, now=START, by=head)
    assert known(there) is Whereabouts.ASSESSED
    assert alarms() == []
    actions.remove(code=hosting, reason="Left", deletion_proof="Letter", now=START, by=head)
    assert known(there) is Whereabouts.REFUSED
    watch_suppliers.call()
    settings.RINGFENCE_DATA_PLACES = (Place(keeps="recordings", setting="storage.kind", region="local"),)
    watch_suppliers.call()
    assert alarms() == [], "the setting was mended"


def test_where_no_setting_names_a_region_the_register_says_it_or_it_is_blank() -> None:
    mount = Place(keeps="backups", setting="backup.target", region="")
    assert known(mount) is Whereabouts.BLANK
    code = add(replace(HOSTING, regions=""))
    assert known(mount) is Whereabouts.BLANK
    actions.change(code=code, details=HOSTING, read=1, now=START, by=None)
    assert known(mount) is Whereabouts.STATED
    actions.change(code=code, details=replace(HOSTING, regions="UK\nFrankfurt"), read=2, now=START, by=None)
    assert known(mount) is Whereabouts.REFUSED
    assert known(Place(keeps="recordings", setting="s", region="EU-West-2")) is Whereabouts.ALLOWED


def test_patterns_fit_whatever_the_capital_letters_and_nothing_fits_a_blank() -> None:
    assert is_allowed("UK-South", ["uk-*"])
    assert not is_allowed("ukraine-1", ["uk", "uk-*"])
    assert not is_allowed("", ["local", "*"])


def test_records_of_one_supplier_are_not_those_of_another() -> None:
    hosting, carrier = add(), add(CARRIER)
    certificate = certify(hosting, TODAY + DAY)
    assert queries.access_certificate(hosting, certificate.pk) == certificate
    for code, number in ((carrier, certificate.pk), (hosting, 10**30), ("nobody", certificate.pk)):
        with pytest.raises(NotFound):
            queries.access_certificate(code, number)
    for look in (lambda: queries.access_version(hosting, 10**30), lambda: queries.access_supplier("x", today=TODAY)):
        with pytest.raises(NotFound):
            look()


def test_the_samples_are_loaded_once_and_show_an_ending_and_a_blank() -> None:
    assert load_samples(now=START) == ["northwharf-hosting", "larkfield-telecom"]
    assert load_samples(now=START) == []
    assert problems("northwharf-hosting") == []
    assert [problem.fault for problem in problems("larkfield-telecom")] == [Fault.EXPIRING, Fault.BLANK]


def test_every_place_of_the_settings_is_something_that_a_supplier_can_keep() -> None:
    from ringfence.entry.regions import data_places
    from ringfence.entry.settings import Settings

    told = Settings.model_validate(
        {
            "backup": {"target": "/b", "key_folder": "/k", "list_copy": "/l"},
            "audit": {"folder": "/a", "bucket": "b", "syslog": "tls://log.example:6514"},
        }
    )
    assert {place.keeps for place in data_places(told)} <= set(Keeps.values)
