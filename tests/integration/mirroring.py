"""BigQuery's stand-in as a process, and the bench of a mirror test: a database, a dataset, and both compared."""

import asyncio
import contextlib
import json
import os
import subprocess
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery
from sqlalchemy.ext.asyncio import AsyncEngine

from wescope.config import BigQueryAccess
from wescope.engine.locks import ClusterLocks
from wescope.engine.mirror import Mirror
from wescope.engine.mirror_desk import MirrorDesk, MirrorReport
from wescope.engine.runs import RunDesk
from wescope.engine.warehouse import Warehouse
from wescope.links.database import conninfo, open_engine, transaction
from wescope.links.mirror import selected
from wescope.links.mirror_tables import TABLES, Change, MirrorTable
from wescope.links.runs import RunKind

ROOT = Path(__file__).parents[2]
ENVIRONMENT = ROOT / ".venv-bigquery"
PROJECT = "demo"
_START_S = 90
_STOP_S = 10
_PIECE_BYTES = 2000


@contextlib.contextmanager
def emulator(home: Path) -> Iterator[str]:
    """The address of a stand-in that runs meanwhile."""
    _extension(home)
    command = [str(ENVIRONMENT / "bin" / "bqemulator"), "start", "--rest-port", "0", "--grpc-port", "0"]
    options = ["--project", PROJECT, "--log-format", "json", "--ephemeral"]
    process = subprocess.Popen(
        [*command, *options],
        env=os.environ | {"HOME": str(home)},
        cwd=home,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    watchdog = threading.Timer(_START_S, process.kill)
    watchdog.start()
    try:
        address = _address(process)
        watchdog.cancel()
        yield address
    finally:
        watchdog.cancel()
        process.terminate()
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _extension(home: Path) -> None:
    """DuckDB's extension, which the stand-in would fetch, is a package; it lies where DuckDB looks for it."""
    found = list(ENVIRONMENT.glob("lib/python*/site-packages/duckdb_extension_spatial/extensions/*/*.duckdb_extension"))
    assert found, f"BigQuery's stand-in is missing: make {ENVIRONMENT.name}/.complete"
    python = ENVIRONMENT / "bin" / "python"
    told = subprocess.run(
        [str(python), "-c", "import duckdb; print(duckdb.execute('PRAGMA platform').fetchone()[0])"],
        capture_output=True,
        text=True,
        timeout=_START_S,
        check=True,
    )
    folder = home / ".duckdb" / "extensions" / found[0].parent.name / told.stdout.strip()
    folder.mkdir(parents=True)
    (folder / found[0].name).symlink_to(found[0])


def _address(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    for line in process.stdout:
        with contextlib.suppress(ValueError):
            told = json.loads(line)
            if told.get("event") == "rest.listen":
                # Whatever it says further must not fill the pipe.
                threading.Thread(target=process.stdout.read, daemon=True).start()
                return f"http://{told['host']}:{told['port']}"
    raise AssertionError("BigQuery's stand-in did not start")


# --- the bench --------------------------------------------------------------------------------------------------------


class Death(BaseException):
    """The process is killed here."""


@dataclass
class Bench:
    """A database, its mirror, and what a test asks of both. `before` is called before each call of the warehouse.

    The stand-in takes long to make a table or a view: a test has those that it needs.
    """

    engine: AsyncEngine
    locks: ClusterLocks
    access: BigQueryAccess
    client: bigquery.Client
    before: Callable[[str], None] = field(default=lambda _: None)
    patience_s: float = 5.0
    tables: Sequence[MirrorTable] = TABLES
    views: Callable[[str], Mapping[str, str]] = lambda _: {}

    @property
    def desk(self) -> MirrorDesk:
        work = Mirror(
            engine=self.engine,
            open_warehouse=self._opened,
            piece_bytes=_PIECE_BYTES,
            tables=self.tables,
            views=self.views,
        )
        runs = RunDesk(engine=self.engine, locks=self.locks, executors={RunKind.EXPORT: work})
        return MirrorDesk(mirror=work, runs=runs)

    @contextlib.asynccontextmanager
    async def _opened(self) -> AsyncIterator[Warehouse]:
        async with Warehouse.opened(self.access, patience_s=self.patience_s) as warehouse:
            yield _Watched(warehouse, self)  # type: ignore[misc]  # it quacks like one

    async def export(self, *, full: bool = False) -> MirrorReport:
        desk = self.desk
        run = await desk.start(full=full)
        return await desk.follow(run.id, lambda _: None)

    async def exported(self, *, full: bool = False) -> dict[str, int]:
        """Exports to the end; returns how many rows were loaded, by table, without those that had none."""
        report = await self.export(full=full)
        assert report.state == "done", report
        return {one.table: one.loaded for one in report.tables if one.loaded}

    async def execute(self, *statements: sa.Executable) -> None:
        async with transaction(self.engine) as connection:
            for statement in statements:
                await connection.execute(statement)

    # --- what is there ----------------------------------------------------------------------------------------------

    def ask(self, query: str) -> list[dict[str, Any]]:
        """The rows of a query; `$` stands for the dataset."""
        text = query.replace("$", f"{PROJECT}.{self.access.dataset}")
        return [dict(row) for row in self.client.query(text).result()]

    def there(self, table: MirrorTable) -> list[dict[str, Any]]:
        found = self.client.list_rows(self.client.get_table(f"{PROJECT}.{self.access.dataset}.{table.name}"))
        return _sorted(table, [{name: row[name] for name in table.names} for row in found])

    async def here(self, table: MirrorTable) -> list[dict[str, Any]]:
        where = [] if table.where is None else [table.where]
        async with transaction(self.engine) as connection:
            rows = [dict(row) for row in (await connection.execute(selected(table).where(*where))).mappings()]
        return _sorted(table, [row for row in rows if all(row[name] is not None for name in table.key)])

    async def check_equal(self, *, kept: bool = False) -> None:
        """Every table is the same here and there; with `kept` a log there may have more."""
        for table in self.tables:
            here, there = await self.here(table), await asyncio.to_thread(self.there, table)
            if kept and table.change is Change.LOG:
                there = [row for row in there if row in here]
            assert there == here, table.name


class _Watched:
    """A warehouse that tells the bench before each call."""

    def __init__(self, warehouse: Warehouse, bench: Bench) -> None:
        self._warehouse, self._bench = warehouse, bench

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._warehouse, name)
        if not asyncio.iscoroutinefunction(found):
            return found

        async def call(*args: Any, **options: Any) -> Any:
            self._bench.before(name)
            return await found(*args, **options)

        return call


def _sorted(table: MirrorTable, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted((_plain(row) for row in rows), key=lambda row: [str(row[name]) for name in table.key])


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value.astimezone(UTC) if isinstance(value, datetime) else value for name, value in row.items()}


@contextlib.asynccontextmanager
async def open_bench(database: str, endpoint: str, dataset: str) -> AsyncIterator[Bench]:
    """A bench on a database and on a new dataset."""
    client = bigquery.Client(
        project=PROJECT,
        credentials=AnonymousCredentials(),  # type: ignore[no-untyped-call]  # Google's has no types here
        client_options={"api_endpoint": endpoint},
    )
    client.create_dataset(dataset)
    engine, locks = open_engine(database), ClusterLocks(conninfo(database))
    access = BigQueryAccess(project=PROJECT, dataset=dataset, endpoint=endpoint)
    try:
        yield Bench(engine=engine, locks=locks, access=access, client=client)
    finally:
        await locks.aclose()
        await engine.dispose()
        client.close()  # type: ignore[no-untyped-call]


# --- rows -------------------------------------------------------------------------------------------------------------

REALM = "9130"
DAY = date(2026, 10, 31)
MOMENT = datetime(2026, 10, 31, 23, 59, 59, 123456, tzinfo=UTC)


def link(number: int, **values: Any) -> dict[str, Any]:
    """A row of links."""
    return {
        "realm_id": REALM,
        "document_key": f"in_{number}:invoice",
        "entity": "Invoice",
        "state": "posted",
        "operation": "create",
        "intent_fingerprint": "f",
        "request_id": f"r{number}",
        "subject": f"invoice/in_{number}",
        "amount": 10_000 + number,
        "currency": "usd",
        "stripe_ids": [f"in_{number}"],
        "txn_date": DAY,
        "posted_at": MOMENT,
    } | values


def parked_item(number: int, **values: Any) -> dict[str, Any]:
    """A row of parked items."""
    return {
        "document_key": f"in_{number}:invoice",
        "subject": f"invoice/in_{number}",
        "code": "period_closed",
        "amount": 5,
        "currency": "usd",
        "details": {"day": "2026-10-31"},
        "advisory": False,
    } | values


def payout(number: int, **values: Any) -> dict[str, Any]:
    """A row of payout checks."""
    return {
        "realm_id": REALM,
        "payout_id": f"po_{number}",
        "currency": "usd",
        "amount": 970,
        "gross": 1000,
        "fee": 30,
        "net": 970,
        "foots": True,
        "state": "matched",
        "arrival_date": DAY,
        "deposits": ["Deposit/1"],
    } | values


def payout_row(number: int, position: int, **values: Any) -> dict[str, Any]:
    """A row of a payout."""
    return {
        "realm_id": REALM,
        "payout_id": f"po_{number}",
        "position": position,
        "transaction_id": f"txn_{number}_{position}",
        "category": "charge",
        "gross": 500,
        "fee": 15,
        "net": 485,
        "state": "posted",
    } | values
