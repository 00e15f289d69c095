"""The posting table held against documents: which row tells of a document, and whether its accounts are the row's."""

import re
from collections.abc import Iterable

from wescope.books.documents import Document, Entity
from wescope.books.posting import Posting, sides
from wescope.books.posting_table import POSTINGS

_DAY = re.compile(r"[a-z]{3}\.\d{4}-\d{2}-\d{2}")


def rows_of(key: str, entity: Entity) -> tuple[Posting, ...]:
    """The rows that a document of this key and entity may be of; none if the table does not know it."""
    owner = key.partition(":")[0]
    prefix = "usd" if _DAY.fullmatch(owner) else owner.partition("_")[0]
    kinds = _kinds(key)
    return tuple(row for row in POSTINGS if prefix in row.owners and row.kind in kinds and row.entity is entity)


def _kinds(key: str) -> set[str]:
    kind = key.partition(":")[2]
    return {"customer:usd"} if kind.startswith("customer:") else {kind, kind.partition(":in_")[0]}


def disagreements(documents: Iterable[Document]) -> list[str]:
    """The keys of documents that no row of the table tells of as they are, with what they debit and credit."""
    found = []
    for document in documents:
        debits, credited = sides(document)
        rows = rows_of(document.key, document.entity)
        if not any(debits <= set(row.debits) and credited <= set(row.credits) for row in rows):
            found.append(f"{document.key} {document.entity}: {sorted(debits)} to {sorted(credited)}")
    return found


def unheard_of(documents: Iterable[Document]) -> list[str]:
    """The keys of documents of a kind that no row has with this entity, whoever owns it: of values, sound or not."""
    known = {(row.kind, row.entity) for row in POSTINGS}
    return [one.key for one in documents if not {(kind, one.entity) for kind in _kinds(one.key)} & known]
