"""Tables: results for people, on stdout."""

import os
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from wescope.books.money import Money
from wescope.cli.ages import age_text
from wescope.engine.results import Alert, Check, ParkedRow, Severity, Status, SyncResult

WIDE = 200
"""Columns of a table that goes to a file or another program: an id in it is whole, to be searched for or copied."""

NARROW = 11
"""Fewer columns of a terminal for each column of a table, and its rows are shown as blocks."""


def show_status(status: Status, console: Console) -> None:
    """What the service is doing, as two columns."""
    tieout = status.last_tieout
    oldest = status.oldest_hint_age_s
    days = status.refresh_token_days_left
    rows = [
        ("Waiting", status.backlog),
        ("Oldest waits for", "nothing waits" if oldest is None else f"{oldest} s"),
        ("Being worked on", status.in_flight),
        ("Posted", status.posted),
        *((f"  {entity}", count) for entity, count in sorted(status.posted_by_entity.items())),
        ("Parked", status.parked),
        ("Drift", status.drift),
        ("QBO calls, last minute", status.qbo_calls_last_minute),
        ("QBO writes, ever", status.qbo_writes_total),
        ("QBO connection", _connection(status)),
        ("QBO reads, this month", _reads(status)),
        ("QBO connection expires in", "unknown" if days is None else f"{days} days"),
        ("Last tie-out", f"{tieout.difference} as of {tieout.as_of}" if tieout else "none yet"),
        ("Dry run", "yes: nothing is written to QBO" if status.dry_run else "no"),
        ("Version", status.version),
    ]
    _print(console, ("", ""), rows, header=False)
    show_alerts(status.alerts, console)


def show_alerts(alerts: Sequence[Alert], console: Console) -> None:
    """What somebody must act on or should know, with its remedy."""
    for alert in alerts:
        since = f" Since {alert.since:%Y-%m-%d %H:%M %Z}." if alert.since else ""
        console.print(Text(f"\n[{alert.code}] {alert.text}{since}\n{alert.remedy}"))


def _connection(status: Status) -> str:
    code = f" ({status.qbo_connection_code})" if status.qbo_connection_code else ""
    return f"{status.qbo_connection.value}{code}"


def _reads(status: Status) -> str:
    of_all = f" of {status.qbo_monthly_reads}" if status.qbo_monthly_reads else ""
    return f"{status.qbo_reads_this_month}{of_all}"


def show_parked(rows: Sequence[ParkedRow], console: Console) -> None:
    """Parked documents with what mends them."""
    if not rows:
        console.print("Nothing is parked.")
        return
    _print(
        console,
        ("Document", "Amount", "Since", "Age", "Reason", "Who", "Remedy"),
        (
            (
                row.key,
                Money(amount=row.amount, currency=row.currency),
                row.since.strftime("%Y-%m-%d %H:%M %Z"),
                age_text(row.age_s),
                f"{row.reason} ({_details(row)})",
                row.owner,
                f"Ignored: {row.ignored_reason}" if row.ignored_at else row.remedy,
            )
            for row in rows
        ),
    )


def _details(row: ParkedRow) -> str:
    return ", ".join((row.code, *(f"{name} {value}" for name, value in row.details.items())))


def show_sync(results: Sequence[SyncResult], console: Console) -> None:
    """What was done for each subject, document by document."""
    _print(
        console,
        ("Subject", "Document", "Entity", "Action", "QBO id", "Amount", "Date", "Reason"),
        (
            (
                result.subject,
                action.document_key,
                action.entity,
                action.action,
                action.qbo_id or "",
                Money(amount=action.amount, currency=action.currency),
                action.date or "",
                action.reason or "",
            )
            for result in results
            for action in result.actions
        ),
    )
    for result in results:
        if not result.actions:
            console.print(f"{result.subject}: nothing to do")


def show_checks(checks: Sequence[Check], console: Console) -> None:
    """What doctor saw; below it what is not good, the errors first, with its place and remedy."""
    _print(console, ("", "Check", "Seen"), ((_mark(check), check.name, check.detail) for check in checks))
    failing = [check for check in checks if not check.ok]
    for check in sorted(failing, key=lambda check: check.severity is not Severity.ERROR):
        place = f"\n    {check.place}" if check.place else ""
        code = f" [{check.code}]" if check.code else ""
        console.print(Text(f"\n{_mark(check)}: {check.name}{code}{place}\n    {check.detail}\n    {check.remedy}"))
    errors = sum(check.severity is Severity.ERROR for check in failing)
    console.print(f"\n{len(checks)} checks: {errors} errors, {len(failing) - errors} warnings.")


def _mark(check: Check) -> str:
    if check.ok:
        return "ok"
    return "ERROR" if check.severity is Severity.ERROR else "warning"


def show_counts(title: str, counts: Iterable[tuple[str, object]], console: Console) -> None:
    """A small table of names and numbers."""
    _print(console, (title, ""), counts)


def show_rows(columns: Sequence[str], rows: Iterable[Sequence[object]], console: Console) -> None:
    """A table with a header."""
    _print(console, columns, rows)


def _print(console: Console, columns: Sequence[str], rows: Iterable[Sequence[object]], *, header: bool = True) -> None:
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = max(console.width, WIDE)
    if header and console.width < NARROW * len(columns):
        _print_one_below_another(console, columns, rows)
        return
    table = Table(show_header=header, box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(str(cell)) for cell in row))
    console.print(table)


def _print_one_below_another(console: Console, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Each row as a block of its own, for a terminal in which the columns would be a few letters wide."""
    for row in rows:
        for name, cell in zip(columns, row, strict=True):
            if str(cell):
                console.print(Text(f"{name}: {cell}" if name else str(cell), overflow="fold"))
        console.print()
