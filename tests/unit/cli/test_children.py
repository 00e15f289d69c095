"""Children: they announce themselves, and none outlives its command."""

import asyncio
import os
from pathlib import Path

import pytest

from wescope.cli import children
from wescope.cli.children import ChildFailed, Children, bare_environment

LISTENING = "import json, time; print(json.dumps({'url': 'http://x'}), flush=True); time.sleep(60)"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);" + LISTENING


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_a_child_announces_itself_and_ends_with_its_command(tmp_path: Path) -> None:
    async with Children(tmp_path) as running:
        child = await running.start("stripe", ("-c", LISTENING), bare_environment())
        assert await child.announcement(timeout_s=30) == {"url": "http://x"}
        child.check_alive()
    assert not is_alive(child.process.pid)


async def test_children_end_when_the_command_is_cancelled(tmp_path: Path) -> None:
    started: list[int] = []
    both = asyncio.Event()

    async def command() -> None:
        async with Children(tmp_path) as running:
            for name in ("stripe", "qbo"):
                child = await running.start(name, ("-c", LISTENING), bare_environment())
                started.append(child.process.pid)
            both.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(command())
    await both.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(started) == 2
    assert not any(is_alive(pid) for pid in started)


async def test_a_child_that_does_not_stop_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(children, "STOP_TIMEOUT_S", 0.05)
    async with Children(tmp_path) as running:
        child = await running.start("stripe", ("-c", STUBBORN), bare_environment())
        await child.announcement(timeout_s=30)
    assert not is_alive(child.process.pid)


@pytest.mark.parametrize("code", ["pass", "print('hello')", "print('[1]')"])
async def test_a_child_that_says_something_else_has_failed(tmp_path: Path, code: str) -> None:
    async with Children(tmp_path) as running:
        child = await running.start("stripe", ("-c", code), bare_environment())
        with pytest.raises(ChildFailed, match=r"stripe\.log"):
            await child.announcement(timeout_s=30)


def test_children_inherit_no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WESCOPE_STRIPE_API_KEY", "sk_live_1")
    assert not [name for name in bare_environment() if name.startswith("WESCOPE_")]
