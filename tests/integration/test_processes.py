"""The service as processes: any order of events, several processes on one home, an address that is taken."""

import json
import random
import signal
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, LiteralString

import pytest

from tests.integration.processes import Bench, Process, bench, until
from tests.integration.receivers import hook

pytestmark = [pytest.mark.timeout(480), pytest.mark.slow]

COPIES = 20


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


def test_an_address_that_is_in_use_is_named_and_nothing_is_started(tmp_path: Path) -> None:
    with bench(tmp_path, customers=1, months=1) as made, socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        result = made.command("serve", "--json", WESCOPE_PORT=str(port))
        assert result.returncode == 2
        error = json.loads(result.stdout)["error"]
        assert error["code"] == "settings_invalid"
        assert "WESCOPE_PORT" in error["message"]
        assert not (made.home / "postgres").exists()
