"""Entries as text: a numbered journal, and under it an account in the shape of a T for everything that moved."""

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal

from tests.docs.accounting.entries import Entry

SIDE = 15
"""Width of one side of a T: a number in brackets and an amount."""

ACROSS = 3
"""How many Ts stand beside each other."""

_GAP = "     "


def block(entries: Sequence[Entry], plain: Callable[[str], str]) -> str:
    """The journal and the T-accounts of a situation in Markdown.

    Args:
        entries: in the order in which they were written.
        plain: puts labels (`in_1`) in place of Stripe's ids.
    """
    journal = [
        f"| {number} | {entry.date} | {entry.what} | `{plain(entry.key)}` |"
        for number, entry in enumerate(entries, start=1)
    ]
    head = ("| | date | in QuickBooks | document key |", "|---:|---|---|---|")
    return "\n".join([*head, *journal, "", "```text", *_accounts(entries), "```"])


def balances(entries: Sequence[Entry]) -> dict[str, Decimal]:
    """What is left on each account, debits positive; accounts at zero are left out."""
    names = _names(entries)
    sums = {name: sum((entry.amounts.get(name, Decimal(0)) for entry in entries), Decimal(0)) for name in names}
    return {name: amount for name, amount in sums.items() if amount}


def _names(entries: Sequence[Entry]) -> list[str]:
    """Accounts in the order in which they are first moved, debits before credits."""
    names: dict[str, None] = {}
    for entry in entries:
        for name in sorted(entry.amounts, key=lambda one: (entry.amounts[one] < 0, one)):
            names[name] = None
    return list(names)


def _accounts(entries: Sequence[Entry]) -> Iterator[str]:
    drawn = [_account(name, entries) for name in _names(entries)]
    for first in range(0, len(drawn), ACROSS):
        row = drawn[first : first + ACROSS]
        height = max(map(len, row))
        if first:
            yield ""
        for line in range(height):
            yield _GAP.join(_line(account, line, height) for account in row).rstrip()


def _line(account: Sequence[str], number: int, height: int) -> str:
    """A line of a T that is stretched to a height above its two last lines: the rule and the balance."""
    missing = height - len(account)
    if number < len(account) - 2:
        return account[number]
    return _moves("", "") if number < len(account) - 2 + missing else account[number - missing]


def _account(name: str, entries: Sequence[Entry]) -> list[str]:
    moves = [(number, entry.amounts[name]) for number, entry in enumerate(entries, start=1) if name in entry.amounts]
    sides = [
        [f"({number}) {_number(abs(amount)):>9}" for number, amount in moves if (amount > 0) is debit]
        for debit in (True, False)
    ]
    height = max(map(len, sides))
    left, right = ([*side, *[""] * (height - len(side))] for side in sides)
    total = sum((amount for _, amount in moves), Decimal(0))
    rule = "-" * SIDE
    return [
        f"{name:^{2 * SIDE + 1}}",
        f"{rule}+{rule}",
        *map(_moves, left, right),
        f"{rule}+{rule}",
        _moves(_number(total) if total >= 0 else "", _number(-total) if total < 0 else ""),
    ]


def _moves(left: str, right: str) -> str:
    return f"{left:>{SIDE - 1}} |{right:>{SIDE - 1}} "


def _number(amount: Decimal) -> str:
    return f"{amount:,.2f}"
