"""The whole database is lost: the service starts anew on an empty one, and the books stay what they are."""

import shutil
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.integration.processes import Bench, bench, free_port, kill_all, until

pytestmark = [pytest.mark.timeout(600), pytest.mark.slow]


def _lose_database(made: Bench) -> None:
    """As if disk and backups were gone; the key file stays, as it would in Secret Manager."""
    kill_all(made.postgres())
    shutil.rmtree(made.home / "postgres")


def _if_over(run: Mapping[str, Any]) -> Mapping[str, Any] | None:
    return run if run["finished_at"] else None


def test_after_the_loss_of_the_database_nothing_is_doubled_and_the_books_are_equal(tmp_path: Path) -> None:
    (tmp_path / "wescope.toml").write_text("[qbo]\nsettle_s = 5\nserver_timeout_s = 5\n", encoding="utf-8")
    with bench(tmp_path, customers=6, months=1) as made:
        made.port = free_port()
        service = made.serve()
        made.deliver(service, concurrency=4)
        made.until_idle(service)
        before = made.books()
        service.kill()
        _lose_database(made)
        # The newest token was lost, too: somebody connects again.
        token = made.get(made.qbo, "/_sandbox/connection")["refresh_token"]
        service = made.serve(WESCOPE_QBO_REFRESH_TOKEN=token)
        # Webhooks that arrive before anybody has done anything: the service itself looks before it posts.
        made.deliver(service, concurrency=4, only_undelivered=False)
        made.until_idle(service)
        assert made.books() == before
        assert "links are rebuilt" in service.log_text()
        (rebuilding,) = made.get(service, "/api/v1/runs")
        done = until(
            lambda: _if_over(made.get(service, f"/api/v1/runs/{rebuilding['run_id']}")), timeout_s=120, what="links"
        )
        assert (done["kind"], done["state"], made.get(service, "/api/v1/drift")) == ("verify", "done", [])
        service.kill()
        since = (datetime.now(UTC) - timedelta(days=40)).date()
        filled = made.command("backfill", "--since", str(since), "--yes", "--json")
        assert filled.returncode == 0, filled.stderr
        service = made.serve()
        made.check_books(service)
        assert made.books() == before
        assert made.status(service)["posted"] > 0
