"""What people come for: each way through the pages, as they go it, against a real service."""

import re
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from tests.browser.browser import opened
from tests.browser.business import Business, open_service, park

pytestmark = pytest.mark.asyncio(loop_scope="package")

SOON_MS = 60_000
"""Work at QBO's pace, and pages that ask every two seconds."""

_POLLED = "() => new Promise((done) => document.body.addEventListener('htmx:afterSettle', done, {once: true}))"

_ASKS_AGAIN = """() => new Promise((done) => {
  document.body.addEventListener("htmx:beforeRequest", () => done(true), {once: true});
  setTimeout(() => done(false), 4000);  // twice as long as a page waits
})"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Business]:
    """A business whose documents are posted."""
    with open_service(tmp_path_factory.mktemp("shop")) as made:
        made.tell()
        yield made


@pytest_asyncio.fixture(loop_scope="package")
async def console(browser: Browser, shop: Business) -> AsyncIterator[Page]:
    """The console, opened at home; no page may have done what it must not."""
    async with opened(browser, shop.url) as (page, watch):
        await page.goto("/")
        yield page
        assert watch.faults == []


async def follow(page: Page, name: str | re.Pattern[str]) -> None:
    """Go where a link leads."""
    await page.locator("main").get_by_role("link", name=name).first.click()


async def press(page: Page, name: str | re.Pattern[str]) -> None:
    """Press a button of the page."""
    await page.locator("main").get_by_role("button", name=name).first.click()


async def section(page: Page, name: str) -> None:
    """Go to a section."""
    await page.get_by_role("navigation", name="Sections").get_by_role("link", name=name, exact=True).click()


async def says(page: Page, text: str | re.Pattern[str]) -> None:
    """Wait until the page says this; nobody loads it anew."""
    await expect(page.locator("main")).to_contain_text(text, timeout=SOON_MS)


async def is_done(page: Page) -> None:
    """Wait until the run whose page it is has come to its end."""
    await expect(page.locator("#progress .badge").first).to_have_text("done", timeout=SOON_MS)


async def test_the_books_of_the_demo_equal_stripe(console: Page) -> None:
    await press(console, "Compare now")
    await says(console, "Books equal Stripe")
    await says(console, "difference 0.00")
    await console.locator("main").get_by_role("link", name="0.00", exact=True).first.click()
    await expect(console).to_have_url(re.compile(r"/tieout\?as_of="))
    await follow(console, re.compile("clearing:usd"))
    await says(console, "Both sides agree")


@pytest.mark.parametrize("address", ["/", "/tieout"])
async def test_a_comparison_under_way_leaves_the_focus_alone(console: Page, shop: Business, address: str) -> None:
    shop.stripe("faults", kind="latency", latency_ms=3_000)  # each page of a list takes that long
    try:
        await section(console, "Tie-out")
        await press(console, "Compare now")
        await console.goto(address)
        link = console.locator("main").get_by_role("link", name=re.compile(r"^run \d+$")).first
        await link.focus()
        await console.evaluate(_POLLED)
        await expect(link).to_be_focused()
    finally:
        shop.bench.client.delete(f"{shop.bench.stripe.url}/_sandbox/faults")
    await says(console, "Books equal Stripe")
    await expect(console.locator("#progress")).not_to_have_attribute("hx-get", re.compile(".*"), timeout=SOON_MS)
    assert await console.evaluate(_ASKS_AGAIN) is False
    shop.settle()


async def test_a_payout_foots(console: Page) -> None:
    await section(console, "Payouts")
    await follow(console, re.compile("^matched"))
    await follow(console, re.compile("^po_"))
    await says(console, "It foots")
    await follow(console, re.compile(r"^Deposit\W"))
    await expect(console).to_have_url(re.compile("/story/Deposit/"))


async def test_an_id_leads_to_its_story(console: Page, shop: Business) -> None:
    shop.look_up()
    await console.get_by_role("searchbox").fill(shop.ids["event"])
    await console.keyboard.press("Enter")
    await expect(console).to_have_url(re.compile("/story/"))
    await says(console, shop.ids["event"])


async def test_a_parked_document_is_mended_and_retried(console: Page, shop: Business) -> None:
    (invoice,) = park(shop, 4_200)
    await section(console, "Parked")
    await follow(console, re.compile(invoice))
    await says(console, "period_closed")
    shop.close_books("")
    await press(console, "Retry")
    await says(console, "It is parked no longer")
    await says(console, "stands in QBO")


async def test_a_bulk_retry_is_canceled(console: Page, shop: Business) -> None:
    park(shop, 5_000, 5_100, 5_200)
    shop.stripe("faults", kind="latency", latency_ms=8_000)  # each look takes that long at least
    try:
        await section(console, "Parked")
        await follow(console, "Plan a retry")
        await says(console, "Nothing has been done yet")
        await press(console, "Retry: 3")
        await says(console, "of 3")
        await console.get_by_role("button", name="Cancel").focus()
        await console.evaluate(_POLLED)
        await console.keyboard.press("Enter")  # whoever has chosen a button keeps it when the page is told anew
        await says(console, "canceled")
    finally:
        shop.bench.client.delete(f"{shop.bench.stripe.url}/_sandbox/faults")
        shop.close_books("")
    shop.settle()


async def test_drift_is_repaired(console: Page, shop: Business) -> None:
    shop.look_up()
    shop.rename("invoice", shop.ids["qbo_invoice"].removeprefix("Invoice/"))
    await section(console, "Drift")
    await press(console, "Verify now")
    await expect(console).to_have_url(re.compile(r"/runs/\d+"))
    await is_done(console)
    await section(console, "Drift")
    await follow(console, "Preview all of the filter")
    await says(console, f"MINE-{shop.ids['qbo_invoice'].removeprefix('Invoice/')}")
    await press(console, re.compile("^Repair"))
    await expect(console).to_have_url(re.compile(r"/runs/\d+"))
    await is_done(console)
    await console.goto("/drift?state=repaired")
    await says(console, shop.ids["qbo_invoice"])


async def test_a_backfill_is_watched(console: Page, shop: Business) -> None:
    invoice = shop.invoice(7_700)  # no webhook tells of it
    await section(console, "Runs")
    await follow(console, "Backfill")
    since = (datetime.now(UTC) - timedelta(days=2)).date()
    await console.get_by_label("From", exact=True).fill(since.isoformat())
    await press(console, "Check")
    warned = console.get_by_label("Begin although something is to be known first")
    if await warned.count():
        await warned.check()
    await press(console, "Start the backfill")
    await expect(console).to_have_url(re.compile(r"/runs/\d+"))
    await is_done(console)
    await console.reload()
    await says(console, invoice)


async def test_a_month_is_signed_off(console: Page, shop: Business) -> None:
    month = f"{datetime.now(UTC).date().replace(day=1) - timedelta(days=1):%Y-%m}"
    await section(console, "Close")
    await follow(console, month)
    await press(console, "Compare")
    await says(console, re.compile("equal Stripe|differ from Stripe"))
    await console.get_by_label(re.compile("^Reason")).fill("looked at")
    await press(console, f"Sign {month} off")
    await says(console, re.compile(r"Signed off\..*by local", re.IGNORECASE | re.DOTALL))
    evidence = await console.request.get(f"/close/{month}/evidence.zip")
    assert evidence.headers["content-type"] == "application/zip"
    await press(console, "Withdraw the sign-off")
    await says(console, "withdrawn")
