"""Setup: an empty company gets what the policy names, exactly once whatever happens, and is then good for all."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from tests.integration.conftest import OpenDesk
from tests.integration.desk import Desk
from wescope.books.policy import Policy
from wescope.config import PolicyFile
from wescope.config.policy_file import read_policy_file
from wescope.engine.results import Severity
from wescope.engine.setup import Setup
from wescope.engine.setup_plan import SetupAction, SetupPlan
from wescope.errors import WrongUse
from wescope.links.database import transaction
from wescope.links.schema import attempts, audit
from wescope.qbo import batching

AS_OF = date(2026, 11, 20)
POLICY = """
[books]
start_date = 2026-10-01
[accounts]
clearing.USD = "Stripe:Clearing"
clearing.EUR = "Stripe Clearing EUR"
fees = "Stripe Fees"
fee_tax = "Stripe Fees"
review = "Stripe Review"
[[items.rules]]
product = "prod_maps"
item = "Maps"
"""

pytestmark = pytest.mark.timeout(240)


@pytest.fixture(autouse=True)
def no_waiting_for_full_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batching, "FILL_S", 0.03)


@pytest.fixture
def file(tmp_path: Path) -> PolicyFile:
    path = tmp_path / "wescope.toml"
    path.write_text(POLICY, encoding="utf-8")
    return read_policy_file(path)


def empty(make_desk: OpenDesk, file: PolicyFile, **options: Any) -> contextlib.AbstractAsyncContextManager[Desk]:
    """A company that has never heard of Stripe."""
    knobs = {"multicurrency": True, **options.pop("knobs", {})}
    return make_desk(bare=True, file=file, policy=file.policy, knobs=knobs, as_of=AS_OF, **options)


def names(desk: Desk, entity: str) -> Counter[str]:
    return Counter(str(one["FullyQualifiedName"]) for one in desk.qbo.company.objects(entity))


def made(plan: SetupPlan) -> list[str]:
    return [row.name for row in plan.rows if row.action is SetupAction.CREATED]


ACCOUNTS = {
    "Stripe": ("Other Current Asset", "USD"),
    "Stripe:Clearing": ("Other Current Asset", "USD"),
    "Stripe Clearing EUR": ("Other Current Asset", "EUR"),
    "Stripe Fees": ("Expense", "USD"),
    "Stripe Disputes": ("Expense", "USD"),
    "Stripe Out of Band": ("Other Current Asset", "USD"),
    "Stripe Review": ("Other Current Asset", "USD"),
    "Bad Debts": ("Expense", "USD"),
    "Stripe Sales": ("Income", "USD"),
    "Stripe Refunds": ("Income", "USD"),
    "Stripe Discount": ("Income", "USD"),
    "Stripe Shipping": ("Income", "USD"),
    "Stripe Customer Balance": ("Other Current Liability", "USD"),
}
ITEMS = {
    "Stripe Sales": "Stripe Sales",
    "Stripe Refunds": "Stripe Refunds",
    "Stripe Bad Debt": "Bad Debts",
    "Stripe Discount": "Stripe Discount",
    "Stripe Shipping": "Stripe Shipping",
    "Stripe Tax": "Sales Tax Payable",
    "Stripe Customer Balance": "Stripe Customer Balance",
    "Maps": "Stripe Sales",
}


async def test_from_an_empty_company_to_books_that_tie_out(make_desk: OpenDesk, file: PolicyFile) -> None:
    async with empty(make_desk, file, customers=6, months=1, payouts="daily", read_timeout_s=10) as desk:
        before = {check.name: check for check in await desk.runtime.doctor()}
        failing = {name: check for name, check in before.items() if not check.ok and check.severity is Severity.ERROR}
        assert failing["account clearing"].code == "account_not_found"
        assert failing["account clearing"].place.endswith("line 5, accounts.clearing.USD")
        assert {name for name in failing if name.startswith("item ")} == {*(f"item {role}" for role in ROLES), RULE}
        assert "wescope setup" in failing["item sales"].remedy

        had = {entity: names(desk, entity) for entity in ("Account", "Item")}
        setup = desk.runtime.setup
        plan = await setup.plan()
        assert had == {entity: names(desk, entity) for entity in had}, "a preview makes nothing"
        done = await setup.apply(actor="cli")
        assert made(done) == [row.name for row in plan.missing]
        accounts = {one["FullyQualifiedName"]: one for one in desk.qbo.company.objects("Account")}
        new = names(desk, "Account") - had["Account"]
        assert {
            name: (accounts[name]["AccountType"], accounts[name]["CurrencyRef"]["value"]) for name in new
        } == ACCOUNTS
        items = {one["Name"]: one for one in desk.qbo.company.objects("Item")}
        assert {name: items[name]["IncomeAccountRef"]["name"] for name in names(desk, "Item") - had["Item"]} == ITEMS
        assert {items[name]["Type"] for name in ITEMS} == {"Service"}

        writes = desk.asked("create")
        assert not (await setup.apply(actor="cli")).missing
        assert desk.asked("create") == writes, "a second run makes nothing"
        await check_told(desk, len(ACCOUNTS) + len(ITEMS))

        after = [check for check in await desk.runtime.doctor() if not check.ok]
        assert {check.code for check in after} == {"alerts", "stripe_webhook"}, after
        history = desk.runtime.history
        run = await history.start_backfill(date(2026, 10, 1), AS_OF)
        report = await history.follow(run.id, lambda _report: None)
        assert (report.left, report.parked) == (0, ())
        assert report.documents > 20
        assert (await desk.runtime.tieout(None)).difference == "0.00"
        desk.check_books()


ROLES = ("sales", "refunds", "bad_debt", "discount", "shipping", "tax", "customer_balance")
RULE = "item of a rule, Maps"


async def check_told(desk: Desk, count: int) -> None:
    """Every call is in the log of attempts, and every new object in the audit log."""
    await desk.runtime.attempts.flush()
    async with transaction(desk.runtime.engine) as connection:
        kinds = attempts.c.entity.in_(("Account", "Item"))
        tried = sa.select(sa.func.count()).where(attempts.c.operation == "create", kinds, attempts.c.outcome == "ok")
        assert (await connection.execute(tried)).scalar_one() == count
        rows = (
            await connection.execute(sa.select(audit.c.target, audit.c.actor).where(audit.c.action == "setup"))
        ).all()
    assert len(rows) == len({row.target for row in rows}) == count
    assert {row.actor for row in rows} == {"cli"}


UNDOCUMENTED = [
    {"duplicate_list_names": "accept"},
    {"requestid": "absent"},
    {"duplicate_list_names": "accept", "requestid_failed_original": "replay"},
    {"query_lag_ms": 300},
]


@pytest.mark.parametrize("knobs", UNDOCUMENTED, ids=" ".join)
async def test_no_fault_makes_anything_twice(make_desk: OpenDesk, file: PolicyFile, knobs: dict[str, Any]) -> None:
    async with empty(make_desk, file, knobs=knobs, read_timeout_s=2) as desk:
        kinds = ("drop_after", "error_after", "cut_body", "error_before", "drop_before", "transient")
        armed = [
            desk.qbo.faults.arm(kind, entity=entity, operation="create", skip=2 * skip if entity == "Account" else skip)
            for skip, kind in enumerate(kinds)
            for entity in ("Account", "Item")
        ]
        for _ in range(4):
            done = await quick(desk).apply(actor="api")
            if not done.needs_somebody:
                break
        assert not done.needs_somebody, [row for row in done.rows if row.reason]
        assert [rule.kind for rule in armed if not rule.fired] == []
        check_once(desk)


@pytest.mark.parametrize(("entity", "skip"), [("Account", 0), ("Account", 5), ("Item", 7)])
async def test_who_is_killed_in_the_middle_leaves_nothing_that_is_made_twice(
    make_desk: OpenDesk, file: PolicyFile, entity: str, skip: int
) -> None:
    async with empty(make_desk, file, knobs={"duplicate_list_names": "accept"}, read_timeout_s=5) as desk:
        held = desk.qbo.faults.arm("hold", entity=entity, operation="create", skip=skip)
        async with desk.another() as runtime:
            killed = asyncio.create_task(runtime.setup.apply(actor="cli"))
            await until(lambda: bool(held.fired))
            killed.cancel()
            await asyncio.gather(killed, return_exceptions=True)
        # What was under way lands after the next run has looked, and has perhaps made the same.
        await quick(desk).apply(actor="cli")
        finished = desk.qbo.requests.operations[f"create {entity}"]
        desk.qbo.faults.release(held)
        await until(lambda: desk.qbo.requests.operations[f"create {entity}"] > finished)
        done = await quick(desk).apply(actor="cli")
        assert not done.needs_somebody, [row for row in done.rows if row.reason]
        check_once(desk)


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not holds():  # noqa: ASYNC110 - the stand-in has no event for it
            await asyncio.sleep(0.01)


def quick(desk: Desk) -> Setup:
    return replace(desk.runtime.setup, wait_first_s=0.05)


def check_once(desk: Desk) -> None:
    for entity, wanted in (("Account", ACCOUNTS), ("Item", ITEMS)):
        found = names(desk, entity)
        assert {name: count for name, count in found.items() if count > 1} == {}
        assert wanted.keys() <= found.keys()


async def test_two_at_once_make_everything_once(make_desk: OpenDesk, file: PolicyFile) -> None:
    async with empty(make_desk, file, knobs={"duplicate_list_names": "accept"}) as desk, desk.another() as other:
        both = await asyncio.gather(desk.runtime.setup.apply(actor="cli"), other.setup.apply(actor="api"))
        assert sorted(len(made(one)) for one in both) == [0, len(ACCOUNTS) + len(ITEMS)]
        check_once(desk)


async def test_what_must_not_be_made_is_refused_with_what_to_do(make_desk: OpenDesk, file: PolicyFile) -> None:
    async with empty(make_desk, file) as desk:
        human = desk.qbo.company.human
        account = {"AccountType": "Expense", "AccountSubType": "BankCharges"}
        human("Account", "create", {"Name": "Stripe Review", **account, "AccountType": "Equity", "AccountSubType": ""})
        wrong = human("Account", "create", {"Name": "Stripe", **account}).body["Account"]
        rested = human("Account", "create", {"Name": "Stripe Disputes", **account}).body["Account"]
        human("Account", "update", {"Id": rested["Id"], "Active": False})
        human("Account", "create", {"Name": "Stripe Sales", **account})
        before = names(desk, "Account")

        done = await quick(desk).apply(actor="cli")
        refused = {row.name: (row.reason, row.remedy) for row in done.rows if row.action is SetupAction.REFUSE}
        assert refused.keys() == {"Stripe:Clearing", "Stripe Disputes", "Stripe Sales", "Maps"}
        assert refused["Stripe:Clearing"][0] == "Its parent Stripe is of another type."
        assert refused["Stripe Disputes"][1].startswith(
            "Make it active again in QBO, or name another one under [accounts]"
        )
        assert refused["Stripe Sales"] == (
            'Its income account would be "Stripe Sales", which is of type Expense.',
            "Choose another one: --income sales=ACCOUNT.",
        )
        assert done.needs_somebody
        assert desk.qbo.company.object("Account", wrong["Id"])["AccountType"] == "Expense"  # type: ignore[index]
        assert not before - names(desk, "Account"), "nothing that exists is changed"

        done = await quick(desk).apply({"sales": "Sales of Product Income"}, actor="cli")
        items = {one["Name"]: one["IncomeAccountRef"]["name"] for one in desk.qbo.company.objects("Item")}
        assert (items["Stripe Sales"], items["Maps"]) == ("Sales of Product Income", "Sales of Product Income")
        with pytest.raises(WrongUse, match="Items are sales"):
            await quick(desk).plan({"socks": "x"})
        with pytest.raises(WrongUse, match="dry_run"):
            async with desk.another(dry_run=True) as dry:
                await dry.setup.apply(actor="cli")


async def test_a_replayed_answer_is_not_believed(make_desk: OpenDesk) -> None:
    """Somebody has renamed what a run made; QBO still knows the request id, and would answer with the renamed one."""
    async with make_desk(bare=True, policy=Policy()) as desk:
        setup = quick(desk)
        await setup.apply(actor="cli")
        clearing = next(one for one in desk.qbo.company.objects("Account") if one["Name"] == "Stripe Clearing")
        desk.qbo.company.human("Account", "update", {"Id": clearing["Id"], "Name": "Old Clearing"})
        assert made(await setup.apply(actor="cli")) == ["Stripe Clearing"]
        again = next(one for one in desk.qbo.company.objects("Account") if one["Name"] == "Stripe Clearing")
        assert again["Id"] != clearing["Id"]
