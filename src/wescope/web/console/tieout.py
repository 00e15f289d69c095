"""Tie-out pages: the newest kept comparison of Stripe with QBO, its rows, the documents of a row, and a new one."""

from typing import Annotated

from fastapi import APIRouter, Form, Path, Query, Request
from fastapi.responses import HTMLResponse, Response

from wescope.web.access.guard import Asking
from wescope.web.console.faults import page_router
from wescope.web.console.queries import CursorQuery, DayQuery, WordQuery
from wescope.web.console.rendering import Pages, query_of, see_other
from wescope.web.console.responses import form_responses, page_responses
from wescope.web.console.words import PARTS
from wescope.web.parameters import Day, Key
from wescope.web.services import WebServices

MOST_LINES = 500
"""So many documents of a row are shown; the JSON of the page has all."""

RowId = Annotated[Key, Path(description="The `id` of a row.", examples=["clearing:usd"])]


def tieout_page_routes(services: WebServices, pages: Pages) -> APIRouter:
    """`/tieout` and the rows below it."""
    router = page_router()
    _page(router, services, pages)
    _row_page(router, services, pages)

    @router.post("/tieout", summary="Compare now", operation_id="post_tieout", responses=form_responses(409, 503))
    async def compare(actor: Asking, as_of: Annotated[Day | None, Form()] = None) -> Response:
        """Have a worker compare Stripe and QBO as of a day; today if none is given."""
        await services.tieout_desk.compare(as_of, actor=actor.name)
        return see_other(f"/tieout{query_of(as_of=as_of)}")

    return router


def _page(router: APIRouter, services: WebServices, pages: Pages) -> None:
    @router.get("/tieout", summary="Tie-out", operation_id="get_tieout_page", responses=page_responses(422, 503))
    async def tieout(
        request: Request, as_of: DayQuery = None, kind: WordQuery = None, after: CursorQuery = None
    ) -> HTMLResponse:
        """The last tie-out of a day (of the latest day, if none is given) by parts, and its rows."""
        found = await services.tieout_desk.page(as_of, kind, after)
        filters = query_of(as_of=as_of, kind=kind, after=after)
        return pages.answer(
            request,
            "tieout.html",
            twin=f"/api/v1/tieout/kept{filters}",
            found=found,
            tieout=found.tieout,
            run=found.run,
            as_of=as_of,
            kind=kind,
            parts=PARTS,
            newer=f"/tieout{query_of(as_of=as_of, kind=kind)}" if after else None,
            older=f"/tieout{query_of(as_of=as_of, kind=kind, after=found.next)}" if found.next else None,
        )


def _row_page(router: APIRouter, services: WebServices, pages: Pages) -> None:
    @router.get(
        "/tieout/rows/{row_id:path}",
        summary="A row of a tie-out",
        operation_id="get_tieout_row_page",
        responses=page_responses(404, 422, 502, 503),
    )
    async def row(
        request: Request,
        row_id: RowId,
        as_of: DayQuery = None,
        *,
        every: Annotated[bool, Query(description="Read Stripe and QBO, and show all documents.")] = False,
    ) -> HTMLResponse:
        """The documents by which a row differs, as they were kept; or all of them, compared now."""
        if every:
            (opened,) = await services.open_rows([row_id], as_of)
            lines, day, told = opened.lines, opened.as_of, f"/api/v1/tieout/rows/{row_id}{query_of(as_of=as_of)}"
            at, currency, stripe, qbo = opened.at, opened.currency, opened.stripe, opened.qbo
        else:
            kept = await services.tieout_desk.row(row_id, as_of)
            lines, day = kept.lines, kept.tieout.as_of
            told = f"/api/v1/tieout/kept/rows/{row_id}{query_of(as_of=as_of)}"
            at, currency, stripe, qbo = kept.tieout.at, kept.row.currency, kept.row.stripe, kept.row.qbo
        return pages.answer(
            request,
            "tieout_row.html",
            twin=told,
            row={"id": row_id, "currency": currency, "stripe": stripe, "qbo": qbo, "difference": stripe - qbo},
            at=at,
            day=day,
            kind=row_id.partition(":")[0],
            lines=lines[:MOST_LINES],
            hidden=max(0, len(lines) - MOST_LINES),
            every=every,
            as_of=as_of,
            parts=PARTS,
        )
