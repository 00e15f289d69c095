"""The company's books: every object, its history for lagging reads, the ledger, and units of work."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from wescope.sandbox.qbo.clock import Clock
from wescope.sandbox.qbo.knobs import Knobs
from wescope.sandbox.qbo.ledger import Ledger
from wescope.sandbox.qbo.storage import Changes, Record, RememberedAnswer, Storage

NAME_ENTITIES = ("Customer", "Vendor", "Employee")
ID_SPACES = {
    **dict.fromkeys(NAME_ENTITIES, "Name"),
    **{entity: entity for entity in ("Account", "Item", "Class", "Department", "TaxCode", "TaxRate")},
}
HISTORY_KEPT = 8


class Books:
    """Everything committed so far. Changed only through `begin` and `Unit.commit`."""

    def __init__(self, storage: Storage, clock: Clock, knobs: Knobs) -> None:
        self.knobs = knobs
        self.clock = clock
        self.ledger = Ledger()
        self.settings: dict[str, Any] = {}
        self.answers: dict[str, RememberedAnswer] = {}
        self._storage = storage
        self._sequences: dict[str, int] = {}
        self._records: defaultdict[str, dict[str, Record]] = defaultdict(dict)
        self._history: dict[tuple[str, str], list[Record]] = {}
        self._names: dict[str, tuple[str, str]] = {}
        self._doc_numbers: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
        stored = storage.load()
        self.is_new = stored is None
        if stored is not None:
            self._adopt(stored)

    def begin(self) -> "Unit":
        """Starts a unit of work at the present moment."""
        return Unit(self)

    def get(self, entity: str, record_id: str) -> Record | None:
        """Returns an object, deleted ones included, or None."""
        return self._records[entity].get(record_id)

    def all(self, entity: str) -> Iterator[Record]:
        """Yields the live objects of an entity."""
        return (record for record in self._records[entity].values() if not record.deleted)

    def everything(self, entity: str) -> Iterator[Record]:
        """Yields the objects of an entity, deleted ones included."""
        return iter(self._records[entity].values())

    def entities(self) -> list[str]:
        """Returns the entities that have objects."""
        return [entity for entity, records in self._records.items() if records]

    def as_of(self, record: Record, moment_ms: int) -> Record | None:
        """Returns an object as it was at a moment, None if it was not there yet.

        Args:
            record: the object's present state.
            moment_ms: epoch milliseconds.

        Returns:
            The newest state not younger than that; the oldest remembered one when it has changed too often since.
        """
        if record.changed_at_ms <= moment_ms:
            return record
        history = self._history.get(record.key, [])
        older = [one for one in history if one.changed_at_ms <= moment_ms]
        if older:
            return older[-1]
        return history[0] if len(history) == HISTORY_KEPT else None

    def holder_of(self, name: str) -> tuple[str, str] | None:
        """Returns entity and id of the active name that equals another one but for case and blanks."""
        return self._names.get(name_key(name))

    def numbered(self, entity: str, doc_number: str) -> list[str]:
        """Returns the ids of the live documents with a number."""
        return sorted(self._doc_numbers.get((entity, doc_number), ()), key=int)

    def sequence(self, name: str) -> int:
        """Returns the last value given out."""
        return self._sequences.get(name, 0)

    def apply(self, changes: Changes) -> None:
        """Stores changes and then shows them; nothing is shown that is not stored."""
        self._storage.commit(changes)
        self._adopt(changes)

    def clear(self) -> None:
        """Forgets everything, as for a new company."""
        self._storage.clear()
        self.ledger = Ledger()
        for part in (self.settings, self.answers, self._sequences, self._records, self._history, self._names):
            part.clear()
        self._doc_numbers.clear()
        self.is_new = True

    def close(self) -> None:
        """Lets go of the storage."""
        self._storage.close()

    def _adopt(self, changes: Changes) -> None:
        for record in changes.records:
            self._show(record)
        self._sequences.update(changes.sequences)
        self.settings.update(changes.settings)
        self.answers.update(changes.answers)

    def _show(self, record: Record) -> None:
        old = self._records[record.entity].get(record.id)
        self.ledger.replace(old.postings if old else (), record.postings)
        if old is not None:
            self._history.setdefault(old.key, []).append(old)
            del self._history[old.key][:-HISTORY_KEPT]
            self._unlist(old)
        self._records[record.entity][record.id] = record
        if not record.deleted:
            self._list(record)

    def _list(self, record: Record) -> None:
        if record.entity in NAME_ENTITIES:
            self._names[name_key(record.doc["DisplayName"])] = record.key
        elif record.doc.get("DocNumber"):
            self._doc_numbers[record.entity, record.doc["DocNumber"]].add(record.id)

    def _unlist(self, record: Record) -> None:
        if record.entity in NAME_ENTITIES:
            key = name_key(record.doc["DisplayName"])
            if self._names.get(key) == record.key:
                del self._names[key]
        elif record.doc.get("DocNumber"):
            self._doc_numbers[record.entity, record.doc["DocNumber"]].discard(record.id)


class Unit:
    """One request's work: reads see its own writes, `commit` makes all of them durable and visible at once."""

    def __init__(self, books: Books) -> None:
        self.books = books
        self.knobs = books.knobs
        self.now: datetime = books.clock()
        self._records: dict[tuple[str, str], Record] = {}
        self._sequences: dict[str, int] = {}
        self._answers: dict[str, RememberedAnswer] = {}
        self._settings: dict[str, Any] = {}

    @property
    def now_ms(self) -> int:
        """The unit's moment in epoch milliseconds."""
        return int(self.now.timestamp() * 1000)

    def get(self, entity: str, record_id: str) -> Record | None:
        """Returns an object as this unit sees it, deleted ones included."""
        return self._records.get((entity, record_id)) or self.books.get(entity, record_id)

    def all(self, entity: str) -> Iterator[Record]:
        """Yields the live objects of an entity as this unit sees them."""
        seen = {key for key in self._records if key[0] == entity}
        for record in self.books.all(entity):
            if record.key not in seen:
                yield record
        for key in seen:
            if not self._records[key].deleted:
                yield self._records[key]

    def find(self, entity: str, wanted: Callable[[Record], bool]) -> Record | None:
        """Returns the first live object that is wanted."""
        return next((record for record in self.all(entity) if wanted(record)), None)

    def put(self, record: Record) -> None:
        """Writes an object."""
        self._records[record.key] = record

    def next_id(self, entity: str) -> str:
        """Returns a new id in the entity's space: names, accounts, items, transactions."""
        return str(self.next_value(ID_SPACES.get(entity, "Txn")))

    def next_value(self, sequence: str) -> int:
        """Returns the next value of a sequence."""
        value = self._sequences.get(sequence, self.books.sequence(sequence)) + 1
        self._sequences[sequence] = value
        return value

    def remember(self, request_id: str, answer: RememberedAnswer) -> None:
        """Keeps the answer to a request id together with what the request did."""
        self._answers[request_id] = answer

    def setting(self, name: str, value: Any) -> None:
        """Keeps a setting."""
        self._settings[name] = value

    def read_setting(self, name: str, default: Any) -> Any:
        """Returns a setting as this unit sees it."""
        return self._settings.get(name, self.books.settings.get(name, default))

    def written(self) -> Mapping[tuple[str, str], Record]:
        """Returns what this unit has written so far."""
        return self._records

    def commit(self) -> None:
        """Makes everything durable, then visible."""
        if not (self._records or self._sequences or self._settings or self._answers):
            return
        self.books.apply(
            Changes(
                records=tuple(self._records.values()),
                sequences=self._sequences,
                settings=self._settings,
                answers=self._answers,
            )
        )


def name_key(name: str) -> str:
    """Returns what two display names have in common when QBO takes them for the same: case and blanks do not count."""
    return " ".join(name.split()).casefold()
