"""What the command `replay` does: show what would be looked at again, ask, and wait for it."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime

import typer
from rich.console import Console

from wescope.cli import tables
from wescope.cli.ages import parse_age
from wescope.cli.commands import open_runtime
from wescope.cli.output import ExitCode, print_json
from wescope.cli.outputs import Replayed
from wescope.cli.progress import Reporter
from wescope.cli.runs import Told, leave, show_report
from wescope.engine.history import History
from wescope.engine.replay import ReplayChoice, ReplayPlan
from wescope.errors import WrongUse


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayOptions:
    """As they were typed."""

    events: list[str]
    subjects: list[str]
    failed: bool = False
    since: str | None = None
    yes: bool = False
    as_json: bool = False


def parse_moment(text: str) -> datetime:
    """A moment as people type it: how long ago (`36h`), a day, or a moment; without a zone it is UTC.

    Raises:
        WrongUse: it is none.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return datetime.now(UTC) - parse_age(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


async def replay(options: ReplayOptions) -> ExitCode:
    """Do what the options say; somebody is needed if something is parked or was left.

    Raises:
        WrongUse: nothing was chosen, or nobody can be asked.
    """
    if options.as_json and not options.yes:
        raise WrongUse("With --json nobody is asked: add --yes.")
    choice = ReplayChoice(
        events=tuple(options.events),
        subjects=tuple(options.subjects),
        failed=options.failed,
        since=parse_moment(options.since) if options.since else None,
    )
    async with open_runtime() as runtime:
        history = runtime.history
        plan = await history.plan_replay(choice)
        if not options.as_json:
            _show_plan(plan, Console())
        if not plan.count:
            if options.as_json:
                print_json(Replayed(plan=plan.subjects, run=None))
            return ExitCode.GOOD
        if not options.yes and not typer.confirm(f"Look at {plan.count} objects again now?"):
            return ExitCode.NEEDS_YOU
        return await _follow(history, plan, options)


async def _follow(history: History, plan: ReplayPlan, options: ReplayOptions) -> ExitCode:
    run = await history.start_replay(plan)
    try:
        with Reporter() as progress:
            report = await history.follow(run.id, Told(progress))
    except asyncio.CancelledError:
        report = await leave(history.cancel(run.id))
        typer.echo("Canceled: what was queued is taken back, what is written stays.", err=True)
    if options.as_json:
        print_json(Replayed(plan=plan.subjects, run=report))
    else:
        show_report(report, Console())
    return ExitCode.NEEDS_YOU if report.needs_somebody else ExitCode.GOOD


def _show_plan(plan: ReplayPlan, console: Console) -> None:
    if plan.count:
        tables.show_rows(("Kind", "Objects"), plan.subjects.items(), console)
    else:
        console.print("Nothing fits.")
