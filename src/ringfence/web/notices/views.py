"""Privacy notices: the public's page, and the three steps to it."""

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from ringfence.centre.accounts.rights import Right
from ringfence.centre.assessments.purposes import Purpose
from ringfence.centre.notices import actions, queries
from ringfence.centre.notices.errors import NotFound, Refused
from ringfence.centre.notices.models import Notice
from ringfence.centre.tenancy.models import Client
from ringfence.web.access import PersonRequest, needs, public
from ringfence.web.names import client_choices

LARGEST_VERSION = 32_767
READERS = (Right.PUBLISH_NOTICE, Right.APPROVE_NOTICE)


class NoticeForm(forms.Form):
    """What differs from client to client; the rest of a notice is the same for all."""

    text = forms.CharField(
        label=gettext_lazy("Your own words"),
        max_length=actions.MAX_TEXT,
        help_text=gettext_lazy("Who you are and why you record calls. A blank line begins a new paragraph."),
        widget=forms.Textarea(attrs={"rows": 10}),
        error_messages={"required": gettext_lazy("Write why calls are recorded.")},
    )
    purposes = forms.MultipleChoiceField(
        label=gettext_lazy("What recordings are used for"),
        choices=Purpose.choices,
        help_text=gettext_lazy("A version that leaves out what an approved assessment allows is not published."),
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": gettext_lazy("Choose what recordings are used for.")},
    )
    contact = forms.CharField(
        label=gettext_lazy("Contact of the data protection officer"),
        max_length=300,
        help_text=gettext_lazy("A post, an email address, a telephone number; no person's name."),
        error_messages={"required": gettext_lazy("Say how the data protection officer is reached.")},
    )


def _client(code: str, request: PersonRequest) -> Client:
    if code not in dict(client_choices(request.person, Right.PUBLISH_NOTICE)):
        raise Http404
    return Client.objects.get(code=code)


def _version(code: str, version: int) -> Notice:
    if version > LARGEST_VERSION:
        raise Http404
    try:
        return queries.access_notice(code, version)
    except NotFound:
        raise Http404 from None


def _shown(notice: Notice | None) -> dict[str, object]:
    """What the text of a notice is made of."""
    paragraphs = [part.strip() for part in notice.text.split("\n\n") if part.strip()] if notice else []
    return {
        "notice": notice,
        "paragraphs": paragraphs,
        "purposes": [purpose.label for purpose in queries.purposes_of(notice)] if notice else [],
        "all_days": notice.live_days + notice.back_days if notice else 0,
    }


@public
@require_safe
def privacy_notice(request: HttpRequest, code: str, version: int | None = None) -> HttpResponse:
    """The notice of a client as the public reads it, the newest or an older version (R93)."""
    if version is not None and version > LARGEST_VERSION:
        raise Http404
    try:
        found = queries.published(code, version)
    except NotFound:
        raise Http404 from None
    return render(
        request,
        "notices/public.html",
        {"client": found.client, "versions": found.versions, **_shown(found.notice)},
    )


@needs(*READERS)
@require_safe
def notices(request: PersonRequest) -> HttpResponse:
    """Every client with its published version and its draft."""
    rows = []
    for code, name in client_choices(request.person, *READERS):
        draft, current = queries.newest(code)
        rows.append(
            {
                "code": code,
                "name": name,
                "draft": draft,
                "current": current,
                "client": Client.objects.get(code=code),
                "faults": queries.faults_of(current, at=timezone.now()),
            }
        )
    return render(
        request, "notices/notices.html", {"rows": rows, "may_draft": request.person.may(Right.PUBLISH_NOTICE)}
    )


@needs(Right.PUBLISH_NOTICE)
@require_http_methods(["GET", "HEAD", "POST"])
def draft_notice(request: PersonRequest, code: str) -> HttpResponse:
    """A new version of a client's notice; it begins with the words of the one before."""
    client = _client(code, request)
    draft, current = queries.newest(code)
    before = draft or current
    initial: dict[str, object] = {"purposes": queries.purposes_to_name(code, before, at=timezone.now())}
    if before:
        initial |= {"text": before.text, "contact": before.contact}
    form = NoticeForm(request.POST if request.method == "POST" else None, initial=initial)
    if form.is_valid():
        try:
            made = actions.draft(client=code, **form.cleaned_data, now=timezone.now(), by=request.person.user)
        except Refused as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, _("The draft is saved. The data protection officer must agree to it."))
            return redirect("notice", code, made.version)
    return render(
        request,
        "notices/draft.html",
        {"form": form, "client": client, "replaces": draft, "days": queries.days_in_force(code)},
    )


@needs(*READERS)
@require_safe
def notice(request: PersonRequest, code: str, version: int) -> HttpResponse:
    """One version as the public will read it, and the next step."""
    row = _version(code, version)
    return render(
        request,
        "notices/notice.html",
        {
            "client": Client.objects.get(code=row.client_id),
            "may_agree": request.person.may(Right.APPROVE_NOTICE)
            and row.agreed_at is None
            and row.drafted_by != request.person.user.id.hex,
            "may_publish": request.person.may(Right.PUBLISH_NOTICE) and row.agreed_at and row.published_at is None,
            "may_draft": request.person.may(Right.PUBLISH_NOTICE),
            "newest": row.published_at is None or queries.newest(row.client_id)[1] == row,
            "faults": queries.faults_of(row, at=timezone.now()),
            **_shown(row),
        },
    )


@needs(Right.APPROVE_NOTICE)
@require_POST
def agree_notice(request: PersonRequest, code: str, version: int) -> HttpResponse:
    """The data protection officer agrees."""
    try:
        read = request.POST.get("read", "")
        actions.agree(_version(code, version), read=read, now=timezone.now(), by=request.person.user)
    except Refused as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("You have agreed to this version. It can be published now."))
    return redirect("notice", code, version)


@needs(Right.PUBLISH_NOTICE)
@require_POST
def publish_notice(request: PersonRequest, code: str, version: int) -> HttpResponse:
    """The version becomes the client's public notice."""
    row = _version(code, version)
    address = request.build_absolute_uri(reverse("privacy_notice", args=[row.client_id]))
    try:
        actions.publish(row, address=address, now=timezone.now(), by=request.person.user)
    except Refused as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("The notice is published. Recording may be switched on for this client."))
    return redirect("notice", code, version)
