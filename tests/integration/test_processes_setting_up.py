"""Setting up as processes: started without a connection, connected by the page, reviewed, released, and held again."""

import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from tests.integration.processes import Bench, Process, bench, until

pytestmark = [pytest.mark.timeout(480), pytest.mark.slow]


def test_a_new_installation_comes_to_posted_documents_in_the_browser(tmp_path: Path) -> None:
    (tmp_path / "wescope.toml").write_text("[books]\ndry_run = true\n", encoding="utf-8")
    with bench(tmp_path, customers=4, months=1) as made:
        new = {
            "WESCOPE_QBO_REFRESH_TOKEN": "",
            "WESCOPE_QBO_AUTHORIZE_URL": f"{made.qbo.url}/connect/oauth2",
        }
        web, worker = made.serve("web", **new), made.serve("worker", **new)
        made.deliver(web)
        made.until_idle(web)
        assert _steps(made, web) == {"webhooks": "done", "qbo": "todo", "dry_run": "todo"}
        assert made.qbo_requests()["total"] == 0

        with httpx2.Client(base_url=web.url, headers={"accept": "text/html"}, trust_env=False) as browser:
            _connect(made, browser)
            assert _steps(made, web) == {"webhooks": "done", "qbo": "done", "dry_run": "todo"}
            assert "Nothing stands in the way." in browser.get("/setup/doctor?run=true").text
            assert _writes(made) == 0
            html = browser.get("/setup/dry-run?sample=3").text
            assert "Planned documents" in html
            review = re.search(r'name="review" value="([^"]+)"', html)
            assert review
            assert _send(browser, "/setup/dry-run", "/setup/dry-run/release", review=review.group(1)).is_redirect
            until(lambda: _writes(made) > 0, timeout_s=60, what="posting")
            made.until_idle(web)
            made.check_books(web)

            assert _send(browser, "/setup/dry-run", "/setup/dry-run/hold").is_redirect
            assert made.status(web)["dry_run"]
        assert worker.popen.poll() is None


def _steps(made: Bench, web: Process) -> dict[str, str]:
    steps = made.get(web, "/api/v1/setup")["steps"]
    return {step["key"]: step["state"] for step in steps if step["key"] in {"webhooks", "qbo", "dry_run"}}


def _send(browser: httpx2.Client, page: str, action: str, **fields: str) -> httpx2.Response:
    token = re.search(r'name="csrf_token" value="([^"]+)"', browser.get(page).text)
    assert token
    return browser.post(action, data={"csrf_token": token.group(1), **fields})


def _connect(made: Bench, browser: httpx2.Client) -> None:
    there = _send(browser, "/setup/connect", "/setup/connect").headers["refresh"].removeprefix("0; url=")
    asked = {name: values[0] for name, values in parse_qs(urlsplit(there).query).items()}
    form = {**asked, "realm_id": made.qbo.announced["realm_id"], "decision": "connect"}
    answer = httpx2.post(f"{made.qbo.url}/connect/oauth2", data=form, trust_env=False)
    back = browser.get(answer.headers["location"])
    assert browser.get(back.headers["refresh"].removeprefix("0; url=")).is_redirect


def _writes(made: Bench) -> int:
    return int(made.qbo_requests()["writes"])
