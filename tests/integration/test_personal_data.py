"""No personal data, no token and no payload comes out anywhere: a whole run over objects full of canaries.

Everything that the product reads has texts in it that can be told from anything else: names, addresses, what people
type, card numbers, tokens. All situations are synced by real processes at debug level, people edit QBO, errors quote
data; then everything that came out is searched. That the canaries were really served is proved first.
"""

import base64
import json
import logging
import signal
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Any

import psycopg
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from psycopg import sql
from starlette.types import Scope
from typer.testing import CliRunner

from tests.integration.canaries import (
    CARD,
    MARK,
    STRIPE_FIELDS,
    Places,
    canary,
    plant_qbo,
    plant_stripe,
    said,
    tokens_of,
)
from tests.integration.guarded import StandIns, guarded_bench
from tests.integration.hurried import hurried_defaults
from tests.integration.processes import Bench, sign, until
from tests.unit.observe.tracing import Collector
from tests.validation import answers, check_command
from wescope.cli.main import app
from wescope.links.embedded import embedded_postgres
from wescope.qbo.limits import PostgresLimits
from wescope.sandbox.qbo import QboSandbox
from wescope.sandbox.qbo.webhooks import sign as sign_qbo
from wescope.sandbox.stripe import Knobs, StripeSandbox
from wescope.sandbox.stripe.errors import StripeError
from wescope.sandbox.stripe.seeding import SITUATIONS

VERIFIER = "zqxwvbk-verifier-5f1c2b9a7e"
SECRET_QUOTED = canary("refusal", "message", 1)
NOTHING: Mapping[str, str] = MappingProxyType({})
SHEETS = ("links", "payouts", "payout-rows", "tieouts", "parked", "attempts", "audit")


class Run:
    """One run of everything, and all that came out of it."""

    def __init__(self, bench: Bench, stand_ins: StandIns, collector: Collector) -> None:
        self.bench, self.stand_ins, self.collector = bench, stand_ins, collector
        self.places, self.cli = Places(), CliRunner()
        self.entities: list[tuple[Any, ...]] = []
        self.environment = {
            "WESCOPE_LOG_LEVEL": "debug",
            "WESCOPE_TRACES": "otlp",
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
            "WESCOPE_QBO_WEBHOOK_VERIFIER": VERIFIER,
        }
        self.web = bench.serve("web", **self.environment)
        self.worker = bench.serve("worker", **self.environment)

    @property
    def invoice(self) -> str:
        """An invoice whose document is in QBO."""
        rows = self.bench.rows("select subject from links where entity = 'Invoice' and state = 'posted' order by 1")
        return str(rows[0][0]).partition("/")[2]

    # --- what happens -----------------------------------------------------------------------------------------------

    def sync_everything(self) -> None:
        """Every event is delivered and worked off."""
        self.bench.deliver(self.web, concurrency=8, thin=0.2)
        self.bench.until_idle(self.web, timeout_s=240)

    def be_edited(self) -> None:
        """People change what we have written, and QBO tells us of it; then it is verified."""
        company = self.stand_ins.qbo.company

        def edit() -> list[str]:
            own = [one for one in company.objects("Invoice") if "wescope:" in str(one.get("PrivateNote"))][:3]
            for number, one in enumerate(own):
                note = f"{one['PrivateNote']} {canary('edit', 'PrivateNote', number)}"
                body = {**one, "PrivateNote": note, "CustomerMemo": {"value": canary("edit", "CustomerMemo", number)}}
                assert company.human("Invoice", "update", body).status == 200
            return [str(one["Id"]) for one in own]

        for number in self.stand_ins.call(edit):
            body = json.dumps(_qbo_event(self.bench, number)).encode()
            self._post("/webhooks/qbo", body, {"intuit-signature": sign_qbo(body, VERIFIER)})
        self.command("verify", "--full", human=False)

    def be_refused(self) -> None:
        """QBO refuses a write, and Stripe a read, with words that quote data."""
        business, customer = (
            self.stand_ins.stripe.business,
            self.stand_ins.stripe.business.account.store.all("customer"),
        )
        rule = self.stand_ins.qbo.faults.arm(
            "fault",
            entity="Invoice",
            operation="create",
            code="6000",
            text=SECRET_QUOTED,
            detail=SECRET_QUOTED,
            count=9,
        )
        made = self.bench.post(
            self.bench.stripe,
            "/_sandbox/invoices",
            customer=customer[0]["id"],
            lines=[{"amount": 4200, "description": canary("line_item", "description", 9)}],
        )
        self.bench.deliver(self.web)
        self.bench.until_idle(self.web, timeout_s=60)
        assert rule.fired
        self.stand_ins.call(self.stand_ins.qbo.faults.clear)
        assert business.account.store.get("invoice", made["id"])
        self._let_stripe_refuse(made["id"])
        self.command("sync", made["id"])
        self._post("/api/v1/sync", json.dumps({"ids": [made["id"]]}).encode(), {"Content-Type": "application/json"})
        self.stand_ins.stripe_wire.before = lambda _scope: None
        self.command("sync", "in_doesNotExist")

    def _let_stripe_refuse(self, invoice: str) -> None:
        def refuse(scope: Scope) -> None:
            if invoice in str(scope["path"]) or "invoice" in str(scope["path"]):
                scope["stripe_fault"] = StripeError(SECRET_QUOTED, status=400, param=SECRET_QUOTED)

        self.stand_ins.stripe_wire.before = refuse

    def be_sent_nonsense(self) -> None:
        """Webhooks that are refused, with data in them."""
        secret = self.stand_ins.stripe.webhook_secret
        person = json.dumps({"id": "evt_1", "object": "event", "data": {"name": SECRET_QUOTED}}).encode()
        for body, signature in (
            (person, "t=1,v1=00"),
            (person, sign(person, "whsec_other")),
            (person, sign(person, secret, timestamp=1)),
            (person, sign(person, secret)),
            (person[:-3], sign(person[:-3], secret)),
            (person * 20_000, sign(person, secret)),
        ):
            self._post("/webhooks/stripe", body, {"Stripe-Signature": signature}, good=False)
        for body, signature in (
            (person, "x"),
            (person, sign_qbo(person, VERIFIER)),
            (b"[1]", sign_qbo(b"[1]", VERIFIER)),
        ):
            self._post("/webhooks/qbo", body, {"intuit-signature": signature}, good=False)

    def be_set_up_wrongly(self) -> None:
        """Settings that are wrong have secrets in them, too; so has Stripe's refusal of a key."""
        for name in (
            "WESCOPE_DATABASE_URL",
            "WESCOPE_TOKEN_KEY",
            "WESCOPE_QBO_API_BASE",
            "WESCOPE_STRIPE_WEBHOOK_SECRETS",
        ):
            self.command("status", changes={name: f"{MARK} {MARK}"})
        self.command("sync", self.invoice, human=False, changes={"WESCOPE_STRIPE_API_KEY": f"sk_test_{MARK}"})

    def lose_the_connection(self) -> None:
        """Intuit revokes the grant and says so with words that quote data."""
        description = json.dumps({"error": "invalid_grant", "error_description": SECRET_QUOTED}).encode()
        qbo = self.stand_ins.qbo_wire
        qbo.before = lambda scope: (400, description) if "tokens/bearer" in str(scope["path"]) else None
        self.stand_ins.call(self.stand_ins.qbo.tokens.revoke_all)
        customer = self.stand_ins.stripe.business.account.store.all("customer")[0]["id"]
        lines = [{"amount": 100, "description": canary("line_item", "description", 10)}]
        self.bench.post(self.bench.stripe, "/_sandbox/invoices", customer=customer, lines=lines)
        self.bench.deliver(self.web)
        until(lambda: self.bench.status(self.web)["alerts"], timeout_s=60, what="the connection is lost")
        self.command("tieout")
        self.command("doctor", human=False)

    # --- what comes out ---------------------------------------------------------------------------------------------

    def ask_everything(self) -> None:
        """Every GET route of the API, the page, the metrics, and every command that tells something."""
        self.command("sync", self.invoice, "--dry-run")
        tieout = self.bench.get(self.web, "/api/v1/tieout")
        rows = [row["id"] for row in _rows(tieout)][:1]
        payouts = [one["payout_id"] for one in self.bench.get(self.web, "/api/v1/payouts")][:1]
        runs = [str(one["run_id"]) for one in self.bench.get(self.web, "/api/v1/runs")][:2]
        values = {
            "payout_id": payouts,
            "row_id": rows,
            "run_id": runs,
            "key": [row["key"] for row in self.bench.get(self.web, "/api/v1/parked")][:2],
            "month": ["2026-11"],
            "identifier": self._identifiers(),
            "what": SHEETS,
        }
        described = self.bench.get(self.web, "/openapi.json")["paths"]
        paths = [path for path, verbs in described.items() if "get" in verbs]
        assert len(paths) >= 12
        for path in paths:
            for address in _filled(path, values):
                answer = self.bench.client.get(f"{self.web.url}{address}", timeout=120)
                if answer.headers.get("content-type") == "application/json":
                    answers(path, "get", answer.status_code).validate(answer.json())
                self.places.add(f"GET {path}", f"{answer.status_code} {answer.text}")
        for told in (["status"], ["parked"], ["explain", self.invoice]):
            self.command(*told)
        for told in (["payouts"], ["drift"], ["export", "--what", "links"]):
            self.command(*told, human=False)

    def _identifiers(self) -> list[str]:
        event = self.bench.rows("select event_id from hints where event_id is not null order by id limit 1")[0][0]
        store = self.stand_ins.stripe.business.account.store
        kinds = ("customer", "refund", "payout")
        return [self.invoice, str(event), "Invoice/1", *(str(store.all(kind)[0]["id"]) for kind in kinds)]

    def command(self, *arguments: str, human: bool = True, changes: Mapping[str, str] = NOTHING) -> None:
        """Run a command with `--json` and for people; what it prints and logs."""
        root = logging.getLogger()
        before = (root.handlers, root.level)
        environment = {**self.bench.environment(**self.environment), "COLUMNS": "400", **changes}
        for options in (["--json"], []) if human else (["--json"],):
            result = self.cli.invoke(app, [*arguments, *options], env=environment)
            root.handlers, root.level = before
            assert not isinstance(result.exception, Exception) or isinstance(result.exception, SystemExit)
            if options:
                check_command(arguments, result.stdout)
            self.places.add(f"wescope {arguments[0]}", f"{result.exit_code}\n{result.stdout}\n{result.stderr}")

    def end(self) -> None:
        """Stop both processes and take what they leave: logs, traces, tables."""
        self.entities = self.bench.rows("select distinct entity from links")
        self.places.add("metrics of web", self.bench.client.get(f"{self.web.url}/metrics").text)
        for name, process in (("web", self.web), ("worker", self.worker)):
            assert process.kill(signal.SIGTERM) == 0
            self.places.add(f"log of {name}", process.log_text())
            self.places.add(f"stdout of {name}", process.popen.stdout.read() if process.popen.stdout else "")
        for body in self.collector.bodies:
            self.places.add("traces", str(ExportTraceServiceRequest.FromString(body)))
        postgres_log = self.bench.home / "postgres" / "log"
        if postgres_log.is_file():
            self.places.add("log of PostgreSQL", postgres_log.read_text())
        self._dump()
        self.places.secrets = self._secrets()

    def _dump(self) -> None:
        """Every row of every table as text; what is bytes as characters, too."""
        with embedded_postgres(self.bench.home) as server, psycopg.connect(server.conninfo) as connection:
            query = "select table_name from information_schema.tables where table_schema = 'public'"
            for (name,) in connection.execute(query).fetchall():
                for row in connection.execute(sql.SQL("select * from {}").format(sql.Identifier(name))).fetchall():
                    texts = [v.decode("latin-1") if isinstance(v, bytes) else json.dumps(v, default=str) for v in row]
                    self.places.add(f"table {name}", " ".join(texts))

    def _secrets(self) -> set[str]:
        qbo, stripe = self.stand_ins.qbo.greeting(), self.stand_ins.stripe
        given = [body for path, body in self.stand_ins.qbo_wire.served if "tokens/bearer" in path]
        basic = base64.b64encode(f"{qbo['client_id']}:{qbo['client_secret']}".encode()).decode()
        own = {stripe.api_key, stripe.webhook_secret, qbo["client_secret"], VERIFIER, basic}
        kept = [path.read_text().strip() for path in self.bench.home.rglob("*") if _is_secret_file(path)]
        tokens = tokens_of(given)
        assert len(tokens) >= 2
        assert kept
        return own | tokens | {text for text in kept if len(text) >= 8}

    def received(self) -> str:
        """All that the product was sent: answers of both services, and events."""
        bodies = "\n".join(body.decode() for body in self.bench.bodies())
        return f"{self.stand_ins.stripe_wire.text()}\n{self.stand_ins.qbo_wire.text()}\n{bodies}"

    def _post(self, path: str, body: bytes, headers: dict[str, str], *, good: bool = True) -> None:
        answer = self.bench.client.post(f"{self.web.url}{path}", content=body, headers=headers)
        self.places.add(f"POST {path}", f"{answer.status_code} {answer.text}")
        assert good or answer.status_code >= 400, answer.text


def _is_secret_file(path: Path) -> bool:
    return path.is_file() and path.name in {"token_key", "password", "token.key"}


def _qbo_event(bench: Bench, qbo_id: str) -> list[dict[str, Any]]:
    return [
        {
            "specversion": "1.0",
            "id": f"edit-{qbo_id}",
            "source": canary("event", "source", 1),
            "type": "qbo.invoice.updated.v1",
            "datacontenttype": "application/json",
            "time": "2026-11-23T08:00:00Z",
            "intuitentityid": qbo_id,
            "intuitaccountid": str(bench.qbo.announced["realm_id"]),
            "data": {"note": canary("event", "note", 1)},
        }
    ]


def _rows(value: Any) -> Iterator[dict[str, Any]]:
    """All objects with an id of a row, wherever they stand in a tie-out."""
    match value:
        case dict():
            if isinstance(value.get("id"), str):
                yield value
            for part in value.values():
                yield from _rows(part)
        case list():
            for part in value:
                yield from _rows(part)


def _filled(path: str, values: dict[str, Any]) -> list[str]:
    for name, given in values.items():
        for spelling in (f"{{{name}}}", f"{{{name}:path}}"):
            if spelling in path:
                return [path.replace(spelling, str(one)) for one in given]
    assert "{" not in path, path
    return [path]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    stripe = StripeSandbox(
        customers=len(SITUATIONS["all"]),
        months=1,
        as_of=date(2026, 11, 22),
        situations="all",
        payouts="daily",
        knobs=Knobs(requests_per_second=0, requests_per_second_in_all=0),
    )
    qbo = QboSandbox(knobs={"enforce_limits": False, "webhook_verifier": VERIFIER})
    plant_stripe(stripe.business)
    plant_qbo(qbo, stripe.business)
    collector = Collector()
    try:
        with (
            pytest.MonkeyPatch.context() as patch,
            StandIns(stripe, qbo) as stand_ins,
            guarded_bench(tmp_path_factory.mktemp("guard"), stand_ins) as bench,
        ):
            patch.setattr(PostgresLimits.__init__, "__kwdefaults__", hurried_defaults())
            made = Run(bench, stand_ins, collector)
            _play(made)
            yield made
    finally:
        collector.close()


def _play(made: Run) -> None:
    made.sync_everything()
    made.be_edited()
    made.be_refused()
    made.be_sent_nonsense()
    made.be_set_up_wrongly()
    made.ask_everything()
    made.lose_the_connection()
    made.end()


@pytest.mark.slow
def test_the_product_was_really_sent_all_of_it(run: Run) -> None:
    received = said(run.received())
    planted = {(kind, name.rpartition(".")[2].lower()) for kind, names in STRIPE_FIELDS.items() for name in names}
    digits = {(kind, name) for kind, name in planted if name in {"last4", "fingerprint"}}
    assert planted - digits - received == set()
    in_qbo = {("qbocustomer", "displayname"), ("qboinvoice", "privatenote"), ("qbodeposit", "privatenote")}
    assert {("card", "digits"), ("edit", "privatenote"), ("refusal", "message"), *in_qbo} - received == set()
    assert CARD in run.received()


@pytest.mark.slow
def test_every_situation_went_through_every_place(run: Run) -> None:
    """A place where nothing came out would be searched in vain."""
    texts = run.places.texts
    assert [prefix for prefix in ("cus_", "in_", "re_", "po_", "evt_") if prefix not in _all(run)] == []
    for where in ("log of web", "log of worker", "traces", "metrics of web", "table links", "table tokens", "GET /"):
        assert len(texts[where]) > 300, where
    for code in (
        "refused_by_qbo",
        "invalid_grant",
        "signature_invalid",
        "body_invalid",
        "reference_missing",
        "settings_invalid",
        "stripe_refused",
    ):
        assert any(code in text for text in texts.values()), code
    assert "edited" in texts["table drift"]
    assert '"severity": "DEBUG"' in texts["log of worker"]
    assert "qbo create" in texts["traces"]
    entities = {row[0] for row in run.entities}
    assert {"Invoice", "Payment", "CreditMemo", "RefundReceipt", "SalesReceipt", "Deposit", "JournalEntry"} <= entities


@pytest.mark.slow
def test_nothing_of_it_came_out(run: Run) -> None:
    assert run.places.leaks() == []


def test_the_search_finds_what_is_there() -> None:
    places = Places(secrets={"sk_test_1234"})
    places.add("log", f"to {canary('customer', 'email', 1)} by card {CARD}0001")
    places.add("table", "key SK_TEST_1234")
    places.add("page", "in_1:invoice")
    assert [leak.split(":")[0] for leak in places.leaks()] == ["log", "log", "table"]


def _all(run: Run) -> str:
    return "\n".join(run.places.texts.values())
