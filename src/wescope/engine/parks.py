"""Parking while writing: the exception that ends work on one document, and how its item is made."""

from wescope.books.documents import Document
from wescope.books.parking import ParkCode, Parked
from wescope.errors import ConfigurationError, PeriodClosed, QboRefused


class Park(Exception):
    """The document must not be posted now."""

    def __init__(self, item: Parked) -> None:
        super().__init__(item.code.value)
        self.item = item


def parked(document: Document, code: ParkCode, **details: str | int) -> Parked:
    """A parked item for `document`; `details` are ids, codes, dates and amounts only."""
    return Parked(
        key=document.key,
        code=code,
        amount=document.amount,
        currency=document.currency,
        details=dict(details),
        day=document.dates.txn,
    )


def refusal(document: Document, code: ParkCode, fault: QboRefused) -> Parked:
    """A parked item for a document that QBO refused, with the fault's code and Intuit's id of the call."""
    if isinstance(fault, PeriodClosed):
        code = ParkCode.PERIOD_CLOSED
    return parked(document, code, **dict(fault.details))


def missing(document: Document, error: ConfigurationError) -> Parked | None:
    """A parked item for a document that names what the company does not have: an account, an item, a rate, ...

    Null if the error is none of one document (it has no park code of its own).
    """
    try:
        code = ParkCode(error.code)
    except ValueError:
        return None
    return parked(document, code, **dict(error.details))
