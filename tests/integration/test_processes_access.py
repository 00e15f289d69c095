"""A real service that people sign in to: over HTTP, with a provider, on an address that others can reach."""

import socket
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.integration.processes import Bench, Process, bench
from tests.unit.web.access.provider import CLIENT_ID, CLIENT_SECRET, FakeProvider, running_provider

pytestmark = [pytest.mark.timeout(300), pytest.mark.slow]

TOKEN = "t" * 40
POLICY = '[access]\noperators = ["boss@example.com"]\nviewers = ["@example.com"]\n'


@pytest.fixture(scope="module")
def provider() -> Iterator[FakeProvider]:
    with running_provider() as running:
        yield running


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, provider: FakeProvider) -> Iterator[tuple[Bench, Process]]:
    folder = tmp_path_factory.mktemp("access")
    policy = folder / "wescope.toml"
    policy.write_text(POLICY, encoding="utf-8")
    with bench(folder, customers=2, months=1) as made:
        made.port = free_port()
        service = made.serve(
            WESCOPE_HOST="0.0.0.0",  # noqa: S104 - that is the point
            WESCOPE_CONFIG=str(policy),
            WESCOPE_ACCESS="oidc",
            WESCOPE_PUBLIC_URL=f"http://127.0.0.1:{made.port}",
            WESCOPE_OIDC_ISSUER=provider.issuer,
            WESCOPE_OIDC_CLIENT_ID=CLIENT_ID,
            WESCOPE_OIDC_CLIENT_SECRET=CLIENT_SECRET,
            WESCOPE_API_TOKENS=f"ops:operator:{TOKEN}",
        )
        yield made, service


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def browser_of(made: Bench) -> httpx2.Client:
    return httpx2.Client(base_url=f"http://127.0.0.1:{made.port}", headers={"accept": "text/html"}, timeout=30)


def sign_in(browser: httpx2.Client, provider: FakeProvider, email: str) -> httpx2.Response:
    provider.claims = {"email": email, "email_verified": True}
    begun = browser.get("/sign-in/start", params={"next": "/?a=b"})
    assert begun.status_code == 303, begun.text
    return browser.get("/sign-in/callback", params=provider.authorize(begun.headers["location"]))


def test_people_sign_in_and_out_and_are_logged_without_a_name(
    running: tuple[Bench, Process], provider: FakeProvider
) -> None:
    made, service = running
    with browser_of(made) as browser:
        assert browser.get("/").headers["location"] == "/sign-in"
        back = sign_in(browser, provider, "boss@example.com")
        assert (back.status_code, back.headers["location"]) == (303, "/?a=b")
        page = browser.get("/?a=b")
        assert page.status_code == 200
        token = page.text.split('name="csrf_token" value="')[1].partition('"')[0]
        assert browser.post("/api/v1/sweep", json={"dry_run": True}).status_code == 200
        forged = browser.post("/api/v1/sweep", json={"dry_run": True}, headers={"origin": "https://evil.example"})
        assert forged.status_code == 403
        assert browser.post("/sign-out", data={"csrf_token": token}).status_code == 303
        assert browser.get("/api/v1/status").status_code == 401
        assert sign_in(browser, provider, "eve@evil.example").status_code == 403
    told = service.log_text()
    assert "signed in" in told
    assert "user:" in told
    assert "boss" not in told
    assert "eve@" not in told


def test_a_program_has_a_token_and_local_callers_are_nobody_special(running: tuple[Bench, Process]) -> None:
    made, _ = running
    with browser_of(made) as program:
        assert program.get("/api/v1/status").status_code == 401
        allowed = program.get("/api/v1/status", headers={"authorization": f"Bearer {TOKEN}"})
        assert allowed.status_code == 200
        assert program.get("/", headers={"authorization": f"Bearer {TOKEN}"}).status_code == 303
        assert program.get("/healthz").status_code == 200


def test_it_does_not_start_if_a_setting_is_missing(running: tuple[Bench, Process], tmp_path: Path) -> None:
    made, _ = running
    ended = made.command("serve", WESCOPE_ACCESS="iap", WESCOPE_PORT="0", WESCOPE_HOME=str(tmp_path))
    assert ended.returncode != 0
    assert "WESCOPE_IAP_AUDIENCE" in ended.stdout + ended.stderr
