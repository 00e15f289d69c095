"""Reads an HTTP request to the accounting interface into an operation (facts/qbo.md 2, 5)."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

from wescope.sandbox.qbo import faults
from wescope.sandbox.qbo.company_info import SINGLETONS
from wescope.sandbox.qbo.registry import RULES, entity_of_path
from wescope.sandbox.qbo.wire import Json, loads

REQUEST_ID_LENGTH = 50
BATCH_REQUEST_ID_LENGTH = 36
WRITES = frozenset({"create", "update", "void", "delete"})
SINGLETON_PATHS = {name.lower(): name for name in SINGLETONS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """What a request asks for. `kind`: read, singleton, query, cdc, batch, create, update, void or delete."""

    kind: str
    entity: str = ""
    id: str = ""
    body: Json | None = None
    text: str = ""
    by: str = "operation"
    include: frozenset[str] = frozenset()
    request_id: str = ""
    fingerprint: str = ""

    @property
    def is_write(self) -> bool:
        """Whether the operation may change the books (a batch counts item by item)."""
        return self.kind in WRITES


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """The parts of an HTTP request that matter here."""

    method: str
    realm_id: str
    path: str
    query: Mapping[str, str]
    content_type: str
    body: bytes


def read(incoming: Incoming) -> Operation:
    """Reads a request.

    Args:
        incoming: method, path below the company, query, content type and body.

    Returns:
        The operation.

    Raises:
        QboFault: 500 for an address that leads nowhere, 1050, 2010, 2020, 2030 or 2130 for a malformed request.
    """
    segments = incoming.path.strip("/").split("/")
    head = segments[0].lower()
    if head in _SPECIAL:
        return _SPECIAL[head](incoming)
    if head in _SERVICES:
        return _SERVICES[head](incoming)
    if head in SINGLETON_PATHS and incoming.method == "GET":
        return Operation(kind="singleton", entity=SINGLETON_PATHS[head])
    entity = entity_of_path(head)
    if entity is None or len(segments) > 2:  # noqa: PLR2004 - entity and id
        raise faults.no_resource(incoming.realm_id, incoming.path)
    if incoming.method == "GET":
        return _read(incoming, entity, segments[1:])
    if incoming.method == "POST" and len(segments) == 1:
        return _write(incoming, entity)
    raise faults.no_resource(incoming.realm_id, incoming.path)


def _read(incoming: Incoming, entity: str, rest: list[str]) -> Operation:
    if not rest:
        raise faults.no_resource(incoming.realm_id, incoming.path)
    if not (rest[0].isascii() and rest[0].isdigit()) and not RULES[entity].textual_ids:
        raise faults.invalid_id(rest[0])
    return Operation(kind="read", entity=entity, id=rest[0])


def _write(incoming: Incoming, entity: str) -> Operation:
    body = _json_body(incoming)
    includes = frozenset(part for part in incoming.query.get("include", "").lower().split(",") if part)
    operation = incoming.query.get("operation", "").lower()
    kind, by = _kind(operation, includes, body)
    return Operation(
        kind=kind,
        entity=entity,
        id=str(body.get("Id", "")),
        body=body,
        by=by,
        include=includes,
        request_id=request_id(incoming.query, REQUEST_ID_LENGTH),
        fingerprint=_fingerprint(incoming, operation),
    )


def _kind(operation: str, includes: frozenset[str], body: Json) -> tuple[str, str]:
    if operation in {"delete", "void"}:
        return operation, "operation"
    if "void" in includes:
        if operation != "update":
            raise faults.unsupported_operation("include=void without operation=update")
        return "void", "include"
    if operation == "update" or (not operation and "Id" in body):
        return "update", "operation"
    if operation in {"", "create"}:
        return "create", "operation"
    raise faults.unsupported_operation(operation)


def _query(incoming: Incoming) -> Operation:
    if incoming.method == "GET":
        text = incoming.query.get("query", "")
    else:
        if not incoming.content_type.startswith(("application/text", "text/plain")):
            raise faults.invalid_content_type(incoming.content_type)
        text = incoming.body.decode()
    if not text.strip():
        raise faults.required("query")
    return Operation(kind="query", entity=_entity_in(text), text=text)


def _entity_in(text: str) -> str:
    words = text.split()
    after = [following for word, following in pairwise(words) if word.upper() == "FROM"]
    return after[0] if after else ""


def _changes(incoming: Incoming) -> Operation:
    missing = [name for name in ("entities", "changedSince") if not incoming.query.get(name)]
    if incoming.method != "GET":
        raise faults.no_resource(incoming.realm_id, incoming.path)
    if missing:
        raise faults.required(*missing)
    return Operation(kind="cdc", id=incoming.query["changedSince"], text=incoming.query["entities"])


def _batch(incoming: Incoming) -> Operation:
    if incoming.method != "POST":
        raise faults.no_resource(incoming.realm_id, incoming.path)
    return Operation(
        kind="batch",
        body=_json_body(incoming),
        request_id=request_id(incoming.query, BATCH_REQUEST_ID_LENGTH),
        fingerprint=_fingerprint(incoming, ""),
    )


def request_id(query: Mapping[str, str], limit: int) -> str:
    """Reads the request id of a write.

    Args:
        query: the query parameters.
        limit: 50, or 36 on a batch (facts/qbo.md 2.1).

    Returns:
        The id, empty if there is none.

    Raises:
        QboFault: 2130 when it is too long.
    """
    given = query.get("requestid", "")
    if len(given) > limit:
        raise faults.invalid_request_id(f"at most {limit} characters are allowed. Supplied length:{len(given)}")
    return given


def _json_body(incoming: Incoming) -> Json:
    if not incoming.content_type.startswith("application/json"):
        raise faults.invalid_content_type(incoming.content_type)
    try:
        body = loads(incoming.body)
    except ValueError as problem:
        raise faults.invalid_property("Unexpected character in the body") from problem
    if not isinstance(body, dict):
        raise faults.invalid_property("Can not deserialize instance out of START_ARRAY token")
    return body


def _exchange_rate(incoming: Incoming) -> Operation:
    if incoming.path.strip("/").lower() != "exchangerate":
        raise faults.no_resource(incoming.realm_id, incoming.path)
    if incoming.method == "POST":
        return _service(incoming, "ExchangeRate", "update")
    given = {name.lower(): value for name, value in incoming.query.items()}
    if not given.get("sourcecurrencycode"):
        raise faults.required("sourcecurrencycode")
    code, on = given["sourcecurrencycode"], given.get("asofdate", "")
    return Operation(kind="rate", entity="ExchangeRate", id=on, text=code)


def _tax_service(incoming: Incoming) -> Operation:
    if incoming.method != "POST" or incoming.path.strip("/").lower() != "taxservice/taxcode":
        raise faults.no_resource(incoming.realm_id, incoming.path)
    return _service(incoming, "TaxService", "create")


def _service(incoming: Incoming, entity: str, kind: str) -> Operation:
    return Operation(
        kind=kind,
        entity=entity,
        body=_json_body(incoming),
        request_id=request_id(incoming.query, REQUEST_ID_LENGTH),
        fingerprint=_fingerprint(incoming, ""),
    )


def _fingerprint(incoming: Incoming, operation: str) -> str:
    return hashlib.sha256(f"{incoming.path}\n{operation}\n".encode() + incoming.body).hexdigest()


_SERVICES = {"exchangerate": _exchange_rate, "taxservice": _tax_service}
_SPECIAL = {"query": _query, "cdc": _changes, "batch": _batch}
