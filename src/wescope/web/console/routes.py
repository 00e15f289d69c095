"""All pages of the console as one router; each module of this package adds its own."""

from fastapi import APIRouter, Depends

from wescope.web.access.guard import authorize
from wescope.web.console.audit import audit_routes
from wescope.web.console.bulk import bulk_routes
from wescope.web.console.close import close_routes
from wescope.web.console.connect import callback_routes, connect_routes
from wescope.web.console.drift import drift_console_routes
from wescope.web.console.dry_run import dry_run_routes
from wescope.web.console.home import home_routes
from wescope.web.console.parked import parked_routes
from wescope.web.console.payouts import payouts_routes
from wescope.web.console.rendering import Pages
from wescope.web.console.run_undo import undo_routes
from wescope.web.console.runs import run_routes
from wescope.web.console.setup import setup_page_routes
from wescope.web.console.sign_in import sign_in_routes
from wescope.web.console.start_backfill import start_backfill_routes
from wescope.web.console.start_others import start_other_routes
from wescope.web.console.static_files import static_routes
from wescope.web.console.story import story_routes
from wescope.web.console.tieout import tieout_page_routes
from wescope.web.services import WebServices


def page_routes(services: WebServices, pages: Pages) -> APIRouter:
    """Every page, and the files that they load; the guard stands before all but the files and the sign-in."""
    router = APIRouter()
    router.include_router(static_routes())
    router.include_router(sign_in_routes())
    router.include_router(callback_routes())
    guarded = APIRouter(dependencies=[Depends(authorize)])
    guarded.include_router(home_routes(services, pages))
    guarded.include_router(payouts_routes(services, pages))
    guarded.include_router(close_routes(services, pages))
    guarded.include_router(bulk_routes(services, pages))
    guarded.include_router(parked_routes(services, pages))
    guarded.include_router(drift_console_routes(services, pages))
    guarded.include_router(setup_page_routes(services, pages))
    guarded.include_router(connect_routes(services, pages))
    guarded.include_router(dry_run_routes(services, pages))
    guarded.include_router(tieout_page_routes(services, pages))
    guarded.include_router(story_routes(services, pages))
    guarded.include_router(audit_routes(services, pages))
    guarded.include_router(start_backfill_routes(services, pages))
    guarded.include_router(start_other_routes(services, pages))
    guarded.include_router(undo_routes(services, pages))
    guarded.include_router(run_routes(services, pages))
    router.include_router(guarded)
    return router
