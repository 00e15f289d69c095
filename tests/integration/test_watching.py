"""Watching: what a real database says as numbers and alerts, a worker's own listener, and Prometheus on top of it."""

import asyncio
import contextlib
import re
import socket
import subprocess
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import sqlalchemy as sa

from tests.integration.desk import Desk, Shop, subject_of
from wescope import service
from wescope.config import Settings
from wescope.engine.runtime import Runtime
from wescope.errors import StripeUnavailable
from wescope.links.database import conninfo, transaction
from wescope.links.reports import keep_run
from wescope.links.subjects import Hint
from wescope.observe.alert_rules import RULES
from wescope.observe.metric_table import METRICS, Scope
from wescope.observe.metrics import Sample
from wescope.qbo.slots import Slots

ROOT = Path(__file__).parents[2]
PROMETHEUS = ROOT / ".tools" / "prometheus" / "usr" / "bin" / "prometheus"

Numbers = dict[tuple[str, ...], float]


def numbers(samples: tuple[Sample, ...]) -> Numbers:
    return {(one.name, *one.labels.values()): one.value for one in samples}


async def look(desk: Desk) -> Numbers:
    return numbers(await desk.runtime.watching.samples())


async def execute(desk: Desk, statement: str, **values: Any) -> None:
    async with transaction(desk.runtime.engine) as connection:
        await connection.execute(sa.text(statement), values)


async def codes(desk: Desk) -> list[str]:
    return [alert.code for alert in (await desk.runtime.status()).alerts]


async def test_an_empty_system_has_no_alert_and_shows_only_what_is_known(desk: Desk) -> None:
    seen = await look(desk)
    assert seen["backlog",] == seen["parked",] == seen["workers",] == 0
    assert not {"tieout_balanced", "webhook_age_s", "run_success_age_s"} & {name for name, *_ in seen}
    assert await codes(desk) == []


async def test_from_a_webhook_to_posted_documents(desk: Desk, shop: Shop) -> None:
    invoice = shop.paid_invoice(shop.customer(), 10_00)
    hint = Hint(subject=subject_of(invoice), source="webhook", event_id="evt_1", event_type="invoice.paid")
    assert await desk.runtime.queue.accept(hint)
    # By the database's clock it was received a minute ago.
    await execute(desk, "UPDATE hints SET received_at = received_at - interval '60 s'")
    await execute(desk, "UPDATE subjects SET dirty_since = dirty_since - interval '60 s'")
    seen = await look(desk)
    assert (seen["backlog",], seen["queue_depth", "live"], seen["queue_depth", "backlog"]) == (1, 1, 0)
    assert 60 <= seen["oldest_hint_age_s",] < 600
    assert 60 <= seen["webhook_age_s",] < 600
    await desk.work()
    text = desk.runtime.reconciler.metrics.render().decode()
    for entity in ("Customer", "Invoice", "Payment"):
        counted = dict(re.findall(rf'posted_seconds_(count|sum){{entity="{entity}"}} (\S+)', text))
        assert counted["count"] == "1.0", entity
        assert 60 <= float(counted["sum"]) < 600, entity
    assert "wescope_stripe_calls_total" in text
    await desk.runtime.attempts.flush()  # the log of calls is written a quarter of a second later
    seen = await look(desk)
    assert (seen["backlog",], seen["posted",]) == (0, 3)
    assert seen["qbo_limit_used", "requests_per_minute"] > 0


async def test_what_nobody_sent_a_webhook_for_is_not_measured(desk: Desk, shop: Shop) -> None:
    await desk.sync(shop.invoice(shop.customer(), 10_00))
    assert "posted_seconds_count" not in desk.runtime.reconciler.metrics.render().decode()


async def test_subjects_that_fail_are_told_by_their_code(desk: Desk, shop: Shop) -> None:
    async def fail(_: object) -> None:
        raise StripeUnavailable

    object.__setattr__(desk.runtime.reconciler.reader, "read", fail)
    await desk.hint(shop.invoice(shop.customer(), 10_00))
    for one in await desk.dirty():
        await desk.runtime.reconciler.run(one)
    seen = await look(desk)
    assert seen["subjects_failing", "stripe_unavailable"] == 1
    assert await codes(desk) == []
    await execute(desk, "UPDATE subjects SET dirty_since = dirty_since - interval '16 min'")
    assert await codes(desk) == ["sync_failing"]
    await execute(desk, "UPDATE subjects SET last_code = 'qbo_disconnected'")
    assert await codes(desk) == [], "that has an alert of its own"
    await execute(desk, "UPDATE subjects SET last_code = 'something_new'")
    assert (await look(desk))["subjects_failing", "other"] == 1


async def test_runs_drift_parked_amounts_and_tie_outs(desk: Desk) -> None:
    realm = desk.runtime.store.realm_id
    async with transaction(desk.runtime.engine) as connection:
        kept = {"as_of": "2026-11-22", "difference": "1.50", "at": datetime.now(UTC).isoformat()}
        await keep_run(connection, "tieout", {**kept, "differences": {"usd": "1.50", "eur": "0.00"}})
    for state, hours in (("done", 9), ("failed", 1)):
        await execute(
            desk,
            "INSERT INTO runs (kind, state, counts, started_at, finished_at) VALUES"
            " ('sweep', :state, '{\"hinted\": 4}', now() - :age, now() - :age)",
            state=state,
            age=timedelta(hours=hours),
        )
    await execute(
        desk,
        "INSERT INTO drift (realm_id, entity, qbo_id, kind) VALUES (:realm, 'Invoice', '1', 'edited')",
        realm=realm,
    )
    await execute(
        desk,
        "INSERT INTO parked (document_key, subject, code, amount, currency, advisory, ignored_at) VALUES"
        " ('a', 's', 'looks_like', 1000001, 'usd', false, NULL), ('b', 's', 'looks_like', 5, 'jpy', false, NULL),"
        " ('c', 's', 'looks_like', 7, 'usd', true, NULL), ('d', 's', 'looks_like', 9, 'usd', false, now())",
    )
    seen = await look(desk)
    expected: Mapping[tuple[str, ...], float] = {
        ("tieout_balanced",): 0,
        ("tieout_difference", "usd"): 1.5,
        ("tieout_difference", "eur"): 0,
        ("run_failing", "sweep"): 1,
        ("sweep_found",): 4,
        ("drift", "edited"): 1,
        ("parked",): 3,
        ("parked_items", "looks_like", "operator"): 3,
        ("parked_amount", "looks_like", "operator", "usd"): 10_000.01,
        ("parked_amount", "looks_like", "operator", "jpy"): 5,
        ("alert_threshold", "parked_high", "usd"): 10_000,
    }
    assert {key: seen[key] for key in expected} == expected
    assert 9 * 3600 <= seen["run_success_age_s", "sweep"] < 9 * 3600 + 60
    assert await codes(desk) == ["tieout_differs", "parked_high", "sweep_failing", "drift_found"]


async def test_requests_in_flight_of_all_processes_are_counted(desk: Desk, database: str) -> None:
    other = Slots(conninfo(database), desk.runtime.store.realm_id, count=10)
    stranger = Slots(conninfo(database), "another realm", count=10)
    held = [await other.take() for _ in range(3)]
    await other.take("names")
    await stranger.take()
    assert (await look(desk))["qbo_limit_used", "in_flight"] == 0.3
    await other.give_back(held[0])
    assert (await look(desk))["qbo_limit_used", "in_flight"] == 0.2
    await other.aclose()
    await stranger.aclose()


async def test_every_metric_of_the_system_is_in_the_table(desk: Desk) -> None:
    names = {name for name, *_ in await look(desk)}
    assert names <= {name for name, one in METRICS.items() if one.scope is Scope.SYSTEM}


# --- a worker's listener ----------------------------------------------------------------------------------------------


async def serving(runtime: Runtime, role: str, stop: asyncio.Event) -> tuple[str, asyncio.Task[None]]:
    """The web part of a role on a free port, and its task."""
    settings = Settings(host="127.0.0.1", port=0)
    web = service._Web(service._bind(settings, role), runtime.reconciler.metrics, stop, role, settings=settings)
    task = asyncio.create_task(web.serve())
    return await web.use(runtime), task


async def test_a_worker_shows_its_health_and_metrics_and_nothing_else(desk: Desk) -> None:
    stop = asyncio.Event()
    url, task = await serving(desk.runtime, "worker", stop)
    async with httpx2.AsyncClient(base_url=url) as client:
        answers = {path: (await client.get(path)).status_code for path in ("/healthz", "/readyz", "/metrics")}
        assert answers == {"/healthz": 200, "/readyz": 200, "/metrics": 200}
        assert "wescope_backlog 0.0" in (await client.get("/metrics")).text
        for path in ("/", "/api/v1/status", "/webhooks/stripe"):
            assert (await client.get(path)).status_code == 404
    stop.set()
    await task


def test_a_worker_whose_port_is_taken_takes_another_one() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with service._bind(Settings(host="127.0.0.1", port=port), "worker") as bound:
            assert bound.getsockname()[1] not in {0, port}


# --- Prometheus -------------------------------------------------------------------------------------------------------


async def test_prometheus_scrapes_the_service_and_its_rules_fire(desk: Desk, tmp_path: Path) -> None:
    assert PROMETHEUS.is_file(), f"{PROMETHEUS} is missing: run `make tools`, or put Debian's prometheus there"
    stop = asyncio.Event()
    async with transaction(desk.runtime.engine) as connection:
        kept = {"as_of": "2026-11-22", "difference": "1.50", "at": datetime.now(UTC).isoformat()}
        await keep_run(connection, "tieout", {**kept, "differences": {"usd": "1.50"}})
    url, task = await serving(desk.runtime, "worker", stop)
    with prometheus(tmp_path, url.removeprefix("http://")) as (address, log):
        firing = await fires(address, log.read_text)
    stop.set()
    await task
    # No worker runs jobs here: that is told, too.
    assert firing == {RULES["tieout_differs"].name: "critical", RULES["service_down"].name: "critical"}


@contextlib.contextmanager
def prometheus(folder: Path, target: str) -> Iterator[tuple[str, Path]]:
    """Prometheus with our rules, in a hurry, on a free port: its address, and its log."""
    rules = re.sub(r"for: \d+s", "for: 0s", (ROOT / "deploy" / "alerts" / "prometheus.yml").read_text(encoding="utf-8"))
    (folder / "rules.yml").write_text(re.sub(r"interval: \d+s", "interval: 1s", rules))
    (folder / "prometheus.yml").write_text(
        "global: {scrape_interval: 1s, evaluation_interval: 1s}\n"
        "rule_files: [rules.yml]\n"
        f'scrape_configs: [{{job_name: wescope, static_configs: [{{targets: ["{target}"]}}]}}]\n'
    )
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    options = [
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address={address}",
    ]
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen([PROMETHEUS, *options], stdout=log, stderr=log)
    try:
        yield f"http://{address}", folder / "prometheus.log"
    finally:
        process.terminate()
        process.wait(timeout=30)


async def fires(url: str, log: Callable[[], str]) -> dict[str, str]:
    """The alerts that fire, by name with their severity, as soon as there are two."""
    async with httpx2.AsyncClient(base_url=url) as client, asyncio.timeout(60):
        while True:
            try:
                found = (await client.get("/api/v1/alerts")).json()["data"]["alerts"]
            except (httpx2.HTTPError, ValueError):
                assert "err=" not in log(), log()
                found = []
            firing = {one["labels"]["alertname"]: one["labels"]["severity"] for one in found}
            if len(firing) > 1:
                return firing
            await asyncio.sleep(0.1)
