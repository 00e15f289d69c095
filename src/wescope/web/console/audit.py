"""The page of the audit log: who had what done, when, and in which run."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from wescope.links.audit import AuditFilter
from wescope.web.console.faults import page_router
from wescope.web.console.linking import target_path
from wescope.web.console.queries import CursorQuery, TextQuery, WordQuery
from wescope.web.console.rendering import Pages, query_of
from wescope.web.console.responses import page_responses
from wescope.web.services import WebServices


def audit_routes(services: WebServices, pages: Pages) -> APIRouter:
    """`GET /audit`."""
    router = page_router()

    @router.get("/audit", summary="Audit log", operation_id="get_audit_page", responses=page_responses(422, 503))
    async def audit(
        request: Request,
        action: WordQuery = None,
        actor: TextQuery = None,
        target: TextQuery = None,
        after: CursorQuery = None,
    ) -> HTMLResponse:
        """Repairs, undone runs, ignored items, accepted edits, starts of work: the newest first."""
        found = await services.audit_log.page(AuditFilter(action=action, actor=actor, target=target), after)
        filters = {"action": action, "actor": actor, "target": target}
        return pages.answer(
            request,
            "audit.html",
            twin=f"/api/v1/audit{query_of(**filters, after=after)}",
            found=found,
            filters=filters,
            target_path=target_path,
            newer=f"/audit{query_of(**filters)}" if after else None,
            older=f"/audit{query_of(**filters, after=found.next)}" if found.next else None,
        )

    return router
