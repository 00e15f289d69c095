"""Warehouse: a dataset of BigQuery - its tables and views, loads into staging tables, and statements as jobs.

Google's library is imported when a dataset is opened, and works in threads. No call blocks for long: what takes its
time is a job, which is asked whether it is done.
"""

import asyncio
import contextlib
import io
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Self, TypeVar

from wescope.config import BigQueryAccess
from wescope.engine.mirror_ddl import STATE_TABLE
from wescope.engine.warehouse_errors import GoogleLibraryMissing, warehouse_errors
from wescope.links.mirror_meanings import meaning_of
from wescope.links.mirror_tables import ColumnType, MirrorTable

if TYPE_CHECKING:
    from google.cloud import bigquery

T = TypeVar("T")

STAGING = "mirror_staging_"
"""Staging tables begin like this; those that a killed process left are dropped by the next one, or by themselves."""

_STAGING_KEPT = timedelta(days=1)
_CALL_S = 30.0
_ASK_FIRST_S, _ASK_LAST_S = 0.1, 2.0


@dataclass(frozen=True, slots=True)
class Warehouse:
    """A dataset. `patience_s`: for how long a call that fails by the network is tried again."""

    client: "bigquery.Client"
    dataset: str
    location: str | None = None
    patience_s: float = 60.0

    @classmethod
    @contextlib.asynccontextmanager
    async def opened(cls, access: BigQueryAccess, *, patience_s: float = 60.0) -> AsyncIterator[Self]:
        """The dataset that the settings name, open for the length of the block; jobs run where it lies.

        Raises:
            GoogleLibraryMissing: the extra is not installed.
            WarehouseError: the dataset cannot be reached.
        """
        client = await asyncio.to_thread(_client, access)
        try:
            warehouse = cls(client, f"{client.project}.{access.dataset}", patience_s=patience_s)
            yield replace(warehouse, location=await warehouse._where())
        finally:
            client.close()  # type: ignore[no-untyped-call]  # Google's has no types here

    def name(self, table: str) -> str:
        """The full name of a table."""
        return f"{self.dataset}.{table}"

    # --- tables -----------------------------------------------------------------------------------------------------

    async def _where(self) -> str:
        found = await self._call(self.dataset, lambda: self.client.get_dataset(self.dataset, **self._patient()))
        return str(found.location)

    async def check(self) -> None:
        """Whether jobs may be begun; nothing is run.

        Raises:
            WarehouseError: not.
        """
        from google.cloud import bigquery  # noqa: PLC0415 - only where BigQuery is used

        dry = bigquery.QueryJobConfig(dry_run=True)
        await self._call(
            "jobs", lambda: self.client.query("SELECT 1", job_config=dry, location=self.location, **self._patient())
        )

    async def made_at(self, table: str) -> str | None:
        """When a table was made, which tells it from another of the same name; null if there is none."""
        found = await self._find(table)
        return None if found is None else found.created.isoformat()

    async def ensure(self, table: MirrorTable) -> str:
        """Make a table, or columns that it does not have. Returns when it was made."""
        found = await self._find(table.name)
        if found is None:
            new = _table_of(table, self.name(table.name))
            made = await self._call(
                table.name, lambda: self.client.create_table(new, exists_ok=True, **self._patient())
            )
            found = made if made.created else await self._find(table.name)
        known = {field.name for field in found.schema}
        missing = [field for field in _fields(table) if field.name not in known]
        if missing:
            # A column that is added to rows cannot be required: they have no value for it yet.
            found.schema = [*found.schema, *(_nullable(field) for field in missing)]
            await self._call(table.name, lambda: self.client.update_table(found, ["schema"], **self._patient()))
        return str(found.created.isoformat())

    async def ensure_state(self) -> None:
        """Make the table that says up to when the others are complete."""
        from google.cloud import bigquery  # noqa: PLC0415 - only where BigQuery is used

        names = (("table_name", "STRING"), ("complete_until", "TIMESTAMP"))
        fields = [bigquery.SchemaField(name, kind, mode="REQUIRED") for name, kind in names]
        new = bigquery.Table(self.name(STATE_TABLE), schema=fields)
        await self._call(STATE_TABLE, lambda: self.client.create_table(new, exists_ok=True, **self._patient()))

    async def _find(self, table: str) -> Any:
        from google.api_core.exceptions import NotFound  # noqa: PLC0415 - only where BigQuery is used

        def look() -> Any:
            try:
                return self.client.get_table(self.name(table), **self._patient())
            except NotFound:
                self.client.get_dataset(self.dataset, **self._patient())
                return None

        return await self._call(table, look)

    # --- staging ----------------------------------------------------------------------------------------------------

    async def clear_staging(self) -> None:
        """Drop all staging tables: whoever still means to merge one of them, cannot any more."""
        tables = await self._call(self.dataset, lambda: list(self.client.list_tables(self.dataset, **self._patient())))
        for table in tables:
            if table.table_id.startswith(STAGING):
                await self.drop(table.table_id)

    async def make_staging(self, table: MirrorTable, staging: str) -> None:
        """An empty table with the columns of a table of the mirror, none required; it ends by itself after a day."""
        from google.cloud import bigquery  # noqa: PLC0415 - only where BigQuery is used

        new = bigquery.Table(self.name(staging), schema=[_nullable(field) for field in _fields(table)])
        new.expires = datetime.now(UTC) + _STAGING_KEPT
        await self._call(staging, lambda: self.client.create_table(new, **self._patient()))

    async def load(self, table: MirrorTable, staging: str, lines: bytes, job_id: str) -> None:
        """Add rows (a line of JSON each) to a staging table.

        Raises:
            WarehouseError: they are not there, or were added nevertheless.
        """
        from google.cloud import bigquery  # noqa: PLC0415 - only where BigQuery is used

        config = bigquery.LoadJobConfig(
            schema=[_nullable(field) for field in _fields(table)],
            source_format=bigquery.SourceFormat.NEWLINE_DELIMITED_JSON,
            write_disposition=bigquery.WriteDisposition.WRITE_APPEND,
            create_disposition=bigquery.CreateDisposition.CREATE_NEVER,
        )

        def begin() -> Any:
            # Without a size the upload is a resumable one, in pieces.
            return self.client.load_table_from_file(
                io.BytesIO(lines),
                self.name(staging),
                job_id=job_id,
                job_config=config,
                location=self.location,
                timeout=_CALL_S,
            )

        await self._finish(staging, await self._call(staging, begin))

    async def drop(self, table: str) -> None:
        """Drop a table, if it is there."""
        await self._call(
            table, lambda: self.client.delete_table(self.name(table), not_found_ok=True, **self._patient())
        )

    # --- statements -------------------------------------------------------------------------------------------------

    async def run(self, about: str, sql: str, job_id: str) -> int:
        """Run a statement as the job of this id. Returns how many rows it has changed."""
        begun = await self._call(
            about,
            lambda: self.client.query(
                sql, job_id=job_id, job_retry=None, retry=self._retry(), timeout=_CALL_S, location=self.location
            ),
        )
        await self._finish(about, begun)
        return int(begun.num_dml_affected_rows or 0)

    async def settle(self, job_id: str) -> None:
        """Wait until a job is over that an executor before may have begun; whatever became of it."""
        from google.api_core.exceptions import NotFound  # noqa: PLC0415 - only where BigQuery is used

        def look() -> Any:
            try:
                return self.client.get_job(job_id, location=self.location, **self._patient())
            except NotFound:
                return None

        job = await self._call("jobs", look)
        if job is not None:
            await self._over("jobs", job)

    async def _finish(self, about: str, job: Any) -> None:
        await self._over(about, job)
        await self._call(about, lambda: job.result(timeout=_CALL_S))

    async def _over(self, about: str, job: Any) -> None:
        wait_s = _ASK_FIRST_S
        while not await self._call(about, lambda: job.done(retry=self._retry(), timeout=_CALL_S)):
            await asyncio.sleep(wait_s)
            wait_s = min(wait_s * 1.5, _ASK_LAST_S)

    async def _call(self, about: str, work: Callable[[], T]) -> T:
        def call() -> T:
            with warehouse_errors(about):
                return work()

        return await asyncio.to_thread(call)

    def _patient(self) -> Mapping[str, Any]:
        return {"retry": self._retry(), "timeout": _CALL_S}

    def _retry(self) -> Any:
        from google.cloud import bigquery  # noqa: PLC0415 - only where BigQuery is used

        return bigquery.DEFAULT_RETRY.with_timeout(self.patience_s)


def _client(access: BigQueryAccess) -> "bigquery.Client":
    """A client; with an end point of its own (an emulator) nobody signs in."""
    try:
        from google.auth.credentials import AnonymousCredentials  # noqa: PLC0415 - only where BigQuery is used
        from google.cloud import bigquery  # noqa: PLC0415
    except ImportError as error:
        raise GoogleLibraryMissing from error
    local: dict[str, Any] = {}
    if access.endpoint is not None:
        nobody = AnonymousCredentials()  # type: ignore[no-untyped-call]  # Google's has no types here
        local = {"credentials": nobody, "client_options": {"api_endpoint": access.endpoint}}
    with warehouse_errors("credentials"):
        return bigquery.Client(project=access.project, **local)


def _fields(table: MirrorTable) -> "Sequence[bigquery.SchemaField]":
    from google.cloud import bigquery  # noqa: PLC0415 - only where BigQuery is used

    return [
        bigquery.SchemaField(
            column.name,
            "STRING" if column.type is ColumnType.STRINGS else column.type.value,
            mode=_mode(column.type, required=column.required),
            description=meaning_of(table.name, column.name),
        )
        for column in table.columns
    ]


def _mode(kind: ColumnType, *, required: bool) -> str:
    if kind is ColumnType.STRINGS:
        return "REPEATED"
    return "REQUIRED" if required else "NULLABLE"


def _nullable(field: "bigquery.SchemaField") -> "bigquery.SchemaField":
    from google.cloud import bigquery  # noqa: PLC0415 - only where BigQuery is used

    mode = "NULLABLE" if field.mode == "REQUIRED" else field.mode
    return bigquery.SchemaField(field.name, field.field_type, mode=mode, description=field.description)


def _table_of(table: MirrorTable, name: str) -> "bigquery.Table":
    """The table as `mirror_ddl` writes it."""
    from google.cloud import bigquery  # noqa: PLC0415 - only where BigQuery is used
    from google.cloud.bigquery.table import PrimaryKey, TableConstraints  # noqa: PLC0415

    new = bigquery.Table(name, schema=_fields(table))
    new.description = table.meaning
    new.clustering_fields = list(table.cluster) or None
    new.table_constraints = TableConstraints(primary_key=PrimaryKey(columns=list(table.key)), foreign_keys=[])
    if table.partition:
        new.time_partitioning = bigquery.TimePartitioning(
            type_=bigquery.TimePartitioningType.MONTH, field=table.partition
        )
    return new
