"""Parked: a document that must not be posted now, with code, reason, owner, amount and the one action that mends it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from wescope.books.subjects import DocumentKey


class Owner(StrEnum):
    """Who can act on a parked document or an error."""

    STRIPE = "stripe"
    QBO = "qbo"
    OPERATOR = "operator"
    US = "us"


class ParkCode(StrEnum):
    """Stable codes of everything that may be parked. Texts and remedies: `REASONS`."""

    TOTAL_MISMATCH = "total_mismatch"
    LINE_CURRENCY_MISMATCH = "line_currency_mismatch"
    NEGATIVE_TOTAL = "negative_total"
    FOREIGN_CURRENCY = "foreign_currency"
    CUSTOMER_BALANCE_USED = "customer_balance_used"
    CREDIT_NOTE = "credit_note"
    UNCOLLECTIBLE = "uncollectible"
    VOIDED_LATER = "voided_later"
    MISSING_DATE = "missing_date"
    MISSING_CUSTOMER = "missing_customer"
    CHARGE_WITHOUT_INVOICE = "charge_without_invoice"
    CHARGE_PENDING = "charge_pending"
    CHARGE_FAILED_LATER = "charge_failed_later"
    PAYMENT_EXCEEDS_CHARGE = "payment_exceeds_charge"
    PAYMENTS_MISMATCH = "payments_mismatch"
    BALANCE_TRANSACTION_MISSING = "balance_transaction_missing"
    OBJECT_MISSING = "object_missing"
    OBJECT_UNREADABLE = "object_unreadable"
    REFERENCE_MISSING = "reference_missing"
    NO_LONGER_DESIRED = "no_longer_desired"
    WAITING = "waiting"
    PAYS_SKIPPED_INVOICE = "pays_skipped_invoice"
    DRY_RUN = "dry_run"
    PERIOD_CLOSED = "period_closed"
    ACCOUNT_MISSING = "account_missing"
    ITEM_MISSING = "item_missing"
    DOC_NUMBER_TAKEN = "doc_number_taken"
    NAME_TAKEN = "name_taken"
    ANSWER_DIFFERS = "answer_differs"
    EDITED_IN_QBO = "edited_in_qbo"
    MISSING_IN_QBO = "missing_in_qbo"
    REFUSED_BY_QBO = "refused_by_qbo"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """What a code means in business words, who owns it, and the one action that mends it."""

    text: str
    owner: Owner
    remedy: str


_LATER = "Nothing to do for the books' safety: the amount is listed here until this version's posting rules cover it."

REASONS: Mapping[ParkCode, Reason] = {
    ParkCode.TOTAL_MISMATCH: Reason(
        text="The lines of the invoice do not add up to Stripe's total.",
        owner=Owner.US,
        remedy="Compare both numbers with the invoice in Stripe and report the invoice id.",
    ),
    ParkCode.LINE_CURRENCY_MISMATCH: Reason(
        text="A line is in another currency than its invoice.",
        owner=Owner.STRIPE,
        remedy="Open the invoice in Stripe; void it and issue it again in one currency.",
    ),
    ParkCode.NEGATIVE_TOTAL: Reason(
        text="The invoice's total is below zero; it becomes a credit memo.", owner=Owner.US, remedy=_LATER
    ),
    ParkCode.FOREIGN_CURRENCY: Reason(
        text="The document is in another currency than the books and needs an exchange rate.",
        owner=Owner.US,
        remedy=_LATER,
    ),
    ParkCode.CUSTOMER_BALANCE_USED: Reason(
        text="Part of the invoice was settled by the customer's credit balance.", owner=Owner.US, remedy=_LATER
    ),
    ParkCode.CREDIT_NOTE: Reason(text="The invoice has credit notes.", owner=Owner.US, remedy=_LATER),
    ParkCode.UNCOLLECTIBLE: Reason(
        text="The invoice was marked uncollectible; its write-off is not posted.", owner=Owner.US, remedy=_LATER
    ),
    ParkCode.VOIDED_LATER: Reason(
        text="The invoice was voided in a later month than it was issued; a dated credit memo is needed.",
        owner=Owner.US,
        remedy=_LATER,
    ),
    ParkCode.MISSING_DATE: Reason(
        text="The object has no date from which a posting date follows.",
        owner=Owner.STRIPE,
        remedy="Open the object in Stripe; a finalized invoice has an effective or finalized date.",
    ),
    ParkCode.MISSING_CUSTOMER: Reason(
        text="The invoice names no customer.",
        owner=Owner.STRIPE,
        remedy="Open the invoice in Stripe; QBO needs a customer for every invoice.",
    ),
    ParkCode.CHARGE_WITHOUT_INVOICE: Reason(
        text="The charge pays no invoice; it becomes a sales receipt.", owner=Owner.US, remedy=_LATER
    ),
    ParkCode.CHARGE_PENDING: Reason(
        text="The charge has not succeeded yet.",
        owner=Owner.STRIPE,
        remedy="Wait: the payment is posted by itself when Stripe reports success.",
    ),
    ParkCode.CHARGE_FAILED_LATER: Reason(
        text="The charge failed after it had succeeded; a reversal is needed.", owner=Owner.US, remedy=_LATER
    ),
    ParkCode.PAYMENT_EXCEEDS_CHARGE: Reason(
        text="Stripe says that the charge pays more than it collected.",
        owner=Owner.STRIPE,
        remedy="Compare the invoice payments with the charge in Stripe and report both ids.",
    ),
    ParkCode.PAYMENTS_MISMATCH: Reason(
        text="The payments of the invoice do not add up to what Stripe says was paid.",
        owner=Owner.US,
        remedy="Compare the payments listed on the invoice in Stripe and report the invoice id.",
    ),
    ParkCode.BALANCE_TRANSACTION_MISSING: Reason(
        text="Stripe has not booked the charge in its balance yet, so its date is unknown.",
        owner=Owner.STRIPE,
        remedy="Wait: the payment is posted by itself when Stripe has booked the charge.",
    ),
    ParkCode.OBJECT_MISSING: Reason(
        text="Stripe no longer has this object, but documents of it are in QBO.",
        owner=Owner.OPERATOR,
        remedy="Check the object in Stripe; void its documents in QBO if it was test data.",
    ),
    ParkCode.REFERENCE_MISSING: Reason(
        text="The object refers to another one that Stripe does not show.",
        owner=Owner.STRIPE,
        remedy="Check in Stripe that the API key is of the same account and mode as the object; it is tried again.",
    ),
    ParkCode.NO_LONGER_DESIRED: Reason(
        text="The document stands in QBO, but Stripe no longer shows what it was made from.",
        owner=Owner.OPERATOR,
        remedy="Compare it with the object in Stripe; void the document in QBO if its money did not move.",
    ),
    ParkCode.OBJECT_UNREADABLE: Reason(
        text="The object lacks a field that the posting rules need, or a field has an unknown value.",
        owner=Owner.US,
        remedy="Report the object id and the field that is named here.",
    ),
    ParkCode.WAITING: Reason(
        text="The document waits for another one that is not posted yet.",
        owner=Owner.US,
        remedy="Mend the document that is named here; this one follows by itself.",
    ),
    ParkCode.PAYS_SKIPPED_INVOICE: Reason(
        text="The payment also pays an invoice that is not in these books (older than the start date, say).",
        owner=Owner.OPERATOR,
        remedy="Enter the payment in QBO by hand against both invoices, or move start_date in wescope.toml.",
    ),
    ParkCode.DRY_RUN: Reason(
        text="Dry run is switched on; nothing is written to QBO.",
        owner=Owner.OPERATOR,
        remedy="Set dry_run = false under [books] in wescope.toml.",
    ),
    ParkCode.PERIOD_CLOSED: Reason(
        text="The document's date lies in a closed period.",
        owner=Owner.OPERATOR,
        remedy="Move the closing date in QBO (Account and settings, Advanced), then retry.",
    ),
    ParkCode.ACCOUNT_MISSING: Reason(
        text="The QBO account that the policy names does not exist, is inactive or has the wrong type.",
        owner=Owner.OPERATOR,
        remedy="Create the account in QBO or name another one under [accounts] in wescope.toml; see `wescope doctor`.",
    ),
    ParkCode.ITEM_MISSING: Reason(
        text="The QBO item that the policy names does not exist or is inactive.",
        owner=Owner.OPERATOR,
        remedy="Create the item in QBO or name another one under [items] in wescope.toml; see `wescope doctor`.",
    ),
    ParkCode.DOC_NUMBER_TAKEN: Reason(
        text="Another document in QBO already has this number.",
        owner=Owner.OPERATOR,
        remedy="Compare it with the Stripe invoice: delete or renumber the one that was entered by hand, then retry.",
    ),
    ParkCode.NAME_TAKEN: Reason(
        text="Every name for this customer is taken in QBO.",
        owner=Owner.OPERATOR,
        remedy="Rename what has the Stripe customer id in its name in QBO (customer, vendor or employee), then retry.",
    ),
    ParkCode.ANSWER_DIFFERS: Reason(
        text="QBO stored another amount than was sent; the document was taken back.",
        owner=Owner.QBO,
        remedy="Check sales tax and automation settings in QBO against `wescope doctor`, then retry.",
    ),
    ParkCode.EDITED_IN_QBO: Reason(
        text="The document was changed in QBO by somebody else since it was posted.",
        owner=Owner.OPERATOR,
        remedy="Compare the document in QBO with Stripe and undo the edit, then retry.",
    ),
    ParkCode.MISSING_IN_QBO: Reason(
        text="The document was posted, but QBO no longer has it.",
        owner=Owner.OPERATOR,
        remedy="Find out who deleted it in QBO's audit log, then retry.",
    ),
    ParkCode.REFUSED_BY_QBO: Reason(
        text="QBO refused the document.",
        owner=Owner.OPERATOR,
        remedy="Look up the fault code that is named here in the error reference, mend its cause, then retry.",
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Parked:
    """A document that is not posted. `amount` is what is at stake, in minor units of `currency`.

    `details` holds ids, amounts, dates and codes only: no names, no texts of people.
    """

    key: DocumentKey
    code: ParkCode
    amount: int
    currency: str
    details: Mapping[str, str | int] = field(default_factory=dict)
