"""The write gate: what an order means under a policy, and of what a policy's digest is."""

import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import cast
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from wescope.books.policy import AccountRole, ItemRule, Policy
from wescope.config import PolicyFile
from wescope.config.policy_file import Schedules
from wescope.engine.write_gate import Holding, WriteGate, policy_digest
from wescope.links.dry_run import Order, StoredOrder

NOBODY = cast("AsyncEngine", None)
DIGEST = "5f2c9e1ab04d7c33"


def order(action: Order, policy: str = DIGEST) -> StoredOrder:
    at = datetime(2026, 11, 20, tzinfo=UTC)
    return StoredOrder(id=1, action=action, actor="cli", policy=policy, figures={}, at=at)


@pytest.mark.parametrize(
    ("review_first", "newest", "word"),
    [
        (False, None, Holding.WRITING),
        (True, None, Holding.REVIEW_FIRST),
        (True, order(Order.RELEASE), Holding.WRITING),
        (True, order(Order.RELEASE, "0" * 16), Holding.POLICY_CHANGED),
        (False, order(Order.RELEASE, "0" * 16), Holding.WRITING),
        (True, order(Order.HOLD), Holding.HELD),
        (False, order(Order.HOLD), Holding.HELD),
    ],
)
def test_what_the_newest_order_means(*, review_first: bool, newest: StoredOrder | None, word: Holding) -> None:
    gate = WriteGate(engine=NOBODY, realm_id="1", review_first=review_first, policy=DIGEST)
    state = gate.judge(newest)
    assert (state.word, state.is_held) == (word, word is not Holding.WRITING)


@pytest.mark.parametrize(
    "changed",
    [
        PolicyFile(policy=Policy(doc_number_prefix="S-")),
        PolicyFile(policy=Policy(timezone=ZoneInfo("Europe/Berlin"))),
        PolicyFile(policy=Policy(item_rules=(ItemRule(product="prod_1", item="Maps"),))),
        PolicyFile(policy=Policy(categories={"topup": "Stripe Topups"})),
        PolicyFile(accounts={AccountRole.CLEARING: "Stripe"}),
        PolicyFile(accounts_by_currency={(AccountRole.BANK, "eur"): "Bank EUR"}),
    ],
)
def test_a_policy_that_decides_otherwise_has_another_digest(changed: PolicyFile) -> None:
    assert policy_digest(changed) != policy_digest(PolicyFile())


def test_what_decides_no_document_does_not_count() -> None:
    same = replace(
        PolicyFile(), dry_run=True, concurrency=2, schedules=Schedules(enabled=False, sweep_every=timedelta(hours=2))
    )
    assert policy_digest(same) == policy_digest(PolicyFile())


def test_every_process_has_the_same_digest() -> None:
    fields = "frozenset({'name', 'email', 'address', 'phone'})"
    program = (
        "from wescope.books.policy import Policy; from wescope.config import PolicyFile;"
        "from wescope.engine.write_gate import policy_digest;"
        f"print(policy_digest(PolicyFile(policy=Policy(customer_fields={fields}))))"
    )
    seeds = [{"PYTHONHASHSEED": seed} for seed in ("1", "2")]
    command = [sys.executable, "-c", program]
    told = {subprocess.run(command, env=seed, capture_output=True, check=True, text=True).stdout for seed in seeds}
    assert len(told) == 1
