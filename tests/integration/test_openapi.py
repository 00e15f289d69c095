"""The running service answers as its description says, whatever it is asked; real exports and stored hints fit, too.

Real answers and outputs with every situation are compared with their schemas in `test_personal_data`.

`pytest tests/integration/test_openapi.py --api-examples 200` asks for more.
"""

import csv
import io
import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from tests.integration.api_requests import Signer, ask
from tests.integration.processes import Bench, Process, bench, sign
from tests.validation import answers, check_format
from wescope.links.mirror import selected
from wescope.links.mirror_tables import mirror_table
from wescope.qbo.webhooks import signature_of
from wescope.web.app import published_openapi
from wescope.web.webhooks import MAX_BODY_BYTES

VERIFIER = "verifier-of-the-app"
MANY = 1000


@dataclass(frozen=True)
class World:
    """A service that has synchronised a small business and compared both sides."""

    bench: Bench
    service: Process

    @property
    def secret(self) -> str:
        return str(self.bench.stripe.announced["webhook_secret"])


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with bench(tmp_path_factory.mktemp("api"), customers=2, stripe=("--payouts", "daily")) as opened:
        service = opened.serve(WESCOPE_QBO_WEBHOOK_VERIFIER=VERIFIER)
        opened.deliver(service)
        opened.until_idle(service)
        assert opened.tie_out_difference(service) == "0.00"
        yield World(opened, service)


def test_payouts_are_pages_of_what_the_service_has_stored(world: World) -> None:
    """And a file: its rows come to what Stripe has paid out."""
    base = f"{world.service.url}/payouts"
    payouts = world.bench.get(world.service, "/api/v1/payouts/page")["items"]
    listed = world.bench.client.get(base).text
    for payout in payouts:
        name = payout["payout_id"]
        assert f'href="/payouts/{name}"' in listed
        html = world.bench.client.get(f"{base}/{name}").text
        assert "It foots:" in html
        file = list(csv.DictReader(io.StringIO(world.bench.client.get(f"{base}/{name}.csv").text, newline="")))
        assert sum(Decimal(row["net"]) for row in file) == Decimal(payout["amount"])
        assert all(row["qbo_id"] for row in file if row["state"] == "matched")


@pytest.mark.slow
def test_the_service_answers_as_it_is_described(world: World, request: pytest.FixtureRequest) -> None:
    description = published_openapi()
    signer = Signer(stripe_secret=world.secret, qbo_verifier=VERIFIER)
    examples = request.config.getoption("--api-examples")
    outcome = ask(world.service.url, description, signer, examples=examples)
    assert not outcome.faults, "\n".join(outcome.faults)
    operations = {f"{method.upper()} {path}" for path, item in description["paths"].items() for method in item}
    assert set(outcome.asked) == operations
    assert sum(outcome.asked.values()) > MANY


def test_real_answers_fit_their_schemas(world: World) -> None:
    status = world.bench.get(world.service, "/api/v1/status")
    answers("/api/v1/status", "get", 200).validate(status)
    assert status["posted"] > 0
    payouts = world.bench.get(world.service, "/api/v1/payouts")
    answers("/api/v1/payouts", "get", 200).validate(payouts)
    detail = world.bench.get(world.service, f"/api/v1/payouts/{payouts[0]['payout_id']}")
    answers("/api/v1/payouts/{payout_id}", "get", 200).validate(detail)
    assert detail["rows"]
    page = world.bench.get(world.service, "/api/v1/payouts/page")
    answers("/api/v1/payouts/page", "get", 200).validate(page)
    assert {one["payout_id"] for one in page["items"]} <= {one["payout_id"] for one in payouts}
    summary = world.bench.get(world.service, f"/api/v1/payouts/{payouts[0]['payout_id']}/summary")
    answers("/api/v1/payouts/{payout_id}/summary", "get", 200).validate(summary)
    assert [row["transaction_id"] for row in summary["rows"]] == [row["transaction_id"] for row in detail["rows"]]
    assert summary["total"]["net"] == detail["payout"]["amount"]
    tieout = world.bench.get(world.service, "/api/v1/tieout")
    answers("/api/v1/tieout", "get", 200).validate(tieout)
    row = world.bench.get(world.service, f"/api/v1/tieout/rows/{tieout['clearing'][0]['id']}")
    answers("/api/v1/tieout/rows/{row_id}", "get", 200).validate(row)
    story = world.bench.get(world.service, f"/api/v1/explain/{payouts[0]['payout_id']}")
    answers("/api/v1/explain/{identifier}", "get", 200).validate(story)
    assert story["links"]


@pytest.mark.parametrize("what", ["links", "payouts", "payout-rows", "tieouts", "attempts"])
def test_real_exports_fit_their_schemas(world: World, what: str) -> None:
    text = world.bench.client.get(f"{world.service.url}/api/v1/export/{what}.csv").raise_for_status().text
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert rows
    for row in rows:
        check_format(f"exports/{what}", row)


def test_what_is_stored_of_a_webhook_fits_its_schema(world: World) -> None:
    body = json.dumps(
        [
            {
                "specversion": "1.0",
                "id": "88cd52aa",
                "type": "qbo.invoice.updated.v1",
                "time": "2026-11-20T10:00:00Z",
                "intuitentityid": "1",
                "intuitaccountid": world.bench.qbo.announced["realm_id"],
            }
        ]
    ).encode()
    signed = {"intuit-signature": signature_of(body, VERIFIER)}
    answer = world.bench.client.post(f"{world.service.url}/webhooks/qbo", content=body, headers=signed)
    assert answer.status_code == 200
    stored = {
        "webhooks/stripe-hint": world.bench.rows("select row_to_json(hints) from hints"),
        "webhooks/qbo-hint": world.bench.rows("select row_to_json(qbo_hints) from qbo_hints"),
    }
    for name, rows in stored.items():
        assert rows
        for (row,) in rows:
            check_format(name, row)


FULL = ("links", "subjects", "hints", "attempts", "runs", "payout_checks", "payout_rows", "tieout_rows", "qbo_reads")


@pytest.mark.parametrize("table", FULL)
def test_real_rows_of_the_mirror_fit_their_schemas(world: World, table: str) -> None:
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy's dialects have no types
    mirrored = selected(mirror_table(table)).subquery("mirrored")
    query = sa.select(sa.func.row_to_json(sa.literal_column("mirrored"))).select_from(mirrored)
    rows = world.bench.rows(str(query.compile(dialect=dialect, compile_kwargs={"literal_binds": True})))
    assert rows
    for (row,) in rows:
        check_format(f"links/{table.replace('_', '-')}", row)


BAD_BODIES: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "application/json"),
    "no JSON": (b"{", "application/json"),
    "no text": (b"\xff\xfe", "application/json"),
    "too deep": (b"[" * 100_000, "application/json"),
    "half a character": (b'{"ids": ["in_\\ud800"]}', "application/json"),
    "another type": (b"ids=in_1", "application/x-www-form-urlencoded"),
    "an unknown coding": (b'{"ids": []}', "application/json; charset=utf-99"),
}


@pytest.mark.parametrize("body", BAD_BODIES)
@pytest.mark.parametrize("path", ["sync", "replay", "parked/ignore"])
def test_a_body_that_is_none_is_refused_as_described(world: World, path: str, body: str) -> None:
    content, media_type = BAD_BODIES[body]
    answer = world.bench.client.post(
        f"{world.service.url}/api/v1/{path}", content=content, headers={"Content-Type": media_type}
    )
    # What a form of another site could send is refused before it is read.
    status = 403 if body == "another type" else 422
    assert answer.status_code == status, answer.text
    answers(f"/api/v1/{path}", "post", status).validate(answer.json())


def test_a_webhook_that_is_none_is_refused_as_described(world: World) -> None:
    url, client = f"{world.service.url}/webhooks/stripe", world.bench.client
    refused = [
        client.post(url, content=b"{}"),
        client.post(url, content=b"{}", headers={"Stripe-Signature": "t=1,v1=00"}),
        client.post(url, content=b"{}", headers={"Stripe-Signature": sign(b"{}", world.secret)}),
        client.post(url, content=b"{}", headers={"Stripe-Signature": sign(b"{}", world.secret, timestamp=1)}),
        client.post(url, content=b"x" * (MAX_BODY_BYTES + 1), headers={"Stripe-Signature": "t=1,v1=00"}),
    ]
    assert [answer.status_code for answer in refused] == [400, 400, 400, 400, 413]
    for answer in refused:
        answers("/webhooks/stripe", "post", answer.status_code).validate(answer.json())


@pytest.mark.parametrize("path", ["/api/v1/status", "/api/v1/sync", "/", "/healthz", "/openapi.json", "/metrics"])
def test_a_wrong_method_is_refused_as_described(world: World, path: str) -> None:
    answer = world.bench.client.request("PATCH", f"{world.service.url}{path}")
    assert answer.status_code == 405
    assert answer.headers["allow"] in {"GET", "POST"}
    error = answer.json()["error"]
    assert set(error) == {"code", "message", "remedy"}
    assert error["code"] in published_openapi()["components"]["schemas"]["ErrorBody"]["properties"]["code"]["enum"]


@pytest.mark.parametrize(
    "lines",
    [
        b"GET /api/v1/status HTTP/1.1\r\nHost: a b\r\n\r\n",
        b"GET /api/v1/status HTTP/1.1\r\nHost: [::1\r\n\r\n",
        b"GET /api/v1/status HTTP/1.1\r\nHost: 127.0.0.1:x\r\n\r\n",
        b"GET /api/v1/status HTTP/1.1\r\nHost: evil.example.com\r\n\r\n",
        b"GET /api/v1/status HTTP/1.1\r\nHost: 127.0.0.1\r\nSec-Fetch-Site: \xff\r\n\r\n",
        b"GET /api/v1/status HTTP/1.0\r\n\r\n",
        b"GET /api/v1/explain/%00 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        b"GET /%ff%2e%2e/ HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        b"POST /webhooks/stripe HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: x\r\n\r\n",
        b"POST /webhooks/stripe HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 2\r\nStripe-Signature: \xff\r\n\r\n{}",
        b"POST /webhooks/stripe HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"NONSENSE\r\n\r\n",
    ],
    ids=range(12),
)
def test_headers_that_are_none_are_no_fault_of_ours(world: World, lines: bytes) -> None:
    address = urlsplit(world.service.url)
    with socket.create_connection((str(address.hostname), int(address.port or 0)), timeout=10) as connection:
        connection.sendall(lines)
        status_line = connection.makefile("rb").readline()
    assert int(status_line.split(b" ", 2)[1]) in {200, 400, 403, 404, 422}


def test_nothing_went_wrong_inside(world: World) -> None:
    lines = [line for line in world.service.log_text().splitlines() if "internal_error" in line]
    assert lines == []


def test_ids_that_come_twice_are_read_once(world: World) -> None:
    charge = world.bench.get(world.service, "/api/v1/payouts")[0]["payout_id"]
    synced: list[Any] = world.bench.post(world.service, "/api/v1/sync", ids=[charge, charge], dry_run=True)
    assert len(synced) == 1


def test_the_description_is_served(world: World) -> None:
    served = httpx2.get(f"{world.service.url}/openapi.json", trust_env=False).json()
    published = json.loads((Path(__file__).parents[2] / "artifacts" / "openapi.json").read_text(encoding="utf-8"))
    for one in (served, published):
        one.pop("servers")
        one["info"].pop("version")
    assert served == published
