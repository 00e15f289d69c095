"""Parked: the list of what is not posted with filters and sums, and one item with its history and what can be done."""

from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, Response

from wescope.books.parking import REASONS, Owner, ParkCode
from wescope.engine.parked_items import NotParked, ParkedFilter
from wescope.engine.replay import ReplayChoice
from wescope.web.access.guard import Asking
from wescope.web.console.faults import page_router
from wescope.web.console.remedies import here
from wescope.web.console.rendering import Pages, query_of, see_other
from wescope.web.console.responses import form_responses, page_responses
from wescope.web.parked_filters import ParkedFilters
from wescope.web.parked_pages import DocumentKeyPath
from wescope.web.services import WebServices

AGES = ((3600, "1 hour"), (86_400, "1 day"), (7 * 86_400, "7 days"), (30 * 86_400, "30 days"))
"""Ages that the filter offers; an address may ask for any other."""

Reason = Annotated[str, Form(max_length=400, description="Why; kept and shown: no personal data.")]


def parked_routes(services: WebServices, pages: Pages) -> APIRouter:
    """`/parked` and `/parked/{key}` with its forms."""
    router = page_router()
    _pages(router, services, pages)
    _forms(router, services)
    return router


def _pages(router: APIRouter, services: WebServices, pages: Pages) -> None:
    @router.get(
        "/parked", summary="Parked documents", operation_id="get_parked_page", responses=page_responses(422, 503)
    )
    async def listed(request: Request, filters: Annotated[ParkedFilters, Query()]) -> HTMLResponse:
        """What is not posted and why, the oldest first; every filter stands in the address."""
        kept = filters.kept()
        found = await services.parked_desk.page(filters.query(), after=filters.after)
        return pages.answer(
            request,
            "parked.html",
            twin=f"/api/v1/parked/page{query_of(**kept, after=filters.after)}",
            found=found,
            filters=filters,
            kept=kept,
            codes=[code.value for code in ParkCode],
            owners=[owner.value for owner in Owner],
            ages=_ages(filters.older_than_s),
            reasons={code.value: reason.text for code, reason in REASONS.items()},
        )

    @router.get(
        "/parked/{key}",
        summary="One parked document",
        operation_id="get_parked_item_page",
        responses=page_responses(404, 422, 503),
    )
    async def one(request: Request, key: DocumentKeyPath) -> HTMLResponse:
        """All that is known of it, its history, and what can be done; also of what is parked no longer."""
        found = await services.parked_desk.item(key)
        told = here(found.item.code, found.item.remedy) if found.item else ""
        return pages.answer(
            request, "parked_item.html", twin=f"/api/v1/parked/items/{quote(key)}", found=found, here=told
        )


def _forms(router: APIRouter, services: WebServices) -> None:
    taken: dict[str, Any] = {"responses": form_responses(404, 503)}

    @router.post("/parked/{key}/retry", summary="Look at it again", operation_id="post_parked_retry", **taken)
    async def retry(key: DocumentKeyPath, actor: Asking) -> Response:
        """A worker looks now; the page then shows what came of it."""
        support = services.support
        await support.hint(await support.parked(ParkedFilter(keys=(key,))), actor=actor.name)
        return _back(key)

    @router.post("/parked/{key}/ignore", summary="Let it be", operation_id="post_parked_ignore", **taken)
    async def ignore(key: DocumentKeyPath, actor: Asking, reason: Reason) -> Response:
        """It is not counted any more until its code or amount changes."""
        await services.support.ignore([key], reason, actor=actor.name)
        return _back(key)

    @router.post("/parked/{key}/unignore", summary="Count it again", operation_id="post_parked_unignore", **taken)
    async def unignore(key: DocumentKeyPath, actor: Asking) -> Response:
        """It needs somebody again."""
        await services.support.unignore([key], actor=actor.name)
        return _back(key)

    @router.post("/parked/{key}/replay", summary="Write it again", operation_id="post_parked_replay", **taken)
    async def replay(key: DocumentKeyPath) -> Response:
        """What was undone is written again by a replay of its Stripe object."""
        (row, *_) = [*await services.support.parked(ParkedFilter(keys=(key,))), None]
        if row is None:
            raise NotParked
        plan = await services.history.plan_replay(ReplayChoice(subjects=(row.subject,)))
        run = await services.history.start_replay(plan)
        return see_other(f"/runs/{run.id}")


def _back(key: str) -> Response:
    return see_other(f"/parked/{quote(key)}")


def _ages(chosen: int | None) -> list[tuple[int, str]]:
    if chosen is None or chosen in dict(AGES):
        return list(AGES)
    return sorted([*AGES, (chosen, f"{chosen} s")])
