"""The service as processes that are killed, paused, cut off and told to stop, in the middle of a burst of events."""

import contextlib
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import psutil
import psycopg
import pytest
from cryptography.fernet import Fernet

from tests.integration.processes import Bench, Process, bench, free_port, kill_all, until
from wescope.links.embedded import acquire, embedded_postgres, release

pytestmark = [pytest.mark.timeout(600), pytest.mark.slow]

LATENCY = ("--latency-ms", "150")
RETRIES = ("--knob", "retry_hour_s=0.6", "--knob", "max_attempts=30")
IDLE_AFTER_RESTART_S = 240.0


@contextlib.contextmanager
def _burst(
    folder: Path, *, customers: int, months: int, settle_s: int | None = 8, role: str = "all"
) -> Iterator[tuple[Bench, Process]]:
    """A service at a port of its own, which Stripe has begun to send its events to."""
    with bench(folder, customers=customers, months=months, stripe=RETRIES, qbo=LATENCY) as made:
        made.port = free_port()
        if settle_s is not None:
            _believe_absence_after(folder, settle_s)
        yield made, made.serve(role)


def _believe_absence_after(folder: Path, seconds: int) -> None:
    """QBO's stand-in answers soon or never: what became of a lost write is known after seconds instead of minutes."""
    text = f"[qbo]\nsettle_s = {seconds}\nserver_timeout_s = {seconds}\n"
    (folder / "wescope.toml").write_text(text, encoding="utf-8")


def _begin(made: Bench, service: Process, *, concurrency: int = 4) -> None:
    made.deliver(service, order="shuffled", duplicates=0.2, concurrency=concurrency, wait=False, seed=11)


def _until_received(made: Bench, events: int) -> None:
    until(lambda: made.deliveries()["delivered"] >= events, timeout_s=180, what=f"{events} events received")


def _until_written(made: Bench, writes: int) -> None:
    until(lambda: made.qbo_requests()["writes"] >= writes, timeout_s=180, what=f"{writes} documents in QBO")


def _until_all_is_right(made: Bench, service: Process) -> None:
    until(lambda: made.deliveries()["runs"][-1]["finished"], timeout_s=240, what="all events received")
    status = made.until_idle(service, timeout_s=IDLE_AFTER_RESTART_S)
    assert status["parked"] == 0
    made.check_books(service)
    made.check_nothing_is_lost()


# --- kill -9 ----------------------------------------------------------------------------------------------------------


def test_a_burst_of_500_events_survives_every_kill_of_the_server_and_of_everything(tmp_path: Path) -> None:
    chance = random.Random(2)  # noqa: S311 - repeatable on purpose
    with _burst(tmp_path, customers=19, months=3, settle_s=None) as (made, first):
        assert len(made.events()) >= 500
        _begin(made, first)
        _until_received(made, 60)
        # A death between a token's arrival and its storing is another story: somebody has to connect again.
        _until_written(made, 1)
        first.kill()
        service = made.serve()
        for writes in (12, 30):
            _until_written(made, writes)
            time.sleep(chance.random() * 0.3)  # anywhere within a write
            service.kill()
            service = made.serve()
        _until_written(made, 45)
        service.kill()
        kill_all(made.postgres())
        service = made.serve()
        _until_all_is_right(made, service)


def test_a_killed_postgresql_is_started_again_under_a_live_service(tmp_path: Path) -> None:
    with _burst(tmp_path, customers=6, months=2) as (made, service):
        _begin(made, service)
        _until_written(made, 3)
        kill_all(made.postgres()[:1])
        _until_received(made, 60)
        _until_written(made, 10)
        kill_all(made.postgres())
        _until_all_is_right(made, service)
        assert service.popen.poll() is None
        assert "embedded PostgreSQL was gone and is started again" in service.log_text()
        assert service.kill(signal.SIGTERM) == 0
        assert not made.postgres()


def test_a_killed_workers_jobs_are_given_back_within_20_seconds(tmp_path: Path) -> None:
    with _burst(tmp_path, customers=6, months=2, role="web") as (made, web):
        first, second = made.serve("worker"), made.serve("worker")
        _begin(made, web)
        _until_written(made, 5)
        until(lambda: _running_jobs(made) > 1, timeout_s=20, what="jobs run")
        first.kill()
        second.kill()
        assert _running_jobs(made) > 0
        died_at = time.monotonic()
        made.serve("worker")
        until(lambda: '"job of a dead worker queued again"' in _logs(made), timeout_s=20, what="given back")
        assert time.monotonic() - died_at < 20
        _until_all_is_right(made, web)


def _running_jobs(made: Bench) -> int:
    return int(made.rows("select count(*) from procrastinate_jobs where status = 'doing'")[0][0])


def _logs(made: Bench) -> str:
    return "".join(service.log_text() for service in made.services)


# --- paused -----------------------------------------------------------------------------------------------------------


def test_a_worker_that_sleeps_for_long_and_wakes_up_doubles_nothing(tmp_path: Path) -> None:
    with _burst(tmp_path, customers=16, months=1, role="web") as (made, web):
        sleeper = made.serve("worker")
        _begin(made, web)
        _until_written(made, 4)
        sleeper.send(signal.SIGSTOP)
        try:
            written = made.qbo_requests()["writes"]
            made.serve("worker")
            _until_written(made, written + 6)
            until(lambda: '"job of a dead worker queued again"' in _logs(made), timeout_s=30, what="given back")
            # What it was at would wait for it otherwise.
            until(lambda: '"sessions of paused processes ended"' in _logs(made), timeout_s=30, what="locks freed")
        finally:
            sleeper.send(signal.SIGCONT)
        _until_all_is_right(made, web)
        assert sleeper.popen.poll() is None
        assert sleeper.kill(signal.SIGTERM) == 0


# --- a database that goes away ----------------------------------------------------------------------------------------


def test_a_real_database_may_be_restarted_and_may_end_all_connections(tmp_path: Path) -> None:
    use = acquire(tmp_path / "real")
    try:
        with bench(tmp_path, customers=6, months=2, stripe=RETRIES, qbo=LATENCY) as made:
            _believe_absence_after(tmp_path, 8)
            made.home_name = "real"
            url = use.server.url.replace("postgresql+psycopg://", "postgresql://")
            key = Fernet.generate_key().decode()
            service = made.serve(WESCOPE_DATABASE_URL=url, WESCOPE_TOKEN_KEY=key)
            _begin(made, service)
            for writes in (3, 8):
                _until_written(made, writes)
                made.rows(
                    "select pg_terminate_backend(pid) from pg_stat_activity "
                    "where pid <> pg_backend_pid() and backend_type = 'client backend'"
                )
            _until_written(made, 12)
            release(use)
            assert not made.postgres()
            answer = made.client.get(f"{service.url}/readyz")
            assert answer.status_code == 503
            assert made.client.get(f"{service.url}/healthz").status_code == 200
            use = acquire(tmp_path / "real")
            _until_all_is_right(made, service)
            assert service.kill(signal.SIGTERM) == 0
            assert made.postgres(), "it is not ours to stop"
    finally:
        release(use)


def test_without_a_free_connection_it_starts_says_that_it_is_not_ready_and_waits(tmp_path: Path) -> None:
    use = acquire(tmp_path / "real")
    try:
        with bench(tmp_path, customers=2, months=1, stripe=RETRIES) as made, contextlib.ExitStack() as held:
            made.home_name, made.port = "real", free_port()
            url = use.server.url.replace("postgresql+psycopg://", "postgresql://")
            with contextlib.suppress(psycopg.OperationalError):
                while True:
                    held.enter_context(psycopg.connect(use.server.conninfo))
            service = made.serve_unready(WESCOPE_DATABASE_URL=url, WESCOPE_TOKEN_KEY=Fernet.generate_key().decode())
            service.announced = {"url": f"http://127.0.0.1:{made.port}"}
            until(lambda: _readiness(made, service) == 503, timeout_s=30, what="503 while it waits")
            assert made.client.get(f"{service.url}/healthz").status_code == 200
            assert made.send_all(service, [b"{}"], at_once=1) == [503]
            held.close()
            until(lambda: _readiness(made, service) == 200, timeout_s=30, what="ready")
            _begin(made, service)
            _until_all_is_right(made, service)
            assert service.kill(signal.SIGTERM) == 0
    finally:
        release(use)


def _readiness(made: Bench, service: Process) -> int:
    try:
        return made.client.get(f"{service.url}/readyz").status_code
    except httpx2.TransportError:
        return 0


# --- asked to stop ----------------------------------------------------------------------------------------------------


def test_it_stops_when_asked_leaves_nothing_behind_and_goes_on_later(tmp_path: Path) -> None:
    with _burst(tmp_path, customers=6, months=2) as (made, first):
        service = first
        _begin(made, service)
        for writes, signals in ((3, [signal.SIGTERM]), (7, [signal.SIGINT]), (11, [signal.SIGINT, signal.SIGINT])):
            _until_written(made, writes)
            children = psutil.Process(service.popen.pid).children(recursive=True)
            began = time.monotonic()
            for number in signals[:-1]:
                service.send(number)
                time.sleep(0.2)  # two signals at once are one
            assert service.kill(signals[-1]) == 0
            assert time.monotonic() - began < 10
            assert not [child for child in children if child.is_running()]
            assert not made.postgres()
            assert "Traceback" not in service.log_text()
            service = made.serve()
        _until_all_is_right(made, service)


def test_a_second_ctrl_c_does_not_wait_for_a_slow_call(tmp_path: Path) -> None:
    with _burst(tmp_path, customers=4, months=1) as (made, service):
        made.post(made.qbo, "/_sandbox/knobs", latency_ms=4000)
        _begin(made, service)
        until(lambda: _running_jobs(made) > 0 and made.qbo_requests()["total"] > 1, timeout_s=20, what="calls")
        service.send(signal.SIGINT)
        time.sleep(0.3)  # two signals at once are one
        began = time.monotonic()
        assert service.kill(signal.SIGINT) == 0
        assert time.monotonic() - began < 3
        with embedded_postgres(made.home) as server, psycopg.connect(server.conninfo) as connection:
            jobs = connection.execute("select status::text, count(*) from procrastinate_jobs group by 1").fetchall()
        assert {status for status, _ in jobs} <= {"todo"}
        made.post(made.qbo, "/_sandbox/knobs", latency_ms=0)
        _until_all_is_right(made, made.serve())
