"""Parked: a document that must not be posted now, with code, reason, owner, amount and the one action that mends it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
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
    MISSING_DATE = "missing_date"
    MISSING_CUSTOMER = "missing_customer"
    CHARGE_PENDING = "charge_pending"
    PAYMENT_EXCEEDS_CHARGE = "payment_exceeds_charge"
    PAYMENTS_MISMATCH = "payments_mismatch"
    OPEN_MISMATCH = "open_mismatch"
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
    LOOKS_LIKE = "looks_like"
    SPLIT_MISMATCH = "split_mismatch"
    OPENING_CREDIT = "opening_credit"
    BALANCE_TYPE_UNKNOWN = "balance_type_unknown"
    TWO_FOREIGN_CURRENCIES = "two_foreign_currencies"
    EXCHANGE_RATE_MISSING = "exchange_rate_missing"
    CATEGORY_UNMAPPED = "category_unmapped"
    ON_REVIEW_ACCOUNT = "on_review_account"
    FEES_MISMATCH = "fees_mismatch"
    PAYOUT_DOES_NOT_FOOT = "payout_does_not_foot"
    PAYOUT_NOT_RECONCILED = "payout_not_reconciled"
    PAYOUT_WAITING = "payout_waiting"
    PAYOUT_UNMATCHED = "payout_unmatched"
    REFUND_PENDING = "refund_pending"
    TAX_CODE_MISSING = "tax_code_missing"
    CLASS_MISSING = "class_missing"
    UNDONE = "undone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """What a code means in business words, who owns it, and the one action that mends it."""

    text: str
    owner: Owner
    remedy: str


REASONS: Mapping[ParkCode, Reason] = {
    ParkCode.TOTAL_MISMATCH: Reason(
        text="The lines of the invoice do not add up to Stripe's total.",
        owner=Owner.US,
        remedy="Compare both numbers with the invoice in Stripe and report the invoice id.",
    ),
    ParkCode.LINE_CURRENCY_MISMATCH: Reason(
        text="A line or a payment is in another currency than its invoice.",
        owner=Owner.STRIPE,
        remedy="Open the invoice in Stripe; void it and issue it again in one currency.",
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
    ParkCode.CHARGE_PENDING: Reason(
        text="The charge has not succeeded yet.",
        owner=Owner.STRIPE,
        remedy="Wait: the payment is posted by itself when Stripe reports success.",
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
    ParkCode.OPEN_MISMATCH: Reason(
        text="Payments, credit notes and the customer's balance leave another amount open than Stripe says.",
        owner=Owner.US,
        remedy="Compare payments, credit notes and balance of the invoice in Stripe with QBO, and report its id.",
    ),
    ParkCode.BALANCE_TRANSACTION_MISSING: Reason(
        text="Stripe has not booked the charge, refund or payout in its balance yet, so its date is unknown.",
        owner=Owner.STRIPE,
        remedy="Wait: the document is posted by itself when Stripe has booked what is named here.",
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
        text="The document stands in QBO, but what Stripe shows now, under the present policy, asks for none.",
        owner=Owner.OPERATOR,
        remedy="Compare it with the object in Stripe; if it is wrong, void it in QBO or undo a change of wescope.toml.",
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
        text="Dry run: nothing is written to QBO before an operator has released it.",
        owner=Owner.OPERATOR,
        remedy=(
            "Review and release it (`wescope setup --release`, or the page /setup/dry-run), or set dry_run = false "
            "under [books] in wescope.toml."
        ),
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
    ParkCode.LOOKS_LIKE: Reason(
        text="QBO already has a document, entered by somebody else, that looks like this one.",
        owner=Owner.OPERATOR,
        remedy="Compare both: delete the one that was entered by hand if it is the same, or change what they share "
        "(number, amount, date) if it is another; then retry.",
    ),
    ParkCode.SPLIT_MISMATCH: Reason(
        text="The parts of the credit note do not add up to its total.",
        owner=Owner.STRIPE,
        remedy="Compare the credit note's parts (before payment, refunds, balance, outside) in Stripe and report its "
        "id.",
    ),
    ParkCode.OPENING_CREDIT: Reason(
        text="The customer's balance that was used is older than the start date of the books.",
        owner=Owner.OPERATOR,
        remedy="Apply the customer's old credit memo to the invoice in QBO by hand; if there is none, enter one.",
    ),
    ParkCode.BALANCE_TYPE_UNKNOWN: Reason(
        text="The customer's balance was moved in a way that has no posting rule.",
        owner=Owner.US,
        remedy="Enter the amount in QBO by hand, and report the type that is named here.",
    ),
    ParkCode.TWO_FOREIGN_CURRENCIES: Reason(
        text="The document is in one foreign currency and its money in another; QBO takes one per transaction.",
        owner=Owner.OPERATOR,
        remedy="Enter the payment in QBO by hand through an account in home currency, then ignore this item.",
    ),
    ParkCode.EXCHANGE_RATE_MISSING: Reason(
        text="The document is in a foreign currency, and QBO has no exchange rate for its date.",
        owner=Owner.OPERATOR,
        remedy="Switch multicurrency on in QBO and add the rate under Settings, Currencies; then retry.",
    ),
    ParkCode.CATEGORY_UNMAPPED: Reason(
        text="Stripe's balance moved by a reporting category that the policy maps to no account.",
        owner=Owner.OPERATOR,
        remedy="Name an account for the category under [categories] in wescope.toml, or set [accounts] review.",
    ),
    ParkCode.ON_REVIEW_ACCOUNT: Reason(
        text="The amount is posted to the review account, since its reporting category is mapped to no other.",
        owner=Owner.OPERATOR,
        remedy="Name an account for the category under [categories] in wescope.toml; the entry is then corrected.",
    ),
    ParkCode.FEES_MISMATCH: Reason(
        text="The parts of a fee do not add up to the fee.",
        owner=Owner.STRIPE,
        remedy="Compare the fee of the balance transaction that is named here in Stripe, and report its id.",
    ),
    ParkCode.PAYOUT_DOES_NOT_FOOT: Reason(
        text="The rows of the payout do not add up to its amount, so nothing is written.",
        owner=Owner.STRIPE,
        remedy="Wait a day: Stripe may still be completing the list. Then compare both sums and report the payout id.",
    ),
    ParkCode.PAYOUT_NOT_RECONCILED: Reason(
        text="Stripe has not completed the list of what the payout contains.",
        owner=Owner.STRIPE,
        remedy="Wait: the deposit is posted by itself when Stripe says that the list is complete.",
    ),
    ParkCode.PAYOUT_WAITING: Reason(
        text="The payout contains rows whose documents are not posted, or with another amount.",
        owner=Owner.OPERATOR,
        remedy="Mend the documents that are named here; the deposit follows by itself.",
    ),
    ParkCode.PAYOUT_UNMATCHED: Reason(
        text="No deposit of the bank feed matches the payout.",
        owner=Owner.OPERATOR,
        remedy="Accept the deposit from the bank feed in QBO against the clearing account; it is then found by itself.",
    ),
    ParkCode.REFUND_PENDING: Reason(
        text="The refund has not moved money yet.",
        owner=Owner.STRIPE,
        remedy="Wait: the refund is posted by itself when Stripe has sent it.",
    ),
    ParkCode.TAX_CODE_MISSING: Reason(
        text="The tax of a line has no tax code in QBO.",
        owner=Owner.OPERATOR,
        remedy='Name QBO\'s tax code of the rate under [tax.codes] in wescope.toml, or set [tax] mode = "line".',
    ),
    ParkCode.CLASS_MISSING: Reason(
        text="The QBO class that an item rule names does not exist or is inactive.",
        owner=Owner.OPERATOR,
        remedy="Create the class in QBO, or name another one under [[items.rules]] in wescope.toml.",
    ),
    ParkCode.UNDONE: Reason(
        text="The document was taken back by `wescope undo`.",
        owner=Owner.OPERATOR,
        remedy="Nothing, if it is not wanted. `wescope sync ID`, `replay --subject ID` or a backfill writes it again.",
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Parked:
    """A document that is not posted. `amount` is what is at stake, in minor units of `currency`.

    `details` holds ids, amounts, dates and codes only: no names, no texts of people. `day` is when the document would
    stand, in the books' calendar; null if nothing tells. What is parked is the same whatever its day.
    """

    key: DocumentKey
    code: ParkCode
    amount: int
    currency: str
    details: Mapping[str, str | int] = field(default_factory=dict)
    day: date | None = field(default=None, compare=False)
