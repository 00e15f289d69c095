"""A small business with something of everything that a page can show, in one real service; and the ids of it."""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, LiteralString

from tests.integration.processes import Bench, Process, bench, until

SETTLED_WITHIN_S = 120.0
LOOK_EVERY_S = 0.5
CUSTOMERS = 2
STRIPE = ("--situations", "all", "--payouts", "daily", "--seed", "11", "--knob", "requests_per_second=0")
QBO = ("--knob", "multicurrency=true")
POLICY = """\
[alerts]
failing_for = "1m"
"""

_IDS: Mapping[str, LiteralString] = {
    "audit": "SELECT id FROM audit ORDER BY id",
    "drift": "SELECT id FROM drift ORDER BY id",
    "event": "SELECT event_id FROM hints JOIN links ON hints.kind || '/' || hints.subject_id = links.subject"
    " WHERE event_id IS NOT NULL AND entity = 'Invoice' ORDER BY posted_at",
    "invoice": "SELECT split_part(document_key, ':', 1) FROM links WHERE entity = 'Invoice' AND state = 'posted'"
    " AND document_key LIKE 'in%:invoice' ORDER BY posted_at",
    "qbo_invoice": "SELECT 'Invoice/' || qbo_id FROM links WHERE entity = 'Invoice' AND state = 'posted'"
    " ORDER BY posted_at",
    "request": "SELECT request_id FROM links WHERE entity = 'Invoice' AND state = 'posted' ORDER BY posted_at",
    "payout": "SELECT split_part(document_key, ':', 1) FROM links WHERE entity = 'Deposit' AND state = 'posted'",
    "parked": "SELECT document_key FROM parked WHERE ignored_at IS NULL ORDER BY since, document_key",
    "ignored": "SELECT document_key FROM parked WHERE ignored_at IS NOT NULL",
    "backfill": "SELECT id FROM runs WHERE kind = 'backfill' ORDER BY id",
    "bulk": "SELECT id FROM runs WHERE kind = 'bulk' ORDER BY id",
    "verify": "SELECT id FROM runs WHERE kind = 'verify' ORDER BY id",
}
"""How the things that pages are about are found, by the names that `pages` uses for them."""


@dataclass(slots=True)
class Business:
    """One world: the processes, and the ids of what is in it.

    Attributes:
        bench: the processes.
        service: `wescope serve`.
        ids: what stands in addresses of pages.
    """

    bench: Bench
    service: Process
    ids: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """Where the console is."""
        return self.service.url

    # --- Stripe and QBO -----------------------------------------------------------------------------------------------

    def stripe(self, path: str, **values: Any) -> dict[str, Any]:
        """Have something happen in Stripe; what it answers."""
        found: dict[str, Any] = self.bench.post(self.bench.stripe, f"/_sandbox/{path}", **values)
        return found

    def qbo(self, path: str, **values: Any) -> dict[str, Any]:
        """Have something happen in QBO: what a person or the tester does there."""
        found: dict[str, Any] = self.bench.post(self.bench.qbo, f"/_sandbox/{path}", **values)
        return found

    def invoice(self, amount: int, *, paid: bool = False, name: str = "Grace Hopper") -> str:
        """A finalized invoice of a new customer over so many cents; its id."""
        customer = self.stripe("customers", name=name)["id"]
        lines = [{"amount": amount, "description": "Compiler"}]
        made = str(self.stripe("invoices", customer=customer, lines=lines)["id"])
        if paid:
            self.stripe(f"invoices/{made}/pay")
        return made

    def close_books(self, day: str) -> None:
        """Move QBO's closing date; an empty one opens all."""
        self.qbo("close_books", date=day)

    def rename(self, entity: str, qbo_id: str) -> None:
        """A person gives a document in QBO another number."""
        answer = self.qbo(f"human/{entity}/update/{qbo_id}", DocNumber=f"MINE-{qbo_id}")
        assert answer["status"] == 200, answer

    # --- the service --------------------------------------------------------------------------------------------------

    def get(self, path: str, **values: Any) -> Any:
        """What the API answers below `/api/v1`."""
        return self.bench.get(self.service, f"/api/v1/{path}", **values)

    def post(self, path: str, **values: Any) -> Any:
        """The same for what changes something."""
        return self.bench.post(self.service, f"/api/v1/{path}", **values)

    def tell(self) -> None:
        """Deliver what has happened in Stripe, and wait until no work is left."""
        self.bench.deliver(self.service)
        self.settle()

    def settle(self) -> Mapping[str, Any]:
        """Wait until no work is left; the state then."""
        return self.bench.until_idle(self.service, timeout_s=SETTLED_WITHIN_S)

    def run_of(self, answer: Mapping[str, Any]) -> str:
        """Wait for the end of the run that was started; its id."""
        run = answer.get("run", answer)
        number = str(run["run_id"])
        until(
            lambda: self.get(f"runs/{number}")["state"] in {"done", "failed", "canceled"},
            timeout_s=SETTLED_WITHIN_S,
            what=f"run {number} is over",
            every_s=LOOK_EVERY_S,
        )
        return number

    def look_up(self) -> None:
        """Find the ids of what pages are about; what there is none of is left out."""
        with self.bench.database() as connection:
            for name, statement in _IDS.items():
                row = connection.execute(statement).fetchone()
                if row is not None:
                    self.ids[name] = str(row[0])
        self.ids["row"] = str(self.get("tieout/kept")["rows"][0]["id"])
        today = datetime.now(UTC).date()
        self.ids |= {"month": f"{today:%Y-%m}", "last_month": f"{today.replace(day=1) - timedelta(days=1):%Y-%m}"}


@contextlib.contextmanager
def open_service(folder: Path, policy_text: str = POLICY, **environment: str) -> Iterator[Business]:
    """Both stand-ins and one service, and nothing posted yet, until the end of the block."""
    policy = folder / "wescope.toml"
    policy.write_text(policy_text, encoding="utf-8")
    with bench(folder, customers=CUSTOMERS, months=1, stripe=STRIPE, qbo=QBO) as made:
        given = {"WESCOPE_CONFIG": str(policy), "WESCOPE_QBO_AUTHORIZE_URL": f"{made.qbo.url}/connect/oauth2"}
        service = made.serve(**{**given, **environment})
        yield Business(made, service)


def fill(business: Business) -> None:
    """Have everything happen that pages show: documents, payouts, parked ones, drift, runs, a tie-out, decisions."""
    business.stripe("balance_rows", type="mystery", amount=-275)  # no account for it: parked
    business.tell()
    _drift(business)
    _runs(business)
    park(business, 4_200, 9_900)
    rows = {row["code"]: row["key"] for row in business.get("parked")}
    business.post("parked/ignore", keys=[rows["category_unmapped"]], reason="a test, written off in Stripe")
    business.run_of(business.post("parked/bulk", action="retry", codes=["period_closed"]))
    business.look_up()


def park(business: Business, *amounts: int) -> list[str]:
    """Close the books, and have invoices that are dated in them; their ids. They wait until the books are open."""
    business.close_books((datetime.now(UTC) + timedelta(days=1)).date().isoformat())
    made = [business.invoice(amount) for amount in amounts]
    business.tell()
    return made


def _drift(business: Business) -> None:
    """People edit two invoices in QBO, and the service looks."""
    with business.bench.database() as connection:
        posted = "SELECT qbo_id FROM links WHERE entity = 'Invoice' AND state = 'posted' ORDER BY posted_at LIMIT 2"
        found = connection.execute(posted).fetchall()
    for (qbo_id,) in found:
        business.rename("invoice", qbo_id)
    business.run_of(business.post("verify", mode="full"))


def _runs(business: Business) -> None:
    """A backfill that posts what no webhook told of, and a tie-out that is kept."""
    business.invoice(7_700)
    since = (datetime.now(UTC) - timedelta(days=3)).date().isoformat()
    business.run_of(business.post("backfill", since=since, accept_warnings=True))
    business.settle()
    business.get("tieout")
