"""Start of a backfill: the period, the checks before it, a dry run of it as a run of its own, and the start itself."""

from dataclasses import dataclass
from typing import Annotated, Literal

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, Response

from wescope.engine.backfill_checks import refuses
from wescope.engine.results import Check
from wescope.engine.runs import RunUnfinished
from wescope.errors import WescopeError, WrongUse
from wescope.web.access.guard import Asking
from wescope.web.answers import status_of
from wescope.web.console.faults import page_router
from wescope.web.console.form_fields import Fields
from wescope.web.console.rendering import Pages, see_other
from wescope.web.console.responses import form_responses, page_responses
from wescope.web.services import WebServices

Action = Annotated[
    Literal["preview", "forecast", "start"], Form(description="Check only, have a dry run made, or begin.")
]
Text = Annotated[str, Form(max_length=40)]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shown:
    """The form as it is shown: what was typed, and what the checks found if they were asked for."""

    fields: Fields
    checks: tuple[Check, ...] | None = None
    since: str = ""
    until: str = ""
    error: WescopeError | None = None

    @property
    def status(self) -> int:
        if self.error is not None:
            return status_of(self.error)
        return 422 if self.fields.faults else 200


def start_backfill_routes(services: WebServices, pages: Pages) -> APIRouter:
    """`GET /runs/backfill`, and its form."""
    router = page_router()

    async def page(request: Request, shown: _Shown) -> HTMLResponse:
        return pages.answer(
            request,
            "start_backfill.html",
            twin="/api/v1/runs/page?kind=backfill",
            status=shown.status,
            shown=shown,
            fields=shown.fields,
            refused=shown.checks is not None and refuses(shown.checks),
            is_dry_run=await services.runs.writes_nothing(),
        )

    @router.get(
        "/runs/backfill",
        summary="Start of a backfill",
        operation_id="get_start_backfill_page",
        responses=page_responses(503),
    )
    async def backfill(request: Request) -> HTMLResponse:
        """For people: the period, and what is checked before."""
        return await page(request, _Shown(fields=Fields({})))

    @router.post(
        "/runs/backfill",
        summary="Check a backfill, have a dry run made, or begin it",
        operation_id="post_start_backfill",
        response_model=None,
        responses=form_responses(409, 502, 503) | {200: page_responses()[200]},
    )
    async def form(
        *,
        request: Request,
        actor: Asking,
        action: Action,
        since: Text = "",
        until: Text = "",
        accept_warnings: Text = "",
    ) -> Response:
        """What does not fit is said beside its field. Errors of the checks stop it; warnings must be accepted."""
        fields = Fields({"since": since, "until": until, "accept_warnings": accept_warnings})
        typed = fields.day("since"), fields.day("until")
        if fields.faults:
            return await page(request, _Shown(fields=fields))
        try:
            first, last = services.history.period(*typed)
        except WrongUse as error:
            fields.faults["since"] = str(error)
            return await page(request, _Shown(fields=fields))
        try:
            if action == "forecast":
                return see_other(f"/runs/{(await services.runs.start_forecast(first, last, actor=actor.name)).id}")
            checks = tuple(await services.runs.examine(first, last))
            if action == "start" and not refuses(checks) and (not checks or fields.is_checked("accept_warnings")):
                return see_other(f"/runs/{(await services.history.start_backfill(first, last, actor=actor.name)).id}")
        except RunUnfinished as error:
            return await page(request, _Shown(fields=fields, error=error))
        if action == "start" and not refuses(checks):
            fields.faults["accept_warnings"] = "Tick this to begin although something is to be known first."
        told = _Shown(fields=fields, checks=checks, since=first.isoformat(), until=last.isoformat())
        return await page(request, told)

    return router
