"""What the registers say to ``ringfence check``: where data is, who processes it, for what it may be used."""

from collections.abc import Iterator
from datetime import datetime

from ringfence.centre.suppliers.places import is_allowed
from ringfence.entry.checks.findings import Finding, fail, ok, warn
from ringfence.entry.regions import data_places
from ringfence.entry.settings import Settings, use_django


def regions(settings: Settings, *, now: datetime) -> Iterator[Finding]:
    """Data goes to no region outside the allow-list without an accepted transfer assessment (R138)."""
    places, allowed = data_places(settings), settings.regions.allowed
    named = ", ".join(dict.fromkeys(place.region for place in places if place.region))
    if all(is_allowed(place.region, allowed) for place in places):
        yield ok("regions", f"Every place that the settings name is in the allow-list: {named}.")
        return
    use_django()
    from django.db import connection
    from django.db.utils import DatabaseError
    from django.utils import timezone

    from ringfence.centre.suppliers.queries import Whereabouts, where_data_is

    try:
        lines = where_data_is(today=timezone.localdate(now), places=places, regions=allowed)
    except DatabaseError:
        for place in places:
            if place.region and not is_allowed(place.region, allowed):
                yield fail(
                    "regions",
                    f"{place.setting} names {place.region}, which is not in regions.allowed, and the register of "
                    "suppliers cannot be read; mend the database first.",
                )
        return
    finally:
        connection.close()
    for line in lines:
        setting, where = line.place.setting, " and ".join(line.regions)
        match line.known:
            case Whereabouts.REFUSED:
                yield fail(
                    "regions",
                    f"{setting}: the data would be in {where}, which is not in regions.allowed, and no accepted "
                    "transfer assessment of whoever keeps it names it; choose another region, or record the "
                    "assessment on the page Suppliers ('ringfence web' starts the pages alone).",
                )
            case Whereabouts.BLANK:
                yield warn(
                    "regions",
                    f"{setting}: where this is cannot be read from the settings, and the register does not say; "
                    "enter who keeps it and in which region on the page Suppliers.",
                )
            case Whereabouts.OVERDUE:
                yield warn(
                    "regions",
                    f"{setting}: {where}, by a transfer assessment whose review is overdue; the data protection "
                    "officer assesses it again on the page Suppliers, and the head of service accepts it.",
                )
            case Whereabouts.ASSESSED:
                yield ok("regions", f"{setting}: {where}, by an accepted transfer assessment.")
            case Whereabouts.STATED:
                yield ok("regions", f"{setting}: {where}, as the register of suppliers states.")
            case Whereabouts.ALLOWED:
                yield ok("regions", f"{setting}: {where}, in the allow-list.")


def suppliers(_settings: Settings, *, now: datetime) -> Iterator[Finding]:
    """Certificates count, no processor is in another region without an assessment, and nothing is blank."""
    use_django()
    from django.db.utils import DatabaseError
    from django.utils import timezone

    from ringfence.centre.suppliers.queries import Fault, suppliers_now

    try:
        standing = suppliers_now(today=timezone.localdate(now))
    except DatabaseError:
        return  # the check of the database has said so
    for one in standing:
        faults = {problem.fault for problem in one.problems}
        name = one.version.name
        if Fault.REGION in faults:
            where = ", ".join(problem.about for problem in one.problems if problem.fault is Fault.REGION)
            yield fail("suppliers", f"{name} has data in {where}, without an accepted assessment; see page Suppliers.")
        elif Fault.EXPIRED in faults:
            yield warn("suppliers", f"A certificate of {name} has expired; record the renewed one on page Suppliers.")
        elif faults:
            yield warn("suppliers", f"{name} needs attention; see page Suppliers.")
    if not standing:
        yield warn("suppliers", "None is in the register; add whoever runs the machines and carries calls.")
    elif not any(one.problems for one in standing):
        yield ok("suppliers", f"{len(standing)} are in the register and in order.")


def purposes(_settings: Settings, *, now: datetime) -> Iterator[Finding]:
    """Some purpose is on for every client, so that somebody may listen when a caller complains (R81)."""
    use_django()
    from django.db.utils import DatabaseError

    from ringfence.centre.assessments.queries import without_any
    from ringfence.centre.tenancy.queries import client_codes

    try:
        codes = client_codes()
        off = without_any(codes, at=now)
    except DatabaseError:
        return  # the check of the database has said so
    if off:
        yield warn(
            "purposes",
            f"None is on for {', '.join(sorted(off))}: nobody hears a recording before an impact assessment is "
            "approved on the page Assessments.",
        )
    elif codes:
        yield ok("purposes", "An approved impact assessment covers every client.")
