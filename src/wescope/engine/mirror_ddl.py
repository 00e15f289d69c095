"""Mirror DDL: the tables of the mirror in BigQuery's SQL, from their one definition. Pure."""

from collections.abc import Iterable, Sequence

from wescope.links.mirror_meanings import meaning_of
from wescope.links.mirror_tables import TABLES, ColumnType, MirrorTable

STATE_TABLE = "mirror_state"
"""Up to when each table of the mirror is complete."""

DEFAULT_DATASET = "wescope"

_STATE_COLUMNS: Sequence[tuple[str, str, str]] = (
    ("table_name", "STRING", "The table of the mirror."),
    ("complete_until", "TIMESTAMP", "Everything that was committed before this moment (UTC) is in the table."),
)


def schema_sql(dataset: str = DEFAULT_DATASET) -> str:
    """Statements that make the tables, in BigQuery's SQL.

    Args:
        dataset: `dataset`, or `project.dataset`.
    """
    statements = [table_sql(table, dataset) for table in TABLES]
    return "\n\n".join([*statements, _state_sql(dataset)]) + "\n"


def table_sql(table: MirrorTable, dataset: str) -> str:
    """The statement that makes one table, unless it is there."""
    lines = [
        _column_sql(column.name, column.type, meaning_of(table.name, column.name), required=column.required)
        for column in table.columns
    ]
    return _table_sql(
        f"{dataset}.{table.name}",
        lines,
        table.key,
        meaning=table.meaning,
        partition=partition_sql(table),
        cluster=table.cluster,
    )


def partition_sql(table: MirrorTable) -> str | None:
    """By which expression a table is partitioned; null if it is not."""
    if table.partition is None:
        return None
    is_date = table.column(table.partition).type is ColumnType.DATE
    return f"{'DATE_TRUNC' if is_date else 'TIMESTAMP_TRUNC'}({table.partition}, MONTH)"


def quoted(text: str) -> str:
    """A text as a literal of BigQuery's SQL."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n")
    return f"'{escaped}'"


def _state_sql(dataset: str) -> str:
    lines = [_column_sql(name, kind, meaning, required=True) for name, kind, meaning in _STATE_COLUMNS]
    meaning = "Up to when each table of the mirror is complete."
    return _table_sql(f"{dataset}.{STATE_TABLE}", lines, ["table_name"], meaning=meaning)


def _column_sql(name: str, kind: str, meaning: str, *, required: bool) -> str:
    return f"  {name} {kind}{' NOT NULL' if required else ''} OPTIONS (description = {quoted(meaning)}),"


def _table_sql(
    name: str,
    lines: Iterable[str],
    key: Sequence[str],
    *,
    meaning: str,
    partition: str | None = None,
    cluster: Sequence[str] = (),
) -> str:
    return "\n".join(
        [
            f"CREATE TABLE IF NOT EXISTS `{name}` (",
            *lines,
            # BigQuery holds nobody to it: the mirror does. It tells the optimiser that a join finds one row.
            f"  PRIMARY KEY ({', '.join(key)}) NOT ENFORCED",
            ")",
            *([f"PARTITION BY {partition}"] if partition else []),
            *([f"CLUSTER BY {', '.join(cluster)}"] if cluster else []),
            f"OPTIONS (description = {quoted(meaning)});",
        ]
    )
