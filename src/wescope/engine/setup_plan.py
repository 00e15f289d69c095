"""Setup plan: which accounts and items QBO lacks that the policy names, and what each is made as. Pure.

Nothing that exists is ever changed. What has the name already but will not do is refused, with what a person does.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from wescope.books.policy import AccountRole, ItemRole
from wescope.config import PolicyFile
from wescope.engine.doctor_checks import REASONS, Reason
from wescope.engine.policy_references import Lists, Reference, references
from wescope.engine.setup_rules import (
    ACCOUNT_KINDS,
    INCOME_KINDS,
    INCOME_ROLES,
    AccountKind,
    unfit_name,
    why_not,
)
from wescope.errors import WrongUse
from wescope.qbo.directory import full_name
from wescope.qbo.records import Record, reference


class SetupAction(StrEnum):
    """What becomes of a row: planned (`create`), or done (`created`); `nothing`: QBO has it."""

    CREATE = "create"
    CREATED = "created"
    NOTHING = "nothing"
    REFUSE = "refuse"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class SetupRow:
    """One account or item of QBO's. `keys` are the policy's that name it, or that need it (an income account).

    `currency` is a lower-case code, and null for items. `income_account` is that of an item, by full name. `reason` and
    `remedy` are empty unless a person must act; `place` is where the policy file names it. `like` names what QBO has of
    much the same name: perhaps the policy's is misspelled.
    """

    entity: str
    name: str
    action: SetupAction
    keys: tuple[str, ...]
    type: str
    subtype: str = ""
    currency: str | None = None
    income_account: str | None = None
    qbo_id: str | None = None
    reason: str = ""
    remedy: str = ""
    place: str = ""
    like: str = ""

    @property
    def identity(self) -> tuple[str, str]:
        """What QBO tells objects apart by: entity and full name, capitals aside."""
        return identity(self.entity, self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class SetupPlan:
    """All that the policy names, in the order in which it is made: parents, accounts, items."""

    rows: tuple[SetupRow, ...]

    @property
    def missing(self) -> tuple[SetupRow, ...]:
        """What is to be made."""
        return tuple(row for row in self.rows if row.action is SetupAction.CREATE)

    @property
    def needs_somebody(self) -> bool:
        """True if something is refused, failed or is still to be made."""
        return any(row.action not in {SetupAction.NOTHING, SetupAction.CREATED} for row in self.rows)


Incomes = Mapping[ItemRole, str]
"""Income accounts that a person has chosen for items that are made, by QBO name, full name or id."""


def identity(entity: str, name: str) -> tuple[str, str]:
    """What QBO tells objects apart by: entity and full name, capitals and spaces around its parts aside."""
    return entity, ":".join(part.strip() for part in name.casefold().split(":"))


def incomes_of(chosen: Mapping[str, str]) -> Incomes:
    """The chosen income accounts by role.

    Raises:
        WrongUse: there is no such item.
    """
    unknown = [name for name in chosen if name not in set(ItemRole)]
    if unknown:
        raise WrongUse(f"Unknown item: {', '.join(unknown)}. Items are {', '.join(ItemRole)}.")
    return {ItemRole(name): account for name, account in chosen.items()}


def setup_plan(lists: Lists, policy_file: PolicyFile, incomes: Incomes) -> SetupPlan:
    """What is to be made of all that the policy names.

    Args:
        lists: of the company, read now.
        policy_file: what it must have.
        incomes: chosen income accounts of items that are missing.
    """
    planning = _Planning(lists, policy_file, incomes)
    found = references(lists, policy_file)
    for one in found:
        if one.entity == "Account":
            planning.account(one)
    for one in found:
        if one.entity == "Item":
            planning.item(one)
    rows = planning.rows.values()
    return SetupPlan(rows=tuple(sorted(rows, key=lambda row: row.entity)))  # stable: accounts before items


class _Planning:
    """The rows so far, one for each name."""

    def __init__(self, lists: Lists, policy_file: PolicyFile, incomes: Incomes) -> None:
        self._lists, self._policy_file, self._incomes = lists, policy_file, incomes
        self._home = lists.preferences.home_currency
        self.rows: dict[tuple[str, str], SetupRow] = {}

    def account(self, one: Reference) -> None:
        """An account of a role or a category; one that is found by its type is QBO's own."""
        if not one.keys:
            return
        kind = ACCOUNT_KINDS.get(one.role) if isinstance(one.role, AccountRole) else None
        row = self._row(one, kind.type if kind else "", kind.subtype if kind else "", one.currency or self._home)
        if row.action is SetupAction.CREATE and kind is not None:
            row = self._with_parents(row, kind)
        self._add(row)

    def item(self, one: Reference) -> None:
        """An item of a role or a rule, with the income account that it needs."""
        row = self._row(one, "Service", "", None)
        if row.action is SetupAction.CREATE:
            row = self._with_parent_item(row)
        if row.action is SetupAction.CREATE and isinstance(one.role, ItemRole):
            row = self._with_income(row, one.role)
        self._add(row)

    def _row(self, one: Reference, kind: str, subtype: str, currency: str | None) -> SetupRow:
        row = SetupRow(
            entity=one.entity,
            name=full_name(one.record) if one.record else one.configured.strip(),
            action=SetupAction.NOTHING,
            keys=(one.keys[0],),
            type=str((one.record or {}).get("AccountType") or (one.record or {}).get("Type") or kind),
            subtype=str((one.record or {}).get("AccountSubType") or subtype),
            currency=currency,
            qbo_id=str(one.record["Id"]) if one.record else None,
            place=self._policy_file.place(*one.keys),
        )
        if one.reason in {None, Reason.UNUSUAL, Reason.NOT_ON_DEPOSITS}:
            income = self._lists.accounts.by_id(reference(one.record or {}, "IncomeAccountRef"))
            return replace(row, income_account=full_name(income) if income else None)
        if one.reason is not Reason.NOT_FOUND:
            seen = f" ({one.seen})" if one.seen else ""
            return _refused(row, f"{REASONS[Reason(one.reason or '')][:-1]}{seen}.", _mend(one))
        if remedy := why_not(one, self._policy_file):
            return _refused(row, REASONS[Reason.NOT_FOUND], remedy)
        if currency not in {None, self._home} and not self._lists.preferences.multicurrency:
            return _refused(row, "Multicurrency is off in QBO.", "Turn on Multicurrency in QBO; it stays on for ever.")
        return replace(row, action=SetupAction.CREATE, like=one.seen)

    # --- what a row needs -------------------------------------------------------------------------------------------

    def _with_parents(self, row: SetupRow, kind: AccountKind) -> SetupRow:
        """The row, after rows for the parents that its full name has; they are of the same type."""
        *above, _ = row.name.split(":")
        for depth in range(1, len(above) + 1):
            name = ":".join(part.strip() for part in above[:depth])
            record, missing = self._lists.accounts.search(name)
            if record is not None and record.get("AccountType") != kind.type:
                return _refused(row, f"Its parent {name} is of another type.", f"Name a parent of type {kind.type}.")
            if record is None and missing != Reason.NOT_FOUND:
                return _refused(
                    row, f"Its parent {name} is {missing} in QBO.", "Name another parent, or make it active."
                )
            if record is None:
                self._add(replace(row, name=name, like=""))
        return row

    def _with_parent_item(self, row: SetupRow) -> SetupRow:
        """The row, refused unless the parent that its full name has exists: categories are the company's own."""
        parent, colon, _ = row.name.rpartition(":")
        if not colon or self._lists.items.search(parent)[0] is not None:
            return row
        return _refused(row, f"QBO has no item or category {parent}.", f'Create the category "{parent}" in QBO.')

    def _with_income(self, row: SetupRow, role: ItemRole) -> SetupRow:
        kind, name = INCOME_KINDS[role], self._income_name(row, role)
        record, missing = self._lists.accounts.search(name)
        planned = self.rows.get(identity("Account", name))
        if record is not None and not kind.serves(str(record.get("AccountType"))):
            reason = f'Its income account would be "{name}", which is of type {record.get("AccountType")}.'
            return _refused(row, reason, f"Choose another one: --income {role}=ACCOUNT.")
        if record is None and missing == Reason.NOT_FOUND and planned is None and role not in self._incomes:
            if remedy := unfit_name("Account", name):
                return _refused(row, f'Its income account would be "{name}".', remedy)
            account = replace(
                row, entity="Account", name=name, type=kind.type, subtype=kind.subtype, currency=self._home, like=""
            )
            self._add(self._with_parents(account, kind))
        elif record is None and planned is None:
            return _refused(row, f'"{name}" is {missing} in QBO.', f"Choose another one: --income {role}=ACCOUNT.")
        return replace(row, income_account=full_name(record) if record else name)

    def _income_name(self, row: SetupRow, role: ItemRole) -> str:
        """The account that is chosen, that the policy names, or of which the sales item is; else of the item's name."""
        if role in self._incomes:
            return self._incomes[role]
        if role in INCOME_ROLES:
            return self._policy_file.account(INCOME_ROLES[role], self._home) or row.name
        if row.keys[0] != f"items.{role}":  # an item of a rule sells what the sales item sells
            sold, _ = self._lists.items.search(self._policy_file.items[role])
            income = self._lists.accounts.by_id(reference(sold or {}, "IncomeAccountRef"))
            if income is not None:
                return full_name(income)
            return self._policy_file.items[role]
        return row.name

    def _add(self, row: SetupRow) -> None:
        """A name stands once: whatever is missing for two keys is made once, and cannot be two things."""
        before = self.rows.get(row.identity)
        if before is None:
            self.rows[row.identity] = row
            return
        keys = tuple(dict.fromkeys((*before.keys, *row.keys)))
        both = {before.action, row.action} == {SetupAction.CREATE}
        if both and (before.type, before.currency) != (row.type, row.currency):
            reason = f"It would be of type {before.type} for {before.keys[0]} and {row.type} for {row.keys[0]}."
            before = _refused(before, reason, "Name two accounts in wescope.toml.")
        elif row.action is SetupAction.REFUSE and before.action is not SetupAction.REFUSE:
            before = row
        self.rows[row.identity] = replace(before, keys=keys)


def _refused(row: SetupRow, reason: str, remedy: str) -> SetupRow:
    return replace(row, action=SetupAction.REFUSE, reason=reason, remedy=remedy)


def _mend(one: Reference) -> str:
    another = f", or name another one under {one.setting} in wescope.toml"
    match one.reason:
        case Reason.INACTIVE:
            return f"Make it active again in QBO{another}."
        case Reason.AMBIGUOUS:
            return f"Name it by its full name (Parent:Child) or its id under {one.setting} in wescope.toml."
        case Reason.NO_INCOME_ACCOUNT:
            return f"Give it an active income account in QBO{another}."
        case _:
            return f"Name {one.kind} under {one.setting} in wescope.toml."


# --- payloads -------------------------------------------------------------------------------------------------------


def payload(row: SetupRow, ids: Mapping[tuple[str, str], str], *, multicurrency: bool) -> dict[str, Any]:
    """What QBO is sent to make a row (facts/qbo.md 4.7).

    Args:
        row: an account or item.
        ids: QBO's ids of accounts and items by identity; that of the parent and of the income account are in it.
        multicurrency: whether accounts have a currency.

    Raises:
        KeyError: its parent or income account is not in `ids`.
    """
    parent, colon, name = row.name.rpartition(":")
    body: dict[str, Any] = {"Name": name.strip()}
    if row.entity == "Account":
        body |= {"AccountType": row.type, "AccountSubType": row.subtype}
        body |= {"CurrencyRef": {"value": (row.currency or "").upper()}} if multicurrency and row.currency else {}
    else:
        body |= {
            "Type": row.type,
            "IncomeAccountRef": {"value": ids[identity("Account", row.income_account or "")]},
        }
    if colon:
        body["ParentRef"] = {"value": ids[identity(row.entity, parent)]}
        body |= {"SubItem": True} if row.entity == "Item" else {}
    return body


def is_made(row: SetupRow, record: Record) -> bool:
    """Whether a record is what the row means: by name, type and currency, and active."""
    kind = str(record.get("AccountType") if row.entity == "Account" else record.get("Type"))
    currency = reference(record, "CurrencyRef")
    return (
        identity(row.entity, full_name(record)) == row.identity
        and kind == row.type
        and bool(record.get("Active", True))
        and (row.entity != "Account" or currency is None or currency.lower() == row.currency)
    )


def known_ids(lists: Lists) -> dict[tuple[str, str], str]:
    """QBO's ids of all active accounts and items by identity."""
    entities: Sequence[tuple[str, Iterable[Record]]] = (("Account", lists.accounts), ("Item", lists.items))
    return {
        identity(entity, full_name(record)): str(record["Id"])
        for entity, records in entities
        for record in records
        if record.get("Active", True)
    }
