"""The wires between processes and both services: no sockets, virtual latency, and all ways in which a call fails."""

import asyncio
import functools
import json
import re
import ssl
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextvars import Context, ContextVar
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import urlsplit

import httpx
import httpx2

from tests.simulation.engine.chance import Chance
from tests.simulation.engine.clocks import replace_everywhere
from tests.simulation.engine.identities import Creation, Identities, creations
from tests.simulation.engine.loop import PROCESS, Process
from wescope.sandbox.qbo import QboSandbox
from wescope.sandbox.qbo.knobs import Knobs
from wescope.sandbox.qbo.limits import Limits
from wescope.sandbox.qbo.token_endpoints import TOKEN_PATH

QBO_URL, STRIPE_URL = "http://qbo.test", "http://stripe.test"
LATEST_EFFECT_S = 115.0
"""QBO itself gives a request up after 120 s (facts/qbo.md 1): until then a write whose sender has left may land."""

_BATCHED = ("Invoice", "Payment", "Customer", "CreditMemo", "SalesReceipt", "JournalEntry", "Deposit", "RefundReceipt")
_SINGLETON = re.compile("/(preferences|companyinfo)(/|$)")
_LOSES = frozenset({"after", "late", "cut", "500", "xml"})
_EXEMPT: ContextVar[bool] = ContextVar("simulated_late_arrival", default=False)


class FairLimits(Limits):
    """Intuit's limits, but for requests that the network held up: nobody could have known when these arrive."""

    def enter(self) -> None:
        if not _EXEMPT.get():
            super().enter()

    def leave(self) -> None:
        if not _EXEMPT.get():
            super().leave()

    def refuse(self, now_s: float, knobs: Knobs, *, is_batch: bool, reads: int) -> str:
        return "" if _EXEMPT.get() else super().refuse(now_s, knobs, is_batch=is_batch, reads=reads)


class Watcher(Protocol):
    """What the wires tell the world."""

    async def boundary(self, what: str) -> None:
        """The process that runs may die here."""

    def asked(self, method: str, path: str) -> None:
        """QBO has just answered this."""

    def touch(self, process: Process | None, what: str) -> None:
        """Something has an effect outside the process, which may die at this moment."""

    def accuse(self, what: str) -> None:
        """A process has done what it must not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a service answers."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


@dataclass(slots=True)
class Counts:
    """What went over the wires; `documents` are calls to QBO that are about more than the company itself."""

    qbo: int = 0
    documents: int = 0
    stripe: int = 0
    in_flight: int = 0
    mishaps: dict[str, int] = field(default_factory=dict)


Shares = Mapping[str, float]


class Wires:
    """Both services, and how calls get there and back."""

    def __init__(self, *, watcher: Watcher, chance: Chance, outside: Context, qbo: QboSandbox, stripe: Any) -> None:
        """Takes the services; `outside` is the world's context, in which they work whatever becomes of a caller."""
        self._watcher, self._chance, self._outside = watcher, chance, outside
        self._sandbox, self._qbo, self._stripe = qbo, qbo.application(), stripe
        self.qbo_shares: Shares = {}
        self.stripe_shares: Shares = {}
        self.token_shares: Shares = {}
        self.counts = Counts()
        self._identities = Identities(may_land_for_s=LATEST_EFFECT_S)
        qbo.gateway.limits = FairLimits()

    def install(self) -> None:
        """Makes both HTTP libraries use these wires, in this (forked) process."""
        replace_everywhere(ssl.create_default_context, _default_context)
        ssl.create_default_context = _default_context
        for library, handle in ((httpx2, self._handle_qbo), (httpx, self._handle_stripe)):
            transport = library.AsyncHTTPTransport
            transport.__init__ = _no_init
            transport.__aenter__ = _entered
            transport.__aexit__ = _nothing
            transport.aclose = _nothing
            transport.handle_async_request = _method(handle)

    # --- QBO --------------------------------------------------------------------------------------------------------

    async def _handle_qbo(self, request: httpx2.Request) -> httpx2.Response:
        body = await request.aread()
        self.counts.qbo += 1
        parts = urlsplit(str(request.url))
        is_token = parts.path == TOKEN_PATH
        name = f"{'token' if is_token else 'qbo'} {self.counts.qbo}"
        shares = self.token_shares if is_token else self.qbo_shares
        writes = "requestid=" in parts.query or parts.path.endswith("/batch")
        fate = self._chance.one_of(name, shares if is_token else _of_kind(shares, writes=writes))
        self._note(fate)
        self.counts.documents += not is_token and not _SINGLETON.search(parts.path)
        label = f"qbo {request.method} {parts.path.rpartition('/')[2]} {'' if is_token else _asked(body)}"
        call = _Call(
            name=name,
            label=label,
            fate=fate,
            process=PROCESS.get(),
            patience_s=float(request.extensions["timeout"]["read"] or 60),
            scope=_scope(request.method, parts.path, parts.query, request.headers.raw),
            body=body,
        )
        sent = () if is_token else creations(parts.path, parts.query, body)
        unheard = self._leave(sent)
        found = await self._exchange(call, self._serve_qbo(call))
        if isinstance(found, str):
            raise getattr(httpx2, found)(found, request=request)
        if fate not in _LOSES:
            self._identities.heard(sent, unheard, found.body)
        await self._watcher.boundary(f"{label} answered {found.status}{' ' + fate if fate else ''}")
        return httpx2.Response(found.status, headers=found.headers, content=found.body, request=request)

    def _leave(self, sent: Sequence[Creation]) -> dict[str, dict[str, float]]:
        """Creations leave; returns what was unheard of them before."""
        now_s, known = asyncio.get_running_loop().time(), self._identities.unheard
        before = {one.marker: dict(known.get(one.marker, {})) for one in sent}
        if wrong := self._identities.wrong(sent, now_s):
            self._watcher.accuse(f"sent beside what may still land: {wrong}")
        self._identities.leave(sent, now_s)
        return before

    async def _serve_qbo(self, call: "_Call") -> Answer | str:
        """QBO's side of a call, and the ways to it and back."""
        draw, injector = functools.partial(self._chance.between, f"{call.name} time"), self._sandbox.gateway.injector
        if call.fate == "late":
            await asyncio.sleep(self._chance.between(f"{call.name} late", 0.2, LATEST_EFFECT_S))
            _EXEMPT.set(True)
        else:
            await asyncio.sleep(draw(0.005, 0.06))
        if call.fate == "before":
            return self._chance.pick(f"{call.name} kind", ("ConnectError", "ReadError", "ConnectTimeout"))
        before = list(injector.rules)
        self._arm(call)
        if "token" in call.name:
            await asyncio.sleep(0.1)
        answer = await _asgi(self._qbo, call.scope, call.body)
        injector.rules[:] = [rule for rule in injector.rules if rule in before]
        self._watcher.touch(call.process, f"{call.label} done {answer.status}{' ' + call.fate if call.fate else ''}")
        self._watcher.asked(call.scope["method"], call.scope["path"])
        await asyncio.sleep(self._chance.between(f"{call.name} back", 0.005, 0.1))
        if call.fate in {"after", "late"}:
            return self._chance.pick(f"{call.name} kind", ("ReadError", "RemoteProtocolError", "ReadTimeout"))
        if call.fate == "cut":
            half = answer.body[: len(answer.body) // 2]
            return Answer(status=answer.status, headers=answer.headers[:1], body=half)
        return answer

    def _arm(self, call: "_Call") -> None:
        """Has the sandbox itself do what only a service can: it is asked at once, so nobody else meets the rule."""
        injector, pick = self._sandbox.gateway.injector, functools.partial(self._chance.pick, f"{call.name} kind")
        match call.fate:
            case "429":
                injector.arm("throttle")
            case "401":
                injector.arm("unauthorized")
            case "500":
                kind = pick(("error_before", "error_after"))
                injector.arm(kind, status=pick((500, 503, 502)), format=pick(("json", "html", "xml", "json")))
            case "xml":
                injector.arm("wrong_format", format=pick(("html", "xml")))
            case "transient":
                injector.arm("transient", text=pick(("save", "names")))
            case "item":
                injector.arm("transient", entity=pick(_BATCHED), path="/batch")
            case "drop_links":
                injector.arm("drop_links")
            case _:
                pass

    # --- Stripe -----------------------------------------------------------------------------------------------------

    async def _handle_stripe(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        self.counts.stripe += 1
        parts = urlsplit(str(request.url))
        name, label = f"stripe {self.counts.stripe}", f"stripe {parts.path}"
        fate = self._chance.one_of(name, self.stripe_shares)
        self._note(fate)
        call = _Call(
            name=name,
            label=label,
            fate=fate,
            process=PROCESS.get(),
            patience_s=30.0,
            scope=_scope(request.method, parts.path, parts.query, request.headers.raw),
            body=b"",
        )
        found = await self._exchange(call, self._serve_stripe(call))
        if isinstance(found, str):
            raise getattr(httpx, found)(found, request=request)
        await self._watcher.boundary(f"{label} answered {found.status}")
        return httpx.Response(found.status, headers=found.headers, content=found.body, request=request)

    async def _serve_stripe(self, call: "_Call") -> Answer | str:
        await asyncio.sleep(self._chance.between(f"{call.name} time", 0.005, 0.15))
        match call.fate:
            case "lost":
                return self._chance.pick(f"{call.name} kind", ("ConnectError", "ReadError", "ReadTimeout"))
            case "slow":
                await asyncio.sleep(self._chance.between(f"{call.name} slow", 1, 40))
            case "429" | "500":
                error = {"error": {"type": "api_error", "message": "Injected."}}
                return Answer(status=int(call.fate), headers=[], body=json.dumps(error).encode())
            case "cut":
                return Answer(status=200, headers=[], body=b'{"object": "li')
            case _:
                pass
        return await _asgi(self._stripe, call.scope, call.body)

    # --- both -------------------------------------------------------------------------------------------------------

    async def _exchange(self, call: "_Call", serving: Coroutine[Any, Any, Answer | str]) -> Answer | str:
        """Waits for the other side as long as a client does; the other side goes on in any case."""
        loop = asyncio.get_running_loop()
        answered: asyncio.Future[Answer | str] = loop.create_future()
        self.counts.in_flight += 1
        serving_task = loop.create_task(serving, context=self._outside.copy())

        def tell(task: asyncio.Task[Answer | str]) -> None:
            self.counts.in_flight -= 1
            if not answered.done():
                answered.set_result(task.result())

        serving_task.add_done_callback(tell, context=self._outside)
        try:
            async with asyncio.timeout(call.patience_s):
                return await answered
        except TimeoutError:
            return "ReadTimeout"

    def _note(self, fate: str) -> None:
        if fate:
            self.counts.mishaps[fate] = self.counts.mishaps.get(fate, 0) + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class _Call:
    """One call on its way."""

    name: str
    label: str
    fate: str
    process: Process | None
    patience_s: float
    scope: dict[str, Any]
    body: bytes


def _of_kind(shares: Shares, *, writes: bool) -> Shares:
    """Answers to writes are lost more often than others: that is what the write protocol is about."""
    if not writes:
        return {kind: share for kind, share in shares.items() if kind != "late"}
    return {kind: share * (3 if kind in _LOSES else 1) for kind, share in shares.items()}


def _asked(body: bytes) -> str:
    """What a request to QBO is about, in a few words and without ids that chance has made."""
    text = body.decode(errors="replace")
    if text.startswith("{"):
        found = json.loads(text)
        items = found.get("BatchItemRequest")
        if items is not None:
            return " + ".join(_item(item) for item in items)
        return str(found.get("DocNumber") or found.get("DisplayName") or found.get("Id") or "")[:40]
    return text[:60].split(" STARTPOSITION")[0]


def _item(item: Mapping[str, Any]) -> str:
    if "Query" in item:
        return str(item["Query"])[:40]
    entity = next((name for name in item if name not in {"bId", "operation", "optionsData"}), "")
    return f"{item.get('operation')} {entity}"


def _scope(method: str, path: str, query: str, headers: list[tuple[bytes, bytes]]) -> dict[str, Any]:
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(name.lower(), value) for name, value in headers],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }


async def _asgi(application: Any, scope: dict[str, Any], body: bytes) -> Answer:
    status, headers, parts = 0, [], []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        nonlocal status, headers
        if message["type"] == "http.response.start":
            status, headers = message["status"], list(message["headers"])
        else:
            parts.append(message.get("body", b""))

    await application(scope, receive, send)
    kept = [(name, value) for name, value in headers if name.lower() not in {b"content-length", b"connection"}]
    return Answer(status=status, headers=kept, body=b"".join(parts))


_default_context: Callable[..., ssl.SSLContext] = functools.cache(
    lambda *_args, **_options: ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
)


def _no_init(self: Any, *_args: Any, **_options: Any) -> None:
    """No connections are opened."""


async def _entered(self: Any) -> Any:
    return self


async def _nothing(self: Any, *_args: Any) -> None:
    """There is nothing to close."""


def _method(handle: Callable[[Any], Any]) -> Callable[[Any, Any], Any]:
    async def method(_: Any, request: Any) -> Any:
        return await handle(request)

    return method
