"""The service and both stand-ins as real processes: start them, ask them, kill them, and see what is left."""

import contextlib
import hashlib
import hmac
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, LiteralString, TypeVar

import httpx2
import psutil
import psycopg

from tests.validation import check_command
from wescope.links.embedded import embedded_postgres
from wescope.stripe.hints import hint_of

START_TIMEOUT_S = 120.0
POLL_S = 0.05
BACKLOG_TIMEOUT_S = 180.0
HTTP_TIMEOUT_S = 30.0
STATUS_PATH = "/api/v1/status"

_T = TypeVar("_T")


def until(found: Callable[[], _T | None], *, timeout_s: float, what: str, every_s: float = POLL_S) -> _T:
    """Wait until `found` gives something true, and return that; it is asked again after `every_s`."""
    deadline = time.monotonic() + timeout_s
    while True:
        result = found()
        if result:
            return result
        assert time.monotonic() < deadline, f"not within {timeout_s} s: {what}"
        time.sleep(every_s)


def sign(body: bytes, *secrets: str, timestamp: int | None = None) -> str:
    """The header Stripe-Signature of a body, one signature for each secret."""
    moment = int(time.time()) if timestamp is None else timestamp
    signed = f"{moment}.".encode() + body
    parts = [f"v1={hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()}" for secret in secrets]
    return ",".join([f"t={moment}", *parts])


@dataclass(slots=True, kw_only=True)
class Process:
    """A child of the test: its first line on stdout is read by us, its stderr is in a file."""

    popen: subprocess.Popen[str]
    log: Path
    announced: Mapping[str, Any] = field(default_factory=dict)
    seconds_to_ready: float = 0.0

    @property
    def url(self) -> str:
        """Where it listens."""
        return str(self.announced["url"])

    def kill(self, number: signal.Signals = signal.SIGKILL, *, timeout_s: float = 30.0) -> int:
        """Send a signal and wait for the end; the exit code."""
        self.popen.send_signal(number)
        return self.popen.wait(timeout=timeout_s)

    def send(self, number: signal.Signals) -> None:
        """Only send a signal."""
        self.popen.send_signal(number)

    def log_text(self) -> str:
        """All that it has logged so far."""
        return self.log.read_text(encoding="utf-8")


@dataclass(slots=True)
class Bench:
    """One folder with both stand-ins and any number of services at one WESCOPE_HOME."""

    folder: Path
    client: httpx2.Client
    stripe_options: tuple[str, ...] = ()
    qbo_options: tuple[str, ...] = ()
    home_name: str = "home"
    port: int = 0
    program: tuple[str, ...] = ("-m", "wescope.cli.main")
    stripe: Process = field(init=False)
    qbo: Process = field(init=False)
    services: list[Process] = field(default_factory=list)
    _started: list[Process] = field(default_factory=list)

    @property
    def home(self) -> Path:
        """WESCOPE_HOME."""
        return self.folder / self.home_name

    # --- processes --------------------------------------------------------------------------------------------------

    def open(self) -> None:
        """Start both stand-ins."""
        stand_ins = {"stripe": self.stripe_options, "qbo": self.qbo_options}
        started = [
            self._start(name, "-m", f"wescope.sandbox.{name}", "--port", "0", *options, environment={})
            for name, options in stand_ins.items()
        ]
        self.stripe, self.qbo = (_announce(process) for process in started)

    def restart_qbo(self) -> None:
        """Start QBO's stand-in again where it was; it needs a port and a folder of its own among its options."""
        self.qbo = _announce(
            self._start("qbo", "-m", "wescope.sandbox.qbo", "--port", "0", *self.qbo_options, environment={})
        )

    def environment(self, **changes: str) -> dict[str, str]:
        """The service's environment of DESIGN.md section 6 for both stand-ins."""
        stripe, qbo = self.stripe.announced, self.qbo.announced
        return {
            "WESCOPE_HOME": str(self.home),
            "WESCOPE_HOST": "127.0.0.1",
            "WESCOPE_PORT": str(self.port),
            "WESCOPE_STRIPE_API_KEY": stripe["api_key"],
            "WESCOPE_STRIPE_API_BASE": stripe["url"],
            "WESCOPE_STRIPE_WEBHOOK_SECRETS": stripe["webhook_secret"],
            "WESCOPE_QBO_CLIENT_ID": qbo["client_id"],
            "WESCOPE_QBO_CLIENT_SECRET": qbo["client_secret"],
            "WESCOPE_QBO_REALM_ID": qbo["realm_id"],
            "WESCOPE_QBO_REFRESH_TOKEN": qbo["refresh_token"],
            "WESCOPE_QBO_API_BASE": qbo["url"],
            "WESCOPE_QBO_TOKEN_URL": f"{qbo['url']}/oauth2/v1/tokens/bearer",
            **changes,
        }

    def serve(self, role: str = "all", **changes: str) -> Process:
        """Start `wescope serve` and wait until it says that it is ready."""
        began = time.monotonic()
        process = self.serve_unready(role, **changes)
        _announce(process)
        process.seconds_to_ready = time.monotonic() - began
        return process

    def serve_unready(self, role: str = "all", **changes: str) -> Process:
        """Start `wescope serve` and do not wait."""
        command = (*self.program, "serve", "--role", role, "--json")
        process = self._start(f"serve-{role}", *command, environment=self.environment(**changes))
        self.services.append(process)
        return process

    def command(self, *arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
        """Run a `wescope` command to its end."""
        done = run_command(self.environment(**changes), *arguments, folder=self.folder)
        if "--json" in arguments and done.stdout:
            check_command(arguments, done.stdout)
        return done

    def close(self) -> None:
        """End everything that is left, whatever state it is in."""
        for process in reversed(self._started):
            if process.popen.poll() is None:
                process.popen.kill()
            process.popen.wait(timeout=30)
            if process.popen.stdout is not None:
                process.popen.stdout.close()
        kill_all(self.postgres())

    def _start(self, name: str, *arguments: str, environment: Mapping[str, str]) -> Process:
        log = self.folder / f"{len(self._started)}-{name}.log"
        with log.open("wb") as stderr:
            popen = subprocess.Popen(
                [sys.executable, *arguments],
                env=_bare_environment() | dict(environment),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
                start_new_session=True,
            )
        process = Process(popen=popen, log=log)
        self._started.append(process)
        return process

    # --- the operating system ---------------------------------------------------------------------------------------

    def postgres(self) -> list[psutil.Process]:
        """All processes of the embedded PostgreSQL of this home; the postmaster is the first."""
        data = (self.home / "postgres" / "data").resolve()
        found: dict[int, tuple[psutil.Process, int]] = {}
        for process in psutil.process_iter(["name", "status"]):
            with contextlib.suppress(psutil.Error, OSError):
                if process.name().startswith("postgres") and Path(process.cwd()) == data:
                    found[process.pid] = (process, process.ppid())
        ordered = sorted(found.values(), key=lambda pair: (pair[1] in found, pair[0].pid))
        return [process for process, _parent in ordered]

    def resident_bytes(self) -> int:
        """The plain sum of resident memory of all live services and of every PostgreSQL process."""
        live = [psutil.Process(one.popen.pid) for one in self.services if one.popen.poll() is None]
        total = 0
        for process in [*live, *self.postgres()]:
            with contextlib.suppress(psutil.Error):
                total += process.memory_info().rss
        return total

    # --- asking -----------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def database(self) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
        """A session of the embedded database."""
        with embedded_postgres(self.home) as server, psycopg.connect(server.conninfo, autocommit=True) as connection:
            yield connection

    def rows(self, statement: LiteralString) -> list[tuple[Any, ...]]:
        """What the embedded database answers."""
        with self.database() as connection:
            return connection.execute(statement).fetchall()

    def get(self, process: Process, path: str, **parameters: Any) -> Any:
        """The JSON at `path`."""
        return self.client.get(f"{process.url}{path}", params=parameters).raise_for_status().json()

    def post(self, process: Process, path: str, **body: Any) -> Any:
        """The JSON that a POST is answered with."""
        return self.client.post(f"{process.url}{path}", json=body).raise_for_status().json()

    def deliver(self, service: Process, **options: Any) -> Mapping[str, Any]:
        """Have Stripe deliver its events; see wescope.sandbox.stripe.delivery.DeliveryRequest."""
        body = {"url": f"{service.url}/webhooks/stripe", **options}
        answer = self.client.post(f"{self.stripe.url}/_sandbox/deliver", json=body, timeout=180)
        found: Mapping[str, Any] = answer.raise_for_status().json()
        return found

    def deliveries(self) -> Mapping[str, Any]:
        """What Stripe knows of its deliveries."""
        found: Mapping[str, Any] = self.get(self.stripe, "/_sandbox/deliveries")
        return found

    def events(self) -> list[Mapping[str, Any]]:
        """Every event of Stripe: id, type, created, object."""
        found: list[Mapping[str, Any]] = self.get(self.stripe, "/_sandbox/events")
        return found

    def bodies(self) -> list[bytes]:
        """The body of every event as Stripe sends it, in order of time; also of those too old to be asked for."""
        received: list[bytes] = []

        class Collector(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                received.append(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Quiet."""

        with ThreadingHTTPServer(("127.0.0.1", 0), Collector) as server:
            thread = threading.Thread(target=server.serve_forever, daemon=True)
            thread.start()
            url = f"http://127.0.0.1:{server.server_port}/"
            self.post(self.stripe, "/_sandbox/deliver", url=url, concurrency=1, only_undelivered=False)
            server.shutdown()
            thread.join(timeout=5)
        return received

    def send_all(self, service: Process, bodies: list[bytes], *, at_once: int) -> list[int]:
        """Post signed bodies in this order, so many at a time; the HTTP statuses, 0 for a broken connection."""
        secret = str(self.stripe.announced["webhook_secret"])

        def post(body: bytes) -> int:
            headers = {"Stripe-Signature": sign(body, secret), "Content-Type": "application/json"}
            try:
                return self.client.post(f"{service.url}/webhooks/stripe", content=body, headers=headers).status_code
            except httpx2.TransportError:
                return 0

        with ThreadPoolExecutor(at_once) as pool:
            return list(pool.map(post, bodies))

    def status(self, service: Process) -> Mapping[str, Any]:
        """What the service is doing."""
        found: Mapping[str, Any] = self.get(service, STATUS_PATH)
        return found

    def until_idle(self, service: Process, *, timeout_s: float = BACKLOG_TIMEOUT_S) -> Mapping[str, Any]:
        """Wait until nothing waits and nothing runs; the status then."""

        def idle() -> Mapping[str, Any] | None:
            with contextlib.suppress(httpx2.TransportError, httpx2.HTTPStatusError):
                status = self.status(service)
                return None if status["backlog"] or status["in_flight"] else status
            return None

        return until(idle, timeout_s=timeout_s, what="no backlog")

    def tie_out_difference(self, service: Process) -> str:
        """The difference of a tie-out now."""
        return str(self.get(service, "/api/v1/tieout")["difference"])

    def qbo_requests(self) -> Mapping[str, Any]:
        """QBO's counts of requests, without the list of them."""
        found: Mapping[str, Any] = self.get(self.qbo, "/_sandbox/requests", last=0)
        return found

    def ledger(self) -> Mapping[str, Any]:
        """QBO's books."""
        found: Mapping[str, Any] = self.get(self.qbo, "/_sandbox/ledger")
        return found

    def books(self) -> dict[str, Any]:
        """QBO's books as they must be whatever the order of the work was: no ids, and no names of doubtful variants."""
        ledger = self.ledger()
        counts = ("Invoice", "Payment", "Customer")
        return {
            "counts": {name: ledger["counts"][name] for name in counts},
            "voided": {name: ledger["voided"][name] for name in counts},
            "deleted": {name: ledger["deleted"][name] for name in counts},
            "accounts": {one["name"]: one["balance"] for one in ledger["accounts"]},
            "receivable": sorted(one["balance"] for one in ledger["receivable"]),
            "trial_balance": ledger["trial_balance"],
        }

    def check_books(self, service: Process) -> None:
        """QBO holds each document once and equals Stripe to the cent."""
        summary, ledger = self.get(self.stripe, "/_sandbox/summary"), self.ledger()
        standing = summary["finalized"] - summary["all_lines_zero"] - summary["invoices"].get("void", 0)
        assert ledger["counts"]["Invoice"] - ledger["voided"]["Invoice"] == standing, (ledger["counts"], summary)
        assert ledger["counts"]["Payment"] == summary["payments"], (ledger["counts"], summary)
        assert ledger["deleted"]["Invoice"] == ledger["deleted"]["Payment"] == 0
        assert ledger["trial_balance"] == 0
        assert self.qbo_requests()["violations"] == 0
        assert self.tie_out_difference(service) == "0.00"
        assert not self.doubled()

    def doubled(self) -> list[str]:
        """What QBO holds more than once: numbers of invoices, and the marks that we put on documents."""
        found: list[str] = []
        for entity, name in (("Invoice", "DocNumber"), ("Invoice", "PrivateNote"), ("Payment", "PrivateNote")):
            found += _twice(self.get(self.qbo, f"/_sandbox/objects/{entity}")[entity], name)
        return found

    def check_nothing_is_lost(self) -> None:
        """Every event that was answered with 2xx is among the hints, if it says that a document may have changed."""
        progress = self.deliveries()
        # Only then the bodies: to ask for them delivers everything once more, to another address.
        hints = [hint_of(json.loads(body)) for body in self.bodies()]
        taken = {str(one["event_id"]) for one in progress["deliveries"] if one["delivered"]}
        assert taken <= {hint.event_id for hint in hints}
        wanted = taken & {hint.event_id for hint in hints if hint.subject}
        assert wanted
        assert wanted == {row[0] for row in self.rows("select event_id from hints where event_id is not null")}
        assert progress["undelivered"] == 0
        assert all(run["failed"] == 0 for run in progress["runs"])

    def metrics(self, service: Process) -> dict[str, float]:
        """The metrics of one process: each sample's name with labels, and its value."""
        text = self.client.get(f"{service.url}/metrics").raise_for_status().text
        lines = (line.rpartition(" ") for line in text.splitlines() if not line.startswith("#"))
        return {name: float(value) for name, _, value in lines}


def run_command(environment: Mapping[str, str], *arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a `wescope` command with these settings and no others, in a folder, to its end."""
    return subprocess.run(
        [sys.executable, "-m", "wescope.cli.main", *arguments],
        env=_bare_environment() | dict(environment),
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def free_port() -> int:
    """A port that is free now, for a service that is started again where Stripe looks for it."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def _twice(records: list[Mapping[str, Any]], name: str) -> list[str]:
    counts = Counter(str(record[name]) for record in records if record.get(name))
    return [value for value, count in counts.items() if count > 1]


def _announce(process: Process) -> Process:
    assert process.popen.stdout is not None
    line = process.popen.stdout.readline()
    assert line, f"it ended before it was ready: {process.log_text()[-2000:]}"
    process.announced = json.loads(line)
    check_command(("serve" if process.announced.get("service") == "wescope" else "sandbox",), line)
    return process


def _bare_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("WESCOPE_")} | {
        "PYTHONUNBUFFERED": "1",
        "NO_PROXY": "127.0.0.1,localhost",
    }


def kill_all(found: list[psutil.Process]) -> None:
    """Kill processes that the test started, and wait until they are gone."""
    for process in found:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(found, timeout=10)


@contextlib.contextmanager
def bench(
    folder: Path, *, customers: int = 6, months: int = 1, stripe: tuple[str, ...] = (), qbo: tuple[str, ...] = ()
) -> Iterator[Bench]:
    """Both stand-ins with a business of this size, until the end of the block."""
    size = ("--customers", str(customers), "--months", str(months))
    limits = httpx2.Limits(max_connections=50)
    with httpx2.Client(timeout=HTTP_TIMEOUT_S, trust_env=False, limits=limits) as client:
        made = Bench(folder, client, stripe_options=(*size, *stripe), qbo_options=qbo)
        try:
            made.open()
            yield made
        finally:
            made.close()
