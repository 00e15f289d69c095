"""Doubles for tests of QBO's side: limits that let everything pass, tokens in memory, scripted answers."""

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from wescope.errors import DatabaseUnavailable
from wescope.qbo.attempts import Attempt
from wescope.qbo.client import QboClient
from wescope.qbo.tokens import Loss, TokenPair, TokenSource

REALM = "9130350000000000001"
API_BASE = "https://qbo.test"
TOKEN_URL = "https://oauth.test/tokens/bearer"
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)

Reply = httpx2.Response | Exception
Handler = Callable[[httpx2.Request], Reply]


def shared_data() -> Path:
    """The folder of recorded bodies, which is no part of the project."""
    root = Path(os.environ.get("WESCOPE_SHARED", Path(__file__).parents[4] / "shared"))
    if not (root / "data").is_dir():
        pytest.skip("the shared data are absent")
    return root / "data"


class UnlimitedLimits:
    """Limits that let everything pass and remember the pauses."""

    def __init__(self) -> None:
        self.pauses: list[float] = []
        self.entered = 0
        self._names = asyncio.Lock()

    @contextlib.asynccontextmanager
    async def request(self, *, batch: bool = False) -> AsyncIterator[None]:
        self.entered += 1
        yield

    @contextlib.asynccontextmanager
    async def names(self) -> AsyncIterator[None]:
        async with self._names:
            yield

    async def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)


def pair(
    access: str = "access-1", refresh: str = "refresh-1", *, lives: timedelta = timedelta(hours=1), generation: int = 1
) -> TokenPair:
    return TokenPair(
        access_token=access,
        refresh_token=refresh,
        access_expires_at=NOW + lives,
        refresh_expires_at=NOW + timedelta(days=100),
        generation=generation,
    )


@dataclass
class MemoryRow:
    store: "MemoryTokenStore"
    pair: TokenPair | None

    async def save(self, pair: TokenPair) -> None:
        await asyncio.sleep(0)
        if self.store.fail_saves:
            raise ConnectionError("killed before the commit")
        if self.store.away:
            raise DatabaseUnavailable
        self.store.stored = pair
        self.store.saves.append(pair)
        if self.store.loss and self.store.loss.of_tokens:
            self.store.loss = None

    @property
    def loss(self) -> Loss | None:
        return self.store.loss

    async def lose(self, code: str) -> None:
        before = self.store.loss
        self.store.loss = Loss(code=code, since=before.since if before else NOW, tried_at=NOW)


@dataclass
class MemoryTokenStore:
    """The twin of the token table: one row, one holder at a time."""

    stored: TokenPair | None = None
    loss: Loss | None = None
    saves: list[TokenPair] = field(default_factory=list)
    fail_saves: bool = False
    away: bool = False
    holders: int = 0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def load(self, realm_id: str) -> TokenPair | None:
        return self.stored

    @contextlib.asynccontextmanager
    async def refreshing(self, realm_id: str) -> AsyncIterator[MemoryRow]:
        async with self.lock:
            self.holders += 1
            yield MemoryRow(self, self.stored)


class Intuit:
    """The token end point: hands out numbered pairs, accepts only the newest refresh token, counts the calls."""

    def __init__(self, valid: str = "refresh-1") -> None:
        self.valid = valid
        self.calls = 0
        self.called = asyncio.Event()
        self.gate: asyncio.Event | None = None
        self.replies: list[Reply] = []

    async def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.calls += 1
        self.called.set()
        if self.gate:
            await self.gate.wait()
        if self.replies:
            reply = self.replies.pop(0)
            if isinstance(reply, Exception):
                raise reply
            return reply
        form = dict(part.split("=") for part in request.content.decode().split("&"))
        if form != {"grant_type": "refresh_token", "refresh_token": self.valid}:
            return httpx2.Response(400, json={"error": "invalid_grant"})
        number = int(self.valid.rpartition("-")[2]) + 1
        self.valid = f"refresh-{number}"
        return httpx2.Response(
            200,
            json={
                "access_token": f"access-{number}",
                "refresh_token": self.valid,
                "expires_in": 3600,
                "x_refresh_token_expires_in": 8640000,
                "token_type": "bearer",
            },
        )


class Script:
    """A server that gives the next reply of a list for each request, and keeps the requests."""

    def __init__(self, *replies: Reply | Handler) -> None:
        self.replies = list(replies)
        self.requests: list[httpx2.Request] = []

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        reply = self.replies.pop(0)
        answer = reply(request) if callable(reply) else reply
        if isinstance(answer, Exception):
            raise answer
        return answer

    @property
    def bodies(self) -> list[Any]:
        return [json.loads(request.content) for request in self.requests]


@dataclass
class Rig:
    """A client on a scripted server, with everything that it talks to at hand."""

    client: QboClient
    server: Script
    limits: UnlimitedLimits
    intuit: Intuit
    store: MemoryTokenStore
    attempts: list[Attempt]


def source(store: MemoryTokenStore, intuit: Intuit, **options: Any) -> TokenSource:
    return TokenSource(
        realm_id=REALM,
        store=store,
        client_id="client",
        client_secret="client-secret",
        token_url=TOKEN_URL,
        transport=httpx2.MockTransport(intuit),
        now=lambda: NOW,
        **options,
    )


def rig(*replies: Reply | Handler, tries: int = 1) -> Rig:
    server, limits, intuit, store = Script(*replies), UnlimitedLimits(), Intuit(), MemoryTokenStore(stored=pair())
    attempts: list[Attempt] = []
    client = QboClient(
        api_base=API_BASE,
        realm_id=REALM,
        tokens=source(store, intuit, hooks=(attempts.append,)),
        limits=limits,
        hooks=(attempts.append,),
        attempts=tries,
        transport=httpx2.MockTransport(server),
    )
    return Rig(client=client, server=server, limits=limits, intuit=intuit, store=store, attempts=attempts)


def answer(entity: str, **fields: Any) -> httpx2.Response:
    return httpx2.Response(200, json={entity: fields, "time": "x"}, headers={"Intuit-Tid": "1-abc"})


def batch_answer(request: httpx2.Request, **content: Any) -> httpx2.Response:
    """The same content for each item of a batch."""
    items = [{"bId": item["bId"], **content} for item in json.loads(request.content)["BatchItemRequest"]]
    return httpx2.Response(200, json={"BatchItemResponse": items, "time": "x"}, headers={"Intuit-Tid": "1-abc"})


def fault(code: str, detail: str = "", *, status: int = 400, element: str = "", message: str = "m") -> httpx2.Response:
    entry = {"Message": message, "Detail": detail, "code": code, "element": element}
    body = {"Fault": {"Error": [entry], "type": "ValidationFault"}}
    return httpx2.Response(status, json=body, headers={"Intuit-Tid": "1-abc"})


def found(entity: str, *records: dict[str, Any]) -> httpx2.Response:
    return httpx2.Response(200, json={"QueryResponse": {entity: list(records)} if records else {}, "time": "x"})
