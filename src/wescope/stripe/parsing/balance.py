"""Rows of Stripe's balance: amounts, the parts of the fee, the category, and what made the row."""

from collections.abc import Mapping
from typing import Any

from wescope.books.values import BalanceRow, BalanceTransaction, Fee
from wescope.stripe.parsing.fields import Fields

# Reporting categories by type, for rows from before 2018, which have no category (facts/stripe.md 2.9). Types that
# spread over several categories (adjustment) are not here.
CATEGORY_OF_OLD_ROWS: Mapping[str, str] = {
    "application_fee": "platform_earning",
    "application_fee_refund": "platform_earning_refund",
    "charge": "charge",
    "payment": "charge",
    "payment_failure_refund": "charge_failure",
    "payment_refund": "refund",
    "payout": "payout",
    "payout_cancel": "payout_reversal",
    "payout_failure": "payout_reversal",
    "refund": "refund",
    "refund_failure": "refund_failure",
    "reserve_transaction": "connect_reserved_funds",
    "reserved_funds": "risk_reserved_funds",
    "stripe_fee": "fee",
    "tax_fee": "tax",
    "topup": "topup",
    "topup_reversal": "topup_reversal",
    "transfer": "transfer",
    "transfer_refund": "transfer_reversal",
}

# What a source is when the answer holds only its id.
KIND_OF_PREFIX: Mapping[str, str] = {
    "ch": "charge",
    "py": "charge",
    "re": "refund",
    "pyr": "refund",
    "dp": "dispute",
    "du": "dispute",
    "po": "payout",
    "tu": "topup",
    "tr": "transfer",
    "trr": "transfer_reversal",
    "fee": "application_fee",
    "fr": "fee_refund",
}

_ABOUT_CHARGES = frozenset({"charge", "refund", "dispute"})
_WORDS_OF_DISPUTE_FEES = ("dispute", "chargeback")


def parse_balance_transaction(payload: Mapping[str, Any]) -> BalanceTransaction:
    """A row of Stripe's balance, in settlement currency.

    Raises:
        ObjectUnreadable: a needed field is absent, `net` is not `amount - fee`, or the parts of the fee do not add up.
    """
    fields = Fields.of(payload, "balance_transaction")
    amount, fee, net = fields.integer("amount"), fields.integer("fee"), fields.integer("net")
    if net != amount - fee:
        raise fields.unreadable("net")
    fees = tuple(_fee(part) for part in fields.children("fee_details"))
    if fees and sum(part.amount for part in fees) != fee:
        raise fields.unreadable("fee_details")
    return BalanceTransaction(
        id=fields.object_id,
        amount=amount,
        fee=fee,
        net=net,
        currency=fields.currency("currency"),
        created=fields.moment("created"),
        available_on=fields.moment("available_on"),
        exchange_rate=fields.decimal("exchange_rate"),
        type=fields.text("type"),
        reporting_category=_category(fields),
        fees=fees,
    )


def expanded_row(holder: Fields, name: str) -> BalanceTransaction | None:
    """The row that a field of another object holds; null when there is none, or only its id.

    Raises:
        ObjectUnreadable: the row can't be read.
    """
    row = holder.expanded(name)
    return None if row is None else parse_balance_transaction(row)


def parse_balance_row(payload: Mapping[str, Any]) -> BalanceRow:
    """A row of Stripe's balance and what made it; more is known when its source is expanded.

    Raises:
        ObjectUnreadable: the row can't be read.
    """
    fields = Fields.of(payload, "balance_transaction")
    identifier = fields.optional_reference("source")
    source = fields.child("source") if fields.expanded("source") is not None else None
    kind = _kind(identifier) if source is None else source.text("object")
    return BalanceRow(
        transaction=parse_balance_transaction(payload),
        source=identifier,
        source_kind=kind,
        charge=_charge(kind, identifier, source),
        payment_intent=_payment_intent(kind, source),
    )


def _fee(part: Fields) -> Fee:
    description = (part.optional_text("description") or "").lower()
    return Fee(
        type=part.text("type"),
        amount=part.integer("amount"),
        currency=part.currency("currency"),
        dispute=any(word in description for word in _WORDS_OF_DISPUTE_FEES),
    )


def _category(row: Fields) -> str:
    category = row.optional_text("reporting_category") or CATEGORY_OF_OLD_ROWS.get(row.text("type"))
    if category is None:
        raise row.unreadable("reporting_category")
    return category


def _kind(identifier: str | None) -> str:
    return "" if identifier is None else KIND_OF_PREFIX.get(identifier.partition("_")[0], "")


def _charge(kind: str, identifier: str | None, source: Fields | None) -> str | None:
    if kind == "charge":
        return identifier
    return source.optional_reference("charge") if source is not None and kind in _ABOUT_CHARGES else None


def _payment_intent(kind: str, source: Fields | None) -> str | None:
    return source.optional_reference("payment_intent") if source is not None and kind in _ABOUT_CHARGES else None
