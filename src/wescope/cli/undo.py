"""What the command `undo` does: show what would be taken back and what stays, ask, and wait for it."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

import typer
from rich.console import Console

from wescope.books.money import Money
from wescope.cli import tables
from wescope.cli.commands import open_runtime
from wescope.cli.output import ExitCode, print_json
from wescope.cli.outputs import Undone
from wescope.cli.progress import Reporter
from wescope.cli.runs import Told, leave, show_report
from wescope.engine.history import History
from wescope.engine.undo import UndoOutcome
from wescope.engine.undo_plan import KeptReason, UndoPlan
from wescope.errors import WrongUse

_SHOWN = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoOptions:
    """As they were typed."""

    run_id: int
    dry_run: bool = False
    yes: bool = False
    as_json: bool = False


async def undo(options: UndoOptions) -> ExitCode:
    """Do what the options say; somebody is needed if something stays that is not meant to.

    Raises:
        WrongUse: the run cannot be undone, or nobody can be asked.
        RunNotFound: there is no such run.
    """
    if options.as_json and not (options.yes or options.dry_run):
        raise WrongUse("With --json nobody is asked: add --yes, or --dry-run.")
    async with open_runtime() as runtime:
        history = runtime.history
        with Reporter() as progress:
            plan = await history.plan_undo(options.run_id, progress)
        if not options.as_json:
            _show_plan(plan, Console())
        if options.dry_run or not plan.count:
            if options.as_json:
                print_json(Undone(dry_run=options.dry_run, plan=plan, run=None, outcome=None))
            return _code(plan)
        if not options.yes and not typer.confirm(f"Take these {plan.count} documents back now?"):
            return ExitCode.NEEDS_YOU
        return await _follow(history, plan, options)


async def _follow(history: History, plan: UndoPlan, options: UndoOptions) -> ExitCode:
    run = await history.start_undo(plan.run_id, actor="cli")
    outcome: UndoOutcome | None = None
    try:
        with Reporter() as progress:
            report = await history.follow(run.id, Told(progress))
        outcome = await history.undone(run.id)
    except asyncio.CancelledError:
        report = await leave(history.pause(run.id))
        typer.echo(f"Paused. Go on with `wescope undo {plan.run_id}`.", err=True)
    if options.as_json:
        print_json(Undone(dry_run=False, plan=plan, run=report, outcome=outcome))
    else:
        show_report(report, Console())
        if outcome is not None:
            _show_outcome(outcome, Console())
    if outcome is None or report.needs_somebody:
        return ExitCode.NEEDS_YOU
    return _code(outcome.left)


def _code(plan: UndoPlan) -> ExitCode:
    return ExitCode.NEEDS_YOU if plan.needs_somebody else ExitCode.GOOD


# --- tables ---------------------------------------------------------------------------------------------------------


def _show_plan(plan: UndoPlan, console: Console) -> None:
    if plan.rows:
        rows = ((one.month, one.entity, one.action, one.count, _money(one)) for one in plan.rows)
        tables.show_rows(("Month", "Entity", "Action", "Documents", "Amount"), rows, console)
    else:
        console.print(f"Nothing of run {plan.run_id} can be taken back.")
    if any(one.action == "release" for one in plan.rows):
        console.print("release: somebody else made it; it stays in QBO, and only its link is given up.")
    _show_kept(plan, console)


def _show_outcome(outcome: UndoOutcome, console: Console) -> None:
    console.print()
    rows = ((one.month, one.entity, one.count, _money(one)) for one in outcome.undone)
    tables.show_rows(("Month", "Entity", "Taken back", "Amount"), rows, console)
    _show_kept(outcome.left, console)


def _show_kept(plan: UndoPlan, console: Console) -> None:
    if not plan.kept:
        return
    console.print("\nWhat stays:")
    rows = ((one.month, one.entity, one.reason, one.count, _money(one), one.remedy) for one in plan.kept)
    tables.show_rows(("Month", "Entity", "Why", "Documents", "Amount", "Remedy"), rows, console)
    named = [one for one in plan.documents if one.reason != KeptReason.CUSTOMER]
    if named:
        console.print()
        cells = (
            (one.document_key, f"{one.entity}/{one.qbo_id}", one.date or "", _money(one), _why(one.reason, one.details))
            for one in named[:_SHOWN]
        )
        tables.show_rows(("Document", "QBO", "Date", "Amount", "Why"), cells, console)
    if len(named) > _SHOWN:
        console.print(f"... and {sum(one.count for one in plan.kept) - _SHOWN} more: see --dry-run --json.")


def _why(reason: str, details: Mapping[str, str]) -> str:
    return " ".join([reason, *(f"{name}={value}" for name, value in details.items())])


def _money(row: object) -> Money:
    return Money(amount=getattr(row, "amount", 0), currency=getattr(row, "currency", "usd"))
