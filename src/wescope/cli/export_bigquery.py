"""What the command `export bigquery` does: show or load what has changed, and wait for it."""

from dataclasses import dataclass

from rich.console import Console

from wescope.cli import tables
from wescope.cli.commands import open_runtime
from wescope.cli.output import ExitCode, print_json
from wescope.cli.outputs import Mirrored, MirrorForeseen
from wescope.cli.progress import Reporter
from wescope.config import load_settings
from wescope.engine.mirror import TablePlan
from wescope.engine.mirror_desk import MirrorDesk, MirrorReport
from wescope.links.mirror_tables import TABLES


@dataclass(frozen=True, slots=True, kw_only=True)
class MirrorOptions:
    """As they were typed."""

    dry_run: bool = False
    full: bool = False
    as_json: bool = False


async def export(options: MirrorOptions) -> ExitCode:
    """Bring BigQuery up to date, or say what would be loaded; somebody is needed if it could not be done.

    Raises:
        ConfigurationError: no dataset is named.
        RunUnfinished: somebody has paused the last export.
    """
    load_settings().require_bigquery()
    async with open_runtime() as runtime:
        if options.dry_run:
            return await _plan(runtime.mirror_desk, options)
        return await _export(runtime.mirror_desk, options)


async def _plan(desk: MirrorDesk, options: MirrorOptions) -> ExitCode:
    with Reporter() as progress:
        plan = await desk.plan(full=options.full, progress=progress)
    if options.as_json:
        print_json(MirrorForeseen(rows=sum(one.rows for one in plan), tables=tuple(plan)))
    else:
        rows = ((one.table, one.rows, _how(one)) for one in plan)
        tables.show_rows(("Table", "Rows", "From"), rows, Console())
    return ExitCode.GOOD


def _how(plan: TablePlan) -> str:
    return "the beginning" if plan.anew else "the last export"


async def _export(desk: MirrorDesk, options: MirrorOptions) -> ExitCode:
    run = await desk.start(full=options.full)
    with Reporter() as progress:
        report = await desk.follow(run.id, lambda told: _show_progress(told, progress))
    if options.as_json:
        print_json(Mirrored(export=report))
    else:
        _show(report, Console())
    return ExitCode.NEEDS_YOU if report.needs_somebody else ExitCode.GOOD


def _show_progress(report: MirrorReport, progress: Reporter) -> None:
    progress(f"export {report.run_id}: {report.rows} rows", len(report.tables), len(TABLES))


def _show(report: MirrorReport, console: Console) -> None:
    rows = ((one.table, one.loaded, one.changed) for one in report.tables)
    tables.show_rows(("Table", "Loaded", "Changed"), rows, console)
    console.print(f"\nExport {report.run_id}: {report.state}, {report.tables_left} tables left.")
    if report.code:
        console.print(f"{report.fault or f'[{report.code}]'}\n{report.remedy or ''}", markup=False)
