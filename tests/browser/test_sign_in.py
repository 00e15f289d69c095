"""People sign in with their organisation, see what their role may, and leave again."""

import re
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from tests.browser import checks
from tests.browser.browser import opened
from tests.browser.business import open_service
from tests.integration.processes import free_port
from tests.unit.web.access.provider import CLIENT_ID, CLIENT_SECRET, running_provider

pytestmark = pytest.mark.asyncio(loop_scope="package")

POLICY = """\
[access]
viewers = ["@example.com"]
operators = ["boss@example.com"]
"""


async def test_a_viewer_and_an_operator_sign_in(browser: Browser, tmp_path: Path) -> None:
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    settings = {
        "WESCOPE_PORT": str(port),
        "WESCOPE_ACCESS": "oidc",
        "WESCOPE_PUBLIC_URL": address,
        "WESCOPE_OIDC_CLIENT_ID": CLIENT_ID,
        "WESCOPE_OIDC_CLIENT_SECRET": CLIENT_SECRET,
    }
    with (
        running_provider() as provider,
        open_service(tmp_path, POLICY, WESCOPE_OIDC_ISSUER=provider.issuer, **settings),
    ):
        async with opened(browser, address) as (page, watch):
            watch.known.append(provider.issuer)
            for email, role in (("clerk@example.com", "viewer"), ("boss@example.com", "operator")):
                provider.claims = {"email": email, "email_verified": True}
                await page.goto("/parked?code=period_closed")
                await expect(page).to_have_url(re.compile("/sign-in"))
                faults = await checks.went_well(page, watch)
                for check in (checks.accessible, checks.narrow, checks.by_keyboard, checks.readable):
                    faults += await check(page)
                assert faults == []
                await page.get_by_role("link", name="Sign in with your organisation").click()
                await expect(page).to_have_url(f"{address}/parked?code=period_closed")
                await expect(page.get_by_role("contentinfo")).to_contain_text(role)
                await page.get_by_role("link", name="Drift", exact=True).click()
                await expect(page.get_by_role("button", name="Verify now")).to_have_count(int(role == "operator"))
                await page.get_by_role("button", name="Sign out").click()
                await expect(page.locator("main")).to_contain_text("You are signed out here")
