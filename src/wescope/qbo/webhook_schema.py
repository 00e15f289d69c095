"""Webhook schema: what the receiver reads of Intuit's webhooks, in both shapes, as JSON Schema; all else is ignored.

Whatever has one of the shapes is acknowledged. A change that lacks something, or is of another company or of an entity
that has no documents of ours, is counted as ignored.
"""

from typing import Any

from wescope.qbo.webhooks import ENTITIES, OPERATIONS

Schema = dict[str, Any]

_TEXT: Schema = {"type": ["string", "integer"]}

_CLOUD_EVENT: Schema = {
    "specversion": "1.0",
    "id": "88cd52aa-33b6-4351-9aa4-47572edbd068",
    "type": "qbo.invoice.updated.v1",
    "time": "2026-11-20T14:36:05Z",
    "intuitentityid": "145",
    "intuitaccountid": "9341453000000042",
    "data": {},
}
_CHANGE: Schema = {"name": "Invoice", "id": "145", "operation": "Update", "lastUpdated": "2026-11-20T14:36:05.000Z"}
_NOTIFICATIONS: Schema = {
    "eventNotifications": [{"realmId": "9341453000000042", "dataChangeEvent": {"entities": [_CHANGE]}}]
}


def webhook_schema() -> Schema:
    """The schema of a body that is accepted."""
    cloud = {"$ref": "#/$defs/QboCloudEvent"}
    return {
        "anyOf": [
            {"type": "array", "items": cloud, "description": "CloudEvents."},
            {"allOf": [cloud, {"required": ["specversion"]}], "description": "One CloudEvent alone."},
            {"$ref": "#/$defs/QboNotifications"},
        ],
        "examples": [[_CLOUD_EVENT], _NOTIFICATIONS],
        "$defs": {"QboCloudEvent": _cloud_event(), "QboNotifications": _notifications()},
    }


def _told(text: str) -> Schema:
    return {**_TEXT, "description": text}


def _cloud_event() -> Schema:
    entities, operations = ", ".join(name.lower() for name in ENTITIES), ", ".join(OPERATIONS)
    return {
        "title": "CloudEvent",
        "type": "object",
        "required": ["type"],
        "properties": {
            "type": {"description": f"`qbo.ENTITY.OPERATION.v1`; looked at are {entities}, and {operations}."},
            "intuitaccountid": {"description": "The company (realm)."},
            "intuitentityid": {"description": "QBO's id of the object that was changed."},
            "time": {"description": "When it was changed."},
            "id": {"description": "Intuit's id of the event."},
            "data": {"description": "`deletedid` in it is the object that a merge has swallowed."},
        },
    }


def _notifications() -> Schema:
    entity = {
        "name": _told("The entity."),
        "id": _told("QBO's id of the object."),
        "operation": _told("What was done."),
        "lastUpdated": _told("When."),
        "deletedId": _told("The object that a merge has swallowed."),
    }
    return {
        "title": "Notifications",
        "type": "object",
        "required": ["eventNotifications"],
        "properties": {
            "eventNotifications": {
                "type": "array",
                "items": {
                    "description": "`realmId` names the company, `dataChangeEvent.entities` lists the changes.",
                    "properties": {
                        "dataChangeEvent": {"properties": {"entities": {"items": {"properties": entity}}}},
                    },
                },
            }
        },
    }
