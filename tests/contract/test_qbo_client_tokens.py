"""A refresh is made once over all processes, on the real token table and against the local QBO."""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from wescope.engine.tokens import StoredTokenStore
from wescope.links.database import migrate, open_engine
from wescope.links.embedded import embedded_postgres
from wescope.links.tokens import TokenTable
from wescope.qbo.tokens import TokenSource
from wescope.sandbox.qbo import QboSandbox, Running

WORKER = """
import asyncio, sys
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
    sys.stdin.readline()
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
