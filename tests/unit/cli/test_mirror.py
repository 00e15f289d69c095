"""The commands `export bigquery` and `schema` over a fake: what is asked, shown, and which exit code says what."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import pytest

from tests.unit.cli.conftest import FakeWiring, Run
from wescope.engine.mirror import Progress, TablePlan
from wescope.engine.mirror_desk import MirroredTable, MirrorReport
from wescope.links.runs import Run as RunRow

AT = datetime(2026, 11, 23, tzinfo=UTC)
DONE = MirrorReport(
    run_id=4,
    state="done",
    started_at=AT,
    finished_at=AT,
    tables=(MirroredTable(table="links", loaded=17, changed=16),),
    tables_left=0,
    rows=17,
)
LEFT = replace(DONE, state="running", tables_left=3, code="bigquery_quota", fault="[bigquery_quota]", remedy="Wait.")


@dataclass
class FakeDesk:
    report: MirrorReport = DONE
    asked: list[tuple[str, bool]] = field(default_factory=list)

    async def plan(self, *, full: bool, progress: Progress | None = None) -> tuple[TablePlan, ...]:
        self.asked.append(("plan", full))
        return (TablePlan(table="links", rows=17, anew=True), TablePlan(table="audit", rows=0, anew=False))

    async def start(self, *, full: bool) -> RunRow:
        self.asked.append(("start", full))
        return RunRow(id=4, kind="export", state="running", started_at=AT)

    async def follow(self, run_id: int, told: Callable[[MirrorReport], None]) -> MirrorReport:
        assert run_id == 4
        told(self.report)
        return self.report


@pytest.fixture
def desk(wiring: FakeWiring, monkeypatch: pytest.MonkeyPatch) -> FakeDesk:
    monkeypatch.setenv("WESCOPE_BIGQUERY_DATASET", "books")
    fake = FakeDesk()
    monkeypatch.setattr(type(wiring.runtime), "mirror_desk", fake, raising=False)
    return fake


def test_an_export_tells_what_it_has_done(run: Run, desk: FakeDesk) -> None:
    result = run("export", "bigquery")
    assert result.exit_code == 0, result.output
    assert "links" in result.stdout
    told = json.loads(run("export", "bigquery", "--full", "--json").stdout)
    assert told["export"]["tables"] == [{"table": "links", "loaded": 17, "changed": 16}]
    assert desk.asked == [("start", False), ("start", True)]
    desk.report = LEFT
    result = run("export", "bigquery")
    assert result.exit_code == 1
    assert "[bigquery_quota]" in result.stdout
    assert "3 tables left" in result.stdout


def test_a_dry_run_shows_what_would_be_loaded(run: Run, desk: FakeDesk) -> None:
    result = run("export", "bigquery", "--dry-run")
    assert result.exit_code == 0, result.output
    assert "the beginning" in result.stdout
    told = json.loads(run("export", "bigquery", "--dry-run", "--json").stdout)
    assert told["rows"] == 17
    assert desk.asked == [("plan", False), ("plan", False)]


def test_without_a_dataset_nothing_is_opened(run: Run) -> None:
    result = run("export", "bigquery", "--json")
    assert result.exit_code == 2
    assert "WESCOPE_BIGQUERY_DATASET" in json.loads(result.stdout)["error"]["message"]


def test_options_of_bigquery_do_not_go_with_csv(run: Run) -> None:
    assert run("export", "--full").exit_code == 2


def test_the_schema_is_printed(run: Run) -> None:
    result = run("schema", "bigquery", "--dataset", "acme.books")
    assert result.exit_code == 0, result.output
    assert "CREATE TABLE IF NOT EXISTS `acme.books.links`" in result.stdout
    assert "CREATE OR REPLACE VIEW `acme.books.documents`" in result.stdout
    assert json.loads(run("schema", "bigquery", "--json").stdout)["what"] == "bigquery"
    assert run("schema", "bigquery", "--dataset", "no`pe").exit_code == 2
