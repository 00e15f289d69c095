"""The guard: every route that shows the books or starts work asks it first, whatever way of access is configured.

Reading needs a viewer; every other method an operator, and proof that no page of another site has sent the request.
"""

import hmac
import secrets
from typing import Annotated, ClassVar, Protocol

from fastapi import Depends, Request

from wescope.books.parking import Owner
from wescope.errors import Retry, WescopeError
from wescope.web.access.actor import Actor, Role
from wescope.web.local import only_local

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
FORM_TOKEN = "csrf_token"  # noqa: S105 - the name of a field of a form
FORMS = ("application/x-www-form-urlencoded", "multipart/form-data", "text/plain")


class NotAllowed(WescopeError):
    """The role of who asks does not include this."""

    code = "not_allowed"
    owner = Owner.OPERATOR
    retry = Retry.NEVER
    http_status: ClassVar[int] = 403
    remedy = "Ask an operator to do it, or the administrator for the role."


class RequestForged(WescopeError):
    """A page of another site may have sent this request, or the form is from before a restart or a new sign-in."""

    code = "request_forged"
    owner = Owner.OPERATOR
    retry = Retry.NEVER
    http_status: ClassVar[int] = 403
    remedy = "Go back, reload the page and send the form again."


class Access(Protocol):
    """A way of access: this machine only, OpenID Connect, or an identity-aware proxy."""

    async def actor(self, request: Request) -> Actor:
        """Who asks.

        Raises:
            WescopeError: nobody who may; its class says what to do.
        """
        ...

    def form_token(self, request: Request) -> str:
        """What forms of this session carry, so that no other page can send them."""
        ...


class LocalAccess:
    """Whoever is on this machine may do everything; nobody else may ask."""

    def __init__(self) -> None:
        self._token = secrets.token_urlsafe(24)

    async def actor(self, request: Request) -> Actor:
        """The one local operator.

        Raises:
            NotLocal: the request is from elsewhere, or sent for a page from elsewhere.
        """
        await only_local(request)
        return Actor(name="local", role=Role.OPERATOR)

    def form_token(self, request: Request) -> str:
        """One for this process: who can read it is on this machine."""
        del request
        return self._token


async def authorize(request: Request) -> Actor:
    """The actor of a request that may be answered; a dependency of every router that shows or changes something.

    Raises:
        NotAllowed: the actor's role does not include it.
        RequestForged: it changes something, and may be the doing of another site's page.
        WescopeError: nobody who may ask; see `Access.actor`.
    """
    access: Access = request.app.state.access
    actor = await access.actor(request)
    request.state.actor = actor
    if request.method in SAFE_METHODS:
        return actor
    if not actor.is_operator:
        raise NotAllowed
    await _refuse_forged(request, access)
    return actor


async def _refuse_forged(request: Request, access: Access) -> None:
    """A browser says from where it sends; a form must carry its session's token, too."""
    if request.headers.get("sec-fetch-site", "none") not in {"none", "same-origin"}:
        raise RequestForged
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in FORMS:
        return
    given = (await request.form()).get(FORM_TOKEN)
    if not isinstance(given, str) or not hmac.compare_digest(given.encode(), access.form_token(request).encode()):
        raise RequestForged


Asking = Annotated[Actor, Depends(authorize)]
"""The type of a route's parameter that wants to know who asks."""
