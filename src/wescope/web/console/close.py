"""Close: months at their end for finance, what is open in each, and its sign-off."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, Response, StreamingResponse

from wescope.engine.month_results import MONTH_TEXTS, MonthState
from wescope.web.access.guard import Asking
from wescope.web.console.faults import page_router
from wescope.web.console.rendering import Pages, query_of, see_other
from wescope.web.console.responses import form_responses, page_responses
from wescope.web.months import EVIDENCE, LONGEST_REASON, Before, MonthText, evidence_answer
from wescope.web.services import WebServices

BADGES = {
    MonthState.RUNNING: "neutral",
    MonthState.NOT_COMPARED: "attention",
    MonthState.DIFFERS: "bad",
    MonthState.EQUAL: "attention",
    MonthState.SIGNED: "good",
    MonthState.CHANGED: "bad",
}
"""How states look; their words say the same."""

_KINDS = {
    "parked": "Parked documents",
    "payout": "Payouts not matched",
    "drift": "Changed in QBO",
    "waiting": "Waiting to be looked at",
}
_SUMS = {
    "receivable": "Receivables",
    "clearing": "Clearing",
    "bank": "Bank",
    "revenue": "Revenue",
    "refunds": "Refunds",
    "bad_debt": "Bad debt",
    "customer_balance": "Customer balances",
    "tax": "Sales tax",
    "fees": "Fees",
    "fee_tax": "Tax on fees",
    "disputes": "Disputes",
}


def close_routes(services: WebServices, pages: Pages) -> APIRouter:
    """`GET /close`, and a month below it."""
    router = page_router()
    _pages(router, services, pages)
    _forms(router, services)
    return router


def _pages(router: APIRouter, services: WebServices, pages: Pages) -> None:
    @router.get(
        "/close", summary="Months and how they stand", operation_id="get_close_page", responses=page_responses(422, 503)
    )
    async def close(request: Request, before: Before = None) -> HTMLResponse:
        """Each month with its comparison, its sign-off and what is open in it."""
        found = await services.months.page(before)
        return pages.answer(
            request,
            "close.html",
            twin=f"/api/v1/months{query_of(before=before)}",
            months=found.items,
            older=f"/close{query_of(before=found.next)}" if found.next else None,
            newest="/close" if before else None,
            words=MONTH_TEXTS,
            badges=BADGES,
        )

    @router.get(
        "/close/{month}",
        summary="One month at its end",
        operation_id="get_close_month_page",
        responses=page_responses(404, 422, 503),
    )
    async def month(request: Request, month: MonthText) -> HTMLResponse:
        """What is open, how Stripe and QBO compare as of its last day, and its sign-off."""
        view = await services.months.view(month)
        page = pages.answer(
            request,
            "close_month.html",
            twin=f"/api/v1/months/{month}",
            view=view,
            words=MONTH_TEXTS,
            badges=BADGES,
            kinds=_KINDS,
            sums=_SUMS,
            longest_reason=LONGEST_REASON,
        )
        if "hx-request" in request.headers and not (view.comparing and view.comparing.is_working):
            page.headers["HX-Refresh"] = "true"  # it was waited for, and now all of the page is another
        return page

    @router.get(
        "/close/{month}/evidence.zip",
        summary="The evidence of a month",
        operation_id="get_close_evidence",
        response_class=StreamingResponse,
        responses={**page_responses(404, 422, 503), **EVIDENCE},
    )
    async def evidence(month: MonthText) -> StreamingResponse:
        """The same archive as that of the API."""
        return await evidence_answer(services, month)


def _forms(router: APIRouter, services: WebServices) -> None:
    @router.post(
        "/close/{month}/comparison",
        summary="Compare as of a month's last day",
        operation_id="post_close_comparison",
        response_class=Response,
        status_code=303,
        responses=form_responses(404, 409, 503),
    )
    async def compare(month: MonthText, actor: Asking) -> Response:
        """A worker takes it up; the page shows how it goes."""
        await services.months.compare(month, actor=actor.name)
        return see_other(f"/close/{month}#comparison")

    @router.post(
        "/close/{month}/signoff",
        summary="Sign a month off",
        operation_id="post_close_signoff",
        response_class=Response,
        status_code=303,
        responses=form_responses(404, 409, 503),
    )
    async def sign(
        month: MonthText, actor: Asking, reason: Annotated[str, Form(max_length=LONGEST_REASON)] = ""
    ) -> Response:
        """With a reason, if it differs or was written to since it was compared."""
        await services.months.sign(month, reason or None, actor=actor.name)
        return see_other(f"/close/{month}#signoff")

    @router.post(
        "/close/{month}/withdraw",
        summary="Withdraw a month's sign-off",
        operation_id="post_close_withdraw",
        response_class=Response,
        status_code=303,
        responses=form_responses(404, 409, 503),
    )
    async def withdraw(month: MonthText, actor: Asking) -> Response:
        """It remains in the month's history."""
        await services.months.withdraw(month, actor=actor.name)
        return see_other(f"/close/{month}#signoff")
