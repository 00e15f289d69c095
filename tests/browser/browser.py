"""The browser: Debian's Chromium by Playwright, and contexts of it that note what must not happen on a page."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, Playwright, Request, Response

ROOT = Path(__file__).parents[2]
LOCAL = ROOT / ".tools" / "chromium"
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
TIMEOUT_MS = 20_000
DESKTOP = {"width": 1280, "height": 800}
PHONE = {"width": 360, "height": 740}

_VIOLATIONS = """
window.refused = [];
document.addEventListener("securitypolicyviolation",
  (event) => window.refused.push(`${event.effectiveDirective} refused ${event.blockedURI} ${event.sample}`));
"""


def executable() -> str:
    """Where Chromium is: the system's, else that of `make browser` in .tools."""
    found = shutil.which("chromium", path="/usr/bin")
    local = LOCAL / "chromium"
    assert found or local.is_file(), "Chromium is missing: `make browser`, or install Debian's package chromium"
    return found or str(local)


async def launch(playwright: Playwright) -> Browser:
    """The browser, without a window."""
    return await playwright.chromium.launch(executable_path=executable(), args=list(FLAGS), timeout=60_000)


@dataclass  # without slots: Playwright notes on it how its methods are called
class Watch:
    """What happened on a page that must not: errors of scripts, refusals, failed requests, requests elsewhere.

    `known` are other origins that a journey leads to.
    """

    origin: str
    faults: list[str] = field(default_factory=list)
    known: list[str] = field(default_factory=list)

    def follow(self, page: Page) -> None:
        """Note what happens from now on."""
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.faults.append(f"script: {error}"))
        page.on("requestfailed", self._failed)
        page.on("response", self._response)
        page.on("request", self._request)

    def _console(self, message: ConsoleMessage) -> None:
        # Chromium reports the answer of the page itself, which tests look at by themselves.
        if message.type in {"error", "warning"} and "Failed to load resource" not in message.text:
            self.faults.append(f"console: {message.text}")

    def _failed(self, request: Request) -> None:
        if request.failure != "net::ERR_ABORTED":  # a poll that was on its way when the page was left
            self.faults.append(f"failed: {request.url} {request.failure}")

    def _response(self, response: Response) -> None:
        if response.status >= 400 and not response.request.is_navigation_request():
            self.faults.append(f"answered {response.status}: {response.url}")

    def _request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in {"data", "about"} and f"{parts.scheme}://{parts.netloc}" not in {
            self.origin,
            *self.known,
        }:
            self.faults.append(f"elsewhere: {request.url}")


@asynccontextmanager
async def opened(browser: Browser, origin: str, **options: Any) -> AsyncIterator[tuple[Page, Watch]]:
    """An empty page of a browser that knows nothing yet, and what watches it."""
    context: BrowserContext = await browser.new_context(
        base_url=origin, viewport=options.pop("viewport", DESKTOP), color_scheme="light", **options
    )
    context.set_default_timeout(TIMEOUT_MS)
    try:
        page = await context.new_page()
        await page.add_init_script(_VIOLATIONS)
        watch = Watch(origin)
        watch.follow(page)
        yield page, watch
    finally:
        await context.close()
