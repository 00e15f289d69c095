"""What the command `backfill` does: check QBO, ask, list and post; or plan all of it without writing."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

import typer
from rich.console import Console

from wescope.books.money import Money
from wescope.cli import tables
from wescope.cli.commands import open_runtime
from wescope.cli.output import ExitCode, print_json
from wescope.cli.outputs import BackfillForeseen, BackfillRefused, Opening, RunShown
from wescope.cli.progress import Reporter
from wescope.cli.runs import Told, leave, show_report
from wescope.engine.backfill_checks import refuses
from wescope.engine.backfill_plan import Forecast
from wescope.engine.history import History
from wescope.engine.opening import OpeningLine
from wescope.engine.results import Check
from wescope.errors import WrongUse


@dataclass(frozen=True, slots=True, kw_only=True)
class BackfillOptions:
    """As they were typed; days are of the books' calendar."""

    since: date | None = None
    until: date | None = None
    dry_run: bool = False
    resume: bool = False
    opening: bool = False
    yes: bool = False
    as_json: bool = False


async def backfill(options: BackfillOptions) -> ExitCode:
    """Do what the options say; somebody is needed if anything is to be mended, is parked, or was left.

    Raises:
        WrongUse: the options do not fit together, or nobody can be asked.
    """
    if options.resume and (options.since or options.until or options.dry_run or options.opening):
        raise WrongUse("--resume goes on with a run as it was begun: no other choice fits.")
    writes = not (options.dry_run or options.opening or options.resume)
    if writes and options.as_json and not options.yes:
        raise WrongUse("With --json nobody is asked: add --yes.")
    async with open_runtime() as runtime:
        history = runtime.history
        if options.opening:
            return await _opening(history, options)
        if options.dry_run:
            return await _forecast(history, options)
        if options.resume:
            run = await history.resume_backfill()
            return await _follow(history, run.id, options)
        return await _begin(history, options)


async def _opening(history: History, options: BackfillOptions) -> ExitCode:
    with Reporter() as progress:
        progress("reading Stripe", 0, 0)
        lines = await history.opening(options.since)
    if options.as_json:
        print_json(Opening(opening=tuple(lines)))
    else:
        _show_opening(lines, Console())
    return ExitCode.GOOD


async def _forecast(history: History, options: BackfillOptions) -> ExitCode:
    since, until = history.period(options.since, options.until)
    with Reporter() as progress:
        progress("checking QBO", 0, 0)
        checks = await history.examine(since, until)
        forecast = None if refuses(checks) else await history.forecast(since, until, progress)
        opening = await history.opening(since) if forecast else ()
    if options.as_json:
        print_json(BackfillForeseen(checks=tuple(checks), forecast=forecast, opening=tuple(opening)))
    else:
        console = Console()
        _show_checks(checks, console)
        if forecast:
            _show_forecast(forecast, console)
            _show_opening(opening, console)
    if forecast is None:
        return ExitCode.NEEDS_YOU
    return ExitCode.NEEDS_YOU if forecast.needs_somebody else ExitCode.GOOD


async def _begin(history: History, options: BackfillOptions) -> ExitCode:
    since, until = history.period(options.since, options.until)
    with Reporter() as progress:
        progress("checking QBO", 0, 0)
        checks = await history.examine(since, until)
    if refuses(checks):
        if options.as_json:
            print_json(BackfillRefused(checks=tuple(checks)))
        else:
            _show_checks(checks, Console())
            Console().print("Nothing was done. Mend this first.")
        return ExitCode.NEEDS_YOU
    if not options.as_json:
        _show_checks(checks, Console())
    if not options.yes and not typer.confirm(f"Post everything from {since} to {until} that QBO does not have yet?"):
        return ExitCode.NEEDS_YOU
    run = await history.start_backfill(since, until)
    return await _follow(history, run.id, options)


async def _follow(history: History, run_id: int, options: BackfillOptions) -> ExitCode:
    try:
        with Reporter() as progress:
            report = await history.follow(run_id, Told(progress))
    except asyncio.CancelledError:
        report = await leave(history.pause(run_id))
        typer.echo("Paused. Go on with `wescope backfill --resume`.", err=True)
    if options.as_json:
        print_json(RunShown(run=report))
    else:
        show_report(report, Console())
    return ExitCode.NEEDS_YOU if report.needs_somebody else ExitCode.GOOD


# --- tables ---------------------------------------------------------------------------------------------------------


def _show_checks(checks: Sequence[Check], console: Console) -> None:
    if checks:
        tables.show_checks(checks, console)
        console.print()


def _show_forecast(forecast: Forecast, console: Console) -> None:
    rows = (
        (row.month, row.entity, f"{row.action} ({row.code})" if row.code else row.action, row.count, _money(row))
        for row in forecast.rows
    )
    tables.show_rows(("Month", "Entity", "Action", "Documents", "Amount"), rows, console)
    console.print(
        f"\n{forecast.listed} objects listed: {forecast.subjects} would be looked at, {forecast.settled} are settled.\n"
        f"{forecast.writes} writes: {forecast.qbo_calls} QBO calls and {forecast.stripe_calls} Stripe calls,"
        f" about {forecast.minutes} min. Nothing was written."
    )


def _show_opening(lines: Iterable[OpeningLine], console: Console) -> None:
    found = tuple(lines)
    if not found:
        console.print("Stripe held nothing before the start: the clearing accounts open with nothing.")
        return
    console.print("\nOpening balance: what the clearing accounts must hold. Post it yourself, as journal entries:")
    rows: list[tuple[object, ...]] = []
    for line in found:
        amount, debit = Money(amount=abs(line.amount), currency=line.currency), line.amount > 0
        other = "where this money stands now"
        rows.append((line.day, line.account if debit else other, amount, ""))
        rows.append((line.day, other if debit else line.account, "", amount))
    tables.show_rows(("Date", "Account", "Debit", "Credit"), rows, console)


def _money(row: object) -> Money:
    return Money(amount=getattr(row, "amount", 0), currency=getattr(row, "currency", "usd"))
