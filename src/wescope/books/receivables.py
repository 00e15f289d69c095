"""Receivables: the open documents of one invoice, from the oldest, while its story is gone through."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from wescope.books.documents import Application, Entity
from wescope.books.subjects import DocumentKey


@dataclass(slots=True)
class _Open:
    document: DocumentKey
    entity: Entity
    rest: int


class Receivables:
    """What is still to be settled, in minor units of one currency. What comes first is settled first."""

    def __init__(self) -> None:
        self._items: list[_Open] = []

    @property
    def total(self) -> int:
        """All that is open."""
        return sum(item.rest for item in self._items)

    def add(self, document: DocumentKey, amount: int, entity: Entity = Entity.INVOICE) -> None:
        """Open a document."""
        if amount > 0:
            self._items.append(_Open(document, entity, amount))

    def take(self, amount: int, only: DocumentKey | None = None) -> tuple[Application, ...]:
        """Settle up to `amount` of the open documents (or of one of them); says how much of which."""
        return tuple(self._taken(amount, only))

    def first(self, amount: int) -> tuple[Application, ...]:
        """What `take` would settle, without settling it."""
        rests = [item.rest for item in self._items]
        found = self.take(amount)
        for item, rest in zip(self._items, rests, strict=True):
            item.rest = rest
        return found

    def _taken(self, amount: int, only: DocumentKey | None) -> Iterator[Application]:
        for item in self._items:
            part = min(amount, item.rest)
            if part > 0 and only in {None, item.document}:
                item.rest -= part
                amount -= part
                yield Application(document=item.document, amount=part, entity=item.entity)


def applied(applications: Iterable[Application]) -> int:
    """The sum of what is settled."""
    return sum(application.amount for application in applications)


def merged(parts: Iterable[Application]) -> tuple[Application, ...]:
    """One application per document: QBO links a payment to each once."""
    found: dict[DocumentKey, Application] = {}
    for part in parts:
        known = found.get(part.document)
        found[part.document] = replace(part, amount=part.amount + (known.amount if known else 0))
    return tuple(found.values())
