"""Fees: what Stripe kept of a row of its balance, by kind (facts/stripe.md 2.9: `fee_details`, VAT on fees).

A row of the categories fee, tax and network_cost is a fee all by itself: its gross is zero and its amount is the fee.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from wescope.books.categories import Treatment, category_name, category_of
from wescope.books.policy import Account, AccountRole, NamedAccount, Policy, RoleAccount
from wescope.books.values import BalanceTransaction, Fee


class FeeKind(StrEnum):
    """What a fee is for, in words for an accountant; deposits have a line for each."""

    PROCESSING = "processing fees"
    DISPUTE = "dispute fees"
    APPLICATION = "application fees"
    NETWORK = "network fees"
    PRODUCT = "Stripe product fees"
    PAYOUT = "payout fees"
    TAX = "tax on fees"


@dataclass(frozen=True, slots=True, kw_only=True)
class FeePart:
    """A fee of one kind on one account: positive is a cost, negative was given back; minor units."""

    kind: FeeKind
    account: Account
    amount: int


_BY_TYPE: Mapping[str, FeeKind] = {
    "application_fee": FeeKind.APPLICATION,
    "payment_method_passthrough_fee": FeeKind.NETWORK,
    "tax": FeeKind.TAX,
    "withheld_tax": FeeKind.TAX,
}
_BY_CATEGORY: Mapping[str, FeeKind] = {
    "tax": FeeKind.TAX,
    "tax_fee": FeeKind.TAX,
    "network_cost": FeeKind.NETWORK,
}


def gross_of(transaction: BalanceTransaction) -> int:
    """What of a row passes through clearing by a document: its amount; nothing of a row that is a fee itself."""
    return 0 if category_of(transaction).treatment is Treatment.FEE else transaction.amount


def fee_of(transaction: BalanceTransaction) -> int:
    """What Stripe kept of a row: gross less net."""
    return gross_of(transaction) - transaction.net


def as_paid_out(transaction: BalanceTransaction) -> BalanceTransaction:
    """A row as the payout that contains it books it.

    The own row of another payout (one by hand, which the next automatic one contains) is net: its fee is booked with
    that other payout, or by day.
    """
    if category_of(transaction).treatment is not Treatment.PAYOUT:
        return transaction
    return replace(transaction, amount=transaction.net, fee=0, fees=())


def fees_add_up(transaction: BalanceTransaction) -> bool:
    """Whether net is amount less fee, and the parts of the fee (older rows name none) are the fee, in its currency."""
    if transaction.net != transaction.amount - transaction.fee:
        return False
    if not transaction.fees:
        return True
    alike = all(fee.currency == transaction.currency for fee in transaction.fees)
    return alike and sum(fee.amount for fee in transaction.fees) == transaction.fee


def fee_parts(transactions: Iterable[BalanceTransaction], policy: Policy) -> tuple[FeePart, ...]:
    """The fees of rows by kind and account, in the order of the kinds, without those that come to zero.

    Args:
        transactions: rows of one currency whose fees add up.
        policy: may name an account for a category that is a fee itself.

    Returns:
        Parts whose sum is gross less net of all rows.
    """
    sums: dict[tuple[FeeKind, Account], int] = {}
    for transaction in transactions:
        for kind, account, amount in _parts(transaction, policy):
            sums[kind, account] = sums.get((kind, account), 0) + amount
    order = list(FeeKind)
    parts = [FeePart(kind=kind, account=account, amount=amount) for (kind, account), amount in sums.items() if amount]
    return tuple(sorted(parts, key=lambda part: (order.index(part.kind), str(part.account))))


def _parts(transaction: BalanceTransaction, policy: Policy) -> list[tuple[FeeKind, Account, int]]:
    currency = transaction.currency
    parts: list[tuple[FeeKind, Account, int]] = []
    category = category_of(transaction)
    if category.treatment is Treatment.FEE:
        kind = _BY_CATEGORY.get(category_name(transaction), FeeKind.PRODUCT)
        named = policy.categories.get(category_name(transaction))
        account = NamedAccount(name=named) if named else _account(kind, currency)
        parts.append((kind, account, -transaction.amount))
    unnamed = FeeKind.PAYOUT if category.treatment is Treatment.PAYOUT else FeeKind.PROCESSING
    details = [(_kind(fee, unnamed), fee.amount) for fee in transaction.fees] or [(unnamed, transaction.fee)]
    parts += [(kind, _account(kind, currency), amount) for kind, amount in details]
    return parts


def _kind(fee: Fee, unnamed: FeeKind) -> FeeKind:
    return _BY_TYPE.get(fee.type, FeeKind.DISPUTE if fee.dispute else unnamed)


def _account(kind: FeeKind, currency: str) -> RoleAccount:
    role = AccountRole.FEE_TAX if kind is FeeKind.TAX else AccountRole.FEES
    return RoleAccount(role=role, currency=currency)
