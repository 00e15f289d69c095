"""Children: processes that a command starts, told apart by name, and always stopped with it."""

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from wescope.books.parking import Owner
from wescope.errors import WescopeError

STOP_TIMEOUT_S = 20.0
"""How long a child may take to stop by itself; PostgreSQL's last checkpoint needs some of it."""

PREFIX = "WESCOPE_"


class ChildFailed(WescopeError):
    """A process that belongs to this command did not start, or ended too early."""

    code = "child_failed"
    owner = Owner.US
    remedy = "Read the log that is named."


@dataclass(slots=True, kw_only=True)
class Child:
    """One running process: its stdout is read by us, its stderr goes to `log`."""

    name: str
    process: asyncio.subprocess.Process
    log: Path
    _drain: asyncio.Task[None] | None = field(default=None, repr=False)

    async def announcement(self, *, timeout_s: float) -> dict[str, Any]:
        """The JSON object that the child prints in its first line once it listens.

        Raises:
            ChildFailed: it ended, printed something else, or took longer than `timeout_s`.
        """
        assert self.process.stdout is not None  # noqa: S101 - Children.start always asks for a pipe
        try:
            async with asyncio.timeout(timeout_s):
                line = await self.process.stdout.readline()
            announced = json.loads(line)
        except (TimeoutError, ValueError) as error:
            raise ChildFailed(f"{self.name} did not announce itself; its log: {self.log}") from error
        if not isinstance(announced, dict):
            raise ChildFailed(f"{self.name} announced something else; its log: {self.log}")
        self._drain = asyncio.create_task(self._read_on(self.process.stdout))
        return announced

    def check_alive(self) -> None:
        """Raise unless the child still runs.

        Raises:
            ChildFailed: it has ended.
        """
        if self.process.returncode is not None:
            raise ChildFailed(f"{self.name} ended with {self.process.returncode}; its log: {self.log}")

    async def stop(self) -> None:
        """Ask the child to stop, wait, and end it if it does not."""
        with contextlib.suppress(ProcessLookupError):
            self.process.terminate()
        try:
            async with asyncio.timeout(STOP_TIMEOUT_S):
                await self.process.wait()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                self.process.kill()
            await self.process.wait()
        if self._drain is not None:
            self._drain.cancel()

    @staticmethod
    async def _read_on(stream: asyncio.StreamReader) -> None:
        """Read what the child still prints, so that it never waits for us."""
        while await stream.read(65536):
            pass


class Children:
    """The children of one command. Leaving the `with` stops them, the last one first, whatever happened."""

    def __init__(self, logs: Path) -> None:
        """Take the folder of their logs."""
        self._logs = logs
        self._running: list[Child] = []

    async def __aenter__(self) -> Self:
        self._logs.mkdir(parents=True, exist_ok=True)
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        for child in reversed(self._running):
            await child.stop()

    async def start(self, name: str, arguments: Sequence[str], environment: Mapping[str, str]) -> Child:
        """Start `python ARGUMENTS` with this environment, in a session of its own: a Ctrl-C reaches only us."""
        path = self._logs / f"{name}.log"
        with path.open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                *arguments,
                env=dict(environment),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
        child = Child(name=name, process=process, log=path)
        self._running.append(child)
        return child


def bare_environment() -> dict[str, str]:
    """This process's environment without any setting of WeScope, for children that get their own."""
    return {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)} | {
        "PYTHONUNBUFFERED": "1"
    }
