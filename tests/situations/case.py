"""A case: one situation of the posting rules, and, written by hand, what the books must hold when it is over."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.situations.scene import Scene
from wescope.books.policy import Policy
from wescope.config import PolicyFile


@dataclass(frozen=True, kw_only=True)
class Case:
    """One situation.

    Attributes:
        name: of the page, in snake case.
        story: for an accountant, in one or two sentences.
        play: what happens in Stripe, with the time at which it happens.
        balances: the change of each account of QBO in home currency, debits positive, by its name ("Accounts
            Receivable (A/R)", "Stripe Clearing", "Checking", ...); accounts that are not named must not have changed.
        open: what each customer owes at the end by its QBO name, in its own currency; below zero is a credit.
        dates: posting dates by document key, with the labels of `Scene` (`in_1:invoice`, `ch_1:payment`).
        parked: codes of what is parked at the end, by document key.
        at_stake: amounts of what is parked, by document key ("40.00 usd"); those that are not named are not checked.
        void: keys of documents that were posted and are taken back.
        policy: the company's choices. Books are in Los Angeles unless it says otherwise.
        file: accounts, items and tax of the policy file.
        knobs: of the QBO company, such as `multicurrency`.
        rates: the QBO company's own exchange rates by currency, from each day on: {"2026-09-01": {"EUR": "1.10"}}.
        stripe: options of the Stripe account: settlement_currencies, rates, payout_schedule, fee_tax_percent.
        payouts: of the stand-in: none, daily or manual.
        after: what happens in QBO (by hand, closed books, ...) between two syncs, and what happens in Stripe then.
        difference: of the tie-out.
        payouts_expected: the stored check of payouts, by label: the fields that are named ("state", "gross": "100.00",
            "arrival_date": "2026-09-17", ...), and under "rows" the states of its rows by category.
        lines: accounts and amounts of deposits (where the money comes from) and journal entries (debits positive), by
            document key, in order.
    """

    name: str
    story: str
    play: Callable[[Scene], None]
    balances: Mapping[str, str]
    open: Mapping[str, str] = field(default_factory=dict)
    dates: Mapping[str, str] = field(default_factory=dict)
    parked: Mapping[str, str] = field(default_factory=dict)
    at_stake: Mapping[str, str] = field(default_factory=dict)
    void: tuple[str, ...] = ()
    policy: Policy = field(default_factory=Policy)
    file: PolicyFile = field(default_factory=PolicyFile)
    knobs: Mapping[str, Any] = field(default_factory=dict)
    rates: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    stripe: Mapping[str, Any] = field(default_factory=dict)
    payouts: str = "none"
    start: str = "2026-09-01"
    difference: str = "0.00"
    then: tuple[Callable[[Any, Scene], Awaitable[None] | None], ...] = ()
    payouts_expected: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    lines: Mapping[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)
