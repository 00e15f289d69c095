"""Payout routes: the list, whole or page by page, and one payout with its sums, its rows and as CSV."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Path, Query
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import StringConstraints

from wescope.books.payout_check import RowState
from wescope.engine.payout_statements import PAGE, ROWS, PayoutPage, PayoutSummary, PayoutWord
from wescope.engine.results import PayoutDetail, PayoutResult
from wescope.links.payout_statements import PayoutFilter, RowFilter
from wescope.web.answers import json_answer
from wescope.web.parameters import Day, StripeId
from wescope.web.schemas import error_responses, json_response
from wescope.web.services import WebServices

_ERRORS = error_responses(403, 422, 502, 503)
MOST_ROWS = 2**31 - 1

PayoutId = Annotated[StripeId, Path(examples=["po_1SGf2YLkdIwHu7ixQmVd0T4b"])]
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Za-z]{3}$")]
Category = Annotated[str, StringConstraints(pattern=r"^[a-z_]{1,64}$")]
Place = Annotated[str, StringConstraints(pattern=r"^([0-9]{4}-[0-9]{2}-[0-9]{2})?~[A-Za-z0-9_.\-]{3,255}$")]

OfState = Annotated[PayoutWord | None, Query(description="Only those in this state.", examples=["waiting"])]
OfCurrency = Annotated[Currency | None, Query(description="Only those in this currency.", examples=["usd"])]
Since = Annotated[Day | None, Query(description="First day of arrival (UTC).", examples=["2026-11-01"])]
Until = Annotated[Day | None, Query(description="Last day of arrival (UTC).", examples=["2026-11-30"])]
AfterPayout = Annotated[
    Place | None,
    Query(
        description=f"The `next` of the page before; {PAGE} are on a page.",
        examples=["2026-11-20~po_1SGf2YLkdIwHu7ixQmVd0T4b"],
    ),
]
OfRowState = Annotated[RowState | None, Query(description="Only rows in this state.", examples=["missing"])]
OfCategory = Annotated[
    Category | None, Query(description="Only rows of this reporting category of Stripe's.", examples=["charge"])
]
AfterRow = Annotated[
    int | None,
    Query(ge=0, le=MOST_ROWS, description=f"The `next` of the page before; {ROWS} are on a page.", examples=[199]),
]


def payout_filter(state: PayoutWord | None, currency: str | None, since: Day | None, until: Day | None) -> PayoutFilter:
    """The payouts that a query chooses."""
    return PayoutFilter(
        state=state.value if state else None,
        currency=currency.lower() if currency else None,
        since=since,
        until=until,
    )


def row_filter(state: RowState | None, category: str | None) -> RowFilter:
    """The rows that a query chooses."""
    return RowFilter(state=state.value if state else None, category=category)


def payout_routes(services: WebServices) -> APIRouter:
    """`payouts` under the API's prefix."""
    router = APIRouter(tags=["state"])
    _list_routes(router, services)
    _one_routes(router, services)
    return router


def _list_routes(router: APIRouter, services: WebServices) -> None:
    @router.get(
        "/payouts",
        operation_id="list_payouts",
        summary="Payouts and their deposits",
        responses={200: json_response("All of them.", tuple[PayoutResult, ...]), **_ERRORS},
    )
    async def payouts() -> JSONResponse:
        """Each with its state, its dates and the QBO deposits that are it."""
        return json_answer(tuple(await services.payouts()))

    @router.get(
        "/payouts/page",
        operation_id="list_payouts_paged",
        summary="Payouts, page by page",
        responses={200: json_response("A page, the latest arrival first.", PayoutPage), **_ERRORS},
    )
    async def page(
        state: OfState = None,
        currency: OfCurrency = None,
        since: Since = None,
        until: Until = None,
        after: AfterPayout = None,
    ) -> JSONResponse:
        """With how many there are in each state under the other filters."""
        chosen = payout_filter(state, currency, since, until)
        return json_answer(await services.statements.page(chosen, after))


def _one_routes(router: APIRouter, services: WebServices) -> None:
    @router.get(
        "/payouts/{payout_id}",
        operation_id="get_payout",
        summary="One payout, row by row",
        responses={200: json_response("The payout.", PayoutDetail), **_ERRORS, **error_responses(404)},
    )
    async def payout(payout_id: PayoutId) -> JSONResponse:
        """Every row with its document, gross, fee and net."""
        return json_answer(await services.payout(payout_id))

    @router.get(
        "/payouts/{payout_id}/summary",
        operation_id="get_payout_summary",
        summary="One payout: its sums, and a page of its rows",
        responses={200: json_response("The payout.", PayoutSummary), **_ERRORS, **error_responses(404)},
    )
    async def summary(
        payout_id: PayoutId, state: OfRowState = None, category: OfCategory = None, after: AfterRow = None
    ) -> JSONResponse:
        """The sums by category are those of all rows; what it waits for says why it is not posted."""
        return json_answer(await services.statements.summary(payout_id, row_filter(state, category), after))

    @router.get(
        "/payouts/{payout_id}/rows.csv",
        operation_id="export_payout_rows",
        summary="One payout as CSV",
        response_class=StreamingResponse,
        responses={
            200: {"description": "All rows.", "content": {"text/csv": {"schema": {"type": "string"}}}},
            **_ERRORS,
            **error_responses(404),
        },
    )
    async def rows(payout_id: PayoutId) -> StreamingResponse:
        """Every row with its document in QBO; amounts are decimals of the currency in the row."""
        return await payout_csv(services, payout_id)


async def payout_csv(services: WebServices, payout_id: str) -> StreamingResponse:
    """One payout as a file to be kept.

    Raises:
        ObjectNotFound: it was not looked at yet.
    """
    pieces = await services.statements.lines(payout_id)
    header, first = await anext(pieces), await anext(pieces, "")  # before anything is answered: it may still fail
    return StreamingResponse(
        _all(header + first, pieces),
        media_type="text/csv; charset=utf-8",
        headers={
            "Cache-Control": "no-store",
            "Content-Disposition": f'attachment; filename="wescope-{payout_id}.csv"',
            "X-Content-Type-Options": "nosniff",
        },
    )


async def _all(first: str, rest: AsyncIterator[str]) -> AsyncIterator[str]:
    yield first
    async for piece in rest:
        yield piece
