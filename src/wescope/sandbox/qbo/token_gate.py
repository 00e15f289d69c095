"""Injected faults on the token endpoint: the answer to a refresh that is lost after it was given."""

import asyncio

from starlette.responses import HTMLResponse, JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from wescope.sandbox.qbo.delivery import hang_up
from wescope.sandbox.qbo.injection import TOKEN, Injector


class TokenGate:
    """Stands before the token endpoint; rules match entity "Token", operation "grant".

    Understood are delay_before, drop_before, error_before (of any status, as JSON or, with the format html, as the page
    of a proxy), throttle and drop_after.
    """

    def __init__(self, inner: ASGIApp, injector: Injector) -> None:
        self._inner = inner
        self._injector = injector

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers, or fails as armed."""
        taken = self._injector.take(method=scope["method"], path=scope["path"], entity=TOKEN, operation="grant")
        rules = {rule.kind: rule for rule in taken}
        if "delay_before" in rules:
            await asyncio.sleep(rules["delay_before"].ms / 1000)
        if "drop_before" in rules:
            hang_up(send)
        elif "throttle" in rules:
            await HTMLResponse("<h1>429 Too Many Requests</h1>", 429)(scope, receive, send)
        elif "error_before" in rules:
            rule = rules["error_before"]
            page = HTMLResponse(f"<h1>{rule.status}</h1>", rule.status)
            answer = page if rule.format == "html" else JSONResponse({"error": "server_error"}, rule.status)
            await answer(scope, receive, send)
        elif "drop_after" in rules:
            await self._inner(scope, receive, _swallow)
            hang_up(send)
        else:
            await self._inner(scope, receive, send)


async def _swallow(_message: Message) -> None:
    """Takes an answer that nobody shall hear."""
