"""What the checks are for, they find; and a page as it should be has none of it."""

import pytest
from playwright.async_api import Browser, Page

from tests.browser import checks
from tests.browser.browser import Watch, opened

pytestmark = pytest.mark.asyncio(loop_scope="package")

GOOD = """<!doctype html><html lang="en"><head><title>A page</title><style>:focus-visible {outline: 3px solid}
.skip {position: absolute; left: -100vw} .skip:focus {left: 0}</style></head><body>
<a class="skip" href="#main">Skip to the page</a>
<main id="main" tabindex="-1"><h1>A page</h1><p>Enough text to be read by somebody.</p><a href="/there">There</a>
<form method="post" action="/do"><label>Why <input name="why"></label><button>Do it</button></form>
%s</main></body></html>"""


SITE = "http://page.test"


async def show(page: Page, text: str, **headers: str) -> None:
    """Have the page show this, as if a server had sent it."""
    await page.route(f"{SITE}/", lambda route: route.fulfill(body=text, content_type="text/html", headers=headers))
    await page.goto(f"{SITE}/")


async def findings(page: Page, watch: Watch, more: str) -> str:
    await show(page, GOOD % more)
    found = await checks.went_well(page, watch)
    for check in (checks.accessible, checks.narrow, checks.by_keyboard, checks.readable):
        found += await check(page)
    return "\n".join(found)


@pytest.mark.parametrize(
    ("more", "fault"),
    [
        ("", ""),
        ("<img src='data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAA='>", "image-alt"),
        ("<input name='nameless'>", "label"),
        ("<p class='faint'>Faint</p><style>.faint {color: #ccc; background: #fff}</style>", "color-contrast"),
        (
            "<style>@media (prefers-color-scheme: dark) {b {color: #333; background: #000}}</style><b>Faint</b>",
            "dark: color-contrast",
        ),
        ("<table><tr><td>" + "w" * 200 + "</td></tr></table>", "px wide"),
        ("<div style='overflow-x: auto' tabindex='0' role='region' aria-label='w'>" + "w" * 200 + "</div>", ""),
        ("<a href='/x' id='x'>X</a><style>#x:focus {outline: none}</style>", "focus is not visible"),
        ("<button tabindex='3' form='f'>Early</button>", "Tab goes another way"),
        ("<a href='/t' onkeydown='event.preventDefault()'>Trap</a><a href='/u'>After</a>", "not reached by Tab"),
        ("<button type='button'>Nothing</button>", "does nothing without scripts"),
        ("<a href='#'>Nowhere</a>", "leads nowhere without scripts"),
        ("<h1>Another</h1>", "2 headings h1"),
        ("<script>console.error('broken')</script>", "console: broken"),
        ("<script>missing()</script>", "script: "),
        ("<script src='http://127.0.0.1:9/x.js'></script>", "elsewhere: "),
    ],
)
async def test_a_fault_is_found(browser: Browser, more: str, fault: str) -> None:
    async with opened(browser, SITE) as (page, watch):
        found = await findings(page, watch, more)
    assert fault in found
    assert fault or not found


async def test_what_the_policy_refuses_is_found(browser: Browser) -> None:
    async with opened(browser, SITE) as (page, watch):
        policy = {"Content-Security-Policy": "default-src 'none'"}
        await show(page, "<title>Red</title><p style='color: red'>Red</p>", **policy)
        found = "\n".join(await checks.went_well(page, watch))
    assert "policy: style-src-attr refused inline" in found
