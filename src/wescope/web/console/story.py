"""Search and story: any id leads to everything that is known about it. Stripe and QBO are asked only on request."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import HTMLResponse, Response

from wescope.engine.explain import NothingKnown
from wescope.errors import WrongUse
from wescope.web.console.faults import page_router
from wescope.web.console.linking import linked, story_path, target_path
from wescope.web.console.rendering import Pages, see_other
from wescope.web.console.responses import form_responses, page_responses
from wescope.web.services import WebServices

LONGEST = 255
KINDS = (
    ("Stripe id", "in_…, ch_…, po_…, cus_…, re_…, dp_…, txn_…"),
    ("Stripe event", "evt_…"),
    ("QBO object", "Invoice/145, Deposit/12, or only 145"),
    ("document key or subject", "in_…:invoice, invoice/in_…"),
    ("request id, batch id or intuit_tid of a call to QBO", "as logs and Intuit's support name them"),
)
"""What may be searched for, with what it looks like."""


def story_routes(services: WebServices, pages: Pages) -> APIRouter:
    """`/search` and `/story/...`."""
    router = page_router()
    answers = form_responses(422)
    answers[303] = {"description": "The page of the story."}

    @router.get(
        "/search",
        summary="Search",
        operation_id="get_search",
        responses=answers,
        status_code=303,
        response_class=Response,
    )
    async def search(
        identifier: Annotated[str, Query(alias="id", description="Any id, or a document number.", max_length=LONGEST)],
    ) -> Response:
        """Any id of Stripe or QBO, document number, key, request id or intuit_tid leads to its story."""
        asked = identifier.strip()
        if not asked or not asked.isprintable():
            raise WrongUse(f"An id has 1 to {LONGEST} printable characters.")
        return see_other(story_path(asked))

    _story_page(router, services, pages)
    return router


def _story_page(router: APIRouter, services: WebServices, pages: Pages) -> None:
    @router.get(
        "/story/{identifier:path}",
        summary="The story of an id",
        operation_id="get_story_page",
        responses=page_responses(404, 422, 503),
    )
    async def story(
        request: Request,
        identifier: Annotated[str, Path(description="With its slash, if it has one.", examples=["Invoice/145"])],
        *,
        plan: Annotated[bool, Query(description="Ask Stripe what would be done now.")] = False,
        elsewhere: Annotated[bool, Query(description="Look at Stripe and in QBO for what is not stored here.")] = False,
    ) -> HTMLResponse:
        """All that is known of it: documents, calls, hints, parked items, payouts, decisions, in time order."""
        path = story_path(identifier.strip())
        twin = f"/api/v1/explain{path.removeprefix('/story')}{_twin_query(plan=plan, elsewhere=elsewhere)}"
        try:
            found = await services.support.explain(identifier, plan=plan, elsewhere=elsewhere)
        except NothingKnown as error:
            values = {"identifier": identifier.strip(), "error": error, "kinds": KINDS}
            told = {"elsewhere": elsewhere, "story": path}
            return pages.answer(request, "story_unknown.html", twin=twin, status=404, **values, **told)
        return pages.answer(
            request,
            "story.html",
            twin=twin,
            found=found,
            story_address=path,
            linked=linked,
            target_path=target_path,
        )


def _twin_query(*, plan: bool, elsewhere: bool) -> str:
    """The API asks Stripe and QBO unless it is told not to."""
    return f"?plan={str(plan).lower()}&elsewhere={str(elsewhere).lower()}"
