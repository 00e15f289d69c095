"""Demo: both stand-ins and the service as processes of their own, a business's webhooks, and the tie-out at the end.

The service is the one that `wescope serve` starts, with the environment of DESIGN.md section 6: it does not know that
the addresses it is given are stand-ins.
"""

import asyncio
import contextlib
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import typer
from filelock import FileLock, Timeout
from rich.console import Console

from wescope.books.parking import Owner
from wescope.cli.children import Child, Children, bare_environment
from wescope.cli.output import ExitCode, print_json
from wescope.cli.outputs import DemoPlayed
from wescope.cli.progress import Reporter
from wescope.cli.tables import show_counts
from wescope.config.settings import read_settings
from wescope.engine.results import NO_DIFFERENCE
from wescope.errors import WescopeError

START_TIMEOUT_S = 90.0
STALL_TIMEOUT_S = 120.0
POLL_S = 0.25
REQUEST_TIMEOUT_S = 30.0
TIEOUT_TIMEOUT_S = 300.0
DELIVERY: Mapping[str, Any] = {"order": "shuffled", "duplicates": 0.2, "concurrency": 8, "only_undelivered": False}
"""How Stripe misbehaves on purpose: out of order, one event in five twice, and in a second run all of them again."""


POLICY = """\
# The demo keeps to the defaults, but for an account of what has no rule, and since nobody else uses its company.
[accounts]
review = "Stripe Review"

[qbo]
backlog_singles = true
"""

Delivery = asyncio.Task[Mapping[str, Any]]


class DemoFailed(WescopeError):
    """The demo could not be played to its end."""

    code = "demo_failed"
    owner = Owner.US
    remedy = "Read the logs in the folder demo/logs of WESCOPE_HOME."


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoOptions:
    """What is played: `customers` over `months` from `seed`; with `once` it ends by itself."""

    once: bool
    seed: int
    customers: int
    months: int
    as_json: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """What the run ended with; `status`, `tieout` and `parked` are the service's own JSON."""

    status: Mapping[str, Any]
    tieout: Mapping[str, Any]
    parked: Sequence[Mapping[str, Any]]
    events: int
    qbo_writes: int
    seconds: int

    @property
    def balanced(self) -> bool:
        """True if QBO equals Stripe to the cent."""
        return bool(self.tieout.get("difference") == NO_DIFFERENCE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """The running service and how to ask it."""

    client: httpx2.AsyncClient
    child: Child
    url: str

    async def get(self, path: str, *, timeout_s: float = REQUEST_TIMEOUT_S) -> Any:
        """The JSON document at `path`.

        Raises:
            DemoFailed: it was refused.
            ChildFailed: the service has ended.
        """
        self.child.check_alive()
        return _json_of(await self.client.get(f"{self.url}{path}", timeout=timeout_s))

    async def status(self) -> Mapping[str, Any]:
        """What the service is doing."""
        found: Mapping[str, Any] = await self.get("/api/v1/status")
        return found

    async def wait_until_ready(self) -> None:
        """Return as soon as the service says that it can work.

        Raises:
            DemoFailed: it does not say so in time.
        """
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            self.child.check_alive()
            with contextlib.suppress(httpx2.TransportError):
                if (await self.client.get(f"{self.url}/readyz")).status_code == httpx2.codes.OK:
                    return
            await asyncio.sleep(POLL_S)
        raise DemoFailed("The service did not become ready.")


async def demo(options: DemoOptions) -> ExitCode:
    """Play the demo. With `once` good only if the difference is 0.00; otherwise it stays until it is stopped.

    Raises:
        DemoFailed: it could not be played to its end.
        ChildFailed: one of its processes did not start or ended.
    """
    started_at = time.monotonic()
    home = read_settings().home.resolve()
    with _alone(home / "demo"), _cancelled_by_signals():
        async with (
            Children(home / "demo" / "logs") as children,
            httpx2.AsyncClient(timeout=REQUEST_TIMEOUT_S) as client,
        ):
            with Reporter() as progress:
                progress("Starting", 0, 0)
                stripe, environment = await _start_stand_ins(children, home, options)
                service = await _start_service(children, client, environment)
                played = await _play(service, str(stripe["url"]), progress, started_at)
            _show(played, as_json=options.as_json)
            if not options.once:
                await _stay(service.url)
    return ExitCode.GOOD if played.balanced else ExitCode.NEEDS_YOU


def _http_client() -> httpx2.AsyncClient:
    return httpx2.AsyncClient(timeout=REQUEST_TIMEOUT_S, trust_env=False)  # a proxy cannot reach our own ports


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep a second demo away from the state of this one."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / "lock").acquire(timeout=0):
            yield
    except Timeout:
        raise DemoFailed(f"Another demo is running in {folder}.") from None


@contextlib.contextmanager
def _cancelled_by_signals() -> Iterator[None]:
    """Have the first SIGINT or SIGTERM cancel this task; its children are then stopped in order."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    signals = (signal.SIGINT, signal.SIGTERM)

    def cancel_once() -> None:
        for each in signals:
            loop.add_signal_handler(each, lambda: None)
        if task is not None:
            task.cancel()

    for each in signals:
        loop.add_signal_handler(each, cancel_once)
    try:
        yield
    finally:
        for each in signals:
            loop.remove_signal_handler(each)


async def _start_stand_ins(
    children: Children, home: Path, options: DemoOptions
) -> tuple[Mapping[str, Any], dict[str, str]]:
    """Start Stripe's and QBO's stand-ins; what Stripe's announced, and the service's environment for both."""
    environment = bare_environment()
    state = home / "demo"
    business = ("--seed", str(options.seed), "--customers", str(options.customers), "--months", str(options.months))
    everything = ("--situations", "all", "--payouts", "daily")
    stripe_child, qbo_child = (
        await children.start("stripe", _stand_in("stripe", state, *business, *everything), environment),
        await children.start("qbo", _stand_in("qbo", state, "--knob", "multicurrency=true"), environment),
    )
    stripe = await stripe_child.announcement(timeout_s=START_TIMEOUT_S)
    qbo = await qbo_child.announcement(timeout_s=START_TIMEOUT_S)
    return stripe, {**environment, **_service_environment(home, stripe, qbo, once=options.once)}


def _stand_in(service: str, state: Path, *options: str) -> tuple[str, ...]:
    return ("-m", f"wescope.sandbox.{service}", "--port", "0", "--state", str(state / service), *options)


def _service_environment(
    home: Path, stripe: Mapping[str, Any], qbo: Mapping[str, Any], *, once: bool
) -> dict[str, str]:
    policy = home / "demo" / "wescope.toml"
    policy.write_text(POLICY, encoding="utf-8")
    return {
        "NO_PROXY": "127.0.0.1,localhost",
        "WESCOPE_HOME": str(home),
        "WESCOPE_CONFIG": str(policy),
        "WESCOPE_HOST": "127.0.0.1",
        "WESCOPE_PORT": "0" if once else str(_console_port()),
        "WESCOPE_LOG_LEVEL": read_settings().log_level,
        "WESCOPE_SECRETS": "env",
        "WESCOPE_STRIPE_API_KEY": stripe["api_key"],
        "WESCOPE_STRIPE_API_BASE": stripe["url"],
        "WESCOPE_STRIPE_WEBHOOK_SECRETS": stripe["webhook_secret"],
        "WESCOPE_QBO_CLIENT_ID": qbo["client_id"],
        "WESCOPE_QBO_CLIENT_SECRET": qbo["client_secret"],
        "WESCOPE_QBO_REALM_ID": str(qbo["realm_id"]),
        "WESCOPE_QBO_REFRESH_TOKEN": qbo["refresh_token"],
        "WESCOPE_QBO_API_BASE": qbo["url"],
        "WESCOPE_QBO_TOKEN_URL": qbo.get("token_url", f"{qbo['url']}/oauth2/v1/tokens/bearer"),
        "WESCOPE_QBO_AUTHORIZE_URL": qbo.get("authorize_url", f"{qbo['url']}/connect/oauth2"),
    }


def _console_port() -> int:
    """The configured port if it is free, else any."""
    wanted = read_settings().port
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError:
            return 0
        return wanted


async def _start_service(children: Children, client: httpx2.AsyncClient, environment: Mapping[str, str]) -> Service:
    child = await children.start("service", ("-m", "wescope.cli.main", "serve", "--json"), environment)
    announced = await child.announcement(timeout_s=START_TIMEOUT_S)
    if "url" not in announced:
        raise DemoFailed("The service did not start.", code=str(announced.get("error", {}).get("code", "")))
    service = Service(client=client, child=child, url=str(announced["url"]).rstrip("/"))
    await service.wait_until_ready()
    return service


async def _play(service: Service, stripe_url: str, progress: Reporter, started_at: float) -> Played:
    writes_before = int((await service.status())["qbo_writes_total"])
    async with _delivering(service, stripe_url) as delivery:
        await _follow(service, delivery, progress)
        events = int(delivery.result().get("events", 0))
    progress("Comparing", 0, 0)
    tieout = await service.get("/api/v1/tieout", timeout_s=TIEOUT_TIMEOUT_S)
    status = await service.status()
    return Played(
        status=status,
        tieout=tieout,
        parked=await service.get("/api/v1/parked"),
        events=events,
        qbo_writes=int(status["qbo_writes_total"]) - writes_before,
        seconds=round(time.monotonic() - started_at),
    )


@contextlib.asynccontextmanager
async def _delivering(service: Service, stripe_url: str) -> AsyncIterator[Delivery]:
    """Have Stripe deliver all its events meanwhile; the task's result is its answer."""

    async def deliver() -> Mapping[str, Any]:
        request = {"url": f"{service.url}/webhooks/stripe", **DELIVERY}
        answer = await service.client.post(f"{stripe_url}/_sandbox/deliver", json=request, timeout=None)
        counts: Mapping[str, Any] = _json_of(answer)
        return counts

    task = asyncio.create_task(deliver())
    try:
        yield task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError, WescopeError, httpx2.HTTPError):
            await task


async def _follow(service: Service, delivery: Delivery, progress: Reporter) -> None:
    """Watch the service until everything is delivered and nothing waits.

    Raises:
        DemoFailed: nothing has changed for a long time.
    """
    changed_at = time.monotonic()
    seen: tuple[object, ...] = ()
    while True:
        delivered = delivery.done()  # asked before the status, which then has all that was delivered
        status = await service.status()
        if delivered and not status["backlog"] and not status["in_flight"]:
            return
        state = tuple(status[name] for name in ("backlog", "in_flight", "posted", "parked", "qbo_writes_total"))
        if state != seen:
            seen, changed_at = state, time.monotonic()
        elif time.monotonic() - changed_at > STALL_TIMEOUT_S:
            raise DemoFailed("Nothing moves any more.", backlog=int(status["backlog"]))
        _show_progress(status, progress, delivered=delivered)
        await asyncio.sleep(POLL_S)


def _show_progress(status: Mapping[str, Any], progress: Reporter, *, delivered: bool) -> None:
    posted, waiting = int(status["posted"]), int(status["backlog"])
    doing = "Synchronising" if delivered else "Receiving and synchronising"
    progress(
        f"{doing}, {waiting} waiting, {status['qbo_calls_last_minute']} QBO calls a minute", posted, posted + waiting
    )


def _json_of(answer: httpx2.Response) -> Any:
    if answer.status_code != httpx2.codes.OK:
        raise DemoFailed(f"{answer.request.method} {answer.url.path} was refused.", http_status=answer.status_code)
    return answer.json()


def _show(played: Played, *, as_json: bool) -> None:
    status = played.status
    if as_json:
        print_json(
            DemoPlayed(
                documents=status["posted"],
                documents_by_entity=status["posted_by_entity"],
                parked=status["parked"],
                events=played.events,
                qbo_writes=played.qbo_writes,
                seconds=played.seconds,
                tieout=played.tieout,
            )
        )
        return
    counts = [
        ("Documents posted", status["posted"]),
        *((f"  {entity}", count) for entity, count in sorted(status["posted_by_entity"].items())),
        ("Documents parked", status["parked"]),
        ("Events received", played.events),
        ("QBO writes in this run", played.qbo_writes),
        ("Seconds", played.seconds),
        ("Difference to Stripe", played.tieout["difference"]),
    ]
    show_counts("Demo", counts, Console())
    for one in played.parked:
        typer.echo(f"Parked: {one['amount']} {one['currency'].upper()} [{one['code']}] {one['reason']} {one['remedy']}")


async def _stay(url: str) -> None:
    """Keep everything running until Ctrl-C."""
    typer.echo(f"Console: {url}/   (Ctrl-C stops everything)")
    sys.stdout.flush()
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.Event().wait()
