"""Event schema: what the receiver reads of a Stripe event, as JSON Schema; all else of a payload is ignored.

It is made of the same tables and patterns that `hints` and `events` use.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from wescope.stripe.events import EVENTS, Handled
from wescope.stripe.hints import EVENT_TYPE, RELATED_KINDS, THIN_PREFIX
from wescope.stripe.identity import ID

Schema = dict[str, Any]

_ID: Schema = {"type": "string", "pattern": f"^{ID.pattern}$"}
_REFERENCE: Schema = {"anyOf": [_ID, {"type": "object", "required": ["id"], "properties": {"id": _ID}}]}
"""An id, or the whole object, of which only the id is read."""
_OPTIONAL: Schema = {"anyOf": [*_REFERENCE["anyOf"], {"type": "null"}]}

_EXAMPLES: Sequence[Schema] = (
    {
        "object": "event",
        "id": "evt_1SGf2CLkdIwHu7ixPz8Hc6Lw",
        "type": "invoice.paid",
        "created": 1_763_478_245,
        "livemode": True,
        "data": {
            "object": {"object": "invoice", "id": "in_1SGf1ULkdIwHu7ixbWq9Jd2M", "customer": "cus_TLx9fQ2c8hWbJr"}
        },
    },
    {
        "object": "v2.core.event",
        "id": "evt_1SGf2DLkdIwHu7ixVb3Mk9Qe",
        "type": "v1.invoice.paid",
        "created": "2026-11-18T15:04:05.000Z",
        "livemode": True,
        "related_object": {"id": "in_1SGf1ULkdIwHu7ixbWq9Jd2M", "type": "invoice"},
        "context": None,
    },
)


def event_schema() -> Schema:
    """The schema of a body that is accepted: a snapshot event of any API version, or a thin event notification."""
    return {
        "anyOf": [{"$ref": "#/$defs/StripeSnapshotEvent"}, {"$ref": "#/$defs/StripeThinEvent"}],
        "examples": list(_EXAMPLES),
        "$defs": {"StripeSnapshotEvent": _snapshot(), "StripeThinEvent": _thin()},
    }


def _common() -> dict[str, Schema]:
    return {
        "id": {**_REFERENCE, "description": "Stripe's id of the event: a second delivery of it is a duplicate."},
        "type": {
            "type": "string",
            "pattern": f"^{EVENT_TYPE.pattern}$",
            "description": "docs/events.md says what each type does; unknown ones are acknowledged and counted.",
        },
        "livemode": {"type": "boolean", "description": "Whether it is of live mode."},
    }


def _snapshot() -> Schema:
    subject = {"type": "object", "description": "Only ids are read; the object is read again from Stripe."}
    properties = {
        "object": {"const": "event"},
        **_common(),
        "created": {"type": "integer", "description": "When it happened, in Unix seconds."},
        "data": {"type": "object", "required": ["object"], "properties": {"object": subject}},
        "account": {**_OPTIONAL, "description": "The Connect account that it belongs to."},
    }
    required = ["object", "id", "type", "created", "livemode", "data"]
    return {
        "title": "Snapshot event",
        "type": "object",
        "required": required,
        "properties": properties,
        "allOf": list(_needed_ids()),
    }


def _needed_ids() -> Iterator[Schema]:
    """For each way to find the subject: the types that use it, and the field that must hold its id."""
    ways: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for name, meaning in sorted(EVENTS.items()):
        if isinstance(meaning, Handled) and meaning.matters is None:
            ways.setdefault((meaning.id_field, tuple(field for field, _ in meaning.rather)), []).append(name)
    for (id_field, rather), types in ways.items():
        options = [{"required": [field], "properties": {field: _first(field)}} for field in dict.fromkeys(rather)]
        needed: Schema = {"required": [id_field], "properties": {id_field: _REFERENCE}}
        held = {"anyOf": [*options, needed]} if options else needed
        yield {
            "if": {"properties": {"type": {"enum": types}}, "required": ["type"]},
            "then": {"properties": {"data": {"properties": {"object": held}}}},
        }


def _first(field: str) -> Schema:
    """An id, or a list whose first entry has one."""
    listed: Mapping[str, Any] = {"type": "array", "minItems": 1, "prefixItems": [_REFERENCE]}
    return {
        "anyOf": [_ID, {"type": "object", "anyOf": [{"required": ["id"]}, {"properties": {"data": listed}}]}],
        "description": f"`{field}`, if it is there, is the object that is looked at.",
    }


def _thin() -> Schema:
    handled = [f"{THIN_PREFIX}{name}" for name, meaning in sorted(EVENTS.items()) if isinstance(meaning, Handled)]
    related = {
        "type": "object",
        "required": ["id", "type"],
        "properties": {"id": _REFERENCE, "type": {"enum": sorted(RELATED_KINDS)}},
        "description": "The object that is looked at again.",
    }
    moment = {"type": "string", "format": "date-time", "description": "When it happened, with its zone."}
    path = {"type": "string", "pattern": f"^{ID.pattern}(/{ID.pattern})*$"}
    context = {"anyOf": [path, {"type": "null"}], "description": "The account, or a path to it (`org_1/acct_1`)."}
    properties = {
        "object": {"const": "v2.core.event"},
        **_common(),
        "created": moment,
        "related_object": {},
        "context": context,
    }
    return {
        "title": "Thin event notification",
        "type": "object",
        "required": ["object", "id", "type", "created", "livemode"],
        "properties": properties,
        "if": {"properties": {"type": {"enum": [*handled, *(name.removeprefix(THIN_PREFIX) for name in handled)]}}},
        "then": {"required": ["related_object"], "properties": {"related_object": related}},
    }
