"""Charge: one that pays no invoice is a sales receipt, which is not posted yet but parked with its amount."""

from wescope.books.calendar import local_date
from wescope.books.documents import Desired, Skipped
from wescope.books.parking import ParkCode, Parked
from wescope.books.policy import Policy
from wescope.books.subjects import DocumentKey
from wescope.books.values import Charge, ChargeStatus


def charge_books(charge: Charge, policy: Policy) -> Desired:
    """What the books should hold for a charge without invoice: a parked sales receipt of what was captured.

    A charge that collected nothing (failed, pending, uncaptured) or that is older than the books is skipped.
    """
    key = DocumentKey(f"{charge.id}:sales_receipt")
    if reason := _no_sale(charge, policy):
        return Desired(skipped=(Skipped(key=key, reason=reason),))
    parked = Parked(
        key=key, code=ParkCode.CHARGE_WITHOUT_INVOICE, amount=charge.amount_captured, currency=charge.currency
    )
    return Desired(parked=(parked,))


def _no_sale(charge: Charge, policy: Policy) -> str | None:
    if charge.status is ChargeStatus.FAILED:
        return "charge_failed"
    if charge.status is ChargeStatus.PENDING:
        return "charge_pending"
    if not charge.captured or charge.amount_captured == 0:
        return "charge_uncaptured"
    booked = charge.balance_transaction
    day = local_date(charge.created if booked is None else booked.created, policy.timezone)
    return "before_start_date" if policy.start_date is not None and day < policy.start_date else None
