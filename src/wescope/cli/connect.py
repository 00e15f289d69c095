"""Connect: let the service into a company of QuickBooks Online, in the browser or by hand."""

import asyncio
import sys
import threading
import webbrowser
from dataclasses import dataclass

import typer

from wescope.cli.callback import PATH, Page, listening
from wescope.cli.output import ExitCode, print_json
from wescope.cli.outputs import CompanyConnected
from wescope.cli.ports import Connector, wiring
from wescope.config import Settings, load_settings
from wescope.engine.connecting import Connected
from wescope.errors import WescopeError
from wescope.observe.logs import configure_logs
from wescope.qbo.connect import ConnectAnswerForeign, NotConnected


class ConnectTimedOut(NotConnected):
    """No answer came in time."""

    code = "connect_timed_out"
    remedy = (
        "Run `wescope connect` again. If Intuit showed an error in place of a question, register the redirect address "
        "that the command prints for the app at developer.intuit.com; without a browser on this machine use --paste."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectOptions:
    """How to connect. `port` 0 is any free one; `redirect_uri` replaces the address on this machine."""

    port: int
    browser: bool = True
    paste: bool = False
    redirect_uri: str | None = None
    timeout_s: float = 600.0
    as_json: bool = False


async def connect(options: ConnectOptions) -> ExitCode:
    """Have a person say yes at Intuit, and store the tokens that follow."""
    settings = load_settings()
    level = settings.log_level if "log_level" in settings.model_fields_set else "error"
    configure_logs(level, role="command", project=settings.gcp_project)
    async with wiring().open_connector(settings) as connector:
        way = _by_hand if options.paste else _in_browser
        try:
            async with asyncio.timeout(options.timeout_s):
                connected = await way(connector, options)
        except TimeoutError:
            raise ConnectTimedOut from None
    _tell(connected, settings, options)
    return ExitCode.GOOD


async def _in_browser(connector: Connector, options: ConnectOptions) -> Connected:
    """Wait for the browser to bring the answer; what belongs to another attempt is turned away and waited past."""
    outcome: asyncio.Future[Connected] = asyncio.get_running_loop().create_future()
    turn = asyncio.Lock()
    redirect_uri = ""

    async def answered(target: str) -> Page:
        async with turn:
            if outcome.done():
                return Page(title="Done", text="This attempt to connect has ended. You may close this page.")
            try:
                connected = await connector.connect(target, redirect_uri)
            except ConnectAnswerForeign as error:
                return Page(title="Not connected", text=f"{error} {error.remedy}", status=400)
            except WescopeError as error:
                outcome.set_exception(error)
                return Page(title="Not connected", text=f"{error} {error.remedy}", status=400)
            except Exception as error:  # noqa: BLE001 - the command reports it; here it would be lost
                outcome.set_exception(error)
                return Page(title="Not connected", text="Something unforeseen went wrong.", status=500)
            outcome.set_result(connected)
            return Page(title="Connected", text=f"Company {connected.realm_id} is connected. You may close this page.")

    async with listening(options.port, answered) as port:
        redirect_uri = options.redirect_uri or f"http://localhost:{port}{PATH}"
        url = connector.authorize_url(redirect_uri)
        _ask(url, "Open this address in a browser and choose the company:", redirect_uri)
        if options.browser:
            threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()
        return await outcome


async def _by_hand(connector: Connector, options: ConnectOptions) -> Connected:
    """Wait for a person to paste the answer."""
    redirect_uri = options.redirect_uri or f"http://localhost:{options.port}{PATH}"
    url = connector.authorize_url(redirect_uri)
    _ask(url, "Open this address in a browser on any machine and choose the company:", redirect_uri)
    typer.echo(
        "The browser then goes to an address that need not open. Paste it here (from the address bar), then Enter:",
        err=True,
    )
    return await connector.connect(await _line(), redirect_uri)


async def _line() -> str:
    """One line of stdin. It is read by a thread that nobody waits for when the time is over."""
    loop = asyncio.get_running_loop()
    line: asyncio.Future[str] = loop.create_future()

    def read() -> None:
        text = sys.stdin.readline()
        loop.call_soon_threadsafe(lambda: None if line.done() else line.set_result(text))

    threading.Thread(target=read, daemon=True).start()
    return await line


def _ask(url: str, how: str, redirect_uri: str) -> None:
    typer.echo(f"{how}\n\n{url}\n\n(The answer goes to {redirect_uri}: register it for the app at Intuit.)", err=True)


def _tell(connected: Connected, settings: Settings, options: ConnectOptions) -> None:
    if options.as_json:
        print_json(CompanyConnected.of(connected))
        return
    days = connected.refresh_token_days_left
    left = "for how long is not known" if days is None else f"{days} days left, renewed in use"
    typer.echo(f"Connected to company {connected.realm_id} ({left}).")
    if connected.woken:
        typer.echo(f"{connected.woken} subjects that waited are taken up now by a running `wescope serve`.")
    if settings.qbo_realm_id is None:
        typer.echo(f"Set WESCOPE_QBO_REALM_ID={connected.realm_id} for all other commands.")
