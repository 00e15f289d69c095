"""Charge: one that pays no invoice is a sale of its own, a sales receipt into clearing.

Rules: DESIGN.md section 3; facts/stripe.md 2.9 (partial captures, failures after success).
"""

from dataclasses import replace

from wescope.books.calendar import local_date
from wescope.books.documents import Desired, Entity, SalesLine, Skipped
from wescope.books.parking import ParkCode, Parked
from wescope.books.policy import ItemRole, Policy
from wescope.books.rates import captured_row, two_foreign_currencies
from wescope.books.receipts import receipt_books, receipt_document
from wescope.books.sales_items import line_item
from wescope.books.subjects import sales_receipt_key
from wescope.books.values import BalanceTransaction, Charge, ChargeStatus


def charge_books(charge: Charge, policy: Policy) -> Desired:
    """What the books should hold for a charge without invoice: its buyer, and a sales receipt of what was captured.

    Args:
        charge: one that pays no invoice, in presentment currency; without buyer it is a guest's.
        policy: the company's choices; dates are in its time zone.

    Returns:
        A sales receipt dated by the charge's balance transaction, reversed if the charge failed after it had
        succeeded (DESIGN.md section 3, Reversals). A charge that collected nothing is skipped, one whose money is not
        booked yet is parked.
    """
    charge = _as_it_succeeded(charge)
    booked = charge.balance_transaction
    if obstacle := _unsettled(charge, booked, policy):
        return _without_document(obstacle)
    if booked is None:
        return _without_document(_parked(charge, ParkCode.BALANCE_TRANSACTION_MISSING))
    if two_foreign_currencies(charge.currency, booked, policy):
        return _without_document(_parked(charge, ParkCode.TWO_FOREIGN_CURRENCIES, settlement_currency=booked.currency))
    document = receipt_document(
        key=sales_receipt_key(charge.id),
        entity=Entity.SALES_RECEIPT,
        source_id=charge.id,
        customer=charge.buyer,
        currency=charge.currency,
        lines=(_line(charge, policy),),
        booked=captured_row(charge, booked),
        policy=policy,
        stripe_ids=(charge.payment_intent,) if charge.payment_intent else (),
    )
    return receipt_books(document, charge.buyer, charge.failure_balance_transaction, policy)


def _as_it_succeeded(charge: Charge) -> Charge:
    """A charge that failed after it had succeeded may no longer say what it had captured."""
    if charge.failure_balance_transaction is None or charge.amount_captured:
        return charge
    return replace(charge, amount_captured=charge.amount, captured=True)


def _unsettled(charge: Charge, booked: BalanceTransaction | None, policy: Policy) -> Parked | Skipped | None:
    """Why the charge never was money, if so; a failure after success has moved money."""
    if charge.failure_balance_transaction is None:
        if charge.status is ChargeStatus.FAILED:
            return _skipped(charge, "charge_failed")
        if charge.status is ChargeStatus.PENDING:
            return _parked(charge, ParkCode.CHARGE_PENDING, amount=charge.amount)
    if not charge.captured or charge.amount_captured == 0:
        return _skipped(charge, "charge_uncaptured")
    if booked is None and policy.start_date and local_date(charge.created, policy.timezone) < policy.start_date:
        return _skipped(charge, "before_start_date")
    return None


def _line(charge: Charge, policy: Policy) -> SalesLine:
    item, class_name = line_item(policy, product=None, price=None, metadata=charge.metadata, default=ItemRole.SALES)
    return SalesLine(
        item=item, amount=charge.amount_captured, description=f"Stripe charge {charge.id}", class_name=class_name
    )


def _without_document(outcome: Parked | Skipped) -> Desired:
    return Desired(parked=(outcome,)) if isinstance(outcome, Parked) else Desired(skipped=(outcome,))


def _skipped(charge: Charge, reason: str) -> Skipped:
    return Skipped(key=sales_receipt_key(charge.id), reason=reason)


def _parked(charge: Charge, code: ParkCode, amount: int | None = None, **details: str | int) -> Parked:
    return Parked(
        key=sales_receipt_key(charge.id),
        code=code,
        amount=charge.amount_captured if amount is None else amount,
        currency=charge.currency,
        details=details,
    )
