"""The first connection: a service that knows no token yet, Intuit's question, and the first documents."""

import re
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from tests.browser.browser import opened
from tests.browser.business import open_service

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def test_a_company_is_connected_in_the_console(browser: Browser, tmp_path: Path) -> None:
    with open_service(tmp_path, WESCOPE_QBO_REFRESH_TOKEN="") as made:
        async with opened(browser, made.url) as (page, watch):
            watch.known.append(made.bench.qbo.url)
            await page.goto("/")
            main = page.locator("main")
            await page.get_by_role("link", name="Setup").click()
            await main.get_by_role("link", name=re.compile("QuickBooks Online")).first.click()
            await expect(main).to_contain_text("not connected")
            await main.get_by_role("button", name="Connect QuickBooks Online").click()
            await page.get_by_role("button", name="Connect", exact=True).click()
            await expect(page).to_have_url(re.compile(r"/setup/connect\?connected=true"))
            await expect(main).to_contain_text("Connected.")
            await page.goto("/setup/doctor")
            await main.get_by_role("button", name="Run the checks").click()
            await expect(main).to_contain_text("Nothing stands in the way")
            assert watch.faults == []
        made.tell()
        assert made.get("status")["posted"] > 0
