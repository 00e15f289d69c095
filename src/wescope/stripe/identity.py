"""What a Stripe id is, told by its prefix; a day of the balance (`usd.2026-11-20`) is named like an object."""

import re
from collections.abc import Mapping
from datetime import date
from difflib import get_close_matches

from wescope.books.subjects import Subject, SubjectKind
from wescope.errors import MalformedId

ID = re.compile(r"[A-Za-z0-9_]{1,255}")
BALANCE_DAY = re.compile(r"([a-z]{3})\.([0-9]{4}-[0-9]{2}-[0-9]{2})")

_SHORT, _LIKE = 2, 0.7

PREFIXES: Mapping[str, SubjectKind] = {
    "in": SubjectKind.INVOICE,
    "ch": SubjectKind.CHARGE,
    "py": SubjectKind.CHARGE,
    "pi": SubjectKind.PAYMENT_INTENT,
    "inpay": SubjectKind.INVOICE_PAYMENT,
    "cus": SubjectKind.CUSTOMER,
    "re": SubjectKind.REFUND,
    "pyr": SubjectKind.REFUND,
    "cn": SubjectKind.CREDIT_NOTE,
    "du": SubjectKind.DISPUTE,
    "dp": SubjectKind.DISPUTE,
    "po": SubjectKind.PAYOUT,
    "txn": SubjectKind.BALANCE_TRANSACTION,
    "tu": SubjectKind.TOPUP,
    "tr": SubjectKind.TRANSFER,
    "fee": SubjectKind.APPLICATION_FEE,
}
"""The part of an id before its first underscore."""


def is_id(value: object) -> bool:
    """Whether a value has the form of a Stripe id: letters, digits and underscores, at most 255."""
    return isinstance(value, str) and ID.fullmatch(value) is not None


def identify(identifier: str) -> Subject:
    """The subject that an id names, such as `in_...`, `ch_...`, or `usd.2026-11-20` for a day of the balance.

    Raises:
        MalformedId: it has not the form of an id, or no subject has this prefix.
    """
    if BALANCE_DAY.fullmatch(identifier):
        balance_day_of(identifier)
        return Subject(kind=SubjectKind.BALANCE_DAY, id=identifier)
    prefix, _, rest = identifier.partition("_")
    kind = PREFIXES.get(prefix)
    if kind is None or not rest or not is_id(identifier):
        # What a person typed in place of an id may be a name or an address: it is not repeated.
        raise MalformedId(_meant(prefix, rest))
    return Subject(kind=kind, id=identifier)


def _meant(prefix: str, rest: str) -> str:
    """What is said of an id that is none: if its prefix is nearly one, which one that is."""
    told = "This is not the id of a Stripe object that has documents."
    # Of two letters any other two are half the same: those are meant only if no more than their case is wrong.
    words = [one for one in PREFIXES if one == prefix.lower() or len(one) > _SHORT]
    close = get_close_matches(prefix.lower(), words, n=1, cutoff=_LIKE) if rest else []
    return f"{told} Did you mean one that begins with {close[0]}_?" if close else told


def balance_day_of(identifier: str) -> tuple[str, date]:
    """The currency and the day (of the books' calendar) that the id of a balance day names.

    Raises:
        MalformedId: it names no currency and date.
    """
    match = BALANCE_DAY.fullmatch(identifier)
    if match is None:
        raise MalformedId
    try:
        return match[1], date.fromisoformat(match[2])
    except ValueError:
        raise MalformedId from None
