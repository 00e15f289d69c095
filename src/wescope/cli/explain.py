"""The command `explain`: the story of an id as tables, the newest state first and then everything in time order."""

from collections.abc import Sequence
from datetime import UTC, datetime

from rich.console import Console
from rich.text import Text

from wescope.books.money import Money
from wescope.cli import tables
from wescope.cli.ages import absolute, relative
from wescope.cli.commands import open_runtime
from wescope.cli.output import ExitCode, print_json
from wescope.engine.explanation import Explanation, LinkResult, Meaning

_DATES = {
    "txn_date": "posted for",
    "stated_date": "stated",
    "due_date": "due",
    "usage_start_date": "usage from",
    "usage_end_date": "usage to",
    "payment_received_date": "received",
    "credit_date": "credited",
    "payout_date": "paid out",
    "arrival_date": "arrives",
    "available_date": "available",
}


async def explain(identifier: str, *, plan: bool, as_json: bool) -> ExitCode:
    """Tell the story of an id; somebody is needed if something about it waits for an operator."""
    async with open_runtime() as runtime:
        told = await runtime.support.explain(identifier, plan=plan)
    if as_json:
        print_json(told)
    else:
        show(told, Console(), datetime.now(UTC))
    return ExitCode.NEEDS_YOU if told.needs_somebody else ExitCode.GOOD


def show(told: Explanation, console: Console, now: datetime) -> None:
    """The story for people."""
    for meaning in told.meanings:
        console.print(Text(f"{meaning.id} is {_article(meaning)}{_note(meaning)}"))
    _show_addresses(told, console)
    if told.links:
        _head("Documents", console)
        columns = ("Document", "In QBO", "State", "Amount", "Dates", "Written")
        tables.show_rows(columns, (_link_cells(link) for link in told.links), console)
    _show_parked(told, console)
    _show_payouts(told, console)
    if told.timeline:
        _head("What happened", console)
        rows = ((absolute(one.at), relative(one.at, now), one.what, one.about, one.text) for one in told.timeline)
        tables.show_rows(("When", "", "What", "About", ""), rows, console)
    _show_plan(told, console)
    for problem in told.problems:
        console.print(Text(f"\n{problem.message}\n{problem.remedy}"))
    console.print(Text("\nSomething here needs you." if told.needs_somebody else "\nNothing here needs you."))


def _head(title: str, console: Console) -> None:
    console.print(Text(f"\n{title}", style="bold"))


def _article(meaning: Meaning) -> str:
    return {
        "event": "an event of Stripe",
        "stripe_object": "an object of Stripe",
        "subject": "what runs look at",
        "document": "the key of a document",
        "qbo_document": "in QuickBooks Online",
        "request": "the request id of a write",
        "intuit_tid": "Intuit's id of a call",
    }.get(meaning.kind, meaning.kind)


def _note(meaning: Meaning) -> str:
    return f": {meaning.note}" if meaning.note else ""


def _show_addresses(told: Explanation, console: Console) -> None:
    found = [(one.id, one.url) for one in (*told.meanings, *told.stripe) if one.url]
    found += [(f"{link.entity}/{link.qbo_id}", link.qbo_url) for link in told.links if link.qbo_url]
    unique = dict(found)
    if unique:
        _head("Where to look", console)
        tables.show_rows(("", ""), unique.items(), console)


def _link_cells(link: LinkResult) -> Sequence[object]:
    name = f"{link.entity}/{link.qbo_id}" if link.qbo_id else link.entity
    dates = (f"{word} {getattr(link, field)}" for field, word in _DATES.items() if getattr(link, field))
    settled = f" (moves {link.settled_amount} {link.settled_currency.upper()})" if link.settled_currency else ""
    run = f", run {link.run_id}" if link.run_id is not None else ""
    written = f"{link.operation}, request {link.request_id}, generation {link.generation}{run}"
    money = Money(amount=link.amount, currency=link.currency)
    return (link.document_key, name, link.state, f"{money}{settled}", ", ".join(dates), written)


def _show_parked(told: Explanation, console: Console) -> None:
    if told.parked:
        _head("Parked", console)
        tables.show_parked(told.parked, console)
    if told.awaited_by:
        _head("What waits for it", console)
        tables.show_parked(told.awaited_by, console)


def _show_payouts(told: Explanation, console: Console) -> None:
    if told.payouts:
        _head("Payouts", console)
        cells = (
            (
                one.payout_id,
                Money(amount=one.amount, currency=one.currency),
                one.state,
                one.arrival_date or "",
                " ".join(one.deposits),
            )
            for one in told.payouts
        )
        tables.show_rows(("Payout", "Amount", "State", "Arrives", "Deposit"), cells, console)
    if told.payout_rows:
        rows = (
            (row.payout_id, row.transaction_id, row.category, row.document_key or "", row.state, *amounts)
            for row in told.payout_rows
            for amounts in [[Money(amount=one, currency=row.currency) for one in (row.gross, row.fee, row.net)]]
        )
        tables.show_rows(("Payout", "Row", "Category", "Document", "State", "Gross", "Fee", "Net"), rows, console)


def _show_plan(told: Explanation, console: Console) -> None:
    if told.plan is None:
        return
    _head("What would be done now", console)
    tables.show_sync(told.plan, console)
