"""What a Stripe id is, told by its prefix."""

import re
from collections.abc import Mapping

from wescope.books.subjects import Subject, SubjectKind
from wescope.errors import MalformedId

ID = re.compile(r"[A-Za-z0-9_]{1,255}")

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
}
"""The part of an id before its first underscore."""


def is_id(value: object) -> bool:
    """Whether a value has the form of a Stripe id: letters, digits and underscores, at most 255."""
    return isinstance(value, str) and ID.fullmatch(value) is not None


def identify(identifier: str) -> Subject:
    """The subject that an id names, such as `in_...` or `ch_...`.

    Raises:
        MalformedId: it has not the form of an id, or no subject has this prefix.
    """
    prefix, _, rest = identifier.partition("_")
    kind = PREFIXES.get(prefix)
    if kind is None or not rest or not is_id(identifier):
        # What a person typed in place of an id may be a name or an address: it is not repeated.
        raise MalformedId
    return Subject(kind=kind, id=identifier)
