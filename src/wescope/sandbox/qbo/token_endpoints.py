"""The OAuth addresses over HTTP: authorise, token, revoke (facts/qbo.md 3.1)."""

import asyncio
import base64
import binascii
import secrets
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from wescope.sandbox.qbo import consent
from wescope.sandbox.qbo.company import Company
from wescope.sandbox.qbo.oauth import OAuthError, Tokens
from wescope.sandbox.qbo.wire import Json, loads

TOKEN_PATH = "/oauth2/v1/tokens/bearer"
HARD_HEADER = "x-include-refresh-token-hard-expires-in"


class TokenEndpoints:
    """Handlers over the company's tokens."""

    def __init__(self, company: Company, tokens: Tokens) -> None:
        self._company = company
        self._tokens = tokens

    def routes(self) -> list[Route]:
        """Returns the routes below the root; Intuit has them on three hosts."""
        return [
            Route("/connect/oauth2", self._authorise, methods=["GET"]),
            Route("/connect/oauth2", self._decide, methods=["POST"]),
            Route(TOKEN_PATH, self._token, methods=["POST"]),
            Route("/v2/oauth2/tokens/revoke", self._revoke, methods=["POST"]),
        ]

    async def _authorise(self, request: Request) -> Response:
        asked = dict(request.query_params)
        if problem := consent.fault(asked, self._tokens.client_id):
            return JSONResponse({"error": problem}, 400)
        if not self._company.knobs.auto_approve:
            return HTMLResponse(consent.page(asked, self._company.realm_id))
        return self._approved(asked, self._company.realm_id)

    async def _decide(self, request: Request) -> Response:
        """The person has pressed a button."""
        asked = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
        if problem := consent.fault(asked, self._tokens.client_id):
            return JSONResponse({"error": problem}, 400)
        if asked.get("decision") != consent.CONNECT:
            return RedirectResponse(self._tokens.deny(redirect_uri=asked["redirect_uri"], state=asked["state"]), 302)
        return self._approved(asked, asked.get("realm_id") or self._company.realm_id)

    def _approved(self, asked: dict[str, str], realm_id: str) -> Response:
        target = self._tokens.authorise(redirect_uri=asked["redirect_uri"], state=asked["state"], realm_id=realm_id)
        return RedirectResponse(target, 302)

    async def _token(self, request: Request) -> Response:
        if not self._knows(request):
            return JSONResponse({"error": "invalid_client"}, 401)
        form = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
        if self._company.knobs.refresh_ms:
            await asyncio.sleep(self._company.knobs.refresh_ms / 1000)
        try:
            body = self._granted(form)
        except OAuthError as problem:
            return JSONResponse({"error": problem.error}, problem.status)
        if request.headers.get(HARD_HEADER) != "true":
            del body["x_refresh_token_hard_expires_in"]
        return JSONResponse(body, headers={"Cache-Control": "no-store", "intuit_tid": secrets.token_hex(12)})

    def _granted(self, form: dict[str, str]) -> Json:
        grant = form.get("grant_type")
        if grant == "refresh_token":
            return self._tokens.refresh(form.get("refresh_token", ""))
        if grant == "authorization_code":
            return self._tokens.trade_code(form.get("code", ""), form.get("redirect_uri", ""))
        raise OAuthError(status=400, error="unsupported_grant_type")

    async def _revoke(self, request: Request) -> Response:
        if not self._knows(request):
            return JSONResponse({"error": "invalid_client"}, 401)
        try:
            body = loads(await request.body())
        except ValueError:
            return JSONResponse({"error": "invalid_request"}, 400)
        if not isinstance(body, dict) or not body.get("token"):
            return JSONResponse({"error": "invalid_request"}, 400)
        self._tokens.revoke_all()
        return Response(status_code=200)

    def _knows(self, request: Request) -> bool:
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        try:
            pair = base64.b64decode(given, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            return False
        wanted = f"{self._tokens.client_id}:{self._tokens.client_secret}"
        return scheme.lower() == "basic" and secrets.compare_digest(pair, wanted)
