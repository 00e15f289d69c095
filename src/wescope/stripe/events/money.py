"""Events about bills, payments, Stripe's ledger and buyers: what the books look at, and what they need not."""

from collections.abc import Mapping
from typing import Final

from wescope.books.subjects import SubjectKind
from wescope.stripe.events.meanings import Acknowledged, Handled, Meaning, balance_changed, has_balance

_INVOICE: Final = Handled(kind=SubjectKind.INVOICE)
_BY_INTENT: Final = ("payment_intent", SubjectKind.PAYMENT_INTENT)
_CHARGE: Final = Handled(kind=SubjectKind.CHARGE, rather=(_BY_INTENT,))
_CREDIT_NOTE: Final = Handled(kind=SubjectKind.CREDIT_NOTE)
_REFUND: Final = Handled(kind=SubjectKind.REFUND)
# Before 2014 a dispute has no id: its charge is looked at then.
_DISPUTE: Final = Handled(
    kind=SubjectKind.DISPUTE, rather=(("id", SubjectKind.DISPUTE), ("charge", SubjectKind.CHARGE))
)
_PAYOUT: Final = Handled(kind=SubjectKind.PAYOUT)
_TOPUP: Final = Handled(kind=SubjectKind.TOPUP)
_TRANSFER: Final = Handled(kind=SubjectKind.TRANSFER)
_APPLICATION_FEE: Final = Handled(kind=SubjectKind.APPLICATION_FEE)

_BEFORE_FINALIZATION: Final = Acknowledged(reason="the invoice is not final yet, and only final invoices are posted")
_NOTICE: Final = Acknowledged(reason="a notice to people or about an attempt; amounts and status stay as they are")
_DECLINED_ATTEMPT: Final = Acknowledged(reason="no money has moved")
_CUSTOMER_ON_DEMAND: Final = Acknowledged(reason="customers are written when a document first needs them")
_OTHER_EVENTS_SAY_IT: Final = Acknowledged(reason="the charges, payouts and refunds behind it have events of their own")
_SEEN_ON_THE_PAYOUT: Final = Acknowledged(reason="its row of the balance is seen on the payout, and posted from there")
_ON_THE_LINES: Final = Acknowledged(reason="billing credits reach the books on the lines of the invoices they reduce")
_BUYERS_OWN_MONEY: Final = Acknowledged(
    reason="cash that Stripe keeps for a buyer is not ours until a charge or a row of the balance takes it"
)
_TAX_AS_GIVEN: Final = Acknowledged(reason="Stripe's tax amounts are posted as they are, never recomputed")

BILLING: Final[Mapping[str, Meaning]] = {
    # `invoice.created` is never subscribed to: a slow answer delays the merchant's billing (facts/stripe.md 2.1).
    "invoice.finalized": _INVOICE,
    "invoice.updated": _INVOICE,
    "invoice.paid": _INVOICE,
    "invoice.payment_succeeded": _INVOICE,
    "invoice.payment_failed": _INVOICE,
    "invoice.overpaid": _INVOICE,
    "invoice.voided": _INVOICE,
    "invoice.marked_uncollectible": _INVOICE,
    "invoice.created": _BEFORE_FINALIZATION,
    "invoice.upcoming": _BEFORE_FINALIZATION,
    "invoice.deleted": _BEFORE_FINALIZATION,
    "invoice.finalization_failed": _BEFORE_FINALIZATION,
    "invoiceitem.created": _BEFORE_FINALIZATION,
    "invoiceitem.updated": _BEFORE_FINALIZATION,
    "invoiceitem.deleted": _BEFORE_FINALIZATION,
    "invoice.sent": _NOTICE,
    "invoice.overdue": _NOTICE,
    "invoice.will_be_due": _NOTICE,
    "invoice.payment_action_required": _NOTICE,
    "invoice.payment_attempt_required": _NOTICE,
    "invoice_payment.paid": Handled(kind=SubjectKind.INVOICE, id_field="invoice"),
    "invoice_payment.open": _DECLINED_ATTEMPT,
    "invoice_payment.canceled": _DECLINED_ATTEMPT,
    "credit_note.created": _CREDIT_NOTE,
    "credit_note.updated": _CREDIT_NOTE,
    "credit_note.voided": _CREDIT_NOTE,
    "billing.credit_balance_transaction.created": _ON_THE_LINES,
    "billing.credit_grant.created": _ON_THE_LINES,
    "billing.credit_grant.updated": _ON_THE_LINES,
    "tax_rate.created": _TAX_AS_GIVEN,
    "tax_rate.updated": _TAX_AS_GIVEN,
    "tax.settings.updated": _TAX_AS_GIVEN,
}

PAYMENTS: Final[Mapping[str, Meaning]] = {
    "charge.succeeded": _CHARGE,
    "charge.updated": _CHARGE,
    "charge.captured": _CHARGE,
    "charge.failed": _CHARGE,
    "charge.pending": _DECLINED_ATTEMPT,
    "charge.expired": _DECLINED_ATTEMPT,
    "payment_intent.succeeded": Handled(kind=SubjectKind.PAYMENT_INTENT),
    "payment_intent.created": _DECLINED_ATTEMPT,
    "payment_intent.processing": _DECLINED_ATTEMPT,
    "payment_intent.requires_action": _DECLINED_ATTEMPT,
    "payment_intent.amount_capturable_updated": _DECLINED_ATTEMPT,
    "payment_intent.partially_funded": _DECLINED_ATTEMPT,
    "payment_intent.payment_failed": _DECLINED_ATTEMPT,
    "payment_intent.canceled": _DECLINED_ATTEMPT,
    "checkout.session.async_payment_failed": _OTHER_EVENTS_SAY_IT,
    "checkout.session.async_payment_succeeded": _OTHER_EVENTS_SAY_IT,
    "checkout.session.completed": _OTHER_EVENTS_SAY_IT,
    "checkout.session.expired": _OTHER_EVENTS_SAY_IT,
    # Its object is the charge. Old versions list the refunds in it, newest first; since 2022-11-15 `refund.created`
    # tells of the refund.
    "charge.refunded": Handled(kind=SubjectKind.CHARGE, rather=(("refunds", SubjectKind.REFUND), _BY_INTENT)),
    "charge.refund.updated": _REFUND,
    "refund.created": _REFUND,
    "refund.updated": _REFUND,
    "refund.failed": _REFUND,
    "charge.dispute.created": _DISPUTE,
    "charge.dispute.updated": _DISPUTE,
    "charge.dispute.closed": _DISPUTE,
    "charge.dispute.funds_withdrawn": _DISPUTE,
    "charge.dispute.funds_reinstated": _DISPUTE,
}

LEDGER: Final[Mapping[str, Meaning]] = {
    "payout.created": _PAYOUT,
    "payout.updated": _PAYOUT,
    "payout.paid": _PAYOUT,
    "payout.failed": _PAYOUT,
    "payout.canceled": _PAYOUT,
    "payout.reconciliation_completed": _PAYOUT,
    "balance.available": _OTHER_EVENTS_SAY_IT,
    "topup.created": _TOPUP,
    "topup.succeeded": _TOPUP,
    "topup.failed": _TOPUP,
    "topup.canceled": _TOPUP,
    "topup.reversed": _TOPUP,
    "transfer.created": _TRANSFER,
    "transfer.updated": _TRANSFER,
    "transfer.reversed": _TRANSFER,
    "application_fee.created": _APPLICATION_FEE,
    "application_fee.refunded": _APPLICATION_FEE,
    # Its object is the refund of the fee; `application_fee.refunded` comes with it and has the fee and all refunds.
    "application_fee.refund.updated": _SEEN_ON_THE_PAYOUT,
    "reserve.hold.created": _SEEN_ON_THE_PAYOUT,
    "reserve.hold.updated": _SEEN_ON_THE_PAYOUT,
    "reserve.plan.created": _SEEN_ON_THE_PAYOUT,
    "reserve.plan.disabled": _SEEN_ON_THE_PAYOUT,
    "reserve.plan.expired": _SEEN_ON_THE_PAYOUT,
    "reserve.plan.updated": _SEEN_ON_THE_PAYOUT,
    "reserve.release.created": _SEEN_ON_THE_PAYOUT,
    "climate.order.canceled": _SEEN_ON_THE_PAYOUT,
    "climate.order.created": _SEEN_ON_THE_PAYOUT,
    "climate.order.delayed": _SEEN_ON_THE_PAYOUT,
    "climate.order.delivered": _SEEN_ON_THE_PAYOUT,
    "climate.order.product_substituted": _SEEN_ON_THE_PAYOUT,
    "issuing_transaction.created": _SEEN_ON_THE_PAYOUT,
    "issuing_transaction.purchase_details_receipt_updated": _SEEN_ON_THE_PAYOUT,
    "issuing_transaction.updated": _SEEN_ON_THE_PAYOUT,
    "issuing_dispute.funds_reinstated": _SEEN_ON_THE_PAYOUT,
    "issuing_dispute.funds_rescinded": _SEEN_ON_THE_PAYOUT,
}

BUYERS: Final[Mapping[str, Meaning]] = {
    # A move of a customer's balance has no event of its own (facts/stripe.md 2.4).
    "customer.created": Handled(kind=SubjectKind.CUSTOMER, matters=has_balance),
    "customer.updated": Handled(kind=SubjectKind.CUSTOMER, matters=balance_changed),
    "customer.deleted": _CUSTOMER_ON_DEMAND,
    "customer.tax_id.created": _CUSTOMER_ON_DEMAND,
    "customer.tax_id.deleted": _CUSTOMER_ON_DEMAND,
    "customer.tax_id.updated": _CUSTOMER_ON_DEMAND,
    "customer_cash_balance_transaction.created": _BUYERS_OWN_MONEY,
    "cash_balance.funds_available": _BUYERS_OWN_MONEY,
}
