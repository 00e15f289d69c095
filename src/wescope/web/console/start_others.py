"""Starts of replays, sweeps and verifications: a form each, a preview where there is one, and the start."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, Response

from wescope.engine.replay import ReplayChoice
from wescope.engine.run_book import PreviewTooLong
from wescope.engine.runs import RunUnfinished
from wescope.engine.sweep import SweepChoice
from wescope.engine.verify import VerifyMode
from wescope.errors import MalformedId, ObjectNotFound, WescopeError, WrongUse
from wescope.web.access.guard import Asking
from wescope.web.answers import status_of
from wescope.web.console.faults import page_router
from wescope.web.console.form_fields import Fields
from wescope.web.console.rendering import Pages, see_other
from wescope.web.console.responses import form_responses, page_responses
from wescope.web.services import WebServices

MAX_IDS = 100
"""So many ids fit into a form; more by the API or the command line."""

Action = Annotated[Literal["preview", "start"], Form(description="Only say what would be looked at, or begin.")]
Short = Annotated[str, Form(max_length=40)]
Ids = Annotated[str, Form(max_length=30_000, description="Ids between spaces or line ends.")]
_ANSWERS = form_responses(404, 409, 502, 503) | {200: page_responses()[200]}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Forms:
    """Shows the forms of this module."""

    services: WebServices
    pages: Pages

    async def show(
        self, request: Request, kind: str, fields: Fields, *, plan: Any = None, error: WescopeError | None = None
    ) -> HTMLResponse:
        status = status_of(error) if error else 422 if fields.faults else 200
        return self.pages.answer(
            request,
            f"start_{kind}.html",
            twin=f"/api/v1/runs/page?kind={kind}",
            status=status,
            fields=fields,
            plan=plan,
            error=error,
            modes=(VerifyMode.AUTO.value, VerifyMode.FULL.value),
            is_dry_run=await self.services.runs.writes_nothing(),
        )


def start_other_routes(services: WebServices, pages: Pages) -> APIRouter:
    """`/runs/replay`, `/runs/sweep` and `/runs/verify`: a page and a form each."""
    router, forms = page_router(), _Forms(services=services, pages=pages)
    _replay_routes(router, services, forms)
    _sweep_routes(router, services, forms)
    _verify_routes(router, services, forms)
    return router


def _replay_routes(router: APIRouter, services: WebServices, forms: _Forms) -> None:
    @router.get(
        "/runs/replay", summary="Start of a replay", operation_id="get_start_replay_page", responses=page_responses(503)
    )
    async def replay(request: Request) -> HTMLResponse:
        """For people: what to look at again."""
        return await forms.show(request, "replay", Fields({}))

    @router.post(
        "/runs/replay",
        summary="Count a replay, or begin it",
        operation_id="post_start_replay",
        response_model=None,
        responses=_ANSWERS,
    )
    async def form(
        *,
        request: Request,
        actor: Asking,
        action: Action,
        ids: Ids = "",
        events: Ids = "",
        failed: Short = "",
        since: Short = "",
    ) -> Response:
        """All that any of the fields names; what does not fit is said beside its field."""
        fields = Fields({"ids": ids, "events": events, "failed": failed, "since": since})
        try:
            choice = ReplayChoice(
                events=fields.ids("events", MAX_IDS),
                subjects=fields.ids("ids", MAX_IDS),
                failed=fields.is_checked("failed"),
                since=fields.moment("since"),
            )
            if fields.faults:
                return await forms.show(request, "replay", fields)
            plan = await services.history.plan_replay(choice)
        except WrongUse as error:
            fields.faults["form"] = str(error)
            return await forms.show(request, "replay", fields)
        except (MalformedId, ObjectNotFound) as error:
            fields.faults["events" if choice.events else "ids"] = str(error)
            return await forms.show(request, "replay", fields)
        if action == "start" and plan.count:
            return see_other(f"/runs/{(await services.history.start_replay(plan, actor=actor.name)).id}")
        return await forms.show(request, "replay", fields, plan=plan)


def _sweep_routes(router: APIRouter, services: WebServices, forms: _Forms) -> None:
    @router.get(
        "/runs/sweep", summary="Start of a sweep", operation_id="get_start_sweep_page", responses=page_responses(503)
    )
    async def sweep(request: Request) -> HTMLResponse:
        """For people: how far it looks back."""
        return await forms.show(request, "sweep", Fields({}))

    @router.post(
        "/runs/sweep",
        summary="Count a sweep, or begin it",
        operation_id="post_start_sweep",
        response_model=None,
        responses=_ANSWERS,
    )
    async def form(
        *, request: Request, actor: Asking, action: Action, since: Short = "", events_only: Short = ""
    ) -> Response:
        """A preview reads Stripe's lists, and gives up after some seconds; what does not fit is said beside it."""
        fields = Fields({"since": since, "events_only": events_only})
        moment = fields.moment("since")
        if fields.faults:
            return await forms.show(request, "sweep", fields)
        try:
            choice = SweepChoice(since=moment, events_only=fields.is_checked("events_only"))
        except WrongUse as error:
            fields.faults["since"] = str(error)
            return await forms.show(request, "sweep", fields)
        try:
            if action == "start":
                return see_other(f"/runs/{(await services.history.start_sweep(choice, actor=actor.name)).id}")
            return await forms.show(request, "sweep", fields, plan=await services.runs.preview_sweep(choice))
        except (RunUnfinished, PreviewTooLong) as error:
            return await forms.show(request, "sweep", fields, error=error)


def _verify_routes(router: APIRouter, services: WebServices, forms: _Forms) -> None:
    @router.get(
        "/runs/verify",
        summary="Start of a verification",
        operation_id="get_start_verify_page",
        responses=page_responses(503),
    )
    async def verify(request: Request) -> HTMLResponse:
        """For people: how much is compared."""
        return await forms.show(request, "verify", Fields({"mode": VerifyMode.AUTO.value}))

    @router.post(
        "/runs/verify",
        summary="Say what a verification would do, or begin it",
        operation_id="post_start_verify",
        response_model=None,
        responses=_ANSWERS,
    )
    async def form(
        *,
        request: Request,
        actor: Asking,
        action: Action,
        mode: Short = "auto",
        stripe: Short = "",
        rebuild: Short = "",
    ) -> Response:
        """A preview asks nobody: it says what would be read and written."""
        fields = Fields({"mode": mode, "stripe": stripe, "rebuild": rebuild})
        if mode not in {VerifyMode.AUTO.value, VerifyMode.FULL.value}:
            fields.faults["mode"] = "Choose one of these."
            return await forms.show(request, "verify", fields)
        if action == "preview":
            return await forms.show(request, "verify", fields, plan=_words(fields))
        try:
            is_rebuilt = fields.is_checked("rebuild")
            started = await services.drift.start(
                VerifyMode.FULL if is_rebuilt else VerifyMode(mode),
                stripe=fields.is_checked("stripe"),
                rebuild=is_rebuilt,
                actor=actor.name,
            )
        except RunUnfinished as error:
            return await forms.show(request, "verify", fields, error=error)
        return see_other(f"/runs/{started.id}")


def _words(fields: Fields) -> tuple[str, ...]:
    """What a verification does, step by step."""
    is_rebuilt = fields.is_checked("rebuild")
    steps = ["Everything in QBO that carries our marker and that this database does not know is linked."] * is_rebuilt
    if is_rebuilt or fields.text("mode") == VerifyMode.FULL:
        steps.append("Every document in QBO since our first one is read, a thousand with each metered read.")
    else:
        steps.append("What QBO says has changed is read: one metered read. Once a week everything is read instead.")
    steps.append("What differs from what was posted is listed under Drift; the policy says what is put right at once.")
    if fields.is_checked("stripe"):
        steps.append("Then every known object is read from Stripe again, and what is missing in QBO is posted.")
    return tuple(steps)
