"""What `setup --release` and `setup --hold` do: show what waits to be written, ask, and give the order."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import typer
from rich.console import Console

from wescope.books.money import Money
from wescope.cli import tables
from wescope.cli.commands import open_runtime
from wescope.cli.output import ExitCode, print_json
from wescope.cli.outputs import WritingOrdered
from wescope.engine.dry_run import DryRunReview
from wescope.engine.write_gate import Holding
from wescope.errors import WrongUse

_WORDS: Mapping[Holding, str] = {
    Holding.WRITING: "Documents are written to QBO.",
    Holding.REVIEW_FIRST: "Nothing is written to QBO: the policy asks for a review first (dry_run under [books]).",
    Holding.POLICY_CHANGED: "Nothing is written to QBO: the policy decides documents otherwise than when writing was"
    " released.",
    Holding.HELD: "Nothing is written to QBO: an operator has stopped it.",
}


class WriteOrder(StrEnum):
    """What is ordered, as the option that orders it is called."""

    RELEASE = "release"
    HOLD = "hold"


_QUESTIONS: Mapping[WriteOrder, str] = {
    WriteOrder.RELEASE: "Have all of it written to QBO now, and what follows?",
    WriteOrder.HOLD: "Stop every process from writing to QBO now?",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderOptions:
    """As they were typed."""

    order: WriteOrder
    dry_run: bool = False
    yes: bool = False
    as_json: bool = False


def order_of(*, release: bool, hold: bool, has_incomes: bool) -> WriteOrder | None:
    """Which order the options give; null if accounts and items are to be made.

    Raises:
        BadParameter: they do not go together.
    """
    if not (release or hold):
        return None
    if (release and hold) or has_incomes:
        raise typer.BadParameter("--release and --hold go neither together nor with --income")
    return WriteOrder.RELEASE if release else WriteOrder.HOLD


async def give(options: OrderOptions) -> ExitCode:
    """Give the order; somebody is needed if a release is still to be given afterwards.

    Raises:
        WrongUse: nobody can be asked.
        ReviewOutdated: while somebody was asked, another order was given or the policy has changed.
        DatabaseUnavailable: nothing has changed.
    """
    if options.as_json and not (options.yes or options.dry_run):
        raise WrongUse("With --json nobody is asked: add --yes, or --dry-run.")
    async with open_runtime() as runtime:
        review = await runtime.dry_runs.review()
        if not options.as_json:
            _show(review, Console())
        if options.dry_run or _is_so(review, options.order):
            return _end(review, options)
        if not options.yes and not typer.confirm(_QUESTIONS[options.order]):
            return ExitCode.NEEDS_YOU
        if options.order is WriteOrder.RELEASE:
            done = await runtime.dry_runs.release(review.review, actor="cli")
        else:
            done = await runtime.dry_runs.hold(actor="cli")
    if not options.as_json:
        Console().print(f"\n{_WORDS[done.state]}", markup=False)
    return _end(done, options)


def _is_so(review: DryRunReview, order: WriteOrder) -> bool:
    return review.writing if order is WriteOrder.RELEASE else review.state is Holding.HELD


def _end(review: DryRunReview, options: OrderOptions) -> ExitCode:
    if options.as_json:
        print_json(WritingOrdered(dry_run=options.dry_run, order=options.order.value, review=review))
    is_due = options.order is WriteOrder.RELEASE and not review.writing
    return ExitCode.NEEDS_YOU if is_due else ExitCode.GOOD


def _show(review: DryRunReview, console: Console) -> None:
    console.print(_WORDS[review.state], markup=False)
    if not review.waiting:
        console.print("Nothing waits to be written.")
        return
    more = "" if review.complete else "; there are more than were counted"
    console.print(f"\nWhat waits to be written{more} (`wescope parked --code dry_run` lists it):", markup=False)
    rows = ((row.entity, row.count, Money(amount=row.amount, currency=row.currency)) for row in review.waiting)
    tables.show_rows(("Entity", "Documents", "Amount"), rows, console)
