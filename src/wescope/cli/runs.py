"""What the command `runs` does: list runs, show one, pause, resume, cancel; and how a run is shown while it goes."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from rich.console import Console

from wescope.books.money import Money
from wescope.cli import tables
from wescope.cli.ages import absolute, age_text
from wescope.cli.commands import open_runtime
from wescope.cli.output import ExitCode, print_json
from wescope.cli.outputs import RunShown, RunsListed
from wescope.engine.history import RunReport
from wescope.links.runs import RunKind

T = TypeVar("T")
_LISTED = 50

Progress = Callable[[str, int, int], None]


class Told:
    """Shows the reports of a run as progress."""

    def __init__(self, progress: Progress) -> None:
        """Take where it is shown."""
        self._progress = progress

    def __call__(self, report: RunReport) -> None:
        """Show how far the run is."""
        self._progress(progress_text(report), report.counts.get("step", 0), report.counts.get("steps", 0))


def progress_text(report: RunReport) -> str:
    """Listed, queued, posted, parked, rate and time left, in one line."""
    if report.kind == RunKind.UNDO:
        left = report.counts.get("steps", 0) - report.counts.get("step", 0)
        return f"undo {report.run_id}: {report.counts.get('undone', 0)} taken back, {left} left"
    if report.kind == RunKind.BULK:
        left = report.counts.get("steps", 0) - report.counts.get("step", 0)
        alone = report.counts.get("changed", 0) + report.counts.get("gone", 0)
        return f"bulk {report.run_id}: {report.counts.get('done', 0)} done, {alone} left alone, {left} left"
    parts = [
        f"{report.kind} {report.run_id}:",
        f"{report.counts.get('listed', 0)} listed,",
        f"{report.left} waiting,",
        f"{report.documents} posted,",
        f"{sum(one.count for one in report.parked)} parked",
    ]
    if report.rate is not None:
        parts.append(f"({report.rate}/min)")
    if report.seconds_left is not None:
        parts.append(f"{age_text(report.seconds_left)} left")
    if report.code:
        parts.append(f"[{report.code}]")
    return " ".join(parts)


async def leave(last: Awaitable[T]) -> T:
    """Do one last thing although the command was interrupted."""
    task = asyncio.current_task()
    if task is not None:
        task.uncancel()
    return await last


async def show(run_id: int | None, *, as_json: bool) -> ExitCode:
    """List the newest runs, or show one; somebody is needed if that one needs somebody."""
    async with open_runtime() as runtime:
        if run_id is None:
            reports = await runtime.history.runs(_LISTED)
            _show_all(reports, as_json=as_json)
            return ExitCode.GOOD
        report = await runtime.history.run(run_id)
    return _tell(report, as_json=as_json)


async def pause(run_id: int, *, as_json: bool) -> ExitCode:
    """Have a run stop after its current step."""
    async with open_runtime() as runtime:
        report = await runtime.history.pause(run_id)
    _tell(report, as_json=as_json)
    return ExitCode.GOOD


async def resume(run_id: int, *, as_json: bool) -> ExitCode:
    """Let a run go on: a worker that runs takes it up."""
    async with open_runtime() as runtime:
        report = await runtime.history.resume(run_id)
    _tell(report, as_json=as_json)
    return ExitCode.GOOD


async def cancel(run_id: int, *, as_json: bool) -> ExitCode:
    """End a run."""
    async with open_runtime() as runtime:
        report = await runtime.history.cancel(run_id)
    _tell(report, as_json=as_json)
    return ExitCode.GOOD


def _tell(report: RunReport, *, as_json: bool) -> ExitCode:
    if as_json:
        print_json(RunShown(run=report))
    else:
        show_report(report, Console())
    return ExitCode.NEEDS_YOU if report.needs_somebody else ExitCode.GOOD


def _show_all(reports: tuple[RunReport, ...], *, as_json: bool) -> None:
    if as_json:
        print_json(RunsListed(runs=tuple(reports)))
        return
    rows = ((one.run_id, one.kind, _state(one), absolute(one.started_at), one.documents, one.left) for one in reports)
    tables.show_rows(("Run", "Kind", "State", "Started", "Posted", "Waiting"), rows, Console())


def _state(report: RunReport) -> str:
    return f"{report.state} ({report.request} asked)" if report.request else report.state


def show_report(report: RunReport, console: Console) -> None:
    """One run: where it stands, what it posted, and what is parked, by code."""
    rows: list[tuple[str, object]] = [
        ("Run", f"{report.run_id} ({report.kind})"),
        ("State", _state(report)),
        ("Started", absolute(report.started_at)),
        ("Ended", absolute(report.finished_at) if report.finished_at else ""),
        *((f"Option {name}", value) for name, value in report.options.items()),
        *((name.capitalize(), count) for name, count in report.counts.items()),
        ("Posted", report.documents),
        *((f"  {entity}", count) for entity, count in report.posted.items()),
        ("Waiting", report.left),
    ]
    tables.show_counts("", [row for row in rows if row[1] != ""], console)
    if report.code:
        console.print(f"[{report.code}] {report.remedy or ''}", markup=False)
    if report.parked:
        console.print()
        cells = (
            (one.code, one.owner, one.count, Money(amount=one.amount, currency=one.currency), one.remedy)
            for one in report.parked
        )
        tables.show_rows(("Parked", "Who", "Documents", "Amount", "Remedy"), cells, console)
