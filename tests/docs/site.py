"""Site: what the pages' code blocks are run against, one for all of them.

Both stand-ins, the service, a small business that is synchronised, an edit in QBO that `verify` has found, a run, and
somebody who receives alerts; the programs that blocks may call; and the live ids that stand for those in the text.
"""

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import psutil
import psycopg
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Sink
from cryptography.fernet import Fernet

from tests.docs import stand_ins, warm
from tests.docs.blocks import ROOT
from tests.integration.processes import STATUS_PATH, free_port, kill_all, until
from tests.integration.receivers import hook
from wescope.links.database import conninfo

START_TIMEOUT_S = 240.0
REAL = (
    "awk bash cat chmod cp curl cut date dirname env false grep head kill ls mkdir mktemp mv openssl printf rm sed seq"
    " setpriv sh sleep sort tail tee touch tr true uniq wc"
)
"""Programs of the machine that blocks may call, and setpriv, which the embedded PostgreSQL needs under root.

Whatever is neither here nor a stand-in is not found.
"""

EXAMPLES: Mapping[str, str] = {
    r"\bin_1ABC\b": "invoice",
    r"\bch_1ABC\b": "charge",
    r"\bpo_1ABC\b": "payout",
    r"\bcus_2DEF\b": "customer",
    r"\bevt_2DEF\b": "event",
    r"\bInvoice/145\b": "qbo_invoice",
    r"\bAB12CD-0003\b": "number",
    r"\bws4f0c\.\.\.": "request_id",
    r"https://hooks\.slack\.com/services/\.\.\.": "alert_webhook",
    r"smtps://user:password@mail\.example\.com:465": "mail_server",
    r"http://127\.0\.0\.1:8080": "service",
    r"http://127\.0\.0\.1:12111": "stripe",
    r"http://127\.0\.0\.1:12112": "qbo",
    r"(?<=--port )12111\b": "stripe_port",
    r"(?<=--port )12112\b": "qbo_port",
    r"https://YOUR-HOST": "service",
    r"\b2026-01-01\b": "since",
}
"""What the pages call their examples, and the live things that take their place (`Site.names`)."""

_POLICY = """\
[accounts]
review = "Stripe Review"

[qbo]
backlog_singles = true # nobody else uses this company; batches have to wait for each other
"""
_ELLIPSIS = re.compile(r"\b(WESCOPE_\w+)=\S*\.\.\.")


@dataclass(slots=True, kw_only=True)
class Site:
    """One site. `names` are its live ids and addresses; `environment` is what the service runs with."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    stays: list[Path] = field(default_factory=list)

    @property
    def bin(self) -> Path:
        """The folder of the programs that blocks may call."""
        return self.folder / "bin"

    @property
    def path(self) -> dict[str, str]:
        """What every block has in its environment, also on a machine where nothing is set."""
        return {
            "PATH": str(self.bin),
            "HOME": str(self.folder),
            "BROWSER": f"{self.bin / 'browser'} %s",
            "NO_PROXY": "127.0.0.1,localhost",
            "LANG": "C.UTF-8",
        }

    def live(self, text: str, names: Mapping[str, str], own: Mapping[str, str]) -> str:
        """A block's text with live ids in place of its examples.

        Args:
            text: as it stands on the page.
            names: what else stands for something live there, and its name here.
            own: addresses of the page's own, where it begins from nothing; by name.
        """
        live = {**self.names, **own}
        for word, name in names.items():
            text = re.sub(rf"(?<![\w.-]){re.escape(word)}(?![\w.-])", live[name], text)
        for pattern, name in EXAMPLES.items():
            text = re.sub(pattern, live[name], text)
        return _ELLIPSIS.sub(lambda found: f"{found[1]}={self.environment[found[1]]}", text)

    def command(self, *arguments: str, good: tuple[int, ...] = (0,)) -> str:
        """What a command of `wescope` prints; it is run with the service's environment."""
        out, err = (self.folder / f"{arguments[0]}.{name}" for name in ("out", "err"))
        environment = {**self.path, **self.environment, warm.STAYS: str(self.stays[0]), warm.KEEP: "yes"}
        with out.open("wb") as stdout, err.open("wb") as stderr:
            done = subprocess.run(
                [self.bin / "wescope", *arguments],
                env=environment,
                cwd=self.folder,
                stdin=subprocess.PIPE,
                stdout=stdout,
                stderr=stderr,
                timeout=START_TIMEOUT_S,
                check=False,
            )
        assert done.returncode in good, (arguments, out.read_text(), err.read_text()[-3000:])
        return out.read_text(encoding="utf-8")

    def stop_all(self) -> None:
        """End whatever is left, the stand-ins last."""
        for stays in reversed(self.stays):
            self.stop(stays)

    def stop(self, stays: Path) -> None:
        """End what a page has left running, in the order in which it was started, the last one first."""
        if not stays.exists():
            return
        for pid in reversed(stays.read_text().split()):
            with contextlib.suppress(psutil.NoSuchProcess):
                process = psutil.Process(int(pid))
                process.terminate()
                if psutil.wait_procs([process], timeout=30)[1]:
                    kill_all([process])
        stays.unlink()


@contextlib.contextmanager
def open_site(folder: Path, database_url: str) -> Iterator[Site]:
    """The site, until the end of the block.

    Args:
        folder: an empty one.
        database_url: a migrated, empty database.
    """
    site = Site(folder=folder, stays=[folder / "stays"])
    _install(site)
    (folder / "wescope.toml").write_text(_POLICY)
    site.environment = {"WESCOPE_HOME": str(folder / "home"), "WESCOPE_CONFIG": str(folder / "wescope.toml")}
    site.environment |= {"WESCOPE_TOKEN_KEY": Fernet.generate_key().decode()}
    with _warm(site), hook() as told, _mail_server() as mails, contextlib.ExitStack() as stack:
        stack.callback(site.stop_all)
        _start(site, database_url)
        # To list a year at Stripe's pace takes a minute.
        since = (datetime.now(UTC) - timedelta(days=3)).date().isoformat()
        site.names |= {
            "alert_webhook": told.url,
            "mail_server": mails,
            "since": since,
            "stripe_port": "0",
            "qbo_port": "0",
        }
        _live(site, database_url)
        yield site


def _install(site: Site) -> None:
    """Put the programs into their folder."""
    site.bin.mkdir(parents=True)
    for name in REAL.split():
        found = shutil.which(name, path=os.defpath)
        if found:
            (site.bin / name).symlink_to(found)
    (site.bin / "python").symlink_to(sys.executable)
    for name in (*stand_ins.PROGRAMS, "make"):
        _program(site.bin / name, f'#!/bin/sh\nexec {sys.executable} -IS {stand_ins.__file__} {name} "$@"\n')
    _program(site.bin / "wescope", warm.CLIENT.format(python=sys.executable, address=str(site.folder / "warm")))


def _install_browser(site: Site) -> None:
    """A browser in which a person says yes to Intuit's question."""
    answer = f"realm_id={site.environment['WESCOPE_QBO_REALM_ID']}&decision=connect"
    curl = "exec curl --silent --show-error --location --output /dev/null"
    _program(site.bin / "browser", f'#!/bin/sh\n{curl} --data "${{1#*\\?}}&{answer}" "${{1%%\\?*}}"\n')


def _program(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)


@contextlib.contextmanager
def _warm(site: Site) -> Iterator[None]:
    with (site.folder / "warm.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.docs.warm", str(site.folder / "warm")],
            cwd=ROOT,
            env={**site.path, "PATH": os.defpath},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n", (site.folder / "warm.log").read_text()
        yield
    finally:
        process.terminate()
        process.communicate(timeout=30)


@contextlib.contextmanager
def _mail_server() -> Iterator[str]:
    """A mail server that takes everything; its address."""
    controller = Controller(Sink(), hostname="127.0.0.1", port=free_port())
    controller.start()
    try:
        yield f"smtp://127.0.0.1:{controller.port}"
    finally:
        controller.stop()


def _start(site: Site, database_url: str) -> None:
    size = ("--customers", "4", "--months", "1", "--situations", "all", "--payouts", "daily")
    stripe = json.loads(site.command("sandbox", "stripe", "--port", "0", *size))
    qbo = json.loads(site.command("sandbox", "qbo", "--port", "0", "--knob", "multicurrency=true"))
    site.environment |= {
        "WESCOPE_DATABASE_URL": database_url,
        "WESCOPE_PORT": str(free_port()),
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
    _install_browser(site)
    service = json.loads(site.command("serve", "--json"))
    site.names |= {"stripe": stripe["url"], "qbo": qbo["url"], "service": service["url"]}


def _live(site: Site, database_url: str) -> None:
    """Have everything happen that the pages speak of, and look up how it is called."""
    names = site.names
    with httpx2.Client(timeout=START_TIMEOUT_S, trust_env=False) as client:

        def post(url: str, /, **body: Any) -> Any:
            return client.post(url, json=body).raise_for_status().json()

        def idle() -> bool:
            status = client.get(names["service"] + STATUS_PATH).raise_for_status().json()
            return not status["backlog"] and not status["in_flight"]

        # Its category has no rule: it is posted to the review account, and listed.
        post(f"{names['stripe']}/_sandbox/balance_rows", type="mystery", amount=-275)
        post(f"{names['stripe']}/_sandbox/deliver", url=f"{names['service']}/webhooks/stripe")
        until(idle, timeout_s=START_TIMEOUT_S, what="no backlog")
        with psycopg.connect(conninfo(database_url), autocommit=True) as connection:
            _edit(connection, names["qbo"], post)
            names["run"] = _run(site, client, post)
            site.command("verify", good=(1,))
            _look_up(connection, names)


def _edit(connection: psycopg.Connection[Any], qbo: str, post: Any) -> None:
    """Three invoices get other numbers by hand."""
    found = connection.execute(
        "SELECT qbo_id FROM links WHERE entity = 'Invoice' AND state = 'posted' ORDER BY posted_at DESC LIMIT 3"
    )
    for (qbo_id,) in found.fetchall():
        answer = post(f"{qbo}/_sandbox/human/invoice/update/{qbo_id}", DocNumber=f"MINE-{qbo_id}")
        assert answer["status"] == 200, answer


def _run(site: Site, client: httpx2.Client, post: Any) -> str:
    """A backfill that posts an invoice of which no webhook told."""
    stripe = site.names["stripe"]
    customer = post(f"{stripe}/_sandbox/customers", name="Grace Hopper")["id"]
    lines = [{"amount": 4200, "description": "Compiler"}]
    post(f"{stripe}/_sandbox/invoices", customer=customer, lines=lines)
    site.command("backfill", "--since", site.names["since"], "--yes", good=(0, 1))
    runs = client.get(f"{site.names['service']}/api/v1/runs").raise_for_status().json()
    return str(next(one["run_id"] for one in runs if one["kind"] == "backfill"))


_QUERIES: Mapping[str, str] = {
    "invoice": "SELECT split_part(document_key, ':', 1) FROM links WHERE entity = 'Invoice' AND state = 'posted'"
    " AND document_key LIKE 'in%:invoice' ORDER BY posted_at",
    "qbo_invoice": "SELECT 'Invoice/' || qbo_id FROM links WHERE entity = 'Invoice' AND state = 'posted'"
    " ORDER BY posted_at",
    "charge": "SELECT split_part(document_key, ':', 1) FROM links WHERE entity = 'Payment' AND document_key LIKE 'ch%'",
    "payout": "SELECT split_part(document_key, ':', 1) FROM links WHERE entity = 'Deposit' AND state = 'posted'",
    "customer": "SELECT split_part(document_key, ':', 1) FROM links WHERE entity = 'Customer'",
    "event": "SELECT event_id FROM hints JOIN links ON hints.kind || '/' || hints.subject_id = links.subject"
    " WHERE event_id IS NOT NULL AND entity = 'Invoice' ORDER BY posted_at",
    "request_id": "SELECT request_id FROM links WHERE entity = 'Invoice' AND state = 'posted' ORDER BY posted_at",
    "parked_key": "SELECT document_key FROM parked",
    "drift": "SELECT id FROM drift ORDER BY id",
    "drift_2": "SELECT id FROM drift ORDER BY id OFFSET 1",
    "drift_3": "SELECT id FROM drift ORDER BY id OFFSET 2",
}


def _look_up(connection: psycopg.Connection[Any], names: dict[str, str]) -> None:
    for name, query in _QUERIES.items():
        row = connection.execute(f"{query} LIMIT 1").fetchone()
        assert row is not None, name
        names[name] = str(row[0])
    qbo_id = names["qbo_invoice"].partition("/")[2]
    found = httpx2.get(f"{names['qbo']}/_sandbox/objects/Invoice", trust_env=False).json()["Invoice"]
    names["number"] = next(one["DocNumber"] for one in found if one["Id"] == qbo_id)
