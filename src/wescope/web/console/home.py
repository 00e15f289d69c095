"""Home: are the books equal to Stripe, what waits, what needs somebody, and how the last days went."""

from collections.abc import Callable, Sequence

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from wescope.links.day_figures import DayFigures
from wescope.web.console.charts import Chart, Point, chart
from wescope.web.console.faults import page_router
from wescope.web.console.remedies import places_of
from wescope.web.console.rendering import Pages, span
from wescope.web.console.responses import page_responses
from wescope.web.console.words import PARTS
from wescope.web.services import WebServices


def home_routes(services: WebServices, pages: Pages) -> APIRouter:
    """`GET /`."""
    router = page_router()

    @router.get("/", summary="Home", operation_id="get_home_page", responses=page_responses(503))
    async def home(request: Request) -> HTMLResponse:
        """For people: the latest tie-out by parts, what is parked, health, alerts, and the last thirty days."""
        found = await services.overview.overview()
        return pages.answer(
            request,
            "home.html",
            twin="/api/v1/overview",
            overview=found,
            state=found.status,
            tieout=found.tieout,
            run=found.run,
            parts=PARTS,
            places_of=places_of,
            charts=charts_of(found.days),
            seconds=seconds,
        )

    return router


def charts_of(days: Sequence[DayFigures]) -> tuple[Chart, ...]:
    """Events, postings, and delays of these days."""
    return (
        chart("Events received from Stripe", _series(days, lambda one: one.events)),
        chart("Documents written to QBO", _series(days, lambda one: one.postings)),
        chart(
            "From webhook to posted: half of the documents within (in front), 95 of 100 within (behind)",
            _delays(days, lambda one: one.delay_p50_ms),
            behind=_delays(days, lambda one: one.delay_p95_ms),
        ),
    )


def seconds(milliseconds: int | None) -> str:
    """A delay as people read it: `2.4 s`, `3 min`; of what was not measured that."""
    if milliseconds is None:
        return "not measured"
    return f"{milliseconds / 1000:.1f} s" if milliseconds < 120_000 else span(milliseconds // 1000)  # noqa: PLR2004


def _series(days: Sequence[DayFigures], value: Callable[[DayFigures], int]) -> list[Point]:
    return [Point(label=one.day.isoformat(), value=value(one), text=f"{value(one):,}") for one in days]


def _delays(days: Sequence[DayFigures], value: Callable[[DayFigures], int | None]) -> list[Point]:
    return [Point(label=one.day.isoformat(), value=value(one), text=seconds(value(one))) for one in days]
