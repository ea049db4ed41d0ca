"""Alarms in words, each with what to do."""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from ringfence.centre.jobs.queries import OpenAlarm

Text = str | Promise

ALARMS: dict[str, tuple[Text, Text]] = {
    "trunk_down": (_("A trunk is down"), _("Ask the carrier, and check its address and password.")),
    "payment_unwatched": (
        _("A recording is paused for a payment page that fell silent"),
        _("Ask the agent whether the payment is finished. The recording stays paused until then."),
    ),
    "payment_event_refused": (
        _("Unsigned events came to the address for payment providers"),
        _("Check the provider's secret and clock. Nothing was changed by them."),
    ),
    "emergency_call_failed": (
        _("A call to 999 or 112 found no trunk"),
        _("Call back at once, and ask the carrier. Tell people to use a mobile."),
    ),
    "no_trunk": (_("A call out found no trunk"), _("Ask the carrier, and check the accounts of the trunks.")),
    "client_unknown": (
        _("A call came to a line of an unknown client"),
        _("Load the centre file again, and see that the worker runs."),
    ),
    "call_without_arrival": (
        _("The beginning of a call is missing in the call log"),
        _("Events were lost. See that the worker runs."),
    ),
    "prompts_missing": (_("Prompts have no sound"), _("Publish them again.")),
    "notice_failed": (
        _("A recording notice could not be played"),
        _("Publish the prompt again. Calls that did not hear it are not recorded."),
    ),
    "notice_days_wrong": (
        _("A privacy notice promises other days than are in force"),
        _("Publish a new version on the page Notices."),
    ),
    "notice_purpose_unsaid": (
        _("Recordings may be used for something that a privacy notice does not name"),
        _("Publish a new version on the page Notices."),
    ),
    "prompt_failed": (_("A prompt could not be played"), _("Publish the prompt again.")),
    "recording_unavailable": (
        _("Recordings cannot be stored"),
        _("Check disk, store and keys, and the log of the telephone service. Calls go on unrecorded."),
    ),
    "recording_storage": (
        _("A recording could not be written"),
        _("Check the disk. The call went on unrecorded."),
    ),
    "recording_media": (
        _("A recording lost the sound of its call"),
        _("Look at the log of the telephone service. The call went on unrecorded."),
    ),
    "recording_without_start": (
        _("A sealed recording has no beginning in the call log"),
        _("Events were lost. Look for its call, and see that the worker runs."),
    ),
    "recording_not_started": (_("A call was not recorded"), _("Check disk and keys. The call went on.")),
    "recording_unrecoverable": (_("A recording could not be recovered"), _("Keep the file and ask for help.")),
    "recording_gap": (_("Answered calls without a recording"), _("Look for them in the call log.")),
    "recording_stuck": (_("Recordings do not reach the store"), _("Check the store and the worker's log.")),
    "backup_overdue": (_("There is no backup of the last two days"), _("Look at the timer and at backup.target.")),
    "backup_key_stays": (
        _("A backup key outlived its time"),
        _("Make its folder reachable (backup.key_folder), or delete the file: old key backups open while it stands."),
    ),
    "destruction_copy_behind": (
        _("The copy of the destruction list is behind"),
        _("Make its disk reachable (backup.list_copy); it catches up by itself."),
    ),
    "sealed_value_damaged": (
        _("Sealed values do not open"),
        _("Restore the rows that the log of the worker counts, then rotate the client's key again."),
    ),
    "store_unreachable": (
        _("Stored recordings cannot be reached"),
        _("Check the store's address, credentials and disk. Calls go on and are recorded."),
    ),
    "key_store_unreachable": (
        _("The key store cannot be used"),
        _("Check its folder and disk. Calls go on unrecorded until it answers."),
    ),
    "recording_damaged": (_("A stored recording is damaged"), _("Restore it from a copy, then find the cause.")),
    "retention_failed": (
        _("Part of what is due was not deleted"),
        _("It is tried again. Check the store and the keys."),
    ),
    "retention_late": (_("Retention is late or did not run"), _("Check that the worker runs, and look at its log.")),
    "destruction_stuck": (
        _("A deletion is not finished"),
        _("Nobody can hear it any more, but key or sealed file may still be there. Check the store and the keys."),
    ),
    "hold_review_due": (_("The review of a hold is due"), _("Open Retention, Holds, and review or release it.")),
    "flag_waiting": (_("A flag has waited too long"), _("Open Flags and decide.")),
    "duty_nobody": (
        _("Nobody could decide about flags"),
        _("Give somebody of the client a role that may delete, or put a supervisor on duty."),
    ),
    "job_failed": (_("A job gave up"), _("Look at the worker's log, mend the cause, then clear this.")),
    "job_unknown": (_("A queued job is not known"), _("It was queued by another version.")),
    "fact_refused": (_("The telephone service told of something unknown"), _("Bring all processes to one version.")),
    "facts_lost": (_("Events were lost"), _("The call log has gaps. Check that the worker runs.")),
    "directory_refused": (_("The telephone service refused the directory"), _("Look at the worker's log.")),
    "queue_missing": (_("A call flow names a missing queue"), _("Publish the flow again.")),
    "calls_refused": (_("Calls were refused"), _("The telephone service was full.")),
    "loop_lag": (_("The telephone service is slow"), _("Look for other work on this machine.")),
    "tap_disobeyed": (_("A pause did not reach the recorder"), _("The recording was stopped. Ask for help.")),
    "breach_open": (_("A data breach is open"), _("Open Breaches, contain it, decide within 72 hours and close it.")),
    "breach_short": (
        _("A data breach has 24 hours left or less"),
        _("The data protection officer records on its page whether the Information Commissioner is told."),
    ),
    "breach_passed": (
        _("The 72 hours of a data breach have passed"),
        _("Tell the Information Commissioner now, with the reasons for the delay, or record why nobody need be told."),
    ),
    "access_review_due": (_("An access review is due"), _("Start one on the page People, and sign it.")),
    "handsets_below_minimum": (
        _("Telephones are below the minimum of 802.1X, or nobody knows"),
        _("They go on ringing and get no new password. Open Telephones, set 802.1X up, and record it."),
    ),
    "library_review_due": (_("Documents of the library are due for review"), _("Their owners look at them again.")),
    "supplier_certificate": (
        _("A supplier's certificate ends soon or has ended"),
        _("Ask the supplier for the renewed one, and record it on the page Suppliers."),
    ),
    "transfer_review": (
        _("A transfer assessment is due for review, or its review is overdue"),
        _(
            "The data protection officer assesses the transfer again on the page Suppliers, and the head of service "
            "accepts it. Until then the old assessment counts."
        ),
    ),
    "region_not_assessed": (
        _("Data goes to a region outside the allow-list"),
        _("Choose a region of the list (regions.allowed), or record a transfer assessment on the page Suppliers."),
    ),
    "assessment_review_due": (
        _("The review of an impact assessment is overdue"),
        _("Its purposes stay on. Review the document, and draft the entry that replaces it on the page Assessments."),
    ),
    "audit_chain_broken": (
        _("The audit trail was changed behind Ringfence's back"),
        _("Keep a copy of the database, tell the data protection officer, and restart nothing until it is understood."),
    ),
    "audit_checkpoint_place": (
        _("A second place of the audit trail cannot be written"),
        _("Make it reachable again (audit.folder, audit.bucket, audit.syslog). It catches up by itself."),
    ),
}


@dataclass(frozen=True)
class AlarmLine:
    alarm: OpenAlarm
    title: str
    cure: str


def alarm_line(alarm: OpenAlarm) -> AlarmLine:
    """An alarm as people read it; a code nobody has described is shown with its dashes gone."""
    title, cure = ALARMS.get(alarm.code, (alarm.code.replace("_", " ").capitalize(), ""))
    return AlarmLine(alarm, str(title), str(cure))
