"""Notices: which alert was told to which target, for all processes together; all moments are the database's.

A row stands for an alert that is on, or of whose end its target is still to be told. One process at a time sends to a
target (`notice_targets.claimed_until`); one that dies meanwhile loses its claim, and the message is sent again.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from wescope.links.schema import notice_targets, notices


class NoticeKind(StrEnum):
    """What a notice says of its alert."""

    BEGAN = "began"
    REMINDER = "reminder"
    ENDED = "ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One thing to tell: of which alert, what, since when it is (or was) on, and when it ended."""

    code: str
    kind: NoticeKind
    began_at: datetime
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetState:
    """How a target fares: when it was last reached, how often it was tried in vain since, and why."""

    target: str
    sent_at: datetime | None
    failures: int
    last_code: str | None
    not_before: datetime | None


async def see(
    connection: AsyncConnection, realm_id: str, targets: Sequence[str], codes: Collection[str], *, quiet: timedelta
) -> None:
    """Take down which alerts are on now. One that was not seen for `quiet` is over; one that was never told goes."""
    now = sa.func.clock_timestamp()
    rows = [
        {"realm_id": realm_id, "target": target, "code": code} for target in sorted(targets) for code in sorted(codes)
    ]
    if rows:
        new = insert(notices).values(rows)
        on = {"seen_at": now, "ended_at": None}
        await connection.execute(new.on_conflict_do_update(constraint=notices.primary_key, set_=on))
    mine = (notices.c.realm_id == realm_id, notices.c.target.in_(list(targets)))
    is_silent = sa.and_(notices.c.code.not_in(list(codes)), notices.c.seen_at < now - quiet)
    over = (*mine, notices.c.ended_at.is_(None), is_silent)
    await connection.execute(sa.delete(notices).where(*over, notices.c.told_at.is_(None)))
    await connection.execute(sa.update(notices).where(*over).values(ended_at=notices.c.seen_at))


async def claim(
    connection: AsyncConnection, realm_id: str, target: str, *, remind_every: timedelta | None, hold: timedelta
) -> tuple[Notice, ...]:
    """What a target is to be told now, which is then this process's to send for `hold`; nothing: not now."""
    now = sa.func.clock_timestamp()
    await connection.execute(insert(notice_targets).values(realm_id=realm_id, target=target).on_conflict_do_nothing())
    is_free = sa.and_(
        sa.func.coalesce(notice_targets.c.claimed_until, now) <= now,
        sa.func.coalesce(notice_targets.c.not_before, now) <= now,
    )
    free = sa.select(notice_targets.c.target).where(_target(realm_id, target), is_free)
    if (await connection.execute(free.with_for_update(skip_locked=True))).one_or_none() is None:
        return ()
    due = await _due(connection, realm_id, target, remind_every)
    if due:
        held = sa.update(notice_targets).where(_target(realm_id, target))
        await connection.execute(held.values(claimed_until=now + hold))
    return due


async def _due(
    connection: AsyncConnection, realm_id: str, target: str, remind_every: timedelta | None
) -> tuple[Notice, ...]:
    now = sa.func.clock_timestamp()
    is_old = sa.false() if remind_every is None else notices.c.told_at <= now - remind_every
    query = (
        sa.select(notices.c.code, notices.c.began_at, notices.c.ended_at, notices.c.told_at)
        .where(notices.c.realm_id == realm_id, notices.c.target == target)
        .where(sa.or_(notices.c.told_at.is_(None), notices.c.ended_at.is_not(None), is_old))
        .order_by(notices.c.began_at, notices.c.code)
    )
    return tuple(
        Notice(
            code=row.code,
            kind=_kind(ended_at=row.ended_at, told_at=row.told_at),
            began_at=row.began_at,
            ended_at=row.ended_at,
        )
        for row in await connection.execute(query)
    )


def _kind(*, ended_at: datetime | None, told_at: datetime | None) -> NoticeKind:
    if ended_at is not None:
        return NoticeKind.ENDED
    return NoticeKind.BEGAN if told_at is None else NoticeKind.REMINDER


async def settle_sent(
    connection: AsyncConnection, realm_id: str, target: str, sent: Sequence[Notice], *, pause: timedelta
) -> None:
    """A message with these notices has arrived; the next one may go after `pause`."""
    now = sa.func.clock_timestamp()
    mine = (notices.c.realm_id == realm_id, notices.c.target == target)
    ended = [notice.code for notice in sent if notice.kind is NoticeKind.ENDED]
    # One that has begun again since stays, and is told anew as one that has begun.
    again = sa.update(notices).where(*mine, notices.c.code.in_(ended), notices.c.ended_at.is_(None))
    await connection.execute(again.values(told_at=None, began_at=notices.c.seen_at))
    await connection.execute(
        sa.delete(notices).where(*mine, notices.c.code.in_(ended), notices.c.ended_at.is_not(None))
    )
    told = [notice.code for notice in sent if notice.kind is not NoticeKind.ENDED]
    await connection.execute(sa.update(notices).where(*mine, notices.c.code.in_(told)).values(told_at=now))
    reached = {"sent_at": now, "failures": 0, "last_code": None, "claimed_until": None, "not_before": now + pause}
    await connection.execute(sa.update(notice_targets).where(_target(realm_id, target)).values(**reached))


async def settle_failed(
    connection: AsyncConnection, realm_id: str, target: str, code: str, *, first: timedelta, last: timedelta
) -> None:
    """A message did not arrive: it is tried again after `first`, then twice as long each time, up to `last`."""
    now = sa.func.clock_timestamp()
    doubled = first * sa.func.power(2, sa.func.least(notice_targets.c.failures, 20))
    values = {
        "failures": notice_targets.c.failures + 1,
        "last_code": code,
        "claimed_until": None,
        "not_before": now + sa.func.least(doubled, sa.cast(last, sa.Interval)),
    }
    await connection.execute(sa.update(notice_targets).where(_target(realm_id, target)).values(**values))


async def target_states(connection: AsyncConnection, realm_id: str) -> tuple[TargetState, ...]:
    """How the targets fare that were ever tried."""
    columns = [notice_targets.c[name] for name in TargetState.__dataclass_fields__]
    rows = await connection.execute(sa.select(*columns).where(notice_targets.c.realm_id == realm_id))
    return tuple(TargetState(**row) for row in rows.mappings())


def _target(realm_id: str, target: str) -> sa.ColumnElement[bool]:
    return sa.and_(notice_targets.c.realm_id == realm_id, notice_targets.c.target == target)
