"""Attempts: the log of calls to QBO, one row for each item of a batch."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from wescope.links.schema import attempts


async def record_attempts(connection: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Append calls; what is no column is left out."""
    if rows:
        known = [{name: value for name, value in row.items() if name in attempts.c} for row in rows]
        await connection.execute(sa.insert(attempts), known)
