"""Who reaches which payment. Foreign, forbidden and missing are one and the same answer."""

from ringfence.centre.accounts.models import User
from ringfence.centre.accounts.rights import Right
from ringfence.centre.calls.access import scope_of
from ringfence.centre.payments.errors import NotFound
from ringfence.centre.payments.models import Payment, PaymentLink


def access_own_payment(user: User, payment_id: str) -> Payment:
    """A payment that this very person opened, for a client whose calls they still take. Raises NotFound."""
    with scope_of(user, Right.TAKE_CALLS):
        payment: Payment | None = Payment.objects.select_related("link").filter(pk=payment_id).first()
    if payment is None:
        raise NotFound
    if payment.user_id != user.id.hex:
        raise NotFound
    return payment


def access_link(user: User, link_id: str) -> PaymentLink:
    """A payment page that stands on the list of a client whose pages ``user`` may change. Raises NotFound."""
    with scope_of(user, Right.EDIT_PAYMENT_LINKS):
        link: PaymentLink | None = PaymentLink.objects.filter(pk=link_id, removed_at=None).first()
    if link is None:
        raise NotFound
    return link
