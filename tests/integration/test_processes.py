"""The service as a process: any order of events, several processes on one home, webhooks over HTTP, at rest."""

import json
import random
import signal
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, LiteralString

import httpx2
import psycopg
import pytest

from tests.integration.processes import Bench, Process, bench, sign, until
from tests.integration.receivers import hook
from wescope.links.embedded import embedded_postgres

pytestmark = [pytest.mark.timeout(480), pytest.mark.slow]

RECEIVER = pytest.mark.xdist_group("receiver")
"""Tests of one service that runs as long as they do: else each process of tests would start one."""

COPIES = 20
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


# --- any order, any number --------------------------------------------------------------------------------------------


def test_twenty_copies_of_every_event_at_once_in_any_order_make_each_document_once(tmp_path: Path) -> None:
    books = []
    with bench(tmp_path, customers=3, months=1) as made:
        bodies = made.bodies()
        for number, arrange in enumerate((list, reversed, _shuffled(1))):
            made.home_name = f"home{number}"
            made.qbo.announced = {**made.qbo.announced, **made.post(made.qbo, "/_sandbox/reset")}
            service = made.serve()
            copies = [body for body in bodies for _ in range(COPIES)]
            statuses = made.send_all(service, list(arrange(copies)), at_once=COPIES)
            assert set(statuses) == {200}
            made.until_idle(service)
            made.check_books(service)
            books.append(made.books())

            before = made.qbo_requests()["total"]
            made.send_all(service, bodies, at_once=8)
            made.deliver(service, only_undelivered=False, thin=1)
            status = made.until_idle(service)
            assert made.qbo_requests()["total"] == before
            assert status["parked"] == 0
            assert service.kill(signal.SIGTERM) == 0
    assert all(one == books[0] for one in books)


def _shuffled(seed: int) -> Any:
    def arrange(bodies: list[bytes]) -> list[bytes]:
        return random.Random(seed).sample(bodies, len(bodies))  # noqa: S311 - repeatable on purpose

    return arrange


# --- several processes ------------------------------------------------------------------------------------------------


def test_a_web_process_and_two_workers_and_commands_share_one_home(tmp_path: Path) -> None:
    with bench(tmp_path, customers=16, months=1) as made, ThreadPoolExecutor(2) as pool, hook() as told:
        tell = {"WESCOPE_ALERT_WEBHOOK_URL": told.url}
        web = made.serve("web", **tell)
        # Found by the workers as soon as they start.
        made.rows(_TIEOUT)
        workers = [made.serve("worker", **tell), made.serve("worker", **tell)]
        made.deliver(web, order="shuffled", duplicates=0.5, wait=False)
        commands = [
            pool.submit(made.command, "status", "--json"),
            pool.submit(made.command, "sync", str(made.events()[-1]["id"]), "--json"),
        ]
        for command in commands:
            result = command.result()
            assert result.returncode in {0, 2} or "error" not in result.stdout, result.stdout + result.stderr
            assert "internal" not in result.stdout
        until(lambda: made.deliveries()["runs"][0]["finished"], timeout_s=60, what="delivered")
        made.until_idle(web)
        _check_operations(made, workers)
        made.check_books(web)
        assert all(_did_work(worker) for worker in workers), "both workers had a share"
        (text,) = told.texts
        assert "ALERT tieout_differs: The last tie-out differs by 1.50." in text

        for process in (workers[0], web, workers[1]):
            assert made.postgres(), "it runs while somebody uses it"
            assert process.kill(signal.SIGTERM) == 0
        assert not made.postgres()


_TIEOUT: LiteralString = """
    INSERT INTO runs (kind, state, result) VALUES
    ('tieout', 'done', jsonb_build_object('as_of', '2026-11-22', 'difference', '1.50', 'at', now()))
    RETURNING id
"""


def _check_operations(made: Bench, workers: list[Process]) -> None:
    """Workers show their health and metrics, and the command shows what they have told."""
    for worker in workers:
        assert made.client.get(f"{worker.url}/healthz").status_code == 200
        assert made.client.get(f"{worker.url}/readyz").status_code == 200
    shown = [made.metrics(worker) for worker in workers]
    assert [one["wescope_workers"] for one in shown] == [2, 2], "of the system: the same everywhere"
    posted = sum(one.get('wescope_webhook_to_posted_seconds_count{entity="Invoice"}', 0) for one in shown)
    assert posted > 0
    alerts = made.command("alerts", "--json", WESCOPE_ALERT_WEBHOOK_URL="http://127.0.0.1:9/unused")
    report = json.loads(alerts.stdout)
    assert (alerts.returncode, [one["code"] for one in report["alerts"]]) == (1, ["tieout_differs"])
    assert [(one["target"], one["ok"]) for one in report["targets"]] == [("webhook", True)]


def _did_work(worker: Process) -> bool:
    return '"document applied"' in worker.log_text()


# --- webhooks over HTTP -----------------------------------------------------------------------------------------------


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


@RECEIVER
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


@RECEIVER
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


@RECEIVER
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


@RECEIVER
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


@RECEIVER
def test_it_answers_under_load(running: tuple[Bench, Process]) -> None:
    """That nothing blocks, not how fast it is: the client gives up after a while."""
    made, service = running
    made.deliver(service, only_undelivered=False, duplicates=1.0, concurrency=20, wait=False)
    for _ in range(8):
        for path in ("/healthz", "/readyz", "/api/v1/status", "/metrics"):
            assert made.client.get(f"{service.url}{path}").status_code == 200
    until(lambda: made.deliveries()["runs"][-1]["finished"], timeout_s=60, what="delivered")
    made.until_idle(service)


@RECEIVER
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


def test_an_address_that_is_in_use_is_named_and_nothing_is_started(tmp_path: Path) -> None:
    with bench(tmp_path, customers=1, months=1) as made, socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        result = made.command("serve", "--json", WESCOPE_PORT=str(port))
        assert result.returncode == 2
        error = json.loads(result.stdout)["error"]
        assert error["code"] == "settings_invalid"
        assert "WESCOPE_PORT" in error["message"]
        assert not (made.home / "postgres").exists()
