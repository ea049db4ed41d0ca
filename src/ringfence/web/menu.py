"""The menu: what a person may open, in the order of their day."""

from dataclasses import dataclass

from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from ringfence.centre.accounts.rights import Right
from ringfence.centre.assessments.access import READERS
from ringfence.web.person import Person, person_of


@dataclass(frozen=True)
class Place:
    """A page worth a link."""

    name: str
    """Of the URL."""
    label: str | Promise
    purpose: str | Promise
    rights: frozenset[Right]


PLACES = (
    Place(
        "desk",
        _("Desk"),
        _("Take and make calls, with the greeting to say and the recording state in view."),
        frozenset({Right.TAKE_CALLS}),
    ),
    Place(
        "calls",
        _("Calls"),
        _("Find a call and see what happened to it, step by step."),
        frozenset({Right.SEE_CALLS}),
    ),
    Place(
        "recordings",
        _("Recordings"),
        _("Find a recording and listen to it for a stated purpose."),
        frozenset({Right.PLAY_RECORDINGS}),
    ),
    Place(
        "flags",
        _("Flags"),
        _("Decide about calls in quarantine, and see who is on duty."),
        frozenset({Right.SEE_QUARANTINE}),
    ),
    Place(
        "payments",
        _("Payments"),
        _("See pauses in force, pauses that nobody closed, and payments without a pause."),
        frozenset({Right.SEE_PAYMENTS}),
    ),
    Place(
        "library",
        _("Library"),
        _("Read procedures and desk aids, and sign what must be signed before you take calls."),
        frozenset({Right.TAKE_CALLS, Right.EDIT_LIBRARY}),
    ),
    Place(
        "retention",
        _("Retention"),
        _("Holds, restorations, periods, what goes tonight, and proof of what went."),
        frozenset(
            {
                Right.PLACE_HOLD,
                Right.RELEASE_HOLD,
                Right.REQUEST_RESTORE,
                Right.APPROVE_RESTORE,
                Right.EDIT_RETENTION,
                Right.APPROVE_RETENTION,
                Right.AGREE_RETENTION,
                Right.APPLY_RETENTION,
                Right.SEE_REPORTS,
            }
        ),
    ),
    Place(
        "people",
        _("People"),
        _("See who may do what, add people, change and end roles, and review access."),
        frozenset({Right.MANAGE_USERS, Right.SEE_AUDIT}),
    ),
    Place(
        "telephones",
        _("Telephones"),
        _("Add handsets and managed computers, give new passwords and links, and end them."),
        frozenset({Right.MANAGE_DEVICES}),
    ),
    Place(
        "support",
        _("Support"),
        _("Open a support session, limited in time and seen by those who oversee access."),
        frozenset({Right.SUPPORT_CENTRE}),
    ),
    Place(
        "notices",
        _("Privacy notices"),
        _("Draft, agree and publish what the public reads about recorded calls."),
        frozenset({Right.PUBLISH_NOTICE, Right.APPROVE_NOTICE}),
    ),
    Place(
        "suppliers",
        _("Suppliers"),
        _("See who holds data and where, which certificates end, and what contracts say."),
        frozenset({Right.KEEP_SUPPLIERS, Right.ASSESS_TRANSFER}),
    ),
    Place(
        "disclosures",
        _("Disclosures"),
        _("Share what a recording holds with somebody outside: a case, advice, a second person, an end."),
        frozenset({Right.OPEN_DISCLOSURE, Right.ADVISE_DISCLOSURE, Right.APPROVE_DISCLOSURE}),
    ),
    Place(
        "assessments",
        _("Assessments"),
        _("See for which purposes data may be used, and draft, advise on or approve the assessments behind them."),
        frozenset(READERS),
    ),
    Place(
        "breaches",
        _("Breaches"),
        _("Open a data breach or a drill, contain it, see what it concerns, and keep its 72 hours."),
        frozenset({Right.REPORT_BREACH, Right.CONTAIN_BREACH, Right.LEAD_BREACH}),
    ),
    Place(
        "plays",
        _("Listening"),
        _("See for which purposes recordings were heard."),
        frozenset({Right.SEE_REPORTS}),
    ),
    Place(
        "audit",
        _("Audit"),
        _("See who did what, who listened, and why."),
        frozenset({Right.SEE_AUDIT, Right.SEE_TECHNICAL_AUDIT}),
    ),
    Place(
        "health",
        _("Health"),
        _("See whether telephones, jobs, storage and keys work as they should."),
        frozenset({Right.SEE_HEALTH}),
    ),
)


GROUPS = (
    (_("Privacy"), ("retention", "disclosures", "notices", "assessments", "suppliers", "breaches", "plays")),
    (_("Centre"), ("people", "telephones", "support", "audit", "health")),
)
"""What stands under one entry of a long menu, by the name of the place."""
FLAT = 8
"""A menu of so many places is not grouped."""


def places(person: Person) -> list[Place]:
    """What this person may open."""
    return [place for place in PLACES if any(person.may(right) for right in place.rights)]


def menu(request: HttpRequest) -> list[dict[str, object]]:
    """The entries of the menu, with the current one marked; an entry with ``inside`` is a group of others."""
    if not request.user.is_authenticated:
        return []
    found = places(person_of(request))
    names = [place.name for place in found] + ["account", "account_logout"]
    labels = [place.label for place in found] + [_("Your account"), _("Sign out")]
    urls = [reverse(name) for name in names]
    under = max((url for url in urls if request.path.startswith(url)), key=len, default="")
    entries: dict[str, dict[str, object]] = {
        name: {"url": url, "label": label, "current": _current(url, request.path, under)}
        for name, url, label in zip(names, urls, labels, strict=True)
    }
    return _grouped(entries) if len(found) > FLAT else list(entries.values())


def _current(url: str, path: str, under: str) -> str:
    if path == url:
        return "page"
    return "true" if url == under else ""


def _grouped(entries: dict[str, dict[str, object]]) -> list[dict[str, object]]:
    """A group stands where its first entry would; with one entry alone it is none."""
    groups: dict[str, dict[str, object]] = {}
    for label, members in GROUPS:
        inside = [entries[name] for name in entries if name in members]
        if len(inside) > 1:
            group: dict[str, object] = {"label": label, "inside": inside, "current": any(e["current"] for e in inside)}
            groups |= dict.fromkeys(members, group)
    found: list[dict[str, object]] = []
    for name, entry in entries.items():
        item = groups.get(name, entry)
        if item not in found:
            found.append(item)
    return found
