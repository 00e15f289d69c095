"""The guard: every route that shows the books or starts work asks it first, whatever way of access is configured.

Reading needs a viewer; every other method an operator, and proof that no page of another site has sent the request.
"""

import hmac
import secrets
from typing import Annotated, ClassVar, Protocol

from fastapi import Depends, Request

from wescope.books.parking import Owner
from wescope.engine.acting import acting_as
from wescope.errors import Retry, WescopeError
from wescope.web.access.actor import Actor, Role
from wescope.web.access.addresses import is_same_origin
from wescope.web.access.bearer import API, ApiTokens
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

    @property
    def public_url(self) -> str | None:
        """The address under which people reach the console; null if nobody has said it."""
        ...

    @property
    def signs_in(self) -> bool:
        """Whether there is a page on which people sign in, and sessions that they end."""
        ...

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

    def __init__(self, tokens: ApiTokens | None = None, *, public_url: str | None = None) -> None:
        """Take the programs that may ask the API from elsewhere; none if left out."""
        self.public_url = public_url
        self._tokens = tokens or ApiTokens()
        self._token = secrets.token_urlsafe(24)

    @property
    def signs_in(self) -> bool:
        """Nobody needs to."""
        return False

    async def actor(self, request: Request) -> Actor:
        """The one local operator, or the program whose token it is.

        Raises:
            NotLocal: the request is from elsewhere, or sent for a page from elsewhere.
            NotSignedIn: its token is none of ours.
        """
        program = self._tokens.actor(request)
        if program is not None:
            return program
        await only_local(request)
        return Actor(name="local", role=Role.OPERATOR)

    def form_token(self, request: Request) -> str:
        """One for this process: who can read it is on this machine."""
        del request
        return self._token


async def authorize(request: Request) -> Actor:
    """The actor of a request that may be answered; a dependency of every router that shows or changes something.

    What it starts is written down under the actor's name, also where nobody passes the name on.

    Raises:
        NotAllowed: the actor's role does not include it.
        RequestForged: it changes something, and may be the doing of another site's page.
        WescopeError: nobody who may ask; see `Access.actor`.
    """
    actor = await identify(request)
    acting_as(actor.name)
    if request.method in SAFE_METHODS:
        return actor
    if not actor.is_operator:
        raise NotAllowed
    await refuse_forged(request)
    return actor


async def identify(request: Request) -> Actor:
    """Who asks, whatever it is; for what everybody may do who is signed in.

    Raises:
        WescopeError: nobody who may ask; see `Access.actor`.
    """
    access: Access = request.app.state.access
    actor = await access.actor(request)
    request.state.actor = actor
    return actor


async def refuse_forged(request: Request) -> None:
    """A browser says from where it sends; a form must carry its session's token, too.

    Pages take forms only. The API takes JSON, which a page of another site cannot send unasked.

    Raises:
        RequestForged: a page of another site may have sent it.
    """
    access: Access = request.app.state.access
    if not is_same_origin(request, access.public_url):
        raise RequestForged
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in FORMS and request.url.path.startswith(API):
        return
    given, expected = (await request.form()).get(FORM_TOKEN), access.form_token(request)
    if not expected or not isinstance(given, str) or not hmac.compare_digest(given.encode(), expected.encode()):
        raise RequestForged


Asking = Annotated[Actor, Depends(authorize)]
"""The type of a route's parameter that wants to know who asks."""
