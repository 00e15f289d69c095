"""What the command `parked` does: list with sums, retry after a question, ignore and count again."""

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

import typer
from rich.console import Console
from rich.text import Text

from wescope.books.money import Money
from wescope.books.parking import ParkCode
from wescope.cli import tables
from wescope.cli.ages import parse_age
from wescope.cli.commands import open_runtime
from wescope.cli.output import ExitCode, print_json
from wescope.cli.outputs import ParkedChanged, ParkedList, ParkedRetried
from wescope.cli.progress import Reporter
from wescope.cli.suggestions import meant
from wescope.engine.parked_items import ParkedFilter, RetriedRow, sums_of
from wescope.engine.results import ParkedRow
from wescope.errors import WrongUse

ACTOR = "cli"


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """Which items, as they were typed."""

    keys: list[str] | None = None
    every: bool = False
    codes: list[str] | None = None
    subjects: list[str] | None = None
    older_than: str | None = None
    min_amount: str | None = None

    @property
    def is_empty(self) -> bool:
        """True if nothing says which."""
        return not (self.keys or self.every or self.codes or self.subjects or self.older_than or self.min_amount)

    def filter(self, *, ignored: bool | None) -> ParkedFilter:
        """The filter.

        Raises:
            WrongUse: a code, age or amount is none.
        """
        unknown = sorted(set(self.codes or ()) - set(ParkCode))
        if unknown:
            raise WrongUse(f"There is no such code; docs/errors.md lists them.{meant(unknown[0], set(ParkCode))}")
        return ParkedFilter(
            keys=tuple(self.keys or ()),
            codes=tuple(self.codes or ()),
            subjects=tuple(self.subjects or ()),
            older_than=parse_age(self.older_than) if self.older_than else None,
            min_amount=_amount(self.min_amount) if self.min_amount else None,
            ignored=ignored,
        )


def _amount(text: str) -> Decimal:
    try:
        amount = Decimal(text)
    except InvalidOperation:
        amount = Decimal("nan")
    if not amount.is_finite() or amount < 0:
        raise WrongUse("An amount is a number such as 100 or 99.50.")
    return amount


async def show(chosen: Chosen, *, as_json: bool) -> ExitCode:
    """List the items; somebody is needed if an operator owns one of them that is not ignored."""
    wanted = chosen.filter(ignored=None)
    async with open_runtime() as runtime:
        rows = tuple(await runtime.support.parked(wanted))
    if as_json:
        print_json(ParkedList(parked=rows, sums=tuple(sums_of(rows))))
    else:
        _show(rows, Console())
    return _exit_code(rows)


async def retry(chosen: Chosen, *, yes: bool, as_json: bool) -> ExitCode:
    """Show what would be looked at, ask, and wait for what becomes of it.

    Raises:
        WrongUse: nothing says which items, or nobody can be asked.
    """
    if chosen.is_empty:
        raise WrongUse("Say which items: keys, --all, or a condition such as --code.")
    if as_json and not yes:
        raise WrongUse("With --json nobody is asked: add --yes.")
    wanted = chosen.filter(ignored=None if chosen.keys else False)
    async with open_runtime() as runtime:
        rows = tuple(await runtime.support.parked(wanted))
        if rows and not yes:
            _show(rows, Console())
            subjects = len({row.subject for row in rows})
            if not typer.confirm(f"Look at {_count(len(rows), 'document')} of {_count(subjects, 'object')} again now?"):
                return ExitCode.NEEDS_YOU
        with Reporter() as progress:
            ended = tuple(await runtime.support.retry(rows, actor=ACTOR, progress=progress)) if rows else ()
    if as_json:
        print_json(ParkedRetried(retried=ended))
    else:
        _show_retried(ended, Console())
    return ExitCode.NEEDS_YOU if any(row.needs_somebody for row in ended) else ExitCode.GOOD


async def ignore(keys: list[str], reason: str, *, as_json: bool) -> ExitCode:
    """Let items be."""
    async with open_runtime() as runtime:
        rows = tuple(await runtime.support.ignore(keys, reason, actor=ACTOR))
    _tell_changed(rows, "ignored, until its code or amount changes", as_json=as_json)
    return ExitCode.GOOD


async def unignore(keys: list[str], *, as_json: bool) -> ExitCode:
    """Count items again; somebody is needed if an operator owns one of them."""
    async with open_runtime() as runtime:
        rows = tuple(await runtime.support.unignore(keys, actor=ACTOR))
    _tell_changed(rows, "counted again", as_json=as_json)
    return _exit_code(rows)


def _exit_code(rows: tuple[ParkedRow, ...]) -> ExitCode:
    return ExitCode.NEEDS_YOU if any(row.needs_somebody for row in rows) else ExitCode.GOOD


def _tell_changed(rows: tuple[ParkedRow, ...], what: str, *, as_json: bool) -> None:
    if as_json:
        print_json(ParkedChanged(parked=rows))
        return
    for row in rows:
        Console().print(Text(f"{row.key} ({row.code}, {_money(row)}): {what}"))


def _show(rows: tuple[ParkedRow, ...], console: Console) -> None:
    tables.show_parked(rows, console)
    sums = sums_of(rows)
    if sums:
        console.print()
        cells = ((one.code, one.owner, one.count, Money(amount=one.amount, currency=one.currency)) for one in sums)
        tables.show_rows(("Code", "Who", "Documents", "Amount"), cells, console)
    ignored = sum(row.ignored_at is not None for row in rows)
    if ignored:
        console.print(f"{_count(ignored, 'document')} of these ignored, and not in the sums.")


def _show_retried(rows: tuple[RetriedRow, ...], console: Console) -> None:
    if not rows:
        console.print("Nothing is parked that fits.")
        return
    cells = ((row.key, _money(row), row.before, row.code or "no longer parked") for row in rows)
    tables.show_rows(("Document", "Amount", "Was", "Is"), cells, console)
    gone = sum(row.code is None for row in rows)
    console.print(f"{gone} of {_count(len(rows), 'document')} no longer parked.")


def _money(row: ParkedRow | RetriedRow) -> Money:
    return Money(amount=row.amount, currency=row.currency)


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
