"""Runs: which there are, and one of them with its progress, documents and audit entries; pause, resume and cancel."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import HTMLResponse, Response

from wescope.books.documents import Entity
from wescope.engine.history import RunReport
from wescope.engine.run_book import DocumentFilter
from wescope.engine.undo_plan import REMEDIES, KeptReason
from wescope.links.runs import UNFINISHED, RunKind, RunState
from wescope.links.store import LinkState
from wescope.web.access.guard import Asking
from wescope.web.console.faults import page_router
from wescope.web.console.rendering import Pages, query_of, see_other
from wescope.web.console.responses import form_responses, page_responses
from wescope.web.parameters import LARGEST, Key
from wescope.web.services import WebServices

RunId = Annotated[int, Path(ge=1, le=LARGEST, examples=[12])]
Kind = Annotated[str, Query(description="Only of this kind; empty: any.", max_length=20)]
State = Annotated[str, Query(description="Only in this state; empty: any.", max_length=20)]
After = Annotated[int | None, Query(ge=1, le=LARGEST, description="Only runs before this one.")]
OfEntity = Annotated[str, Query(description="Only of this entity of QBO; empty: any.", max_length=40)]
InState = Annotated[str, Query(description="Only in this state; empty: any.", max_length=20)]
AfterKey = Annotated[Key | None, Query(description="Only documents after this key.")]

_SHOWN, _DOCUMENTS = 25, 50
_LONG = 300

STATE_KINDS: Mapping[str, str] = {
    RunState.RUNNING: "neutral",
    RunState.PAUSED: "attention",
    RunState.DONE: "good",
    RunState.CANCELED: "neutral",
    RunState.FAILED: "bad",
}
"""How a state is coloured; its word says the same."""

STATE_WORDS: Mapping[str, str] = {
    LinkState.POSTED: "in QBO",
    LinkState.VOIDED: "voided since",
    LinkState.ABSENT: "not in QBO any more",
    LinkState.INTENDED: "being written",
    LinkState.UNKNOWN: "being found out about",
}
"""What has become of a document, in words."""

COUNT_WORDS: Mapping[str, str] = {
    "listed": "Objects listed",
    "hinted": "Objects to be looked at",
    "skipped": "Objects settled already",
    "together": "Looked at together with others",
    "undone": "Documents taken back",
    "kept": "Documents that stay",
    "found": "Differences found",
    "linked": "Documents linked",
    "as_of": "As of",
    "gap_since": "Events may be forgotten since",
}
"""What counts and results are called; others by their names."""

_NO_DOCUMENTS = frozenset({RunKind.FORECAST.value, RunKind.TIEOUT.value, RunKind.EXPORT.value, RunKind.UNDO.value})


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a run is, as a bar: so many parts of so many; null if nobody knows."""

    done: int
    of: int


def progress_of(report: RunReport) -> Progress | None:
    """The bar of a run."""
    steps = report.counts.get("steps", 0)
    return Progress(done=min(report.counts.get("step", 0), steps), of=steps) if steps else None


def can_be_undone(report: RunReport) -> bool:
    """Whether its page offers an undo: it is over or paused, and has created documents."""
    return report.kind not in _NO_DOCUMENTS and report.is_over and bool(report.posted)


def run_routes(services: WebServices, pages: Pages) -> APIRouter:
    """`GET /runs`, `GET /runs/{run_id}`, and the forms that steer it."""
    router = page_router()
    _list_route(router, services, pages)
    _one_route(router, services, pages)
    _steer_routes(router, services)
    return router


def _list_route(router: APIRouter, services: WebServices, pages: Pages) -> None:
    @router.get("/runs", summary="Runs", operation_id="get_runs_page", responses=page_responses(422, 503))
    async def runs(request: Request, kind: Kind = "", state: State = "", after: After = None) -> HTMLResponse:
        """For people: backfills, replays, sweeps and all others, the newest first, with where each stands."""
        chosen_kind, chosen_state = _one_of(RunKind, kind), _one_of(RunState, state)
        page = await services.runs.page(kind=chosen_kind, state=chosen_state, after=after, limit=_SHOWN)
        filters = {"kind": chosen_kind, "state": chosen_state}
        return pages.answer(
            request,
            "runs.html",
            twin=f"/api/v1/runs/page{query_of(**filters, after=after)}",
            page=page,
            kinds=tuple(RunKind),
            states=tuple(RunState),
            state_kinds=STATE_KINDS,
            progress_of=progress_of,
            is_dry_run=await services.runs.writes_nothing(),
            newest=f"/runs{query_of(**filters)}" if after else None,
            older=f"/runs{query_of(**filters, after=page.next)}" if page.next else None,
            filters=filters,
        )


def _one_route(router: APIRouter, services: WebServices, pages: Pages) -> None:
    @router.get(
        "/runs/{run_id}", summary="One run", operation_id="get_run_page", responses=page_responses(404, 422, 503)
    )
    async def run(
        request: Request, run_id: RunId, entity: OfEntity = "", state: InState = "", after: AfterKey = None
    ) -> HTMLResponse:
        """For people: how far it is, what it has come to, what it posted and what is parked because of it."""
        report = await services.runs.run(run_id)
        filters = {"entity": _one_of(Entity, entity), "state": _one_of(LinkState, state)}
        chosen = DocumentFilter(**filters, after=after, limit=_DOCUMENTS)
        has_documents = report.kind not in _NO_DOCUMENTS
        here = f"/runs/{run_id}"
        documents = await services.runs.documents(run_id, chosen) if has_documents else None
        older = documents.next if documents else None
        page = pages.answer(
            request,
            "run.html",
            twin=f"/api/v1{here}",
            documents_twin=f"/api/v1{here}/documents{query_of(**filters, after=after)}",
            report=report,
            progress=progress_of(report),
            options={name: _short(value) for name, value in report.options.items()},
            is_unfinished=report.state in {state.value for state in UNFINISHED},
            is_working=report.state == RunState.RUNNING,
            undoable=can_be_undone(report),
            is_dry_run=await services.runs.writes_nothing(),
            documents=documents,
            entities=tuple(entity.value for entity in Entity),
            link_states=STATE_WORDS,
            state_kinds=STATE_KINDS,
            kept=kept_of(report),
            told=told_of(report),
            entries=await services.runs.entries(run_id),
            forecast=await services.runs.forecast(run_id) if report.kind == RunKind.FORECAST else None,
            filters=filters,
            newer=f"{here}{query_of(**filters)}#documents" if after else None,
            older=f"{here}{query_of(**filters, after=older)}#documents" if older else None,
        )
        if report.is_over and "hx-request" in request.headers:
            # It ended while somebody looked on: all of the page is another one now, not the bar alone.
            page.headers["HX-Refresh"] = "true"
        return page


def told_of(report: RunReport) -> tuple[tuple[str, str], ...]:
    """Counts and result in words, as name and value; without what the page says elsewhere."""
    counts = [
        (COUNT_WORDS.get(name, _words(name)), f"{count:,}")
        for name, count in report.counts.items()
        if name not in {"step", "steps"}
    ]
    known = {words for words, _ in counts}
    results = [
        (COUNT_WORDS.get(name, _words(name)), _short(value))
        for name, value in report.result.items()
        if not name.startswith("kept.")
    ]
    return (*counts, *((words, value) for words, value in results if words not in known))


def kept_of(report: RunReport) -> tuple[tuple[str, str, str, str], ...]:
    """What an undo left: reason, text, how many, and the one action that helps."""
    found = []
    for name, count in report.result.items():
        group, _, reason = name.partition(".")
        if report.kind == RunKind.UNDO and group == "kept" and reason in set(KeptReason):
            text, remedy = REMEDIES[KeptReason(reason)]
            found.append((reason, text, count, remedy))
    return tuple(found)


def _steer_routes(router: APIRouter, services: WebServices) -> None:
    async def steer(run_id: int, order: Callable[[], Awaitable[RunReport]]) -> Response:
        await order()
        return see_other(f"/runs/{run_id}")

    answers = form_responses(404, 409, 503)

    @router.post("/runs/{run_id}/pause", summary="Pause a run", operation_id="post_pause_run", responses=answers)
    async def pause(run_id: RunId, actor: Asking) -> Response:
        """It stops after its current step; what it has queued is worked off."""
        return await steer(run_id, lambda: services.history.pause(run_id, actor=actor.name))

    @router.post("/runs/{run_id}/resume", summary="Resume a run", operation_id="post_resume_run", responses=answers)
    async def resume(run_id: RunId, actor: Asking) -> Response:
        """A worker takes it up from its checkpoint."""
        return await steer(run_id, lambda: services.history.resume(run_id, actor=actor.name))

    @router.post("/runs/{run_id}/cancel", summary="Cancel a run", operation_id="post_cancel_run", responses=answers)
    async def cancel(run_id: RunId, actor: Asking) -> Response:
        """What it has queued is taken back; what is written stays."""
        return await steer(run_id, lambda: services.history.cancel(run_id, actor=actor.name))


def _one_of(words: type[RunKind] | type[RunState] | type[Entity] | type[LinkState], text: str) -> str | None:
    """A word of a filter; one that is none filters nothing."""
    return text if text in {word.value for word in words} else None


def _words(name: str) -> str:
    return name.replace("_", " ").replace(".", ": ").capitalize()


def _short(text: str) -> str:
    return text if len(text) <= _LONG else f"{text[:_LONG]} …"
