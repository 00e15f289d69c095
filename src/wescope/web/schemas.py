"""Schemas: the OpenAPI description of what is answered, derived from the result values so that it cannot drift."""

import types
import typing
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Union

Schema = dict[str, Any]

AMOUNT: Schema = {"type": "string", "description": "Decimal number of major units.", "examples": ["12.34"]}
ERROR_SCHEMA: Schema = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message", "remedy"],
            "properties": {name: {"type": "string"} for name in ("code", "message", "remedy")},
        }
    },
}
ERROR_TEXTS: Mapping[int, str] = {
    400: "Refused: not a signed, current event.",
    403: "Only this machine may ask.",
    404: "There is no such object.",
    408: "The body did not arrive in time.",
    413: "The body is over 1 MiB.",
    422: "A parameter does not fit.",
    502: "Stripe or QBO could not be asked.",
    503: "Not now: ask again later.",
}
WEBHOOK_BODY: Schema = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": {"type": "object", "description": "A Stripe event."}}},
    },
    "parameters": [
        {"name": "Stripe-Signature", "in": "header", "required": True, "schema": {"type": "string"}},
    ],
}

QBO_WEBHOOK_BODY: Schema = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "anyOf": [
                        {"type": "array", "items": {"type": "object"}, "description": "CloudEvents."},
                        {"type": "object", "description": "`eventNotifications`."},
                    ]
                }
            }
        },
    },
    "parameters": [
        {"name": "intuit-signature", "in": "header", "required": True, "schema": {"type": "string"}},
    ],
}


def error_responses(*statuses: int) -> dict[int | str, Schema]:
    """OpenAPI responses for these error statuses."""
    return {
        status: {"description": ERROR_TEXTS[status], "content": {"application/json": {"schema": ERROR_SCHEMA}}}
        for status in statuses
    }


def json_response(description: str, schema: Schema) -> Schema:
    """OpenAPI response with a JSON body."""
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def outcome_response() -> Schema:
    """OpenAPI response of an accepted webhook."""
    outcomes = {"type": "string", "enum": ["stored", "duplicate", "ignored", "unknown"]}
    return json_response(
        "The event need not be sent again.",
        {
            "type": "object",
            "required": ["outcome", "event_id"],
            "properties": {"outcome": outcomes, "event_id": {"type": "string"}},
        },
    )


def qbo_outcome_response() -> Schema:
    """OpenAPI response of an accepted webhook of QBO's."""
    counts = {name: {"type": "integer", "minimum": 0} for name in ("stored", "duplicate", "ignored")}
    return json_response(
        "The events need not be sent again.", {"type": "object", "required": list(counts), "properties": counts}
    )


def schema_of(kind: Any) -> Schema:
    """JSON Schema of what `to_json` makes of a value of this type.

    Raises:
        TypeError: results do not contain values of this type.
    """
    origin = typing.get_origin(kind)
    if origin in (Union, types.UnionType):
        return {"anyOf": [schema_of(option) for option in typing.get_args(kind)]}
    if origin is tuple:
        return {"type": "array", "items": schema_of(typing.get_args(kind)[0])}
    if origin is Mapping:
        return {"type": "object", "additionalProperties": schema_of(typing.get_args(kind)[1])}
    if is_dataclass(kind):
        return _object_schema(kind)
    return _plain_schema(kind)


def _object_schema(kind: Any) -> Schema:
    hints = typing.get_type_hints(kind)
    properties = {
        each.name: dict(AMOUNT) if each.metadata.get("money") else schema_of(hints[each.name]) for each in fields(kind)
    }
    return {"type": "object", "title": kind.__name__, "required": list(properties), "properties": properties}


def _plain_schema(kind: Any) -> Schema:
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return {"type": "string", "enum": [str(member) for member in kind]}
    if kind not in _PLAIN:
        raise TypeError(f"{kind!r} does not occur in results")
    return dict(_PLAIN[kind])


_PLAIN: Mapping[Any, Schema] = {
    type(None): {"type": "null"},
    str: {"type": "string"},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    date: {"type": "string", "format": "date"},
    datetime: {"type": "string", "format": "date-time"},
}
