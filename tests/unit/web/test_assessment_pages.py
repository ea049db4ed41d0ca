"""The pages of the register: what is on and why, the three steps, and what people see while nothing is on."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from tests.support.assessments import approve_purposes
from tests.support.pages import Centre, user_of
from tests.support.strict_pages import Visitor, strictly

from ringfence.centre.accounts.actions import grant_role
from ringfence.centre.accounts.models import User
from ringfence.centre.assessments import actions
from ringfence.centre.assessments.models import Assessment, State
from ringfence.centre.assessments.purposes import Purpose
from ringfence.centre.assessments.stating import purpose_on
from ringfence.centre.suppliers.models import SupplierVersion
from ringfence.web.assessments.forms import in_a_year

SignIn = Callable[[str], Visitor]
NEW = {
    "title": "Surveys after a call",
    "reference": "DPIA-2026-09",
    "kept_at": "Records library",
    "sha256": "",
    "owner": "Delivery manager",
    "clients": ["BBC", "ELDC"],
    "purposes": ["quality", "satisfaction"],
    "review_on": "2090-01-01",
}


def words(page: object) -> str:
    return " ".join(str(page.text).split())  # type: ignore[attr-defined] # a Page


def sample() -> Assessment:
    return Assessment.objects.get(approved_at__isnull=False)


def end_sample() -> None:
    actions.end(sample(), reason="A test switches off.", now=timezone.now(), by=user_of("head.of.service"))


def test_three_people_switch_a_purpose_on(sign_in: SignIn) -> None:
    end_sample()
    author, officer, head = sign_in("CODM"), sign_in("DPO"), sign_in("HOS")
    assert "Nobody can listen yet" in words(author.page("/assessments/"))
    made = strictly(author.post("/assessments/draft/", NEW, follow=True))
    assert "The data protection officer advises on it next." in words(made)
    row = Assessment.objects.get(reference="DPIA-2026-09")
    url = f"/assessments/{row.pk}/"
    assert f'href="{url}approve/"' not in author.get(url).content.decode()
    assert f'href="{url}approve/"' not in officer.get(url).content.decode()
    assert f'href="{url}advise/"' not in head.get(url).content.decode()
    assert "Say whether it may be approved." in words(strictly(officer.post(f"{url}advise/", {})))
    told = {"outcome": "for", "advice": "Ask first."}
    assert "The head of service decides." in words(strictly(officer.post(f"{url}advise/", told, follow=True)))
    assert "Approve and switch on" in words(head.page(f"{url}approve/"))
    assert "Its purposes are on from now." in words(strictly(head.post(f"{url}approve/", follow=True)))
    assert purpose_on(Purpose.SATISFACTION, "ELDC", timezone.now())
    said = words(author.page(url))
    for step in ("was drafted for", "advised on assessment", "switches on"):
        assert step in said
    listed = words(author.page("/assessments/"))
    assert "OnDPIA-2026-09OnDPIA-2026-09OffOffOffOff East Lowland" in listed
    assert "Ended DPIA-2026-01: Recording of calls and its use" in listed


def test_approval_against_advice_asks_why_and_the_officer_finds_a_message(sign_in: SignIn) -> None:
    officer, head = sign_in("DPO"), sign_in("HOS")
    officer.post("/assessments/dpia-bbc/advise/", {"outcome": "against", "advice": "Nobody was asked."})
    page = words(head.page("/assessments/dpia-bbc/approve/"))
    assert "The data protection officer advises against it." in page
    assert "Give a reason, or leave the page" in words(strictly(head.post("/assessments/dpia-bbc/approve/")))
    short = strictly(head.post("/assessments/dpia-bbc/approve/", {"reason": "Go."}))
    assert "Give a reason of 10 to 500 characters." in words(short)
    head.post("/assessments/dpia-bbc/approve/", {"reason": "The council asked for it in writing."})
    assert Assessment.objects.get(pk="dpia-bbc").state is State.APPROVED
    said = words(officer.page("/"))
    assert "An impact assessment was approved without your advice, or against it" in said
    assert 'href="/assessments/dpia-bbc/"' in officer.get("/").content.decode()
    assert "The council asked for it in writing." in words(officer.page("/assessments/dpia-bbc/"))


def test_blanks_of_suppliers_are_named_with_their_links_and_block(sign_in: SignIn) -> None:
    version = SupplierVersion.objects.get(supplier="northwharf-hosting")
    version.regions = version.measures = ""
    version.save()
    head = sign_in("HOS")
    for url in ("/assessments/dpia-bbc/", "/assessments/dpia-bbc/approve/"):
        assert "Northwharf Hosting: region, security measures" in words(head.page(url))
        assert 'href="/suppliers/northwharf-hosting/"' in head.get(url).content.decode()
    tl = sign_in("TL")
    assert "Northwharf Hosting" in words(tl.page("/assessments/dpia-bbc/"))
    assert "/suppliers/northwharf-hosting/" not in tl.get("/assessments/dpia-bbc/").content.decode()
    refused = head.post("/assessments/dpia-bbc/approve/", {"reason": "It cannot wait for them."})
    assert "Fill in the register of suppliers first" in words(strictly(refused))
    assert Assessment.objects.get(pk="dpia-bbc").approved_at is None


def test_errors_of_a_draft_name_field_and_cure_and_lose_nothing(sign_in: SignIn) -> None:
    visitor = sign_in("TL")
    wrong = {"title": "Surveys by text message", "sha256": "abc", "review_on": "31 2 2026", "purposes": ["quality"]}
    page = strictly(visitor.post("/assessments/draft/", wrong))
    for cure in ("Enter the reference of the document.", "Choose at least one client.", "Enter a real date"):
        assert cure in words(page)
    assert "Surveys by text message" in visitor.post("/assessments/draft/", wrong).content.decode()
    for changes, cure in (
        ({"sha256": "abc"}, "A SHA-256 has 64 characters"),
        ({"review_on": "2020-01-01"}, "The review is later than today."),
    ):
        assert cure in words(strictly(visitor.post("/assessments/draft/", {**NEW, **changes})))
    ready = visitor.get("/assessments/draft/").content.decode()
    assert f'value="{in_a_year(timezone.localdate()):%Y-%m-%d}"' in ready


def test_a_review_a_year_from_a_leap_day_is_in_february() -> None:
    day = timezone.localdate().replace(year=2028, month=2, day=29)
    assert in_a_year(day).isoformat() == "2029-02-28"
    assert in_a_year(day - timedelta(days=1)).isoformat() == "2029-02-28"


def test_a_replacement_begins_with_the_words_of_what_it_replaces(sign_in: SignIn) -> None:
    visitor, row = sign_in("CODM"), sample()
    page = visitor.get(f"/assessments/draft/?replaces={row.pk}").content.decode()
    assert "Recording of calls and its use" in page
    assert "stays in force until this one is approved" in page
    visitor.post(f"/assessments/draft/?replaces={row.pk}", NEW)
    made = Assessment.objects.get(reference="DPIA-2026-09")
    assert made.replaces == row
    assert "DPIA-2026-09: Surveys after a call" in words(visitor.page(f"/assessments/{row.pk}/"))
    visitor.post(f"/assessments/draft/?replaces={made.pk}", {**NEW, "reference": "DPIA-2026-10"})
    made.refresh_from_db()
    assert made.state is State.ENDED
    assert visitor.get(f"/assessments/draft/?replaces={made.pk}").status_code == 404


def test_an_entry_is_ended_with_a_reason_after_saying_what_goes_off(sign_in: SignIn) -> None:
    head, row = sign_in("HOS"), sample()
    url = f"/assessments/{row.pk}/"
    assert "go off at once" in words(head.page(f"{url}end/"))
    assert "Give a reason." in words(strictly(head.post(f"{url}end/")))
    assert "must cover every client" in words(
        strictly(sign_in("TL").post(f"{url}end/", {"reason": "We think it should."}))
    )
    said = words(strictly(head.post(f"{url}end/", {"reason": "The pilot is over."}, follow=True)))
    assert "The pilot is over." in said
    assert "Nobody can listen yet" in words(head.page("/"))
    assert "Nobody can listen yet" in words(sign_in("SUP").page("/"))
    assert "Nobody can listen yet" not in words(sign_in("AGT").page("/"))
    assert "withdrawn" in words(
        strictly(sign_in("CODM").post("/assessments/dpia-bbc/end/", {"reason": "Not wanted now."}, follow=True))
    )


def test_an_overdue_review_is_said_and_switches_nothing_off(sign_in: SignIn, centre: Centre) -> None:
    row = approve_purposes(review_on=timezone.localdate() - timedelta(days=3))
    actions.watch(now=timezone.now())
    assert "Review overdue" in words(sign_in("RP").page("/assessments/"))
    assert "stays in force until somebody ends or replaces it" in words(sign_in("DPO").page(f"/assessments/{row.pk}/"))
    assert "The review of an impact assessment is overdue" in words(sign_in("HOS").page("/health/"))


def test_entries_of_other_clients_are_not_there_and_shared_ones_name_no_other(
    centre: Centre, anyone: Visitor, settings: Any
) -> None:
    user = User.objects.create(email="shale@centre.example", display_name="Shale", invited_at=timezone.now())
    grant_role(user=user, role="TL", clients=["ELDC"], reason="a test", by=None)
    for grant in user.grants.all():
        grant.approved_at = timezone.now()
        grant.save()
    anyone.force_login(user, backend=settings.AUTHENTICATION_BACKENDS[0])
    page = words(anyone.page("/assessments/"))
    assert "DPIA-2026-01" in page
    assert "DPIA-2026-02" not in page
    shared = words(anyone.page(f"/assessments/{sample().pk}/"))
    assert "and 2 others" in shared
    assert "Barford" not in shared


def test_forms_offer_what_is_on_and_say_so_when_nothing_is(sign_in: SignIn) -> None:
    sup = sign_in("SUP")
    assert 'value="satisfaction"' in sup.get("/recordings/rec-heard/").content.decode()
    end_sample()
    draft = Assessment.objects.get(pk="dpia-bbc")
    for url in ("/recordings/rec-heard/", "/calls/call-heard/number/", "/payments/export/?client=BBC"):
        said = words(sup.page(url))
        assert "No approved assessment covers Barford Borough Council yet" in said
        assert 'href="/assessments/"' in sup.get(url).content.decode()
    assert "No approved assessment covers a search by number yet." in words(sup.page("/calls/"))
    actions.approve(draft, reason="A test cannot wait.", now=timezone.now(), by=user_of("head.of.service"))
    page = sup.get("/recordings/rec-heard/").content.decode()
    assert 'value="satisfaction"' in page
    assert 'value="quality"' not in page
    searching = sup.get("/recordings/").content.decode()
    assert 'value="satisfaction"' in searching
    assert 'value="quality"' not in searching


def test_a_disclosure_is_opened_for_what_is_on_only(sign_in: SignIn) -> None:
    visitor = sign_in("TL")
    assert 'value="complaint"' in visitor.get("/disclosures/open/").content.decode()
    end_sample()
    assert "No approved assessment covers Barford Borough Council, East" in words(visitor.page("/disclosures/open/"))
    told = {
        "client": "BBC",
        "asker": "complaints",
        "requester_name": "Tolliver Wrenfield",
        "requester_post": "Complaints officer",
        "purpose": "complaint",
        "case_reference": "CMP-77",
        "request": "Was the caller told?",
    }
    assert "Complaint is off" in words(strictly(visitor.post("/disclosures/open/", told)))


def test_a_search_over_several_clients_names_those_where_it_is_off(sign_in: SignIn) -> None:
    end_sample()
    draft = Assessment.objects.get(pk="dpia-bbc")
    actions.approve(draft, reason="A test cannot wait.", now=timezone.now(), by=user_of("head.of.service"))
    sup = sign_in("SUP")
    asked = {"number": "07700 900123", "purpose": "satisfaction", "case_reference": ""}
    for url in ("/calls/", "/recordings/"):
        said = words(strictly(sup.post(url, asked)))
        assert "is off: no approved assessment covers it for East Lowland District Council, South Heath" in said
        assert "Customer satisfaction survey is off" not in words(strictly(sup.post(url, {**asked, "client": "BBC"})))


@pytest.mark.parametrize("role", ["AGT", "SARO", "ICT"])
def test_others_have_no_way_in(sign_in: SignIn, role: str) -> None:
    assert sign_in(role).get("/assessments/").status_code == 403
