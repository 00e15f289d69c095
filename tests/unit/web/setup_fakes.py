"""A fake of `setup`, and what it answers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from wescope.engine.setup_plan import SetupAction, SetupPlan, SetupRow, incomes_of

CLEARING = SetupRow(
    entity="Account",
    name="Stripe Clearing",
    action=SetupAction.CREATE,
    keys=("accounts.clearing",),
    type="Other Current Asset",
    subtype="OtherCurrentAssets",
    currency="usd",
    place="accounts.clearing (default)",
    like='"Stripe Clearng"',
)
BANK = replace(
    CLEARING,
    name="Checking",
    keys=("accounts.bank",),
    type="Bank",
    action=SetupAction.REFUSE,
    reason="QBO has none of this name or id.",
    remedy="Name the account that Stripe pays out to.",
    place="wescope.toml, line 3, accounts.bank",
)
ITEM = SetupRow(
    entity="Item",
    name="Stripe Sales",
    action=SetupAction.NOTHING,
    keys=("items.sales",),
    type="Service",
    income_account="Services",
    qbo_id="7",
)


@dataclass(kw_only=True)
class FakeSetup:
    """Has two rows that are well or can be made, and others if told so."""

    rows: tuple[SetupRow, ...] = (CLEARING, ITEM)
    asked: list[object] = field(default_factory=list)

    async def plan(self, chosen: Mapping[str, str] | None = None) -> SetupPlan:
        self.asked.append(("plan", dict(incomes_of(chosen or {}))))
        return SetupPlan(rows=self.rows)

    async def apply(
        self,
        chosen: Mapping[str, str] | None = None,
        *,
        actor: str,
        progress: Callable[[str, int, int], None] | None = None,
    ) -> SetupPlan:
        self.asked.append(("apply", dict(incomes_of(chosen or {})), actor))
        made = [
            replace(row, action=SetupAction.CREATED, qbo_id="91") if row.action is SetupAction.CREATE else row
            for row in self.rows
        ]
        return SetupPlan(rows=tuple(made))
