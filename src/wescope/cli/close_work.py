"""What the command `close` does: list months, show one, sign it off or withdraw that, and write its evidence."""

import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import typer
from rich.console import Console
from rich.text import Text

from wescope.books.money import Money
from wescope.cli import tables
from wescope.cli.commands import open_runtime
from wescope.cli.output import ExitCode, print_json
from wescope.engine.month_results import MONTH_TEXTS, MonthList, MonthState, MonthView, OpenGroup, Signoff
from wescope.errors import WrongUse

ACTOR = "cli"
_NEEDS = (MonthState.DIFFERS, MonthState.CHANGED)


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseOptions:
    """What was typed."""

    month: str | None
    sign_off: bool
    reason: str | None
    withdraw: bool
    evidence: str | None
    as_json: bool

    def check(self) -> None:
        """Nothing.

        Raises:
            WrongUse: it does not fit together.
        """
        if self.month is None and (self.sign_off or self.withdraw or self.evidence):
            raise WrongUse("Say which month: `wescope close 2026-10`.")
        if self.sign_off and self.withdraw:
            raise WrongUse("Either --sign-off or --withdraw.")
        if self.reason is not None and not self.sign_off:
            raise WrongUse("A reason is for --sign-off.")


async def close(options: CloseOptions) -> ExitCode:
    """Do it; somebody is needed if the month is over and is not signed off as it is.

    Raises:
        WrongUse: what was typed does not fit together, or the file cannot be written.
    """
    options.check()
    async with open_runtime() as runtime:
        months = runtime.console.months
        if options.month is None:
            return _listed(await months.page(), as_json=options.as_json)
        if options.evidence:
            await _write(Path(options.evidence), months.evidence(options.month))
        if options.sign_off:
            done = await months.sign(options.month, options.reason, actor=ACTOR)
            return _decided(done, "signed off", as_json=options.as_json)
        if options.withdraw:
            done = await months.withdraw(options.month, actor=ACTOR)
            return _decided(done, "sign-off withdrawn", as_json=options.as_json)
        view = await months.view(options.month)
    if options.as_json:
        print_json(view)
    else:
        _show(view, Console())
    return ExitCode.NEEDS_YOU if view.needs_somebody else ExitCode.GOOD


async def _write(target: Path, pieces: AsyncIterator[bytes]) -> None:
    """The archive as a file, which appears when it is complete."""
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            async for piece in pieces:
                file.write(piece)
        part.replace(target)
    except OSError as error:
        raise WrongUse(f"The file cannot be written ({error.strerror}).") from error
    finally:
        part.unlink(missing_ok=True)
    typer.echo(f"evidence in {target}", err=True)


def _listed(found: MonthList, *, as_json: bool) -> ExitCode:
    if as_json:
        print_json(found)
    else:
        cells = (
            (row.month, MONTH_TEXTS[row.state], row.difference or "", row.signed_by or "", row.parked, row.payouts)
            for row in found.items
        )
        tables.show_rows(("Month", "State", "Difference", "Signed by", "Parked", "Payouts open"), cells, Console())
    return ExitCode.NEEDS_YOU if any(row.state in _NEEDS for row in found.items) else ExitCode.GOOD


def _decided(done: Signoff, what: str, *, as_json: bool) -> ExitCode:
    if as_json:
        print_json(done)
    else:
        told = f"{done.month}: {what}, difference {done.difference}, evidence {done.evidence_sha256}"
        Console().print(Text(told))
    return ExitCode.GOOD


def _show(view: MonthView, console: Console) -> None:
    console.print(Text(f"{view.month}: {MONTH_TEXTS[view.state]}"))
    found = view.comparison
    if found is None:
        console.print(Text(f"Not compared since it was over: wescope tieout --as-of {view.last}"))
    else:
        cells = (
            (one.kind, *(Money(amount=each, currency=one.currency) for each in (one.stripe, one.qbo, one.difference)))
            for one in found.sums
        )
        tables.show_rows(("As of the last day", "Stripe", "QBO", "Difference"), cells, console)
        told = f"Difference {found.difference}, compared {found.at:%Y-%m-%d %H:%M %Z}"
        since = f"; {found.written_since} documents of it written since" if found.written_since else ""
        console.print(Text(f"{told}{since}"))
    for group in view.open:
        _show_group(group, console)
    for change in view.changes:
        console.print(Text(f"Changed since it was signed off: {change.text}"))


def _show_group(group: OpenGroup, console: Console) -> None:
    more = "more than " if group.is_more else ""
    undated = f", {group.undated} of no known day" if group.undated else ""
    console.print(Text(f"\n{group.kind.value}: {more}{group.count} open{undated}"))
    if group.items:
        cells = (
            (one.key, one.code, one.date or "", Money(amount=one.amount, currency=one.currency)) for one in group.items
        )
        tables.show_rows(("What", "Why", "Date", "Amount"), cells, console)
