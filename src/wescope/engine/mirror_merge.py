"""Mirror merge: the statement that brings rows from a staging table into a table of the mirror. Pure.

It says the same however often it is run. Rows are found by their primary key; of a log only in the partitions that the
new rows are in, since there the partition belongs to the key. What was loaded twice counts once.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum

from wescope.engine.mirror_ddl import STATE_TABLE, quoted
from wescope.links.mirror_tables import MirrorTable

# ruff: noqa: S608 - statements are made of names of ours and of the operator's dataset


class Scope(StrEnum):
    """Which rows of a table go if they are not staged."""

    NONE = "none"
    PARENTS = "parents"
    """Those of the parents that are staged."""
    ALL = "all"


def merge_sql(
    table: MirrorTable,
    target: str,
    staging: str,
    scope: Scope,
    *,
    between: tuple[datetime, datetime] | None = None,
) -> str:
    """The statement.

    Args:
        table: what is merged.
        target: its full name.
        staging: the full name of the table with the new rows.
        scope: which rows go.
        between: the first and the last moment of the staged rows' partition column; null: all partitions are looked at,
            as they are where rows go.
    """
    names = ", ".join(table.names)
    changed = [name for name in table.names if name not in table.key]
    lines = [
        f"MERGE `{target}` AS kept",
        f"USING ({_source(table, target, staging, scope)}) AS staged",
        f"ON {_same('kept', 'staged', table.key)}{_pruned(table, None if scope is not Scope.NONE else between)}",
    ]
    is_new = "WHEN NOT MATCHED"
    if scope is not Scope.NONE:
        is_new += " AND NOT staged.is_gone"
        lines.append("WHEN MATCHED AND staged.is_gone THEN DELETE")
    lines += [
        f"WHEN MATCHED THEN UPDATE SET {', '.join(f'{name} = staged.{name}' for name in changed)}",
        f"{is_new} THEN INSERT ({names}) VALUES ({', '.join(f'staged.{name}' for name in table.names)})",
    ]
    return "\n".join(lines)


def _source(table: MirrorTable, target: str, staging: str, scope: Scope) -> str:
    names, key = ", ".join(table.names), ", ".join(table.key)
    # A parent without rows is staged by its name alone.
    rows = " AND ".join(f"{name} IS NOT NULL" for name in table.key)
    gone = "" if scope is Scope.NONE else ", FALSE AS is_gone"
    new = f"SELECT {names}{gone} FROM `{staging}` WHERE {rows} QUALIFY ROW_NUMBER() OVER (PARTITION BY {key}) = 1"
    if scope is Scope.NONE:
        return new
    old = ", ".join(f"old.{name}" for name in table.names)
    conditions = [f"NOT EXISTS (SELECT 1 FROM `{staging}` AS found WHERE {_same('found', 'old', table.key)})"]
    if scope is Scope.PARENTS:
        parents = f"SELECT 1 FROM `{staging}` AS parent WHERE {_same('parent', 'old', table.parent)}"
        conditions.insert(0, f"EXISTS ({parents})")
    return f"{new} UNION ALL SELECT {old}, TRUE FROM `{target}` AS old WHERE {' AND '.join(conditions)}"


def _same(one: str, other: str, names: Sequence[str]) -> str:
    return " AND ".join(f"{one}.{name} = {other}.{name}" for name in names)


def _pruned(table: MirrorTable, between: tuple[datetime, datetime] | None) -> str:
    if between is None:
        return ""
    first, last = (f"TIMESTAMP {quoted(moment.isoformat())}" for moment in between)
    return f" AND kept.{table.partition} BETWEEN {first} AND {last}"


def state_sql(dataset: str, complete: Mapping[str, datetime]) -> str:
    """The statement that notes up to when tables are complete."""
    rows = " UNION ALL ".join(
        f"SELECT {quoted(name)} AS table_name, TIMESTAMP {quoted(at.isoformat())} AS complete_until"
        for name, at in complete.items()
    )
    return "\n".join(
        [
            f"MERGE `{dataset}.{STATE_TABLE}` AS kept",
            f"USING ({rows}) AS staged",
            "ON kept.table_name = staged.table_name",
            "WHEN MATCHED THEN UPDATE SET complete_until = staged.complete_until",
            "WHEN NOT MATCHED THEN INSERT (table_name, complete_until) VALUES (table_name, complete_until)",
        ]
    )
