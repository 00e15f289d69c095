"""Mapping: the accounts and items that the policy names, each beside what QBO has of it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from wescope.books.policy import ItemRule
from wescope.config import PolicyFile
from wescope.engine.doctor_checks import REASONS
from wescope.engine.policy_references import Lists, Reference, references
from wescope.engine.results import Severity
from wescope.engine.setup_plan import SetupPlan, setup_plan
from wescope.qbo.directory import full_name, is_active
from wescope.qbo.records import reference


class MappingState(StrEnum):
    """How something of QBO's does that the policy names."""

    OK = "ok"
    LOOK = "look"
    """It works, but is worth a look."""
    WRONG = "wrong"
    """QBO lacks it, or it will not do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MappingRow:
    """One name of the policy's, and what QBO has of it.

    `setting` is the key of the policy file, `place` where it stands there; `kind` says what would do. `qbo_id`,
    `qbo_name`, `type`, `currency` (lower-case code) and `active` are of what was found, null if nothing was. `reason`
    is a code and `text` what it means, both empty if all is well; `seen` names what QBO has instead.
    """

    name: str
    entity: str
    setting: str
    place: str
    configured: str
    kind: str
    state: MappingState
    qbo_id: str | None
    qbo_name: str | None
    type: str | None
    currency: str | None
    active: bool | None
    reason: str = ""
    text: str = ""
    seen: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemRuleRow:
    """A rule of `[[items.rules]]`, in the order in which they are tried (`number` from 1); null where none is set."""

    number: int
    product: str | None
    price: str | None
    metadata: tuple[str, ...]
    item: str | None
    class_name: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyMapping:
    """All of them, the rules for items, and what setup would make of what is missing. `checked_at` has a zone."""

    checked_at: datetime
    rows: tuple[MappingRow, ...]
    rules: tuple[ItemRuleRow, ...]
    plan: SetupPlan

    @property
    def wrong(self) -> int:
        """How many will not do."""
        return sum(row.state is MappingState.WRONG for row in self.rows)


def mapping_of(lists: Lists, policy_file: PolicyFile, checked_at: datetime) -> PolicyMapping:
    """The mapping of a company's lists, read at `checked_at`. Pure."""
    home = lists.preferences.home_currency
    rules = enumerate(policy_file.policy.item_rules, start=1)
    return PolicyMapping(
        checked_at=checked_at,
        rows=tuple(_row(one, policy_file, home) for one in references(lists, policy_file)),
        rules=tuple(_rule(number, rule) for number, rule in rules),
        plan=setup_plan(lists, policy_file, {}),
    )


def _row(one: Reference, policy_file: PolicyFile, home: str) -> MappingRow:
    record, bad = one.record, MappingState.LOOK if one.severity is Severity.WARNING else MappingState.WRONG
    kind = (record or {}).get("AccountType") or (record or {}).get("Type")
    currency = (reference(record, "CurrencyRef") or home).lower() if record and one.entity == "Account" else None
    return MappingRow(
        name=one.name,
        entity=one.entity,
        setting=one.setting,
        place=policy_file.place(*one.keys) if one.keys else "",
        configured=one.configured,
        kind=one.kind,
        state=bad if one.reason else MappingState.OK,
        qbo_id=str(record["Id"]) if record else None,
        qbo_name=full_name(record) if record else None,
        type=str(kind) if kind else None,
        currency=currency,
        active=is_active(record) if record else None,
        reason=one.reason.value if one.reason else "",
        text=REASONS[one.reason] if one.reason else "",
        seen=one.seen,
    )


def _rule(number: int, rule: ItemRule) -> ItemRuleRow:
    return ItemRuleRow(
        number=number,
        product=rule.product,
        price=rule.price,
        metadata=tuple(f"{key}={value}" for key, value in sorted(rule.metadata.items())),
        item=rule.item,
        class_name=rule.class_name,
    )
