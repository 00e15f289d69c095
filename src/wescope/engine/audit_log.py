"""The audit log for people: who had what done, the newest first, a page at a time."""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncEngine

from wescope.engine.explanation import AuditResult, audit_result
from wescope.errors import WrongUse
from wescope.links.audit import AuditFilter, audit_page
from wescope.links.database import transaction

PAGE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditPage:
    """Entries of the audit log, the newest first; `next` is the cursor of older ones, null if there are none."""

    items: tuple[AuditResult, ...]
    next: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditLog:
    """Tells of the audit log."""

    engine: AsyncEngine

    async def page(self, chosen: AuditFilter, after: str | None = None) -> AuditPage:
        """The entries that a filter takes.

        Raises:
            WrongUse: there is no such cursor.
            DatabaseUnavailable: the table cannot be read.
        """
        if after is not None and not (after.isdecimal() and len(after) < 19):  # noqa: PLR2004 - digits of 2^63
            raise WrongUse("This is no cursor of the audit log.")
        async with transaction(self.engine) as connection:
            found = await audit_page(connection, chosen, before=int(after) if after else None, limit=PAGE + 1)
        following = str(found[PAGE - 1].id) if len(found) > PAGE else None
        return AuditPage(items=tuple(audit_result(one) for one in found[:PAGE]), next=following)
