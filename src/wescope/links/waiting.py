"""Who waits for what: parked documents that name others, which must be posted or taken back before them."""

from collections.abc import Collection, Iterable
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from wescope.books.parking import ParkCode, Parked
from wescope.books.subjects import DocumentKey
from wescope.links.schema import links, parked

WAITS = frozenset({ParkCode.WAITING, ParkCode.PAYOUT_WAITING})
"""Codes whose detail `waiting_on` names documents; the first of them wakes the subject."""

_TWINS = {"payment": "sales_receipt", "sales_receipt": "payment"}


def _waits_for(name: str) -> sa.ColumnElement[bool]:
    return parked.c.waiting_on == sa.any_(sa.bindparam(name, type_=ARRAY(sa.Text)))


_UNTIL = parked.c.details["until"].astext
# Put together once: it is asked by every run.
_WAITING = (
    sa.select(parked.c.subject)
    .distinct()
    .where(
        sa.or_(
            sa.and_(_waits_for("posted"), _UNTIL.is_(None)),
            sa.and_(_waits_for("taken_back"), _UNTIL.is_not(None)),
            # To a payout it is all the same whether a row's document stands or was undone before it was ever posted.
            sa.and_(_waits_for("ended"), parked.c.code == ParkCode.PAYOUT_WAITING.value),
        )
    )
)


async def waiting_for(
    connection: AsyncConnection, posted: Collection[DocumentKey], taken_back: Collection[DocumentKey] = ()
) -> tuple[str, ...]:
    """The subjects (as text) of parked documents that wait for one of these to be posted, or to be taken back."""
    if not posted and not taken_back:
        return ()
    keys = {
        "posted": list(posted),
        "taken_back": list(taken_back),
        "ended": _with_twins([*posted, *taken_back]),
    }
    return tuple((await connection.execute(_WAITING, keys)).scalars())


async def arrived(connection: AsyncConnection, realm_id: str, items: Iterable[Parked], *, since: datetime) -> bool:
    """Whether a document that one of these items waits for was written since a moment of the database's clock.

    Who wrote it may have looked for waiting items before these were stored.
    """
    awaited = [str(item.details.get("waiting_on", "")) for item in items if item.code in WAITS]
    keys = _with_twins(key for text in awaited for key in text.split())
    if not keys:
        return False
    query = sa.select(sa.literal(1)).where(
        links.c.realm_id == realm_id, links.c.document_key.in_(keys), links.c.updated_at >= since
    )
    return (await connection.execute(query.limit(1))).one_or_none() is not None


def _with_twins(keys: Iterable[str]) -> list[str]:
    """These keys and what else they may turn out to be: who waits for a charge's document does not know which it is."""
    found: set[str] = set()
    for key in keys:
        source, _, kind = key.partition(":")
        found |= {key, f"{source}:{_TWINS.get(kind, kind)}"}
    return sorted(found)
