"""OpenAPI: the description of all routes, with each definition, each error and each example in its one place.

FastAPI describes paths, parameters and bodies. What routes say of their answers brings its definitions along; here
they become components, errors become references to the answer of their status, and answers get examples.
"""

import functools
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from fastapi import APIRouter, FastAPI, Request
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse

from wescope import __version__
from wescope.engine.json_schemas import Schema, schema_of
from wescope.engine.results import Error, to_json
from wescope.web.answer_examples import ANSWER_EXAMPLES
from wescope.web.error_codes import ErrorCode, codes_by_status, error_codes
from wescope.web.schemas import ERROR_COMPONENT, ERROR_NAMES, ERROR_TEXTS, answer_schema

TITLE = "WeScope Sync"
SERVER: Mapping[str, str] = {
    "url": "http://127.0.0.1:8080",
    "description": "`wescope serve`, unless WESCOPE_HOST and WESCOPE_PORT say otherwise.",
}
"""The server in the file; a service that runs names itself (`/`)."""

DESCRIPTION = """\
A one-way mirror from Stripe into QuickBooks Online (QBO). The same verbs as on the command line.

**Access.** WESCOPE_ACCESS says who may ask for pages and for everything under `/api/v1` (docs/access.md). `local`, the
default: this machine only, without a key; the caller's address is a loopback address, the host name in the request is a
local one, and no browser sent it for a page of another site; else the answer is 403 `not_local`. `oidc`: people who
have signed in, by their session. `iap`: people whom Google's identity-aware proxy lets pass. Programs send a bearer
token, whichever of these holds. A viewer may read; every other method needs an operator, and no page of another site
may send it. Webhooks may come from anywhere and are believed by their signature alone. A process that the world reaches
without any of this (WESCOPE_EXPOSE) has the webhooks, `/health`, `/ready` and no more.

**Amounts** are decimal numbers of major units as text (`"120.00"`), with the decimals in which Stripe counts the
currency beside them. Dates are in the calendar of the books unless their description says otherwise; moments have a
zone.

**Errors** are one shape, `Error`, whatever the status: a code that does not change, a message, and the one action that
mends it. An unknown path is 404 `not_found`, a wrong method 405 `method_not_allowed` with the header Allow.

**Stability.** Within `/api/v1` names stay, and what is there keeps its meaning. New paths, fields, codes and values of
enumerations may come: ignore what you do not know."""

TAGS: Sequence[Mapping[str, str]] = (
    {"name": "state", "description": "What is known: the service, payouts, the tie-out, the story of an id."},
    {
        "name": "work",
        "description": "Have something done: reconcile, backfill, replay, sweep, undo; and the runs that do it.",
    },
    {"name": "parked", "description": "Documents that must not be posted now, and what is decided about them."},
    {"name": "drift", "description": "What people have changed in QBO: find it, repair it, or let it stay."},
    {"name": "close", "description": "A month at its end: what is open, the comparison, sign-off and evidence."},
    {"name": "setup", "description": "Check everything that the work needs, and make what QBO lacks."},
    {"name": "export", "description": "The tables as CSV."},
    {
        "name": "webhooks",
        "description": "What Stripe and Intuit call. An answer of 2xx means that the hint is durable.",
    },
    {"name": "operations", "description": "For those who run the service: health, metrics, this description."},
    {"name": "page", "description": "The console: pages for people, and the files that they load."},
)

SECURITY_SCHEMES: Mapping[str, Mapping[str, str]] = {
    "token": {
        "type": "http",
        "scheme": "bearer",
        "description": "A program's token, of WESCOPE_API_TOKENS; for `/api/v1`.",
    },
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "__Host-wescope",
        "description": "Somebody who has signed in at `/sign-in` (WESCOPE_ACCESS=oidc).",
    },
    "identity_aware_proxy": {
        "type": "apiKey",
        "in": "header",
        "name": "X-Goog-IAP-JWT-Assertion",
        "description": "What Google's proxy says of who asks (WESCOPE_ACCESS=iap); only the proxy can make it.",
    },
}
"""How somebody shows who he is; on the service's own machine (WESCOPE_ACCESS=local) nobody needs to."""

_DEFINITIONS, _COMPONENTS = "#/$defs/", "#/components/schemas/"


def description_routes() -> APIRouter:
    """`GET /openapi.json`."""
    router = APIRouter(tags=["operations"])

    @router.get(
        "/openapi.json",
        summary="This description",
        operation_id="get_openapi",
        responses={
            200: {"description": "OpenAPI 3.1.", "content": {"application/json": {"schema": {"type": "object"}}}}
        },
    )
    async def show(request: Request) -> JSONResponse:
        """The same as `artifacts/openapi.json`, but for the server."""
        app = cast("FastAPI", request.app)
        return JSONResponse({**described(app, app.version), "servers": [{"url": "/"}]})

    return router


def described(app: FastAPI, version: str = __version__) -> Schema:
    """The description of an application's routes, as it is published."""
    return json.loads(_described(app, version))  # type: ignore[no-any-return]  # whoever asks may change it


@functools.lru_cache(maxsize=8)
def _described(app: FastAPI, version: str) -> str:
    made = get_openapi(
        title=TITLE,
        version=version,
        openapi_version="3.1.0",
        description=DESCRIPTION,
        routes=app.routes,
        tags=[dict(tag) for tag in TAGS],
        servers=[dict(SERVER)],
    )
    for answer in _answers(made["paths"]):
        _complete(answer)
    schemas = made.setdefault("components", {}).setdefault("schemas", {})
    schemas |= _defined(made["paths"]) | _error_schemas()
    made["components"]["responses"] = dict(_error_answers())
    used = {tag for operation in _operations(made["paths"]) for tag in operation.get("tags", ())}
    made["tags"] = [tag for tag in made["tags"] if tag["name"] in used]
    made["security"] = []  # open, unless an operation says otherwise
    if secured := [operation for operation in _operations(made["paths"]) if _is_guarded(operation)]:
        made["components"]["securitySchemes"] = json.loads(json.dumps(SECURITY_SCHEMES))
    for operation in secured:
        operation["security"] = [{name: []} for name in SECURITY_SCHEMES] + [{}]
    made["components"]["schemas"] = dict(sorted(schemas.items()))
    return json.dumps(_referring(made))


def _operations(paths: Mapping[str, Any]) -> Iterator[Schema]:
    for path in paths.values():
        yield from path.values()


def _is_guarded(operation: Schema) -> bool:
    """Whether somebody may be told that he is not signed in; pages that anybody may read never say so."""
    return "401" in operation["responses"]


def _answers(paths: Mapping[str, Any]) -> Iterator[Schema]:
    """The answers of all operations; those of errors are made references on the way."""
    for operation in _operations(paths):
        for status, answer in operation["responses"].items():
            name = answer.get(ERROR_COMPONENT)
            if name is None:
                yield answer
            else:
                operation["responses"][status] = {"$ref": f"#/components/responses/{name}"}


def _defined(paths: Any) -> dict[str, Schema]:
    """All definitions, which are taken out of the schemas that brought them.

    Raises:
        TypeError: two different ones have one name.
    """
    defined: dict[str, Schema] = {}
    for found in _definitions(paths):
        for name, schema in found.items():
            if defined.setdefault(name, schema) != schema:
                raise TypeError(f"two schemas are named {name}")
    return defined


def _definitions(node: Any) -> Iterator[Mapping[str, Schema]]:
    """Takes the definitions out of all schemas."""
    if isinstance(node, dict):
        found = node.pop("$defs", None)
        if found:
            yield found
        for value in [*node.values(), *(found or {}).values()]:
            yield from _definitions(value)
    elif isinstance(node, list):
        for value in node:
            yield from _definitions(value)


def _referring(node: Any) -> Any:
    """The same with references to components in place of definitions, and without floats."""
    if isinstance(node, dict):
        return {
            name: value.replace(_DEFINITIONS, _COMPONENTS) if name == "$ref" else _referring(value)
            for name, value in node.items()
        }
    if isinstance(node, list):
        return [_referring(value) for value in node]
    return int(node) if isinstance(node, float) and node.is_integer() else node  # bounds of whole numbers are whole


def _complete(answer: Schema) -> None:
    """Gives an answer of JSON its schema and its example."""
    media = answer.get("content", {}).get("application/json", {})
    media["schema"] = schema = answer_schema(media.get("schema", {}))
    is_list = schema.get("type") == "array"
    reference = (schema.get("items", {}) if is_list else schema).get("$ref", "")
    example = ANSWER_EXAMPLES.get(reference.rpartition("/")[2])
    if example is not None:
        media["example"] = to_json([example] if is_list else example)


# --- errors ---------------------------------------------------------------------------------------------------------


def _error_schemas() -> dict[str, Schema]:
    schemas: dict[str, Schema] = schema_of(Error)["$defs"]
    listed = "\n".join(f"- `{one.code}` ({one.status}): {one.message}" for one in error_codes())
    schemas["ErrorBody"]["properties"]["code"] = {
        "type": "string",
        "enum": [one.code for one in error_codes()],
        "description": f"More may come. docs/errors.md explains them.\n\n{listed}",
    }
    return schemas


def _error_answers() -> Iterator[tuple[str, Schema]]:
    """The answer of each status of errors, with an example of each code that it may carry."""
    by_status = codes_by_status()
    for status, name in ERROR_NAMES.items():
        codes = by_status.get(status, ())
        told = ", ".join(f"`{one.code}`" for one in codes)
        media = {
            "schema": {"$ref": f"{_COMPONENTS}Error"},
            "examples": {one.code: {"value": _error_example(one)} for one in codes},
        }
        yield name, {"description": f"{ERROR_TEXTS[status]} {told}", "content": {"application/json": media}}


def _error_example(one: ErrorCode) -> Schema:
    return {"error": {"code": one.code, "message": one.message, "remedy": one.remedy}}
