"""The words for payments."""

from django.utils.translation import gettext_lazy as _

from ringfence.centre.payments.links import Fault

FAULTS = {
    Fault.UNREADABLE: _("cannot be read as a web address"),
    Fault.NOT_HTTPS: _("is not https"),
    Fault.OTHER_HOST: _("another server"),
    Fault.OTHER_PORT: _("another port or not https"),
    Fault.OTHER_PATH: _("another page of the same server"),
}


def fault_text(code: str) -> str:
    """Why an address was refused; a code that nobody knows is shown as it is."""
    return str(FAULTS[Fault(code)]) if code in {fault.value for fault in Fault} else code
