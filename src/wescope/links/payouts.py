"""Payout checks: the stored result of each payout, its rows, and the bank entries that are used up by them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from wescope.links.schema import links, payout_checks, payout_rows

_CHUNK = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPayout:
    """A row of `payout_checks`: amounts in minor units of `currency`.

    `waiting_on` are document keys, `deposits` QBO documents (`Deposit/145`), `shared_with` other payouts that the same
    deposit covers.
    """

    payout_id: str
    currency: str
    amount: int
    gross: int
    fee: int
    net: int
    foots: bool
    state: str
    differs_by: int
    waiting_on: tuple[str, ...]
    deposits: tuple[str, ...]
    shared_with: tuple[str, ...]
    payout_date: date | None
    arrival_date: date | None
    deposit_date: date | None
    available_date: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRow:
    """A row of `payout_rows`: one balance transaction of a payout, in minor units of the payout's currency."""

    transaction_id: str
    category: str
    source: str | None
    document_key: str | None
    gross: int
    fee: int
    net: int
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DepositDay:
    """When a payout's deposit stands in QBO (books' calendar), and whether somebody else made it, so that it is net."""

    day: date
    is_foreign: bool


_COLUMNS = [payout_checks.c[name] for name in StoredPayout.__dataclass_fields__]
_ROW_COLUMNS = [payout_rows.c[name] for name in StoredRow.__dataclass_fields__]
_LISTS = ("waiting_on", "deposits", "shared_with")


async def store_check(
    connection: AsyncConnection, realm_id: str, check: StoredPayout, rows: Sequence[StoredRow]
) -> None:
    """Make this the result of the payout, with these rows; whatever was stored before is replaced."""
    values = {name: getattr(check, name) for name in StoredPayout.__dataclass_fields__}
    values |= {name: list(values[name]) for name in _LISTS}
    values |= {"checked_at": sa.func.now()}
    statement = insert(payout_checks).values(realm_id=realm_id, **values)
    await connection.execute(
        statement.on_conflict_do_update(
            constraint=payout_checks.primary_key,
            set_={name: value for name, value in values.items() if name != "payout_id"},
        )
    )
    of_payout = sa.and_(payout_rows.c.realm_id == realm_id, payout_rows.c.payout_id == check.payout_id)
    await connection.execute(sa.delete(payout_rows).where(of_payout))
    stored = [
        {"realm_id": realm_id, "payout_id": check.payout_id, "position": position}
        | {name: getattr(row, name) for name in StoredRow.__dataclass_fields__}
        for position, row in enumerate(rows)
    ]
    for start in range(0, len(stored), _CHUNK):
        await connection.execute(sa.insert(payout_rows), stored[start : start + _CHUNK])


async def stored_checks(
    connection: AsyncConnection, realm_id: str, *, payout_ids: Collection[str] | None = None
) -> tuple[tuple[StoredPayout, datetime], ...]:
    """All results (or those of some payouts) with the moment of the check, the latest arrival first."""
    conditions = [payout_checks.c.realm_id == realm_id]
    if payout_ids is not None:
        conditions.append(payout_checks.c.payout_id.in_(list(payout_ids)))
    query = sa.select(*_COLUMNS, payout_checks.c.checked_at).where(*conditions)
    order = (payout_checks.c.arrival_date.desc().nulls_last(), payout_checks.c.payout_id)
    result = await connection.execute(query.order_by(*order))
    return tuple((_stored(row), row["checked_at"]) for row in result.mappings())


def _stored(row: Mapping[str, object] | sa.RowMapping) -> StoredPayout:
    values = {name: row[name] for name in StoredPayout.__dataclass_fields__}
    lists = {name: tuple(row[name]) for name in _LISTS}  # type: ignore[arg-type]  # arrays come as lists
    return StoredPayout(**{**values, **lists})  # type: ignore[arg-type]  # columns have the fields' types


async def stored_rows(connection: AsyncConnection, realm_id: str, payout_id: str) -> tuple[StoredRow, ...]:
    """The rows of a payout in the order in which they were stored."""
    of_payout = (payout_rows.c.realm_id == realm_id, payout_rows.c.payout_id == payout_id)
    result = await connection.execute(sa.select(*_ROW_COLUMNS).where(*of_payout).order_by(payout_rows.c.position))
    return tuple(StoredRow(**row) for row in result.mappings())


async def counts_by_state(connection: AsyncConnection, realm_id: str) -> dict[str, int]:
    """How many payouts are in which state."""
    query = (
        sa.select(payout_checks.c.state, sa.func.count())
        .where(payout_checks.c.realm_id == realm_id)
        .group_by(payout_checks.c.state)
    )
    return {row[0]: row[1] for row in await connection.execute(query)}


async def covered(
    connection: AsyncConnection, realm_id: str, *, states: Collection[str], first: date, last: date
) -> dict[str, StoredPayout]:
    """The payouts that arrived from `first` to `last` and are in one of these states, by id."""
    query = sa.select(*_COLUMNS).where(
        payout_checks.c.realm_id == realm_id,
        payout_checks.c.state.in_(list(states)),
        payout_checks.c.arrival_date.between(first, last),
    )
    rows = (await connection.execute(query)).mappings()
    return {str(row["payout_id"]): _stored(row) for row in rows}


async def deposit_days(connection: AsyncConnection, realm_id: str) -> dict[str, DepositDay]:
    """By payout, when its deposit stands in QBO, where that is not the arrival date."""
    own = sa.exists().where(
        links.c.realm_id == realm_id,
        links.c.document_key == payout_checks.c.payout_id + ":deposit",
        links.c.state == "posted",
    )
    query = sa.select(payout_checks.c.payout_id, payout_checks.c.deposit_date, sa.not_(own)).where(
        payout_checks.c.realm_id == realm_id,
        payout_checks.c.deposit_date.is_not(None),
        payout_checks.c.deposit_date != payout_checks.c.arrival_date,
    )
    return {row[0]: DepositDay(day=row[1], is_foreign=row[2]) for row in await connection.execute(query)}
