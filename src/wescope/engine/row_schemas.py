"""Row schemas: the rows of the link tables as the mirror writes them, and of exports as CSV has them. Pure.

Columns and types are those of the tables; meanings are those of `mirror_meanings` and of `export_sheets`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from wescope.engine.export import query_of
from wescope.engine.export_sheets import SHEETS, CsvColumn, What
from wescope.engine.json_schemas import AMOUNT, Schema
from wescope.links.mirror_meanings import meaning_of
from wescope.links.mirror_tables import ColumnType, MirrorColumn

_JSON: Mapping[ColumnType, Schema] = {
    ColumnType.INT64: {"type": "integer"},
    ColumnType.STRING: {"type": "string"},
    ColumnType.BOOL: {"type": "boolean"},
    ColumnType.DATE: {"type": "string", "format": "date"},
    ColumnType.TIMESTAMP: {"type": "string", "format": "date-time"},
    ColumnType.JSON: {"type": "object"},
    ColumnType.STRINGS: {"type": "array", "items": {"type": "string"}},
}

_CSV: Sequence[tuple[type[sa.types.TypeEngine[Any]], Schema]] = (
    (sa.Integer, {"pattern": "^-?[0-9]+$"}),
    (sa.Boolean, {"enum": ["true", "false"]}),
    (sa.DateTime, {"format": "date-time"}),
    (sa.Date, {"format": "date"}),
    (ARRAY, {"description": "Values with spaces between."}),
    (sa.Text, {}),
)


def table_schema(table: str, columns: Sequence[MirrorColumn]) -> Schema:
    """The schema of one row of a table as a JSON object: all columns, null where there is nothing."""
    properties = {column.name: _column(table, column) for column in columns}
    return {"type": "object", "required": list(properties), "properties": properties, "additionalProperties": False}


def _column(table: str, column: MirrorColumn) -> Schema:
    made, meaning = _JSON[column.type], meaning_of(table, column.name)
    if column.required or column.type is ColumnType.STRINGS:
        return {**made, "description": meaning}
    return {"anyOf": [made, {"type": "null"}], "description": meaning}


def sheet_schema(what: What) -> Schema:
    """The schema of one row of an export as an object of texts by the names of the header, in their order."""
    selected = query_of(what, "").selected_columns
    properties = {column.name: _cell(column, selected) for column in SHEETS[what].columns}
    return {"type": "object", "required": list(properties), "properties": properties, "additionalProperties": False}


def _cell(column: CsvColumn, selected: sa.ColumnCollection[str, sa.ColumnElement[Any]]) -> Schema:
    meaning = f"{column.meaning[0].upper()}{column.meaning[1:]}."
    if column.of_code:
        return {"type": "string", "description": meaning}
    of_table = selected[column.reads]
    if column.currency:
        made: Schema = {"pattern": AMOUNT["pattern"]}
    elif column.name.endswith("currency"):
        made = {"pattern": "^[A-Z]{3}$"}
    else:
        made = dict(next(schema for kind, schema in _CSV if isinstance(of_table.type, kind)))
    if not getattr(of_table, "nullable", True):
        return {"type": "string", **made, "description": meaning}
    return {"anyOf": [{"const": ""}, {"type": "string", **made}], "description": meaning}
