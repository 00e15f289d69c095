"""Payouts: which of them are deposits in QBO, and one that foots on the page, row by row."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, StreamingResponse

from wescope.books.payout_check import RowState
from wescope.engine.payout_statements import AWAITED, NOT_ITEMIZED, PAYOUT_FEE, PayoutSummary, PayoutWord
from wescope.web.console.faults import page_router
from wescope.web.console.rendering import Pages, query_of
from wescope.web.console.responses import page_responses
from wescope.web.parameters import Day, of_form
from wescope.web.payouts import (
    AfterPayout,
    AfterRow,
    Currency,
    OfCategory,
    OfCurrency,
    OfRowState,
    OfState,
    PayoutId,
    Since,
    Until,
    payout_csv,
    payout_filter,
    row_filter,
)
from wescope.web.schemas import text_response
from wescope.web.services import WebServices

PAYOUT_STATES: Mapping[str, tuple[str, str, str]] = {
    "matched": ("matched", "good", "A deposit in QBO is exactly its amount."),
    "adopted": ("adopted", "good", "A deposit that somebody else has entered in QBO is it."),
    "waiting": ("waiting", "attention", "Documents of its rows must be in QBO before its deposit."),
    "differs": ("differs", "bad", "Its rows do not come to its amount, so nothing is posted."),
    "unmatched": ("unmatched", "attention", "The deposit that the bank feed brings is not in QBO yet."),
    "parked": ("parked", "attention", "Its deposit must not be posted now; its page says why."),
    "not_paid": ("not paid", "neutral", "Stripe has not paid it out yet."),
    "failed": ("failed", "neutral", "It was canceled or came back: no money reached the bank."),
}
"""Of each state of a payout: its word, how the word is shown, and what it means."""

ROW_STATES: Mapping[str, tuple[str, str, str]] = {
    RowState.MISSING: ("missing", "attention", "its document is not in QBO yet"),
    RowState.DIFFERS: ("differs", "bad", "its document has another amount"),
    RowState.MATCHED: ("matched", "good", "its document is in QBO with this amount"),
    RowState.FEE: ("fee", "neutral", "a fee by itself, booked with the payout"),
    RowState.PENDING: ("pending", "neutral", "its charge is not final yet; the payout does not wait for it"),
    RowState.REVERSED: ("reversed", "neutral", "taken back; with the row of its failure it comes to nothing"),
    RowState.STAYS_IN_CLEARING: ("stays in clearing", "neutral", "booked nowhere else; the clearing account keeps it"),
    RowState.BEFORE_START_DATE: ("before the start date", "neutral", "older than the books"),
}
"""The same of a row."""

CATEGORY_WORDS: Mapping[str, str] = {
    PAYOUT_FEE: "fee of the payout itself",
    NOT_ITEMIZED: "paid out by hand: Stripe does not say of what",
}
"""The categories that are ours."""


def payouts_routes(services: WebServices, pages: Pages) -> APIRouter:
    """`GET /payouts`, `/payouts/{id}` and `/payouts/{id}.csv`."""
    router = page_router()
    _list_route(router, services, pages)
    _file_route(router, services)
    _one_route(router, services, pages)
    return router


def _list_route(router: APIRouter, services: WebServices, pages: Pages) -> None:
    @router.get("/payouts", summary="Payouts", operation_id="get_payouts_page", responses=page_responses(422, 503))
    async def payouts(
        request: Request,
        *,
        state: Annotated[OfState, of_form(PayoutWord)] = None,
        currency: Annotated[OfCurrency, of_form(Currency)] = None,
        since: Annotated[Since, of_form(Day)] = None,
        until: Annotated[Until, of_form(Day)] = None,
        after: AfterPayout = None,
    ) -> HTMLResponse:
        """Which are deposits in QBO, by how much they differ, and what they wait for."""
        chosen = payout_filter(state, currency, since, until)
        found = await services.statements.page(chosen, after)
        filters: dict[str, Any] = {
            "state": chosen.state,
            "currency": chosen.currency,
            "since": chosen.since,
            "until": chosen.until,
        }
        return pages.answer(
            request,
            "payouts.html",
            twin=f"/api/v1/payouts/page{query_of(**filters, after=after)}",
            found=found,
            filters=filters,
            after=after,
            in_all=sum(one.count for one in found.counts),
            states=PAYOUT_STATES,
        )


def _file_route(router: APIRouter, services: WebServices) -> None:
    @router.get(
        "/payouts/{payout_id}.csv",
        summary="One payout as CSV",
        operation_id="export_payout_page",
        response_class=StreamingResponse,
        responses={**page_responses(404, 422, 503), 200: text_response("All its rows.", "text/csv")},
    )
    async def rows(payout_id: PayoutId) -> StreamingResponse:
        """The same file as that of the API."""
        return await payout_csv(services, payout_id)


def _one_route(router: APIRouter, services: WebServices, pages: Pages) -> None:
    @router.get(
        "/payouts/{payout_id}",
        summary="One payout",
        operation_id="get_payout_page",
        responses=page_responses(404, 422, 503),
    )
    async def payout(
        request: Request,
        payout_id: PayoutId,
        state: OfRowState = None,
        category: OfCategory = None,
        after: AfterRow = None,
    ) -> HTMLResponse:
        """Whether it foots, what it is made of, what it waits for, and its rows with their documents."""
        chosen = row_filter(state, category)
        found = await services.statements.summary(payout_id, chosen, after)
        filters: dict[str, Any] = {"state": chosen.state, "category": chosen.category}
        return pages.answer(
            request,
            "payout.html",
            twin=f"/api/v1/payouts/{payout_id}/summary{query_of(**filters, after=after)}",
            found=found,
            payout=found.payout,
            filters=filters,
            after=after,
            shown_of=_shown_of(found, chosen.state, chosen.category),
            states=PAYOUT_STATES,
            row_states=ROW_STATES,
            awaited_states=AWAITED,
            words=CATEGORY_WORDS,
            not_itemized=NOT_ITEMIZED,
        )


def _shown_of(found: PayoutSummary, state: str | None, category: str | None) -> int | None:
    """How many rows the filter takes; null with both filters, which nobody has counted."""
    if state and category:
        return None
    if category:
        return sum(one.count for one in found.categories if one.category == category)
    if state:
        return sum(one.count for one in found.states if one.state == state)
    return found.total.count
