"""Callback: the one page on this machine to which Intuit sends the browser back after `wescope connect`."""

import asyncio
import contextlib
import html
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

from wescope.errors import ConfigurationError

PATH = "/callback"
_LONGEST_LINE, _READ_S, _LAST_PAGE_S = 16_384, 10.0, 2.0
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>WeScope Sync</title>
<style>body {{ font: 16px/1.5 system-ui, sans-serif; margin: 4rem auto; max-width: 40rem; padding: 0 1rem; }}</style>
</head><body><h1>{title}</h1><p>{text}</p></body></html>
"""


class PortInUse(ConfigurationError):
    """Intuit's answer cannot be received: another program listens on this port."""

    code = "connect_port_in_use"
    remedy = (
        "End the other program, choose another port with --port (register its address for the app at Intuit), or use "
        "--paste."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What the browser is shown."""

    title: str
    text: str
    status: int = 200


Answered = Callable[[str], Awaitable[Page]]
"""Is given the address that the browser asked for, with its query; gives what the browser is shown."""


@contextlib.asynccontextmanager
async def listening(port: int, answered: Answered) -> AsyncIterator[int]:
    """Listen on this machine for the length of the block; gives the port (a free one for 0).

    Raises:
        PortInUse: another program has it.
    """
    serving: set[asyncio.Task[object]] = set()
    server = await _server("127.0.0.1", port, answered, serving)
    taken = int(server.sockets[0].getsockname()[1])
    with contextlib.ExitStack() as stack:
        stack.callback(server.close)
        # Some browsers look for "localhost" there first.
        with contextlib.suppress(PortInUse):
            stack.callback((await _server("::1", taken, answered, serving)).close)
        try:
            yield taken
        finally:
            if serving:  # the browser gets its page
                await asyncio.wait(serving, timeout=_LAST_PAGE_S)


async def _server(host: str, port: int, answered: Answered, serving: set[asyncio.Task[object]]) -> asyncio.Server:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task:
            serving.add(task)
            task.add_done_callback(serving.discard)
        with contextlib.suppress(OSError, TimeoutError, ValueError):
            await _serve(reader, writer, answered)
        writer.close()

    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return await asyncio.start_server(serve, host, port, family=family, limit=_LONGEST_LINE)
    except OSError as error:
        raise PortInUse(port=port) from error


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answered: Answered) -> None:
    async with asyncio.timeout(_READ_S):
        method, _, rest = (await reader.readline()).decode("latin-1").partition(" ")
        while (await reader.readline()).strip():
            pass
    target = rest.partition(" ")[0]
    page = Page(title="Nothing here", text="This page only receives the answer of Intuit.", status=404)
    if method == "GET" and target.partition("?")[0] == PATH:
        page = await answered(target)
    body = _PAGE.format(title=html.escape(page.title), text=html.escape(page.text)).encode()
    head = (
        f"HTTP/1.1 {page.status} .\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {len(body)}\r\n"
        "Cache-Control: no-store\r\nReferrer-Policy: no-referrer\r\nConnection: close\r\n"
        "Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'\r\n\r\n"
    )
    writer.write(head.encode() + body)
    await writer.drain()
