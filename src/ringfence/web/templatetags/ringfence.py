"""GOV.UK form fields, dates and durations, as the style guide writes them."""

from datetime import date, datetime, timedelta
from typing import Any

from django import forms, template
from django.conf import settings
from django.forms.boundfield import BoundField
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ringfence.web.account.session_limits import ended_words, left
from ringfence.web.demo import demo_roles
from ringfence.web.menu import menu
from ringfence.web.person import person_of

register = template.Library()

_CLASSES: dict[type[forms.Widget], str] = {
    forms.Textarea: "govuk-textarea",
    forms.Select: "govuk-select",
    forms.CheckboxInput: "govuk-checkboxes__input",
    forms.FileInput: "govuk-file-upload",
}


def _described_by(field: BoundField) -> str:
    ids = [f"{field.auto_id}_hint"] if field.help_text else []
    ids += [f"{field.auto_id}_error_{number}" for number, _error in enumerate(field.errors, 1)]
    return " ".join(ids)


@register.inclusion_tag("parts/field.html")
def govuk_field(field: BoundField, *, label: str = "", hint: bool = True) -> dict[str, Any]:
    """A form field with label, hint and error message, each tied to its control; no placeholder stands for a label."""
    widget = field.field.widget
    widget.attrs.pop("placeholder", None)
    if label:
        field.label = label
    if not hint:
        field.help_text = ""
    described_by = _described_by(field)
    if isinstance(widget, forms.RadioSelect):
        control = "checkboxes" if isinstance(widget, forms.CheckboxSelectMultiple) else "radios"
        options = [
            {
                "id": f"{field.auto_id}" if number == 0 else f"{field.auto_id}_{number}",
                "value": option.data["value"],
                "label": option.choice_label,
                "checked": option.data["selected"],
            }
            for number, option in enumerate(field.subwidgets)
        ]
        return {
            "field": field,
            "kind": "choice",
            "control": control,
            "options": options,
            "described_by": described_by,
        }
    kind = "checkbox" if isinstance(widget, forms.CheckboxInput) else "text"
    css = "govuk-input"
    for base, name in _CLASSES.items():
        if isinstance(widget, base):
            css = name
    if field.errors and css in {"govuk-input", "govuk-select", "govuk-textarea"}:
        css += f" {css}--error"
    css = f"{css} {widget.attrs.get('class', '')}".strip()
    attributes: dict[str, str | bool] = (
        {"class": css, "aria-describedby": described_by} if described_by else {"class": css}
    )
    return {"field": field, "kind": kind, "widget": field.as_widget(attrs=attributes), "described_by": described_by}


@register.filter
def govuk_date(value: date | datetime | None) -> str:
    """``2 October 2026``, in local time."""
    if value is None:
        return ""
    return date_format(timezone.localtime(value) if isinstance(value, datetime) else value, "j F Y")


@register.filter
def govuk_time(value: datetime | None) -> str:
    """``2:15pm``, in local time."""
    if value is None:
        return ""
    local = timezone.localtime(value)
    return f"{local.hour % 12 or 12}:{local.minute:02d}{'am' if local.hour < 12 else 'pm'}"


@register.filter
def govuk_datetime(value: datetime | None) -> str:
    """``2 October 2026, 2:15pm``, in local time."""
    return "" if value is None else f"{govuk_date(value)}, {govuk_time(value)}"


@register.filter
def exact_time(value: datetime | None) -> str:
    """``2:15:09pm``: to the second, where the order of events matters."""
    if value is None:
        return ""
    local = timezone.localtime(value)
    return f"{local.hour % 12 or 12}:{local.minute:02d}:{local.second:02d}{'am' if local.hour < 12 else 'pm'}"


@register.filter
def duration(value: timedelta | float | None) -> str:
    """``2 minutes 5 seconds``."""
    if value is None:
        return ""
    total = round(value.total_seconds() if isinstance(value, timedelta) else value)
    hours, rest = divmod(max(total, 0), 3600)
    minutes, seconds = divmod(rest, 60)
    parts = []
    if hours:
        parts.append(ngettext("%(count)d hour", "%(count)d hours", hours) % {"count": hours})
    if minutes:
        parts.append(ngettext("%(count)d minute", "%(count)d minutes", minutes) % {"count": minutes})
    if (seconds and not hours) or not parts:
        parts.append(ngettext("%(count)d second", "%(count)d seconds", seconds) % {"count": seconds})
    return " ".join(parts)


@register.filter
def clock(value: timedelta | float | None) -> str:
    """``2:05``: minutes and seconds, for positions in a recording."""
    if value is None:
        return ""
    total = int(value.total_seconds() if isinstance(value, timedelta) else value)
    hours, rest = divmod(max(total, 0), 3600)
    return f"{hours}:{rest // 60:02d}:{rest % 60:02d}" if hours else f"{rest // 60}:{rest % 60:02d}"


@register.filter
def milliseconds(value: int | None) -> timedelta | None:
    return None if value is None else timedelta(milliseconds=value)


@register.filter
def size(value: int | None) -> str:
    """``1.4 MB``."""
    if value is None:
        return ""
    amount = float(value)
    for unit in (_("bytes"), "KB", "MB", "GB"):
        if amount < 1000 or unit == "GB":
            return f"{amount:.0f} {unit}" if unit == _("bytes") or amount >= 100 else f"{amount:.1f} {unit}"
        amount /= 1000
    return ""


@register.filter
def mask_number(value: str | None) -> str:
    """A telephone number with all but its last three digits hidden; ``Withheld`` when there is none."""
    if not value:
        return _("Withheld")
    digits = [character for character in value if character.isdigit()]
    if len(digits) <= 4:
        return value
    return f"{_('ending')} {''.join(digits[-3:])}"


@register.simple_tag(takes_context=True)
def shell(context: dict[str, Any]) -> dict[str, Any]:
    """What the frame of every page shows: the menu, whether this is the demonstration, and its sign-in links."""
    request = context.get("request")
    if request is None or not hasattr(request, "user"):
        return {"menu": [], "demo": settings.RINGFENCE_DEMO, "demo_roles": []}
    return {
        "menu": menu(request),
        "demo": settings.RINGFENCE_DEMO,
        "demo_roles": demo_roles(request),
        "support_until": person_of(request).support_until if request.user.is_authenticated else None,
        "session": left(request) if hasattr(request, "session_times") else None,
        "ended": "" if request.user.is_authenticated else ended_words(request),
    }


@register.simple_tag
def session_limits() -> dict[str, object]:
    """How long a session lasts, and how many there may be of one person."""
    return {
        "idle": duration(timedelta(minutes=settings.RINGFENCE_IDLE_MINUTES)),
        "longest": duration(timedelta(hours=settings.RINGFENCE_SESSION_HOURS)),
        "browsers": settings.RINGFENCE_SESSIONS_PER_PERSON,
    }


@register.simple_tag(takes_context=True)
def page_url(context: dict[str, Any], page: int | str) -> str:
    """The current address with another page number, filters kept."""
    query = context["request"].GET.copy()
    query["page"] = str(page)
    return f"?{query.urlencode()}"


@register.simple_tag(takes_context=True)
def cursor_url(context: dict[str, Any], cursor: str) -> str:
    """The current address with another page mark, filters kept."""
    query = context["request"].GET.copy()
    query.pop("after", None)
    if cursor:
        query["after"] = cursor
    return f"?{query.urlencode()}"


@register.simple_tag(takes_context=True)
def query_url(context: dict[str, Any], **changes: str) -> str:
    """The current address with these parts of its query changed, the rest kept."""
    query = context["request"].GET.copy()
    for name, value in changes.items():
        query[name] = value
    return f"?{query.urlencode()}"


@register.filter
def item(values: Any, name: str) -> Any:
    """What a form or mapping holds under ``name``; empty when it holds nothing."""
    return values.get(name, "")


@register.filter
def unlocalize_number(value: float) -> str:
    """A number for attributes that machines read, whatever the language."""
    return f"{value:g}"
