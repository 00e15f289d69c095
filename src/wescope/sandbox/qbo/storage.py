"""Where the sandbox keeps its books: memory, or a SQLite file that survives SIGKILL."""

import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from wescope.sandbox.qbo.ledger import Posting
from wescope.sandbox.qbo.wire import Json, dumps, loads


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One object of the company: its document, what it posts, and what QBO knows but does not show."""

    entity: str
    id: str
    doc: Json
    postings: tuple[Posting, ...] = ()
    last_line_id: int = 0
    voided: bool = False
    deleted: bool = False
    changed_at_ms: int = 0

    @property
    def key(self) -> tuple[str, str]:
        """Entity and id."""
        return self.entity, self.id


@dataclass(frozen=True, slots=True, kw_only=True)
class RememberedAnswer:
    """What a request id was answered with: payload fingerprint, HTTP status, body, time in epoch milliseconds."""

    fingerprint: str
    status: int
    body: Json
    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What one request changed, to be stored as a whole or not at all."""

    records: tuple[Record, ...] = ()
    sequences: Mapping[str, int] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    answers: Mapping[str, RememberedAnswer] = field(default_factory=dict)


class Storage(Protocol):
    """Keeps changes; what `load` returns is everything that was ever committed."""

    def load(self) -> Changes | None:
        """Returns everything stored, None if nothing is."""

    def commit(self, changes: Changes) -> None:
        """Stores changes durably before it returns."""

    def clear(self) -> None:
        """Forgets everything."""

    def close(self) -> None:
        """Lets go of files."""


class MemoryStorage:
    """Keeps nothing: the books live as long as the process."""

    def load(self) -> Changes | None:
        """Returns None: there is never anything from before."""
        return None

    def commit(self, changes: Changes) -> None:
        """Does nothing."""

    def clear(self) -> None:
        """Does nothing."""

    def close(self) -> None:
        """Does nothing."""


_TABLES = """
CREATE TABLE IF NOT EXISTS records (
  entity TEXT NOT NULL, id TEXT NOT NULL, doc TEXT NOT NULL, postings TEXT NOT NULL, last_line_id INTEGER NOT NULL,
  voided INTEGER NOT NULL, deleted INTEGER NOT NULL, changed_at_ms INTEGER NOT NULL, PRIMARY KEY (entity, id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sequences (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS answers (
  request_id TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, status INTEGER NOT NULL, body TEXT NOT NULL,
  at_ms INTEGER NOT NULL
) WITHOUT ROWID;
"""


class SqliteStorage:
    """Keeps the books in one file. Write-ahead log: a commit survives the death of the process, not of the machine."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(folder / "qbo.sqlite3", isolation_level=None)
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=NORMAL")
        self._connection.executescript(_TABLES)

    def load(self) -> Changes | None:
        """Returns everything stored, None for a new file."""
        records = tuple(_record(row) for row in self._connection.execute("SELECT * FROM records"))
        if not records:
            return None
        return Changes(
            records=records,
            sequences=dict(self._connection.execute("SELECT name, value FROM sequences")),
            settings={name: loads(value) for name, value in self._connection.execute("SELECT * FROM settings")},
            answers={
                row[0]: RememberedAnswer(fingerprint=row[1], status=row[2], body=loads(row[3]), at_ms=row[4])
                for row in self._connection.execute("SELECT * FROM answers")
            },
        )

    def commit(self, changes: Changes) -> None:
        """Stores changes in one SQLite transaction."""
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            connection.executemany(
                "INSERT OR REPLACE INTO records VALUES (?,?,?,?,?,?,?,?)", (_row(one) for one in changes.records)
            )
            connection.executemany("INSERT OR REPLACE INTO sequences VALUES (?,?)", changes.sequences.items())
            connection.executemany("INSERT OR REPLACE INTO settings VALUES (?,?)", _texts(changes.settings))
            connection.executemany(
                "INSERT OR REPLACE INTO answers VALUES (?,?,?,?,?)",
                (
                    (request_id, one.fingerprint, one.status, dumps(one.body), one.at_ms)
                    for request_id, one in changes.answers.items()
                ),
            )
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")

    def clear(self) -> None:
        """Empties the file."""
        for table in ("records", "sequences", "settings", "answers"):
            self._connection.execute(f"DELETE FROM {table}")  # noqa: S608 - our own table names

    def close(self) -> None:
        """Closes the file."""
        self._connection.close()


def _texts(settings: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    return ((name, dumps(value)) for name, value in settings.items())


def _row(record: Record) -> tuple[Any, ...]:
    postings = [[one.account_id, one.debit, one.name_id, one.foreign] for one in record.postings]
    state = (record.last_line_id, record.voided, record.deleted, record.changed_at_ms)
    return (record.entity, record.id, dumps(record.doc), dumps(postings), *state)


def _record(row: tuple[Any, ...]) -> Record:
    entity, record_id, doc, postings, last_line_id, voided, deleted, changed_at_ms = row
    return Record(
        entity=entity,
        id=record_id,
        doc=loads(doc),
        postings=tuple(_posting(*one) for one in loads(postings)),
        last_line_id=last_line_id,
        voided=bool(voided),
        deleted=bool(deleted),
        changed_at_ms=changed_at_ms,
    )


def _posting(account_id: str, debit: int, name_id: str, foreign: int = 0) -> Posting:
    return Posting(account_id=account_id, debit=debit, name_id=name_id, foreign=foreign)
