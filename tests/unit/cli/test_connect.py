"""`wescope connect`: what it prints, what the browser is shown, and what each failure says."""

import asyncio
import json
import socket
import threading
import webbrowser
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx2
import pytest
from typer.testing import CliRunner, Result

from tests.unit.cli.conftest import Run
from wescope.cli import connect as work
from wescope.cli.callback import Page, listening
from wescope.cli.main import app
from wescope.config import Settings
from wescope.engine.connecting import Connected
from wescope.errors import DatabaseUnavailable, WescopeError
from wescope.qbo.connect import ConnectAnswerForeign, ConnectDenied

GOOD = "code=XAB1&state=s&realmId=9130347"


Browser = Callable[..., Callable[[], list[tuple[int, str]]]]


@dataclass(kw_only=True)
class FakeConnector:
    """Takes the answers; fails as told, once each."""

    failures: list[WescopeError] = field(default_factory=list)
    answers: list[tuple[str, str]] = field(default_factory=list)

    def authorize_url(self, redirect_uri: str) -> str:
        return f"https://intuit.test/connect?redirect_uri={redirect_uri}"

    async def connect(self, answer: str, redirect_uri: str) -> Connected:
        self.answers.append((answer, redirect_uri))
        if self.failures:
            raise self.failures.pop(0)
        return Connected(realm_id="9130347", refresh_token_days_left=100, woken=3)


@dataclass(kw_only=True)
class ConnectWiring:
    connector: FakeConnector = field(default_factory=FakeConnector)
    failure: Exception | None = None

    @asynccontextmanager
    async def open_connector(self, settings: Settings) -> AsyncIterator[FakeConnector]:
        settings.require_qbo_app()
        if self.failure:
            raise self.failure
        yield self.connector


@pytest.fixture
def connecting(monkeypatch: pytest.MonkeyPatch) -> ConnectWiring:
    fake = ConnectWiring()
    monkeypatch.setattr(work, "wiring", lambda: fake)
    return fake


@pytest.fixture
def browser(monkeypatch: pytest.MonkeyPatch) -> Iterator[Browser]:
    """A browser that is sent back with these queries, one after another; gives what it was shown."""
    shown: list[tuple[int, str]] = []
    threads: list[threading.Thread] = []

    def pages() -> list[tuple[int, str]]:
        for thread in threads:
            thread.join(timeout=10)
        return shown

    def use(*paths: str) -> Callable[[], list[tuple[int, str]]]:
        def opened(url: str) -> bool:
            base = url.partition("redirect_uri=")[2].removesuffix("/callback").replace("localhost", "127.0.0.1")

            def visit() -> None:
                for path in paths:
                    page = httpx2.get(f"{base}{path}", timeout=10, trust_env=False)
                    shown.append((page.status_code, page.text))

            threads.append(threading.Thread(target=visit))
            threads[-1].start()
            return True

        monkeypatch.setattr(webbrowser, "open", opened)
        return pages

    yield use
    pages()


def test_the_browser_brings_the_answer(run: Run, connecting: ConnectWiring, browser: Browser) -> None:
    shown = browser("/favicon.ico", f"/callback?{GOOD}")
    result = run("connect", "--port", "0", "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout) == {
        "connected": True,
        "realm_id": "9130347",
        "refresh_token_days_left": 100,
        "woken": 3,
    }
    assert "https://intuit.test/connect?redirect_uri=http://localhost:" in result.stderr
    assert "XAB1" not in result.output
    ((answer, redirect_uri),) = connecting.connector.answers
    assert answer == f"/callback?{GOOD}"
    assert redirect_uri.startswith("http://localhost:")
    assert [status for status, _ in shown()] == [404, 200]
    assert "9130347 is connected" in shown()[1][1]


def test_a_foreign_answer_is_waited_past_and_a_denial_is_not(
    run: Run, connecting: ConnectWiring, browser: Browser
) -> None:
    connecting.connector.failures = [ConnectAnswerForeign(), ConnectDenied(reason="access_denied")]
    shown = browser("/callback?state=old", "/callback?error=access_denied")
    result = run("connect", "--port", "0", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["error"]["code"] == "connect_denied"
    assert [status for status, _ in shown()] == [400, 400]
    assert "Access was not given" in shown()[1][1]


def paste(text: str, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["connect", "--paste", *arguments], prog_name="wescope", input=text)


def test_the_answer_may_be_pasted(connecting: ConnectWiring) -> None:
    address = f"https://developer.intuit.com/v2/OAuth2Playground/RedirectUrl?{GOOD}"
    result = paste(address + "\n", "--redirect-uri", "https://developer.intuit.com/v2/OAuth2Playground/RedirectUrl")
    assert result.exit_code == 0, result.output
    assert "100 days left" in result.stdout
    assert "3 subjects" in result.stdout
    ((answer, redirect_uri),) = connecting.connector.answers
    assert (answer.strip(), redirect_uri) == (address, "https://developer.intuit.com/v2/OAuth2Playground/RedirectUrl")


def test_without_a_configured_company_its_id_is_told(
    connecting: ConnectWiring, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WESCOPE_QBO_REALM_ID")
    monkeypatch.delenv("WESCOPE_QBO_REFRESH_TOKEN")
    assert "WESCOPE_QBO_REALM_ID=9130347" in paste(f"?{GOOD}\n").stdout


def test_no_answer_in_time(run: Run, connecting: ConnectWiring) -> None:
    result = run("connect", "--port", "0", "--no-browser", "--timeout", "1", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["error"]["code"] == "connect_timed_out"


def test_a_port_in_use_is_wrong_use(run: Run, connecting: ConnectWiring) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        result = run("connect", "--no-browser", "--port", str(taken.getsockname()[1]), "--json")
    assert result.exit_code == 2
    error = json.loads(result.stdout)["error"]
    assert error["code"] == "connect_port_in_use"
    assert "--port" in error["remedy"]


def test_missing_keys_and_a_database_that_is_away_are_said_before_anybody_is_asked(
    run: Run, connecting: ConnectWiring, monkeypatch: pytest.MonkeyPatch
) -> None:
    connecting.failure = DatabaseUnavailable()
    result = run("connect")
    assert result.exit_code == 1
    assert "https://" not in result.output
    monkeypatch.delenv("WESCOPE_QBO_CLIENT_ID")
    result = run("connect")
    assert result.exit_code == 2
    assert "WESCOPE_QBO_CLIENT_ID" in result.stderr


async def test_what_is_no_request_changes_nothing() -> None:
    async def answered(target: str) -> Page:
        raise AssertionError(target)

    async with listening(0, answered) as port:
        for sent in (b"", b"nonsense\r\n\r\n", b"POST /callback?x HTTP/1.1\r\n\r\n", b"G" * 20_000):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(sent)
            writer.write_eof()
            assert b"200" not in (await reader.read())[:12]
            writer.close()
