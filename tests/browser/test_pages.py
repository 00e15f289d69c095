"""Every page, in a real browser: it loads whole, can be used by everybody, on a phone, and without scripts."""

import pytest
from playwright.async_api import Browser

from tests.browser import checks
from tests.browser.browser import opened
from tests.browser.business import Business
from tests.browser.links import crawl
from tests.browser.pages import PAGES, Page

pytestmark = pytest.mark.asyncio(loop_scope="package")


@pytest.mark.parametrize("told", PAGES, ids=lambda page: page.address)
async def test_a_page(browser: Browser, business: Business, told: Page) -> None:
    address = told.address.format(**business.ids)
    async with opened(browser, business.url) as (page, watch):
        answer = await page.goto(address, wait_until="load")
        assert answer is not None
        assert answer.status == told.status
        faults = await checks.went_well(page, watch)
        faults += await checks.accessible(page)
        faults += await checks.narrow(page)
        faults += await checks.by_keyboard(page)
        assert faults == []


@pytest.mark.parametrize("told", PAGES, ids=lambda page: page.address)
async def test_a_page_is_there_without_scripts(browser: Browser, business: Business, told: Page) -> None:
    async with opened(browser, business.url, java_script_enabled=False) as (page, _):
        answer = await page.goto(told.address.format(**business.ids), wait_until="load")
        assert answer is not None
        assert answer.status == told.status
        assert await checks.readable(page) == []


async def test_links_lead_somewhere(business: Business) -> None:
    def fetch(address: str) -> tuple[int, str, str]:
        answer = business.bench.client.get(f"{business.url}{address}", follow_redirects=True)
        return answer.status_code, answer.headers.get("content-type", ""), answer.text

    start = [page.address.format(**business.ids) for page in PAGES if page.status == 200]
    assert crawl(start, business.url, fetch) == []
