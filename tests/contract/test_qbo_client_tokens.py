"""A refresh is made once over all processes, on the real token table and against the local QBO; and what goes wrong."""

import asyncio
import contextlib
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from wescope.engine.tokens import StoredTokenStore
from wescope.errors import QboDisconnected, QboNotSent, QboThrottled
from wescope.links.database import migrate, open_engine
from wescope.links.embedded import embedded_postgres
from wescope.links.tokens import TokenTable
from wescope.qbo.tokens import TokenSource
from wescope.sandbox.qbo import QboSandbox, Running

WORKER = """
import asyncio, os, signal, sys
from wescope.engine import tokens as tokens_module
from wescope.engine.tokens import StoredTokenStore
from wescope.links.database import open_engine
from wescope.links.tokens import TokenTable
from wescope.qbo.tokens import TokenSource

async def main(url, key, realm, client_id, client_secret, token_url):
    engine = open_engine(url)
    store = StoredTokenStore(TokenTable(engine, [key]))
    tokens = TokenSource(
        realm_id=realm, store=store, client_id=client_id, client_secret=client_secret, token_url=token_url
    )
    old = await tokens.access_token()
    print("ready", flush=True)
    if "die" in sys.stdin.readline():
        async def die(self, pair, **options):
            os.kill(os.getpid(), signal.SIGKILL)
        tokens_module.StoredTokenRow.save = die
    got = set(await asyncio.gather(*(tokens.refresh(old) for _ in range(10))))
    print(len(got), old not in got, flush=True)
    await tokens.aclose()
    await engine.dispose()

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.mark.slow
async def test_two_processes_refresh_once(tmp_path: Path) -> None:
    key = Fernet.generate_key().decode()
    with embedded_postgres(tmp_path) as database:
        sandbox = QboSandbox(knobs={"refresh_ms": 300})
        async with sandbox.serve() as running, _connected(database.url, key, running) as store:
            arguments = [
                database.url,
                key,
                running.realm_id,
                running.tokens.client_id,
                running.tokens.client_secret,
                _token_url(running),
            ]
            processes = await asyncio.gather(*(_start(arguments) for _ in range(2)))
            outputs = await asyncio.gather(*(process.communicate(b"go\n") for process in processes))
            assert [output for output, _ in outputs] == [b"1 True\n", b"1 True\n"]
            stored = await store.load(running.realm_id)
            assert stored is not None
            # A second refresh would be refused: the sandbox rotates at every use.
            assert stored.generation == 2
        sandbox.close()


@pytest.mark.slow
@pytest.mark.parametrize("old", ["invalid", "revokes", "valid"])
async def test_a_process_that_dies_between_receiving_and_storing(tmp_path: Path, old: str) -> None:
    key = Fernet.generate_key().decode()
    with embedded_postgres(tmp_path) as database:
        sandbox = QboSandbox(knobs={"old_refresh_token": old})
        async with sandbox.serve() as running, _connected(database.url, key, running) as store:
            process = await _start([database.url, key, *_keys(running), _token_url(running)])
            await process.communicate(b"die\n")
            assert process.returncode == -signal.SIGKILL
            assert running.tokens.refreshes == 2
            stored = await store.load(running.realm_id)
            assert stored is not None
            assert stored.generation == 1, "the new pair is lost"
            tokens = _source(store, running)
            if old == "valid":
                assert await tokens.refresh(stored.access_token) != stored.access_token
            else:
                for _ in range(3):
                    with pytest.raises(QboDisconnected, match="invalid_grant"):
                        await tokens.refresh(stored.access_token)
                assert running.tokens.refreshes == 3
            await tokens.aclose()
        sandbox.close()


@pytest.mark.slow
async def test_the_end_point_that_is_slow_broken_or_busy(tmp_path: Path) -> None:
    key = Fernet.generate_key().decode()
    with embedded_postgres(tmp_path) as database:
        sandbox = QboSandbox()
        async with sandbox.serve() as running, _connected(database.url, key, running) as store:
            for kind, options in (
                ("error_before", {"status": 503, "format": "html"}),
                ("error_before", {"status": 500}),
                ("drop_before", {}),
                ("throttle", {}),
            ):
                running.faults.arm(kind, entity="Token", **options)
                tokens = _source(store, running)
                stored = await store.load(running.realm_id)
                assert stored is not None
                with pytest.raises(QboThrottled if kind == "throttle" else QboNotSent):
                    await tokens.refresh(stored.access_token)
                await tokens.aclose()
            running.faults.arm("delay_before", entity="Token", ms=500)
            stored = await store.load(running.realm_id)
            assert stored is not None
            sources = [_source(store, running) for _ in range(3)]
            renewed = await asyncio.gather(*(one.refresh(stored.access_token) for one in sources for _ in range(5)))
            assert len(set(renewed)) == 1
            for one in sources:
                await one.aclose()
            assert running.tokens.refreshes == 2
        sandbox.close()


def _keys(running: Running) -> tuple[str, str, str]:
    return running.realm_id, running.tokens.client_id, running.tokens.client_secret


def _source(store: StoredTokenStore, running: Running) -> TokenSource:
    realm_id, client_id, client_secret = _keys(running)
    return TokenSource(
        realm_id=realm_id,
        store=store,
        client_id=client_id,
        client_secret=client_secret,
        token_url=_token_url(running),
    )


@contextlib.asynccontextmanager
async def _connected(url: str, key: str, running: Running) -> AsyncIterator[StoredTokenStore]:
    """A store with the first pair in it."""
    engine = open_engine(url)
    await migrate(engine)
    store = StoredTokenStore(TokenTable(engine, [key]))
    tokens = TokenSource(
        realm_id=running.realm_id,
        store=store,
        client_id=running.tokens.client_id,
        client_secret=running.tokens.client_secret,
        token_url=_token_url(running),
        seed_refresh_token=running.tokens.refresh_token,
    )
    await tokens.access_token()
    await tokens.aclose()
    yield store
    await engine.dispose()


def _token_url(running: Running) -> str:
    return f"{running.url}/oauth2/v1/tokens/bearer"


async def _start(arguments: list[str]) -> asyncio.subprocess.Process:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", WORKER, *arguments, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    assert await process.stdout.readline() == b"ready\n"
    return process
