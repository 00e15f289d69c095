"""The status page: one plain page, rendered here, without scripts and with nothing from elsewhere."""

import secrets
from datetime import UTC, datetime

from fastapi import APIRouter, Depends
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from wescope.books.money import Money
from wescope.engine.results import ParkedRow, Status
from wescope.errors import WescopeError
from wescope.web.local import only_local
from wescope.web.schemas import error_responses, text_response
from wescope.web.services import WebServices

MAX_PARKED_ROWS = 500


def page_routes(services: WebServices) -> APIRouter:
    """`GET /`; for this machine only."""
    router = APIRouter(tags=["page"], dependencies=[Depends(only_local)])
    template = _template()

    @router.get(
        "/",
        summary="The status page",
        operation_id="get_status_page",
        response_class=HTMLResponse,
        responses={
            200: text_response("The page.", "text/html"),
            503: text_response("The page, which says what is wrong.", "text/html"),
            **error_responses(403),
        },
    )
    async def status_page() -> HTMLResponse:
        """For people: backlog, parked items, tokens, alerts, the last tie-out."""
        nonce = secrets.token_urlsafe(16)
        try:
            html = _render(template, nonce, await services.status(), await _parked(services))
            status = 200
        except WescopeError as error:
            html, status = _render_error(template, nonce, error), 503
        return HTMLResponse(html, status_code=status, headers=_headers(nonce))

    return router


async def _parked(services: WebServices) -> tuple[ParkedRow, ...]:
    """What is parked and not ignored."""
    return tuple(row for row in await services.parked() if row.ignored_at is None)


def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("wescope.web"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters["money"] = lambda row: str(Money(amount=row.amount, currency=row.currency))
    environment.filters["minute"] = lambda moment: moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return environment.get_template("status.html")


def _render(template: Template, nonce: str, status: Status, parked: tuple[ParkedRow, ...]) -> str:
    return template.render(
        nonce=nonce,
        now=datetime.now(UTC),
        status=status,
        parked=parked[:MAX_PARKED_ROWS],
        hidden=max(0, len(parked) - MAX_PARKED_ROWS),
        error=None,
    )


def _render_error(template: Template, nonce: str, error: WescopeError) -> str:
    return template.render(nonce=nonce, now=datetime.now(UTC), status=None, parked=(), hidden=0, error=error)


def _headers(nonce: str) -> dict[str, str]:
    return {
        "Content-Security-Policy": (
            f"default-src 'none'; style-src 'nonce-{nonce}'; "
            "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        ),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-store",
    }
