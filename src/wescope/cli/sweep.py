"""What the command `sweep` does: read Stripe's events and lists for what was missed, and wait for it."""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass

import typer
from rich.console import Console

from wescope.cli import tables
from wescope.cli.ages import absolute
from wescope.cli.commands import open_runtime
from wescope.cli.output import ExitCode, print_json
from wescope.cli.outputs import RunShown, SweepForeseen
from wescope.cli.progress import Reporter
from wescope.cli.replay import parse_moment
from wescope.cli.runs import Told, leave, show_report
from wescope.engine.history import History, RunReport
from wescope.engine.sweep import SweepChoice, SweepPlan
from wescope.errors import WrongUse


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepOptions:
    """As they were typed."""

    since: str | None = None
    events_only: bool = False
    dry_run: bool = False
    resume: bool = False
    as_json: bool = False


async def sweep(options: SweepOptions) -> ExitCode:
    """Do what the options say; somebody is needed if something is parked or was left.

    Raises:
        WrongUse: the options do not fit together.
        RunUnfinished: another sweep is under way, or was left.
    """
    if options.resume and (options.since or options.events_only or options.dry_run):
        raise WrongUse("--resume goes on with a run as it was begun: no other choice fits.")
    since = parse_moment(options.since) if options.since else None
    choice = SweepChoice(since=since, events_only=options.events_only)
    async with open_runtime() as runtime:
        history = runtime.history
        if options.dry_run:
            return await _plan(history, choice, options)
        run = await (history.resume_sweep() if options.resume else history.start_sweep(choice))
        return await _follow(history, run.id, options)


async def _plan(history: History, choice: SweepChoice, options: SweepOptions) -> ExitCode:
    with Reporter() as progress:
        plan = await history.plan_sweep(choice, progress)
    if options.as_json:
        print_json(SweepForeseen(plan=plan))
    else:
        _show_plan(plan, Console())
    return ExitCode.GOOD


async def _follow(history: History, run_id: int, options: SweepOptions) -> ExitCode:
    try:
        with Reporter() as progress:
            report = await history.follow(run_id, Told(progress))
    except asyncio.CancelledError:
        report = await _canceled(history.cancel(run_id))
    if options.as_json:
        print_json(RunShown(run=report))
    else:
        show_report(report, Console())
    return ExitCode.NEEDS_YOU if report.needs_somebody else ExitCode.GOOD


async def _canceled(canceling: Awaitable[RunReport]) -> RunReport:
    report = await leave(canceling)
    typer.echo("Canceled: what was queued is taken back, but for what events of Stripe tell. Sweep again.", err=True)
    return report


def _show_plan(plan: SweepPlan, console: Console) -> None:
    if plan.rows:
        tables.show_rows(("Part", "Kind", "Objects"), ((row.part, row.kind, row.count) for row in plan.rows), console)
    else:
        console.print("Nothing was missed.")
    console.print(
        f"\nEvents since {absolute(plan.events_since)}: {plan.listed} objects listed, {plan.skipped} are known."
    )
    if plan.gap_since:
        console.print(f"Stripe may have forgotten events since {absolute(plan.gap_since)}: everything since is listed.")
    console.print(f"{plan.stripe_calls} Stripe calls. Nothing was written.")
