"""All pages of the console: where each is, with real ids of the business. A page that is added is added here."""

from dataclasses import dataclass

NO_PAGES = frozenset(
    {
        "/static/console.css",
        "/static/htmx.min.js",
        "/static/idiomorph.htmx.min.js",
        "/static/icon.svg",
        "/payouts/{payout_id}.csv",
        "/close/{month}/evidence.zip",
        "/setup/connect/callback",
        "/setup/connect/finish",
        "/sign-in/start",
        "/sign-in/callback",
    }
)
"""Routes that pages load, offer for download (their links are followed), or pass through (see the journeys)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page.

    Attributes:
        route: as the application names it.
        address: what is visited; names in braces are those of `Business.ids`.
        status: what it is answered with.
    """

    route: str
    address: str
    status: int = 200


def _page(route: str, address: str | None = None, status: int = 200) -> Page:
    return Page(route=route, address=route if address is None else address, status=status)


PAGES = (
    _page("/"),
    _page("/tieout"),
    _page("/tieout/rows/{row_id:path}", "/tieout/rows/{row}"),
    _page("/search", "/search?id={qbo_invoice}"),
    _page("/search", "/search?id=nothing", 404),
    _page("/story/{identifier:path}", "/story/{invoice}"),
    _page("/story/{identifier:path}", "/story/{event}"),
    _page("/story/{identifier:path}", "/story/{parked}"),
    _page("/story/{identifier:path}", "/story/{payout}?plan=true"),
    _page("/story/{identifier:path}", "/story/in_nowhere", 404),
    _page("/audit"),
    _page("/payouts"),
    _page("/payouts/{payout_id}", "/payouts/{payout}"),
    _page("/close"),
    _page("/close/{month}", "/close/{month}"),
    _page("/close/{month}", "/close/{last_month}"),
    _page("/parked"),
    _page("/parked/{key}", "/parked/{parked}"),
    _page("/parked/bulk", "/parked/bulk?action=retry"),
    _page("/parked/bulk", "/parked/bulk?action=ignore&code=period_closed"),
    _page("/parked/bulk/{run_id}", "/parked/bulk/{bulk}"),
    _page("/drift"),
    _page("/drift", "/drift?state=repaired"),
    _page("/drift/repair", "/drift/repair?ids={drift}"),
    _page("/runs"),
    _page("/runs/{run_id}", "/runs/{backfill}"),
    _page("/runs/{run_id}", "/runs/999999", 404),
    _page("/runs/{run_id}/undo", "/runs/{backfill}/undo"),
    _page("/runs/backfill"),
    _page("/runs/replay"),
    _page("/runs/sweep"),
    _page("/runs/verify"),
    _page("/setup"),
    _page("/setup/doctor"),
    _page("/setup/doctor", "/setup/doctor?run=true"),
    _page("/setup/mapping"),
    _page("/setup/connect"),
    _page("/setup/dry-run"),
    _page("/sign-in"),  # leads home, where nobody signs in
    _page("", "/nowhere", 404),
)
"""Every page, some with filters; those without a route are answers to what is nowhere."""
