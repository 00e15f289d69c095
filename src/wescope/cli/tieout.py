"""The command `tieout`: both sides, what makes up the difference, or one row document by document."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date

from rich.console import Console
from rich.text import Text

from wescope.books.money import Money
from wescope.cli import tables
from wescope.cli.commands import open_runtime
from wescope.cli.output import ExitCode, print_json
from wescope.cli.outputs import RowsOpened
from wescope.cli.progress import Reporter
from wescope.engine.results import NO_DIFFERENCE
from wescope.engine.tieout_results import (
    AnyRow,
    BankRow,
    ClearingRow,
    MonthRow,
    OpenedRow,
    PayoutRow,
    ReceivableRow,
    TieOut,
    TieOutLine,
)

_SHOWN = 40
"""How many lines of what makes up a difference are shown; the JSON has all."""


async def tieout(as_of: date | None, opened: Sequence[str], *, as_json: bool) -> ExitCode:
    """Compare Stripe and QBO, or open rows; somebody is needed unless the difference is 0.00."""
    if opened:
        return await _open(as_of, opened, as_json=as_json)
    async with open_runtime() as runtime:
        with Reporter() as progress:
            result = await runtime.tieout(as_of, progress)
    if as_json:
        print_json(result)
    else:
        show_tieout(result, Console())
    return ExitCode.GOOD if result.balanced else ExitCode.NEEDS_YOU


async def _open(as_of: date | None, row_ids: Sequence[str], *, as_json: bool) -> ExitCode:
    async with open_runtime() as runtime:
        with Reporter() as progress:
            rows = tuple(await runtime.open_rows(row_ids, as_of, progress))
    if as_json:
        print_json(RowsOpened(rows=rows))
    else:
        for row in rows:
            show_row(row, Console())
    return ExitCode.NEEDS_YOU if any(row.difference for row in rows) else ExitCode.GOOD


def show_tieout(result: TieOut, console: Console) -> None:
    """The comparison: of receivables and payouts only what differs, and what makes up all of it."""
    single: tuple[AnyRow, ...] = (*result.receivable, *result.deposits)
    different = [row for row in single if row.difference]
    shown: list[AnyRow] = [*different, *result.clearing, *result.bank, *result.revenue, *result.fees]
    tables.show_rows(
        ("Row", "", "Stripe", "QBO", "Difference"),
        ((row.id, _title(row), *_amounts(row.stripe, row.qbo, row.difference, row.currency)) for row in shown),
        console,
    )
    _show_agreement(result, console)
    if result.explained:
        console.print("\nWhat makes up the difference:")
        _show_lines(result.explained[:_SHOWN], console, with_row=True)
        if len(result.explained) > _SHOWN:
            console.print(f"... and {len(result.explained) - _SHOWN} more: see --json, or --open a row.")
        console.print(f"Without known reason: {result.unexplained}")
    elsewhere = result.balanced and result.total_difference != NO_DIFFERENCE
    if elsewhere:
        console.print(f"Balances agree, but rows beside them differ by {result.total_difference}.")
    verdict = "QBO equals Stripe" if result.balanced else "QBO differs from Stripe"
    console.print(f"{verdict} as of {result.as_of}: difference {result.difference}")


def _show_agreement(result: TieOut, console: Console) -> None:
    owed = sum(1 for row in result.receivable if row.difference)
    paid = sum(1 for row in result.deposits if row.difference)
    console.print(
        f"{len(result.receivable) - owed} receivables agree, {owed} differ; {len(result.deposits) - paid} payouts "
        f"agree, {paid} differ; {len(result.parked)} documents are parked."
    )


def _title(row: AnyRow) -> str:
    match row:
        case ReceivableRow():
            return f"receivable of {row.customer_id}"
        case ClearingRow():
            return f"clearing account {row.currency.upper()}"
        case BankRow():
            return f"between Stripe and the bank, {row.currency.upper()}"
        case MonthRow():
            return f"{row.kind.replace('_', ' ')} of {row.month}, {row.currency.upper()}"
        case PayoutRow():
            return f"payout of {row.arrival_date}, {row.state}"


def show_row(row: OpenedRow, console: Console) -> None:
    """One row with everything that makes it up."""
    console.print(Text(f"{row.id} as of {row.as_of} (compared {row.at:%Y-%m-%d %H:%M %Z})"))
    _show_lines(row.lines, console, with_row=False, sums=row)
    if row.difference:
        console.print(f"Without known reason: {Money(amount=row.unexplained, currency=row.currency)}")


def _show_lines(
    lines: Iterable[TieOutLine], console: Console, *, with_row: bool, sums: OpenedRow | None = None
) -> None:
    columns = ("Date", "Stripe object", "Document", "QBO", "Stripe", "QBO amount", "Difference", "Reason")
    rows = [(*((line.row,) if with_row else ()), *_cells(line)) for line in lines]
    if sums is not None:
        amounts = _amounts(sums.stripe, sums.qbo, sums.difference, sums.currency)
        rows.append(("", "", "", "sum", *amounts, ""))
    tables.show_rows((*(("Row",) if with_row else ()), *columns), rows, console)


def _cells(line: TieOutLine) -> Iterator[object]:
    yield line.date or ""
    key, stripe_id = line.document_key or "", line.stripe_id or ""
    yield "" if stripe_id and key.startswith(f"{stripe_id}:") else stripe_id
    yield key
    yield f"{line.entity}/{line.qbo_id}" if line.entity else ""
    yield from _amounts(line.stripe, line.qbo, line.difference, line.currency)
    yield " ".join(part for part in (line.reason or "", line.detail or "") if part)


def _amounts(stripe: int, qbo: int, difference: int, currency: str) -> tuple[Money, Money, Money]:
    first, second, third = (Money(amount=amount, currency=currency) for amount in (stripe, qbo, difference))
    return first, second, third
