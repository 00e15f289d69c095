"""One browser and one business for all tests of a file's process; journeys that need it get a world of their own."""

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright

from tests.browser.browser import launch
from tests.browser.business import Business, fill, open_service


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def browser() -> AsyncIterator[Browser]:
    """Chromium, as long as this (xdist) process has tests of pages."""
    async with async_playwright() as playwright:
        opened = await launch(playwright)
        yield opened
        await opened.close()


@pytest.fixture(scope="module")
def business(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Business]:
    """A business that has something of everything; tests of pages only look at it."""
    with open_service(tmp_path_factory.mktemp("business")) as made:
        fill(made)
        yield made
