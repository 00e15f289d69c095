"""Drift: what people have changed in QBO, what a repair would write, and forms to verify, repair, accept, revert."""

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, Response

from wescope.engine.drift_desk import DriftFilter
from wescope.engine.drift_kinds import DRIFT, DriftKind, DriftState
from wescope.engine.verify import ENTITIES, VerifyMode
from wescope.errors import WrongUse
from wescope.web.access.guard import Asking
from wescope.web.console.faults import page_router
from wescope.web.console.rendering import Pages, query_of, see_other
from wescope.web.console.responses import form_responses, page_responses
from wescope.web.parked_filters import DriftFilters, Numbers, RepairFilters
from wescope.web.services import WebServices

MODES = (
    (VerifyMode.AUTO, "What has changed; once a week everything"),
    (VerifyMode.CHANGES, "What QBO says has changed"),
    (VerifyMode.FULL, "Everything"),
)
Ids = Annotated[Numbers, Form(description="Ids of findings.")]


def drift_console_routes(services: WebServices, pages: Pages) -> APIRouter:
    """`/drift` and `/drift/repair` with their forms."""
    router = page_router()
    _pages(router, services, pages)
    _forms(router, services)
    return router


def _pages(router: APIRouter, services: WebServices, pages: Pages) -> None:
    @router.get(
        "/drift", summary="Changes by people in QBO", operation_id="get_drift_page", responses=page_responses(422, 503)
    )
    async def listed(request: Request, filters: Annotated[DriftFilters, Query()]) -> HTMLResponse:
        """What `verify` has found, the newest first, with both values of each field."""
        kept = filters.kept()
        found = await services.drift_pages.page(filters.choice(), after=filters.after)
        return pages.answer(
            request,
            "drift.html",
            twin=f"/api/v1/drift/page{query_of(**kept, after=filters.after)}",
            found=found,
            filters=filters,
            kept=kept,
            kinds=[kind.value for kind in DriftKind],
            states=[state.value for state in DriftState],
            entities=ENTITIES,
            modes=[(mode.value, text) for mode, text in MODES],
            meanings={kind.value: meaning for kind, meaning in DRIFT.items()},
        )

    @router.get(
        "/drift/repair",
        summary="What a repair would write",
        operation_id="get_repair_page",
        responses=page_responses(404, 422, 502, 503),
    )
    async def preview(request: Request, filters: Annotated[RepairFilters, Query()]) -> HTMLResponse:
        """Finding by finding, before anything is written."""
        found = await services.drift_pages.preview(filters.choice(), exact=filters.exact)
        kept = filters.kept()
        return pages.answer(
            request, "repair.html", twin=f"/api/v1/drift/repair{query_of(**kept)}", found=found, kept=kept
        )


def _forms(router: APIRouter, services: WebServices) -> None:
    taken = form_responses(404, 409, 503)

    @router.post("/drift/verify", summary="Compare QBO now", operation_id="post_verify", responses=taken)
    async def verify(
        mode: Annotated[VerifyMode, Form(description="What is looked at.")] = VerifyMode.AUTO,
        *,
        stripe: Annotated[bool, Form(description="Also read every known object from Stripe.")] = False,
    ) -> Response:
        """A worker does the work."""
        run = await services.drift.start(mode, stripe=stripe)
        return see_other(f"/runs/{run.id}")

    @router.post("/drift/repair", summary="Put findings right", operation_id="post_repair", responses=taken)
    async def repair(ids: Ids, actor: Asking) -> Response:
        """A worker writes what the preview has shown."""
        run = await services.drift.start_repair(DriftFilter(ids=tuple(ids)), actor=actor.name)
        if run is None:
            raise WrongUse("None of these findings can be repaired from here; each says what a person can do in QBO.")
        return see_other(f"/runs/{run.id}")

    @router.post("/drift/accept", summary="Let findings stay", operation_id="post_accept", responses=taken)
    async def accept(ids: Ids, actor: Asking) -> Response:
        """They are told again only if their record changes again."""
        await services.drift.accept(ids, actor=actor.name)
        return see_other("/drift?state=accepted")

    @router.post(
        "/drift/revert",
        summary="Take repairs back",
        operation_id="post_revert",
        responses=form_responses(404, 502, 503),
    )
    async def revert(ids: Ids, actor: Asking) -> Response:
        """QBO has again what a person had made of it."""
        await services.drift.revert(ids, actor=actor.name)
        return see_other("/drift?state=accepted&state=repaired")
