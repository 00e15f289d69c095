"""Attempts to connect QBO from the console: kept until their one answer comes, or for some minutes."""

from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from wescope.links.console_tables import connect_attempts

LASTS = timedelta(minutes=10)
"""How long an attempt may take; Intuit's codes end sooner."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectAttempt:
    """Who has begun an attempt, and the address to which Intuit sends its answer."""

    actor: str
    redirect_uri: str


async def keep_attempt(connection: AsyncConnection, digest: str, attempt: ConnectAttempt) -> None:
    """Remember an attempt by its digest; those that are too old are forgotten."""
    table = connect_attempts
    await connection.execute(sa.delete(table).where(table.c.at < sa.func.now() - LASTS))
    values = {"digest": digest, "actor": attempt.actor, "redirect_uri": attempt.redirect_uri}
    await connection.execute(sa.insert(table).values(**values))


async def take_attempt(connection: AsyncConnection, digest: str) -> ConnectAttempt | None:
    """The attempt of this digest, once; null if there is none, it was taken before, or it is too old."""
    table = connect_attempts
    taken = sa.delete(table).where(table.c.digest == digest, table.c.at >= sa.func.now() - LASTS)
    row = (await connection.execute(taken.returning(table.c.actor, table.c.redirect_uri))).one_or_none()
    return None if row is None else ConnectAttempt(actor=row.actor, redirect_uri=row.redirect_uri)
