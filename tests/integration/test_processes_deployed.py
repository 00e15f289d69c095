"""As it is deployed: a public receiver without keys, a worker with secrets from the cloud, a stop under load."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.processes import Bench, Process, bench, free_port, sign, until
from tests.integration.test_processes_killed import (
    LATENCY,
    RETRIES,
    _begin,
    _believe_absence_after,
    _running_jobs,
    _until_all_is_right,
)
from tests.secret_manager import FakeSecrets, fake_secret_manager
from wescope.links.embedded import embedded_postgres

pytestmark = [pytest.mark.timeout(480), pytest.mark.slow]

GRACE_S = 60.0
"""Far more than the ten seconds that Cloud Run gives: those are checked by `make chaos`, where nothing else runs."""

_FILES = {
    "WESCOPE_STRIPE_API_KEY": "stripe-api-key",
    "WESCOPE_STRIPE_WEBHOOK_SECRETS": "stripe-webhook-secrets",
    "WESCOPE_QBO_CLIENT_SECRET": "qbo-client-secret",
    "WESCOPE_QBO_REFRESH_TOKEN": "qbo-refresh-token",
}


@pytest.fixture
def secrets() -> Iterator[FakeSecrets]:
    with fake_secret_manager() as running:
        yield running


def _in_the_cloud(made: Bench, secrets: FakeSecrets) -> dict[str, str]:
    """Puts the secrets where they belong; the environment without them."""
    given = made.environment()
    for variable, name in _FILES.items():
        secrets.put(f"wescope-{name}", given[variable])
    return {**dict.fromkeys(_FILES, ""), **secrets.environment()}


def test_the_receiver_has_no_keys_and_a_stop_under_load_loses_nothing(tmp_path: Path, secrets: FakeSecrets) -> None:
    with bench(tmp_path, customers=3, months=1, stripe=RETRIES, qbo=LATENCY) as made, embedded_postgres(made.home):
        # The database is held by the test: where it is deployed it is a service of its own, which does not stop, too.
        made.port = free_port()
        _believe_absence_after(tmp_path, 8)
        cloud = _in_the_cloud(made, secrets)
        names = "stripe-webhook-secrets,qbo-webhook-verifier,database-url"
        receives = {**cloud, "WESCOPE_EXPOSE": "webhooks", "WESCOPE_GCP_SECRETS": names}
        for other in ("WESCOPE_QBO_CLIENT_ID", "WESCOPE_QBO_API_BASE"):
            receives[other] = ""
        web = made.serve("web", **receives)
        _answers_only_webhooks(made, web)
        _rolls_its_secret(made, web, secrets)
        worker = made.serve("worker", **cloud, WESCOPE_EXPOSE="health", WESCOPE_PORT="0")
        assert made.client.post(f"{worker.url}/webhooks/stripe", content=b"{}").status_code == 404
        assert "wescope_backlog" in made.client.get(f"{worker.url}/metrics").text
        made.post(made.qbo, "/_sandbox/knobs", latency_ms=9000)  # calls that outlast the patience
        _begin(made, web)
        until(lambda: _running_jobs(made) > 3, timeout_s=120, what="jobs in flight")
        _surge(made, web)
        for process in (web, worker):
            assert _seconds_to_stop(process) < GRACE_S
            assert "Traceback" not in process.log_text()
        assert not all(run["finished"] for run in made.deliveries()["runs"]), "it was under load"
        assert _running_jobs(made) == 0, "what was cut off is in the queue again"
        made.post(made.qbo, "/_sandbox/knobs", latency_ms=0)
        service = made.serve("all", **cloud)
        until(lambda: all(run["finished"] for run in made.deliveries()["runs"]), timeout_s=240, what="all received")
        _until_all_is_right(made, service)

        assert len(secrets.values["wescope-qbo-refresh-token"]) > 1, "the newest one is kept there too"


def _surge(made: Bench, web: Process) -> None:
    """More deliveries, all of known events, than any receiver takes before it has noticed that it shall stop."""
    for _ in range(5):
        made.deliver(web, only_undelivered=False, duplicates=1.0, wait=False)


def _answers_only_webhooks(made: Bench, web: Process) -> None:
    statuses = {
        path: made.client.get(f"{web.url}{path}").status_code
        for path in ("/healthz", "/readyz", "/", "/api/v1/status", "/openapi.json", "/metrics")
    }
    assert statuses == {
        "/healthz": 200,
        "/readyz": 200,
        "/": 404,
        "/api/v1/status": 404,
        "/openapi.json": 404,
        "/metrics": 200,  # this machine's own collector
    }


def _rolls_its_secret(made: Bench, web: Process, secrets: FakeSecrets) -> None:
    """Stripe rolls the signing secret; the receiver takes the first delivery that is signed with the new one."""
    body, name = b"{}", "wescope-stripe-webhook-secrets"
    secrets.put(name, f"whsec_new,{made.stripe.announced['webhook_secret']}")
    headers = {"Stripe-Signature": sign(body, "whsec_new")}
    answer = made.client.post(f"{web.url}/webhooks/stripe", content=body, headers=headers)
    assert answer.json()["error"]["code"] == "body_invalid", "which is looked at after the signature"
    assert {call.split()[1] for call in secrets.calls} == {
        name,
        "wescope-qbo-webhook-verifier",
        "wescope-database-url",
    }


def _seconds_to_stop(process: Process) -> float:
    began = time.monotonic()
    assert process.kill(signal.SIGTERM, timeout_s=GRACE_S) == 0
    seconds = time.monotonic() - began
    print(f"stopped within {seconds:.1f} s")  # noqa: T201 - a figure for whoever asks with -s
    return seconds
