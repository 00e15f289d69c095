"""All pages of the console as one router; each module of this package adds its own."""

from fastapi import APIRouter, Depends
from fastapi.responses import HTMLResponse

from wescope.web.access.guard import authorize
from wescope.web.console.home import home_routes
from wescope.web.console.rendering import Pages
from wescope.web.console.sign_in import sign_in_routes
from wescope.web.console.static_files import static_routes
from wescope.web.services import WebServices


def page_routes(services: WebServices, pages: Pages) -> APIRouter:
    """Every page, and the files that they load; the guard stands before all but the files and the sign-in."""
    router = APIRouter()
    router.include_router(static_routes())
    router.include_router(sign_in_routes())
    guarded = APIRouter(tags=["page"], dependencies=[Depends(authorize)], default_response_class=HTMLResponse)
    guarded.include_router(home_routes(services, pages))
    router.include_router(guarded)
    return router
