"""The pages of the supplier register: what is blank reads so, errors lose nothing, and two people let data abroad."""

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone
from tests.support.pages import ASSESSMENT, CERTIFICATE, Centre, user_of
from tests.support.strict_pages import Visitor, strictly

from ringfence.centre.accounts import actions as accounts
from ringfence.centre.jobs.models import Alarm
from ringfence.centre.suppliers.actions import watch
from ringfence.centre.suppliers.models import Certificate, Supplier, SupplierVersion, TransferAssessment
from ringfence.centre.suppliers.places import Place

SignIn = Callable[[str], Visitor]
HOSTING = "/suppliers/northwharf-hosting/"
NEW = {"name": "Tarn Backup", "service": "Keeps backups", "processor": "yes", "keeps": ["backups"], "regions": ""}


def words(page: object) -> str:
    return " ".join(str(page.text).split())  # type: ignore[attr-defined] # a Page


def test_the_list_says_in_words_how_each_supplier_stands(sign_in: SignIn, settings: Any) -> None:
    settings.RINGFENCE_DATA_PLACES = (
        Place(keeps="recordings", setting="storage.region", region="us-east-1"),
        Place(keeps="backups", setting="backup.target", region=""),
        Place(keeps="audit", setting="audit.folder", region=""),
        Place(keeps="database", setting="database.url", region="local"),
    )
    for role in ("CODM", "HOS", "ICT", "DPO"):
        said = words(sign_in(role).page("/suppliers/"))
        assert "Expires soon ISO/IEC 27001:2022 expires in 41 days" in said
        assert "Blank deletion and its proof" in said
        assert "1 supplier needs attention." in said
        assert "Sealed recordings storage.region us-east-1 Northwharf Hosting Not allowed" in said
        assert "Backups backup.target UK Northwharf Hosting As the register states" in said
        assert "checkpoints of the audit trail audit.folder Blank Nobody named Not known" in said
        assert "The database database.url This machine Northwharf Hosting In the allow-list" in said
        assert ("Add a supplier" in said) == (role != "DPO")


def test_an_empty_register_says_where_to_begin(sign_in: SignIn) -> None:
    for model in (TransferAssessment, Certificate, SupplierVersion, Supplier):
        model.objects.all().delete()
    said = words(sign_in("ICT").page("/suppliers/"))
    assert "No supplier is in the register" in said
    assert "the telephone carrier" in said


def test_a_supplier_is_added_changed_and_removed_and_its_history_stays(sign_in: SignIn) -> None:
    visitor = sign_in("ICT")
    made = words(strictly(visitor.post("/suppliers/add/", NEW, follow=True)))
    assert "The supplier is in the register." in made
    assert "Blank certificate, contact, region, sub-processors" in made
    url = "/suppliers/tarn-backup/"
    same = {**NEW, "read": "1"}
    assert "Nothing was changed." in words(strictly(visitor.post(f"{url}change/", same, follow=True)))
    changed = {**same, "regions": "UK\r\nuk-london-1", "breach_hours": "24"}
    said = words(strictly(visitor.post(f"{url}change/", changed, follow=True)))
    assert "Within 24 hours" in said
    assert "Version 2" in said
    assert "Notice of a breachBlank" in words(visitor.page(f"{url}versions/1/"))
    refused = strictly(visitor.post(f"{url}remove/", {"reason": "Left", "deletion_proof": ""}))
    assert "Say how it proved that it deleted" in words(refused)
    gone = {"reason": "Contract ended", "deletion_proof": "Certificate of 4 May"}
    assert "Contract ended" in words(strictly(visitor.post(f"{url}remove/", gone, follow=True)))
    after = words(visitor.page(url))
    assert "Removed on" in after
    assert "Certificate of 4 May" in after
    assert f'href="{url}change/"' not in visitor.get(url).content.decode()
    assert visitor.get(f"{url}change/").status_code == 404


def test_errors_name_field_and_cure_and_lose_nothing(sign_in: SignIn) -> None:
    visitor = sign_in("CODM")
    wrong = {
        "name": "",
        "service": "Keeps backups in a vault",
        "keeps": ["backups"],
        "contract_signed_on": "31 2 2026",
        "breach_hours": "soon",
    }
    page = strictly(visitor.post("/suppliers/add/", wrong))
    for cure in (
        "Enter the name of the supplier.",
        "Say whether it processes personal data.",
        "Enter a real date",
        "Enter a whole number.",
    ):
        assert cure in words(page)
    assert page.titles[0].startswith("Error:")
    body = visitor.post("/suppliers/add/", wrong).content.decode()
    assert "Keeps backups in a vault" in body
    assert 'value="31 2 2026"' in body
    taken = {**NEW, "name": "northwharf hosting"}
    assert "has a supplier of this name" in words(strictly(visitor.post("/suppliers/add/", taken)))


def test_what_was_typed_over_a_newer_version_stays_on_the_page(sign_in: SignIn) -> None:
    first, second = sign_in("CODM"), sign_in("ICT")
    told = {"name": "Northwharf Hosting", "service": "Runs machines", "processor": "yes", "read": "1"}
    first.post(f"{HOSTING}change/", told)
    page = second.post(f"{HOSTING}change/", {**told, "service": "Runs two halls"})
    assert "Somebody saved another version" in words(strictly(page))
    assert "Runs two halls" in page.content.decode()
    assert SupplierVersion.objects.filter(supplier="northwharf-hosting").count() == 2
    second.post(f"{HOSTING}change/", {**told, "service": "Runs two halls", "read": "2"})
    assert SupplierVersion.objects.filter(supplier="northwharf-hosting").count() == 3


def test_a_certificate_is_renewed_and_its_alarm_ends(sign_in: SignIn) -> None:
    watch(now=timezone.now())
    alarms = Alarm.objects.filter(code="supplier_certificate", cleared_at=None)
    assert [alarm.subject for alarm in alarms] == ["larkfield-telecom"]
    visitor = sign_in("ICT")
    assert "A supplier's certificate ends soon or has ended" in words(visitor.page("/health/"))
    url = "/suppliers/larkfield-telecom/"
    row = Certificate.objects.get(supplier="larkfield-telecom")
    begun = visitor.page(f"{url}certificate/?renew={row.pk}")
    assert "Voice network and its operation centre" in words(begun)
    values = {"standard": row.standard, "issuer": row.issuer, "scope": row.scope, "warn_days": "60"}
    page = strictly(visitor.post(f"{url}certificate/", {**values, "expires_on": "never"}))
    assert "Enter a real date" in words(page)
    said = words(strictly(visitor.post(f"{url}certificate/", {**values, "expires_on": "2040-05-01"}, follow=True)))
    assert "1 May 2040" in said
    assert "ended here on" in said
    assert not alarms.all().exists()


def test_a_certificate_that_is_no_longer_held_stays_readable(sign_in: SignIn) -> None:
    visitor = sign_in("HOS")
    url = f"{HOSTING}certificates/{CERTIFICATE}/end"
    assert "no longer counts" in words(strictly(visitor.post(url, follow=True)))
    assert visitor.post(url).status_code == 404
    assert visitor.post(f"/suppliers/larkfield-telecom/certificates/{CERTIFICATE}/end").status_code == 404


def test_the_officer_assesses_and_only_the_head_of_service_accepts(sign_in: SignIn) -> None:
    officer, head, manager = sign_in("DPO"), sign_in("HOS"), sign_in("CODM")
    values = {"region": "us-east-1", "safeguard": "idta", "findings": "Keys stay here.", "review_on": "2040-01-01"}
    assert "Choose the safeguard" in words(strictly(officer.post(f"{HOSTING}transfer/", {**values, "safeguard": ""})))
    inside = strictly(officer.post(f"{HOSTING}transfer/", {**values, "region": "UK"}))
    assert "needs no assessment" in words(inside)
    said = words(strictly(officer.post(f"{HOSTING}transfer/", values, follow=True)))
    assert "Transfer to us-east-1" in said
    assert "Accept the transfer" not in said
    made = TransferAssessment.objects.get(region="us-east-1")
    accept = f"{HOSTING}transfers/{made.pk}/accept"
    assert manager.post(accept).status_code == 403
    assert officer.post(accept).status_code == 403
    assert "Accept the transfer to us-east-1" in words(head.page(HOSTING))
    assert "counts from now on" in words(strictly(head.post(accept, follow=True)))
    assert "Accepted by" in words(officer.page(HOSTING))
    assert "accepted already" in words(strictly(head.post(accept, follow=True)))
    taken = words(strictly(officer.post(f"{HOSTING}transfers/{ASSESSMENT}/end", follow=True)))
    assert "no longer counts" in taken


@pytest.mark.parametrize("url", ["/suppliers/nobody/", "/suppliers/nobody/change/", f"{HOSTING}versions/99999999999/"])
def test_what_is_not_there_is_not_found(sign_in: SignIn, url: str) -> None:
    assert sign_in("HOS").get(url).status_code == 404


def test_who_works_for_some_clients_reads_the_register_and_cannot_change_it(sign_in: SignIn, centre: Centre) -> None:
    user = accounts.invite_user(email="partly@centre.example", display_name="Partly", by=None).user
    accounts.grant_role(user=user, role="CODM", clients=["BBC"], reason="a test", by=None)
    visitor = Visitor()
    visitor.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
    assert "Add a supplier" not in words(visitor.page("/suppliers/"))
    assert "must cover every client" in words(strictly(visitor.post("/suppliers/add/", NEW)))
    assert not Supplier.objects.filter(pk="tarn-backup").exists()
    assert user_of("partly") == user
