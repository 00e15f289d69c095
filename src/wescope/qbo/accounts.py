"""Accounts: which account of the company's chart a role or a name of the policy means, and whether it will do."""

from collections.abc import Mapping
from typing import Protocol

from wescope.books.policy import Account, AccountRole, NamedAccount, RoleAccount
from wescope.errors import AccountMissing
from wescope.qbo.directory import Directory, is_active
from wescope.qbo.records import Record, reference

RECEIVABLE_TYPE = "Accounts Receivable"

DEPOSIT_LINE_TYPES = frozenset(
    {"Income", "Other Income", "Expense", "Other Expense", "Other Current Asset", "Equity", "Cost of Goods Sold"}
)
"""Types of accounts that a line of a deposit may post to (facts/qbo.md 4.5)."""

_MONEY_TYPES = frozenset({"Bank", "Other Current Asset"})
_MONEY_ROLES = frozenset({AccountRole.CLEARING, AccountRole.BANK, AccountRole.OUT_OF_BAND})
_OF_EXPENSES = frozenset({AccountRole.FEES, AccountRole.FEE_TAX, AccountRole.BAD_DEBT, AccountRole.DISPUTES})
# These need a customer or vendor on every line.
_CONTROL_TYPES = frozenset({RECEIVABLE_TYPE, "Accounts Payable"})
_CARD_AND_BANK_TYPES = frozenset({"Bank", "Credit Card"})


class AccountName(Protocol):
    """What the policy calls accounts: `wescope.config.policy_file.PolicyFile.account`."""

    def __call__(self, role: AccountRole, currency: str | None = None) -> str | None:
        """Name, full name or id of the role's account for a currency (lower-case code), or null."""
        ...


class Chart:
    """The company's chart of accounts, and the policy's names in it."""

    def __init__(self, records: Directory, name_of: AccountName, home_currency: str) -> None:
        """Take the accounts, the policy's names for them, and the company's currency (lower-case code)."""
        self._records, self._name_of, self._home = records, name_of, home_currency

    def find(self, account: Account, *, on_deposit_line: bool = False) -> str:
        """QBO's id of the account.

        Args:
            account: of a role, or named.
            on_deposit_line: it must be of a type that a line of a deposit may post to.

        Raises:
            AccountMissing: it does not exist, is inactive, ambiguous, or of the wrong type or currency; names role,
                currency, setting and reason.
        """
        match account:
            case RoleAccount(role=AccountRole.RECEIVABLE, currency=currency):
                configured = self._name_of(AccountRole.RECEIVABLE, currency) or ""
                record, reason = self._receivable(currency, configured)
                configured = configured or RECEIVABLE_TYPE
            case RoleAccount(role=role, currency=currency):
                configured = self._name_of(role, currency) or ""
                record, reason = self._records.search(configured)
                reason = reason or self._unfit(record or {}, role, currency)
            case NamedAccount(name=configured):
                record, reason = self._records.search(configured)
                reason = reason or ("wrong_type" if _type(record or {}) in _CONTROL_TYPES else "")
        if record and not reason and on_deposit_line and _type(record) not in DEPOSIT_LINE_TYPES:
            reason = "wrong_type"
        if record is None or reason:
            raise AccountMissing(**_names(account), configured=configured, reason=reason or "not_found")
        return str(record["Id"])

    def by_role(self) -> tuple[Mapping[AccountRole, str], Mapping[AccountRole, AccountMissing]]:
        """The accounts of all roles in home currency: the ids of those that will do, and what is wrong with others."""
        found: dict[AccountRole, str] = {}
        missing: dict[AccountRole, AccountMissing] = {}
        for role in AccountRole:
            try:
                found[role] = self.find(RoleAccount(role=role, currency=self._home))
            except AccountMissing as fault:
                missing[role] = fault
        return found, missing

    def _receivable(self, currency: str, configured: str) -> tuple[Record | None, str]:
        """The receivable account of a currency: the one named, else the first by id (facts/qbo.md 7)."""
        record, reason = self._records.search(configured)
        if record is not None and _type(record) != RECEIVABLE_TYPE:
            return record, "wrong_type"
        if record is not None and self._currency(record) == currency:
            return record, ""
        # A name that is given for all currencies can only be right in one of them.
        if configured and (record is None or configured != self._name_of(AccountRole.RECEIVABLE)):
            return record, reason or "wrong_currency"
        fitting = [
            record
            for record in self._records
            if _type(record) == RECEIVABLE_TYPE and is_active(record) and self._currency(record) == currency
        ]
        return (min(fitting, key=_age), "") if fitting else (None, "not_found")

    def _unfit(self, record: Record, role: AccountRole, currency: str) -> str:
        kind, own = _type(record), self._currency(record)
        if role in _MONEY_ROLES:
            if kind not in _MONEY_TYPES:
                return "wrong_type"
            return "" if own == currency else "wrong_currency"
        refused = _CONTROL_TYPES | _CARD_AND_BANK_TYPES if role in _OF_EXPENSES else _CONTROL_TYPES
        if kind in refused:
            return "wrong_type"
        return "" if own in {currency, self._home} else "wrong_currency"

    def _currency(self, record: Record) -> str:
        return (reference(record, "CurrencyRef") or self._home).lower()


def _names(account: Account) -> dict[str, str]:
    if isinstance(account, RoleAccount):
        return {"role": account.role.value, "currency": account.currency}
    return {"role": "named", "currency": ""}


def _type(record: Record) -> str:
    return str(record.get("AccountType") or "")


def _age(record: Record) -> tuple[int, str]:
    qbo_id = str(record.get("Id") or "")
    return (int(qbo_id) if qbo_id.isdecimal() else 0, qbo_id)
