"""One service that runs as long as these tests do: webhooks over HTTP, under load, at rest."""

import json
import signal
import time
from collections.abc import Iterator
from typing import Any

import httpx2
import psycopg
import pytest

from tests.integration.processes import Bench, Process, bench, sign, until
from wescope.links.embedded import embedded_postgres

pytestmark = [pytest.mark.timeout(480), pytest.mark.slow]

HOOK = "/webhooks/stripe"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Bench, Process]]:
    """One service that has synced a small business, for tests that do not disturb it."""
    with bench(tmp_path_factory.mktemp("running"), customers=8, months=2) as made:
        service = made.serve(
            WESCOPE_STRIPE_WEBHOOK_SECRETS=f"whsec_rolled_out,{made.stripe.announced['webhook_secret']}"
        )
        made.deliver(service, order="shuffled", duplicates=0.3, thin=0.3, seed=3)
        made.until_idle(service)
        yield made, service


def _event(made: Bench, kind: str = "invoice.paid") -> dict[str, Any]:
    events = (json.loads(body) for body in made.bodies())
    return next(event for event in events if event["type"] == kind)


def _post(made: Bench, service: Process, body: bytes, **headers: str) -> tuple[int, dict[str, Any]]:
    answer = made.client.post(f"{service.url}{HOOK}", content=body, headers=headers)
    return answer.status_code, answer.json()


def _hints(made: Bench) -> int:
    with embedded_postgres(made.home) as server, psycopg.connect(server.conninfo) as connection:
        row = connection.execute("select count(*) from hints").fetchone()
    assert row is not None
    return int(row[0])


def _fresh(event: dict[str, Any], **changes: Any) -> bytes:
    return json.dumps({**event, "id": f"evt_{time.monotonic_ns()}", **changes}).encode()


def test_the_receiver_refuses_what_is_not_signed_now_and_stores_nothing_of_it(running: tuple[Bench, Process]) -> None:
    made, service = running
    secret = str(made.stripe.announced["webhook_secret"])
    body, now = _fresh(_event(made)), int(time.time())
    before, hints = made.metrics(service), _hints(made)
    refused = [
        ("signature_expired", body, sign(body, secret, timestamp=now - 301)),
        ("signature_wrong", body, sign(body, "whsec_other")),
        ("signature_wrong", body + b" ", sign(body, secret)),
        ("signature_missing", body, ""),
        ("signature_wrong", body, "nonsense"),
        ("body_invalid", b"{", sign(b"{", secret)),
        ("body_invalid", b"[]", sign(b"[]", secret)),
        ("body_invalid", b"\xff\xfe", sign(b"\xff\xfe", secret)),
    ]
    codes = []
    for _expected, sent, signature in refused:
        status, answer = _post(made, service, sent, **({"Stripe-Signature": signature} if signature else {}))
        assert 400 <= status < 500
        assert secret not in json.dumps(answer)
        codes.append(answer["error"]["code"])
    assert len(set(codes)) >= 4, codes
    assert _hints(made) == hints
    after = made.metrics(service)
    for code in set(codes):
        name = f'wescope_webhooks_total{{outcome="{code}",type="unknown"}}'
        assert after[name] - before.get(name, 0) == codes.count(code)


def test_a_body_over_one_mebibyte_is_refused_with_and_without_its_length(running: tuple[Bench, Process]) -> None:
    made, service = running
    secret = str(made.stripe.announced["webhook_secret"])
    body, hints = b" " * (1024 * 1024 + 1), _hints(made)
    headers = {"Stripe-Signature": sign(body, secret)}

    def chunks() -> Iterator[bytes]:
        for start in range(0, len(body), 65536):
            yield body[start : start + 65536]

    statuses: list[int | str] = []
    for content in (body, chunks()):
        try:
            statuses.append(made.client.post(f"{service.url}{HOOK}", content=content, headers=headers).status_code)
        except httpx2.TransportError as error:  # it may hang up on who goes on sending
            statuses.append(type(error).__name__)
    assert all(status == 413 or isinstance(status, str) for status in statuses), statuses
    assert 413 in statuses
    assert _hints(made) == hints
    largest = _fresh(_event(made), padding="x" * 1_000_000)
    assert _post(made, service, largest, **{"Stripe-Signature": sign(largest, secret)})[0] == 200


def test_what_is_accepted_is_told_apart_and_counted(running: tuple[Bench, Process]) -> None:
    made, service = running
    secret, now = str(made.stripe.announced["webhook_secret"]), int(time.time())
    event = _event(made)
    once, old_invoice = _fresh(event), {**event["data"]["object"]}
    for name in ("parent", "payments", "total_taxes"):
        old_invoice.pop(name, None)
    old = _fresh(event, api_version="2020-08-27", data={"object": {**old_invoice, "charge": "ch_1", "paid": True}})
    renamed = {"object": event["data"]["object"], "previous_attributes": {"name": "Ada"}}
    thin = {
        "object": "v2.core.event",
        "type": "v1.invoice.paid",
        "livemode": False,
        "created": "2026-11-22T10:00:00.000Z",
        "related_object": {"id": event["data"]["object"]["id"], "type": "invoice", "url": "/v1/invoices/x"},
    }
    accepted = [
        ("stored", once, sign(once, "whsec_wrong", secret)),
        ("duplicate", once, sign(once, secret, timestamp=now - 290)),
    ]
    for outcome, body in (
        ("stored", old),
        ("stored", _fresh(thin)),
        ("unknown", _fresh(event, type="planet.discovered")),
        ("ignored", _fresh(event, type="customer.updated", data=renamed)),
    ):
        accepted.append((outcome, body, sign(body, secret)))
    in_future, other = _fresh(event), _fresh(event)
    accepted += [("stored", in_future, sign(in_future, secret, timestamp=now + 200))]
    accepted += [("stored", other, sign(other, "whsec_rolled_out"))]
    before = made.metrics(service)
    for outcome, body, signature in accepted:
        assert _post(made, service, body, **{"Stripe-Signature": signature}) == (
            200,
            {"outcome": outcome, "event_id": json.loads(body)["id"]},
        )
    after = made.metrics(service)

    def more(kind: str, outcome: str) -> float:
        name = f'wescope_webhooks_total{{outcome="{outcome}",type="{kind}"}}'
        return after.get(name, 0) - before.get(name, 0)

    assert more("invoice.paid", "stored") == 5
    assert more("invoice.paid", "duplicate") == 1
    assert more("unknown", "unknown") == 1
    assert more("customer.updated", "ignored") == 1
    calls = made.qbo_requests()["total"]
    made.until_idle(service)
    assert made.qbo_requests()["total"] == calls


def test_without_its_database_it_answers_5xx_and_takes_the_event_when_it_is_sent_again(
    running: tuple[Bench, Process],
) -> None:
    made, service = running
    secret = str(made.stripe.announced["webhook_secret"])
    body, hints = _fresh(_event(made)), _hints(made)
    headers = {"Stripe-Signature": sign(body, secret)}
    (postmaster, *others) = made.postgres()
    postmaster.suspend()
    try:
        for other in others:
            other.suspend()
        began = time.monotonic()
        assert _post(made, service, body, **headers)[0] == 503
        assert time.monotonic() - began < 19, "Stripe gives up after 20 s"
    finally:
        for one in (postmaster, *others):
            one.resume()
    until(lambda: _ready(made, service), timeout_s=20, what="ready again")
    assert _hints(made) == hints
    assert _post(made, service, body, **{"Stripe-Signature": sign(body, secret)})[0] == 200
    assert _hints(made) == hints + 1
    made.until_idle(service)


def _ready(made: Bench, service: Process) -> bool:
    return made.client.get(f"{service.url}/readyz").status_code == 200


# --- under load, at rest ----------------------------------------------------------------------------------------------


def test_it_answers_under_load(running: tuple[Bench, Process]) -> None:
    """That nothing blocks, not how fast it is: the client gives up after a while."""
    made, service = running
    made.deliver(service, only_undelivered=False, duplicates=1.0, concurrency=20, wait=False)
    for _ in range(8):
        for path in ("/healthz", "/readyz", "/api/v1/status", "/metrics"):
            assert made.client.get(f"{service.url}{path}").status_code == 200
    until(lambda: made.deliveries()["runs"][-1]["finished"], timeout_s=60, what="delivered")
    made.until_idle(service)


def test_it_is_small_at_rest_and_ready_soon(running: tuple[Bench, Process]) -> None:
    made, service = running
    made.deliver(service, only_undelivered=False, duplicates=1.0, concurrency=20)
    made.until_idle(service)
    assert made.resident_bytes() > 0
    until(lambda: made.resident_bytes() < 400_000_000, timeout_s=75, what="small at rest")
    made.check_books(service)
    assert service.kill(signal.SIGTERM) == 0
    seconds = []
    for _ in range(3):
        again = made.serve()
        seconds.append(again.seconds_to_ready)
        assert again.kill(signal.SIGTERM) == 0
        if seconds[-1] < 5:
            break
    assert min(seconds) < 5, seconds
