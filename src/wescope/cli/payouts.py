"""The command `payouts`: every payout with its state, or one that foots, row by row."""

from rich.console import Console
from rich.text import Text

from wescope.books.money import Money
from wescope.cli import tables
from wescope.cli.commands import open_runtime
from wescope.cli.output import ExitCode, print_json
from wescope.cli.outputs import PayoutsListed
from wescope.engine.results import PayoutDetail, PayoutResult


async def payouts(payout_id: str | None, *, as_json: bool) -> ExitCode:
    """List payouts, or show one; somebody is needed while one of them is not settled."""
    if payout_id is None:
        return await _list(as_json=as_json)
    async with open_runtime() as runtime:
        detail = await runtime.payout(payout_id)
    if as_json:
        print_json(detail)
    else:
        _show_detail(detail, Console())
    return ExitCode.GOOD if detail.payout.is_settled else ExitCode.NEEDS_YOU


async def _list(*, as_json: bool) -> ExitCode:
    async with open_runtime() as runtime:
        found = tuple(await runtime.payouts())
    if as_json:
        print_json(PayoutsListed(payouts=found))
    else:
        _show_list(found, Console())
    return ExitCode.GOOD if all(one.is_settled for one in found) else ExitCode.NEEDS_YOU


def _show_list(found: tuple[PayoutResult, ...], console: Console) -> None:
    if not found:
        console.print("No payout was looked at yet.")
        return
    tables.show_rows(
        ("Payout", "Amount", "State", "Arrives", "Deposit", "Remark"),
        (
            (
                one.payout_id,
                Money(amount=one.amount, currency=one.currency),
                one.state,
                one.arrival_date or "",
                " ".join(one.deposits),
                _remark(one),
            )
            for one in found
        ),
        console,
    )


def _remark(one: PayoutResult) -> str:
    if not one.foots:
        return f"rows differ by {Money(amount=one.differs_by, currency=one.currency)}"
    if one.waiting_on:
        return "waits for " + " ".join(one.waiting_on)
    return "shares its deposit with " + " ".join(one.shared_with) if one.shared_with else ""


def _show_detail(detail: PayoutDetail, console: Console) -> None:
    one = detail.payout
    facts = {
        "State": one.state,
        "Paid out by Stripe": one.payout_date,
        "Arrives at the bank": one.arrival_date,
        "Deposited in QBO": one.deposit_date,
        "Available in Stripe": one.available_date,
        "Deposit": " ".join(one.deposits),
        "Remark": _remark(one),
    }
    tables.show_counts(one.payout_id, ((name, value or "") for name, value in facts.items()), console)
    columns = ("Transaction", "Category", "Source", "Document", "State", "Gross", "Fee", "Net")
    rows = [
        (
            row.transaction_id,
            row.category,
            row.source or "",
            row.document_key or "",
            row.state,
            *(Money(amount=amount, currency=row.currency) for amount in (row.gross, row.fee, row.net)),
        )
        for row in detail.rows
    ]
    sums = tuple(Money(amount=amount, currency=one.currency) for amount in (one.gross, one.fee, one.net))
    tables.show_rows(columns, [*rows, ("", "", "", "", "sum", *sums)], console)
    verdict = "The rows add up to the payout" if one.foots else "The rows do not add up to the payout"
    console.print(Text(f"{verdict}: {Money(amount=one.amount, currency=one.currency)}"))
