"""Rendering: one template environment for all pages, what every page is given, and the headers that keep it safe."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from wescope import __version__
from wescope.books.money import to_decimal
from wescope.engine.dashboards import Dashboards
from wescope.web.console.details import details_of
from wescope.web.console.nav import SECTIONS

HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
_MINUTE_S, _HOUR_S, _DAY_S = 60, 3600, 86_400
_SPANS = ((_DAY_S * 2, _DAY_S, "days"), (_HOUR_S * 2, _HOUR_S, "h"), (_MINUTE_S * 2, _MINUTE_S, "min"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Pages:
    """What renders pages.

    Attributes:
        dashboards: where objects are shown in Stripe and QBO.
    """

    dashboards: Dashboards

    def answer(self, request: Request, template: str, *, twin: str, status: int = 200, **values: Any) -> HTMLResponse:
        """A page.

        Args:
            request: for whom; the guard has seen it.
            template: its name below `templates`.
            twin: the address of the same as JSON, with its filters.
            status: of the answer.
            values: what the template says.
        """
        access, actor = request.app.state.access, request.state.actor
        html = _ENVIRONMENT.get_template(template).render(
            **values,
            actor=actor,
            form_token=access.form_token(request),
            signs_out=access.signs_in,
            dashboards=self.dashboards,
            twin=twin,
            now=datetime.now(UTC),
            path=request.url.path,
            address=_with_query(request),
            sections=SECTIONS,
            version=__version__,
        )
        return HTMLResponse(html, status_code=status, headers=dict(HEADERS))


def plain_error_page(request: Request, code: str, text: str, remedy: str, *, status: int) -> HTMLResponse:
    """A page that says what went wrong, and the one action that mends it."""
    html = _ENVIRONMENT.get_template("error.html").render(
        code=code,
        text=text,
        remedy=remedy,
        actor=getattr(request.state, "actor", None),
        form_token="",
        signs_out=False,
        twin="",
        now=datetime.now(UTC),
        path=request.url.path,
        sections=SECTIONS,
        version=__version__,
    )
    return HTMLResponse(html, status_code=status, headers=dict(HEADERS))


def open_page(request: Request, template: str, **values: Any) -> HTMLResponse:
    """A page for whoever asks, which shows nothing of the books and leads to no other page."""
    html = _ENVIRONMENT.get_template(template).render(
        **values,
        actor=None,
        form_token="",
        signs_out=False,
        twin="",
        now=datetime.now(UTC),
        path=request.url.path,
        sections=(),
        version=__version__,
    )
    return HTMLResponse(html, headers=dict(HEADERS))


def see_other(address: str) -> Response:
    """After a form was taken: go and read this page (a path of ours)."""
    return RedirectResponse(address, status_code=303, headers={"Cache-Control": "no-store"})


def query_of(**filters: Any) -> str:
    """Filters as the query of an address, `?` included; what is null, empty or false is left out."""
    kept = {name: value for name, value in filters.items() if value not in (None, "", (), [], False)}
    return f"?{urlencode(kept, doseq=True)}" if kept else ""


def ago(moment: datetime, now: datetime) -> str:
    """How long ago a moment is, in one unit: `3 h ago`; `in 2 days` if it is to come."""
    seconds = int((now - moment).total_seconds())
    told = span(abs(seconds))
    return f"{told} ago" if seconds >= 0 else f"in {told}"


def span(seconds: int) -> str:
    """A span in one unit: `45 s`, `3 h`."""
    return next((f"{seconds // unit} {word}" for least, unit, word in _SPANS if seconds >= least), f"{seconds} s")


def minute(moment: datetime) -> str:
    """A moment with its zone, to the minute."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def money(amount: int, currency: str) -> str:
    """Minor units as people read them: `1,234.56 USD`."""
    return f"{to_decimal(amount, currency):,} {currency.upper()}"


def amount_text(text: str) -> str:
    """A decimal text as people read it: thousands are grouped; anything else as it is."""
    try:
        return f"{Decimal(text):,}"
    except ArithmeticError:
        return text


def prose(text: str) -> Markup:
    """A text of ours in which what stands between backticks is a command or a name: it is shown as code."""
    pieces = text.split("`")
    return Markup("").join(
        Markup("<code>{}</code>").format(piece) if index % 2 and index < len(pieces) - 1 else escape(piece)
        for index, piece in enumerate(pieces)
    )


def _with_query(request: Request) -> str:
    return f"{request.url.path}?{request.url.query}" if request.url.query else request.url.path


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("wescope.web.console"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "money": money, "minute": minute, "ago": ago, "span": span, "amount_text": amount_text,
        "prose": prose,
        "iso": lambda moment: moment.isoformat() if isinstance(moment, date) else "",
    }  # fmt: skip
    environment.globals |= {"query_of": query_of, "details_of": details_of}
    return environment


_ENVIRONMENT = _environment()
