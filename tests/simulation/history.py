"""A history: settings and steps drawn from a seed, played on the stand-ins while the product syncs now and then."""

import asyncio
import itertools
import random
import time
import traceback
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from tests.simulation.applier import Applier
from tests.simulation.inprocess import InProcessQbo, InProcessStripe, open_company
from tests.simulation.invariants import Scene, check, owed_in_stripe
from tests.simulation.settings import Settings, draw_settings
from tests.simulation.steps import ACTIONS, World
from wescope.books.subjects import Subject, SubjectKind
from wescope.qbo.company import Company
from wescope.sandbox.stripe.account import Account
from wescope.sandbox.stripe.business import Business
from wescope.sandbox.stripe.clock import Clock
from wescope.sandbox.stripe.commands import COMMANDS
from wescope.sandbox.stripe.errors import StripeError
from wescope.stripe.hints import hint_of
from wescope.stripe.reader import StripeReader

_SUBJECTS = (
    ("customer", SubjectKind.CUSTOMER),
    ("invoice", SubjectKind.INVOICE),
    ("charge", SubjectKind.CHARGE),
    ("refund", SubjectKind.REFUND),
    ("credit_note", SubjectKind.CREDIT_NOTE),
    ("dispute", SubjectKind.DISPUTE),
    ("topup", SubjectKind.TOPUP),
    ("balance_transaction", SubjectKind.BALANCE_TRANSACTION),
    ("payout", SubjectKind.PAYOUT),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step: what kind, and the seed of its own chance, so that it keeps its sense when others are left out."""

    kind: str
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What is played."""

    settings: Settings
    steps: tuple[Step, ...]


def draw_history(seed: int, least: int, most: int) -> History:
    """The history of a seed, of `least` to `most` steps."""
    chance = random.Random(f"steps {seed}")  # noqa: S311 - repeatable, no secret
    weights = [weight for weight, _ in ACTIONS.values()]
    chosen = chance.choices(list(ACTIONS), weights, k=chance.randint(least, most))
    steps = tuple(Step(kind=kind, seed=chance.randrange(1 << 30)) for kind in chosen)
    return History(settings=draw_settings(seed), steps=steps)


@dataclass(slots=True)
class Hinting:
    """Which subjects Stripe's events and rows point at since the last time."""

    business: Business
    settings: Settings
    events: int = 0
    rows: int = 0

    def subjects(self) -> list[Subject]:
        """Those that are to be looked at again: by events, and rows as a sweep finds them."""
        log = self.business.account.log
        events, self.events = log.all()[self.events :], len(log.all())
        hints = [hint_of(log.snapshot_body(event, pending_webhooks=0)).subject for event in events]
        return list(dict.fromkeys([*(hint for hint in hints if hint is not None), *self._of_rows()]))

    def everything(self) -> list[Subject]:
        """Every object there is."""
        store = self.business.account.store
        self.events, self.rows = len(self.business.account.log.all()), 0
        known = [Subject(kind=kind, id=one["id"]) for name, kind in _SUBJECTS for one in store.all(name)]
        return list(dict.fromkeys([*known, *self._of_rows()]))

    def _of_rows(self) -> Iterable[Subject]:
        found = self.business.account.store.all("balance_transaction")
        rows, self.rows = found[self.rows :], len(found)
        zone = ZoneInfo(self.settings.timezone)
        for row in rows:
            if row["source"] is None:
                yield Subject(kind=SubjectKind.BALANCE_TRANSACTION, id=row["id"])
            if self.settings.payouts == "manual":
                day = datetime.fromtimestamp(row["created"], zone).date()
                yield Subject(kind=SubjectKind.BALANCE_DAY, id=f"{row['currency']}.{day.isoformat()}")


class Merchant:
    """Plays steps on the local Stripe. `log` says what was done, line by line."""

    def __init__(self, business: Business, settings: Settings) -> None:
        """Take a new business and set it up."""
        self.business, self.settings = business, settings
        self.log: list[str] = []
        self.opening: dict[tuple[str, str], int] | None = None
        at = business.account.clock.now()
        self.do(
            "set_account",
            settlement_currencies=list(settings.settled),
            fee_tax_percent=settings.fee_tax_percent,
            late_failure_of_uncollectible=settings.late_failure_of_uncollectible,
        )
        business.payouts.follow(settings.payouts, at)
        self._coupons = tuple(
            self.do("create_coupon", name=f"Off {percent}", percent_off=percent)["id"]
            for percent in ("10", "33.33", "100")
        )
        self._exclusive = tuple(
            self.do("create_tax_rate", display_name="Tax", percentage=percent)["id"] for percent in ("8.875", "1.5")
        )
        self._inclusive = tuple(
            self.do("create_tax_rate", display_name="VAT", percentage=percent, inclusive=True)["id"]
            for percent in ("19", "7")
        )

    def do(self, command: str, **values: Any) -> dict[str, Any]:
        """Give an order to the stand-in."""
        return COMMANDS[command](self.business, values, self.business.account.clock.tick())

    def play(self, step: Step) -> str:
        """Play one step; returns the command, also if Stripe refuses it, or "nothing"."""
        world = World(
            business=self.business,
            settings=self.settings,
            chance=random.Random(step.seed),  # noqa: S311 - repeatable, no secret
            coupons=self._coupons,
            exclusive=self._exclusive,
            inclusive=self._inclusive,
        )
        try:
            order = ACTIONS[step.kind][1](world)
            if order is None:
                return "nothing"
            command, values = order
            self.log.append(f"{self._time()} {command} {values}")
            if command == "advance":
                self.advance(values["seconds"])
            elif command != "sync":
                self._open_the_books(self.business.account.clock.now() + 2)
                found = self.do(command, **values)
                self.log.append(f"{'':20}-> {found.get('id')} {found.get('status') or ''}")
        except StripeError as refusal:
            self.log.append(f"{'':20}-> refused: {refusal}")
            return "refused"
        return command

    def advance(self, seconds: int) -> None:
        """Let time pass; at the moment at which the books begin it is written down what is owed."""
        now = self.business.account.clock.now()
        self._open_the_books(now + seconds)
        self.business.run_until(now + seconds)

    def _open_the_books(self, until: int) -> None:
        starts = self.settings.start_at
        if starts is None or self.opening is not None or until < starts:
            return
        if self.business.account.clock.now() < starts:
            self.business.run_until(starts)
        self.opening = owed_in_stripe(self.business.account.store)

    def _time(self) -> str:
        return datetime.fromtimestamp(self.business.account.clock.now(), UTC).strftime("%Y-%m-%d %H:%M:%S")


def _clock_that_hurries() -> Callable[[], float]:
    """Every look at it is a while after the last: what was read a moment ago may be read again."""
    seconds = itertools.count(0, 60)
    return lambda: float(next(seconds))


class Simulation:
    """The merchant, both stand-ins and the applier of one history."""

    def __init__(self, settings: Settings) -> None:
        """Open an empty business and an empty company."""
        self.settings = settings
        account = Account(seed=settings.seed, clock=Clock(start=settings.begins_at, live=False))
        self.business = Business(account)
        self.merchant = Merchant(self.business, settings)
        self.hinting = Hinting(self.business, settings)
        self.qbo = open_company(account.clock.now, multicurrency=settings.multicurrency)
        client = InProcessQbo(self.qbo)
        file = settings.policy_file
        self.applier = Applier(
            reader=StripeReader(InProcessStripe(self.business), settings.policy.timezone),
            client=client,
            company=Company(client, file.account, file.items, clock_s=_clock_that_hurries()),
            policy=settings.policy,
            now=self.now(),
            log=self.merchant.log,
        )

    def now(self) -> datetime:
        """Stripe's time."""
        return datetime.fromtimestamp(self.business.account.clock.now(), UTC)

    def scene(self) -> Scene:
        """What is compared."""
        return Scene(
            settings=self.settings,
            store=self.business.account.store,
            company=self.qbo,
            known=self.applier,
            opening=self.merchant.opening,
        )

    async def sync(self) -> None:
        """The product catches up."""
        await self.applier.sync(self.hinting.subjects(), self.now())

    async def sweep(self) -> int:
        """The product looks at everything; returns how many writes that took."""
        before = self.applier.client.writes
        await self.applier.sync(self.hinting.everything(), self.now())
        return self.applier.client.writes - before


async def play(simulation: Simulation, steps: Sequence[Step]) -> None:
    """Play steps and prove the invariants after every sync, and at the end.

    Raises:
        AssertionError: one does not hold; says which.
    """
    for step in steps:
        if simulation.merchant.play(step) == "sync":
            await simulation.sync()
            check(simulation.scene())
    await simulation.sync()
    check(simulation.scene())
    missed = await simulation.sweep()
    check(simulation.scene())
    assert missed == 0, f"no event told of {missed} writes"
    assert await simulation.sweep() == 0, "a second pass over everything writes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A history in which something does not hold: what, and what happened."""

    history: History
    message: str
    log: tuple[str, ...]

    def told(self) -> str:
        """For people: what does not hold, how to play it again, and the log."""
        return "\n".join((*self.log, str(self.history.settings), f"{len(self.history.steps)} steps", self.message))


def tried(history: History) -> Failure | None:
    """Play a history; null if all holds."""
    simulation = Simulation(history.settings)
    try:
        asyncio.run(play(simulation, history.steps))
    except Exception as error:  # noqa: BLE001 - whatever breaks is a finding
        message = f"{type(error).__name__}: {error}"
        if not isinstance(error, AssertionError):
            message += "\n" + "".join(traceback.format_exception(error)[-6:])
        return Failure(history=history, message=message, log=tuple(simulation.merchant.log))
    return None


def played(seed: int, *, bounds: tuple[int, int]) -> tuple[int, int, str]:
    """Play the history of a seed; returns the seed, how many steps it had, and what does not hold."""
    history = draw_history(seed, *bounds)
    failure = tried(history)
    return seed, len(history.steps), failure.message if failure else ""


def shrunk(failure: Failure, *, seconds: float) -> Failure:
    """The same kind of failure with fewer steps, as far as the time allows."""
    until = time.monotonic() + seconds
    size = len(failure.history.steps) // 2
    while size:
        start = 0
        while start < len(failure.history.steps) and time.monotonic() < until:
            steps = failure.history.steps
            fewer = replace(failure.history, steps=steps[:start] + steps[start + size :])
            found = tried(fewer)
            if found is not None and _kind(found) == _kind(failure):
                failure = found
            else:
                start += size
        size //= 2
    return failure


def _kind(failure: Failure) -> str:
    """The first words of the message, without ids and amounts."""
    return failure.message.split(":")[1][:24]
