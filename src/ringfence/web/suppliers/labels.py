"""The register in words: what is wrong with a supplier, and where a place is."""

from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from ringfence.centre.suppliers.models import Keeps, SupplierVersion
from ringfence.centre.suppliers.queries import Fault, PlaceLine, Problem, Standing, Whereabouts

FIELDS = {
    "certificate": gettext_lazy("certificate"),
    "name": gettext_lazy("name"),
    "service": gettext_lazy("service"),
    "processor": gettext_lazy("processor or not"),
    "keeps": gettext_lazy("what it keeps"),
    "contact": gettext_lazy("contact"),
    "regions": gettext_lazy("region"),
    "sub_processors": gettext_lazy("sub-processors"),
    "measures": gettext_lazy("security measures"),
    "contract": gettext_lazy("Article 28 contract"),
    "contract_signed_on": gettext_lazy("day the contract was signed"),
    "audit_right": gettext_lazy("right of audit"),
    "deletion": gettext_lazy("deletion and its proof"),
    "breach_hours": gettext_lazy("notice of a breach"),
}
WHERE = {
    Whereabouts.ALLOWED: (gettext_lazy("In the allow-list"), "green"),
    Whereabouts.ASSESSED: (gettext_lazy("By a transfer assessment"), "blue"),
    Whereabouts.OVERDUE: (gettext_lazy("Review overdue"), "yellow"),
    Whereabouts.STATED: (gettext_lazy("As the register states"), "blue"),
    Whereabouts.BLANK: (gettext_lazy("Not known"), "yellow"),
    Whereabouts.REFUSED: (gettext_lazy("Not allowed"), "red"),
}


@dataclass(frozen=True)
class State:
    """A word with its colour, and what it is about."""

    word: str
    colour: str
    text: str = ""


def _certificate(problem: Problem) -> str:
    if problem.days < 0:
        ended = ngettext("expired %(days)d day ago", "expired %(days)d days ago", -problem.days)
        return f"{problem.about} {ended % {'days': -problem.days}}"
    if problem.days == 0:
        return _("%(standard)s expires today") % {"standard": problem.about}
    left = ngettext("expires in %(days)d day", "expires in %(days)d days", problem.days)
    return f"{problem.about} {left % {'days': problem.days}}"


def _review(problem: Problem) -> str:
    about, days = _("Transfer assessment for %(region)s") % {"region": problem.about}, abs(problem.days)
    if problem.days == 0:
        return f"{about}: {_('to be reviewed today')}"
    if problem.days < 0:
        ended = ngettext("review %(days)d day overdue", "review %(days)d days overdue", days)
        return f"{about}: {ended % {'days': days}}"
    left = ngettext("to be reviewed in %(days)d day", "to be reviewed in %(days)d days", days)
    return f"{about}: {left % {'days': days}}"


def states(standing: Standing) -> list[State]:
    """What is to be said of a supplier, worst first; every blank in one sentence."""
    if standing.supplier.removed_at is not None:
        return [State(_("Removed"), "grey")]
    said: list[State] = []
    for problem in standing.problems:
        match problem.fault:
            case Fault.EXPIRED:
                said.append(State(_("Expired"), "red", _certificate(problem)))
            case Fault.EXPIRING:
                said.append(State(_("Expires soon"), "yellow", _certificate(problem)))
            case Fault.REGION:
                text = _("%(region)s is not in the allow-list and has no accepted transfer assessment")
                said.append(State(_("Not allowed"), "red", text % {"region": problem.about}))
            case Fault.REVIEW_DUE:
                said.append(State(_("Review overdue"), "red", _review(problem)))
            case Fault.REVIEW_SOON:
                said.append(State(_("Review soon"), "yellow", _review(problem)))
            case Fault.BLANK:
                continue
    blank = [str(FIELDS[problem.about]) for problem in standing.problems if problem.fault is Fault.BLANK]
    if blank:
        said.append(State(_("Blank"), "yellow", ", ".join(blank)))
    return said or [State(_("In order"), "green")]


def keeps(version: SupplierVersion) -> list[str]:
    """What it keeps, in words, in the order of the form."""
    return [str(kind.label) for kind in Keeps if kind in version.keeps]


def place_row(line: PlaceLine) -> dict[str, object]:
    """One place for the table of the list page."""
    text, colour = WHERE[line.known]
    return {
        "what": Keeps(line.place.keeps).label,
        "setting": line.place.setting,
        "where": ", ".join(line.regions),
        "keepers": [(keeper.supplier.code, keeper.version.name) for keeper in line.keepers],
        "state": State(str(text), colour),
    }
