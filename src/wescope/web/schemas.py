"""Schemas: how routes describe their answers; the types of the answers say the rest, so that it cannot drift.

What routes say here is not OpenAPI's last word: `openapi` gives definitions and errors their one place among the
components.
"""

from collections.abc import Mapping
from typing import Any

from wescope.engine.json_schemas import Schema, schema_of

ANSWER_TYPE = "x-answer-type"
"""Marks the schema of an answer: under which name its type is kept until somebody wants the description."""

_KINDS: dict[str, Any] = {}
ERROR_COMPONENT = "x-error-response"
"""Marks the answer of an error; what it says is among the components."""

ERROR_NAMES: Mapping[int, str] = {
    400: "Rejected",
    401: "NotSignedIn",
    403: "Forbidden",
    404: "NotFound",
    405: "MethodNotAllowed",
    408: "BodyIncomplete",
    409: "Conflict",
    413: "BodyTooLarge",
    422: "Unprocessable",
    429: "TooManyAttempts",
    500: "InternalError",
    502: "UpstreamFailed",
    503: "Unavailable",
}
"""The component of each status that an error may have."""

ERROR_TEXTS: Mapping[int, str] = {
    400: "Refused: not a signed, current event, or a sign-in that is not believed.",
    401: "Nobody is signed in, or the token is not known.",
    403: "Who asks may not.",
    404: "There is no such object.",
    405: "This path has other methods; the header Allow names them.",
    408: "The body did not arrive in time.",
    409: "What is there does not allow it now.",
    413: "The body is over 1 MiB.",
    422: "A parameter or the body does not fit, or what is asked for does not fit together.",
    429: "Too many attempts; the header Retry-After says how many seconds to wait.",
    500: "A fault of ours that nobody foresaw.",
    502: "Stripe or QBO could not be asked.",
    503: "Not now: ask again later.",
}


_FORBIDDEN, _BESIDE_FORBIDDEN = 403, (401, 429)

Responses = dict[int | str, Schema]
"""What OpenAPI says of each answer, by its status."""


def error_responses(*statuses: int) -> Responses:
    """OpenAPI responses for these error statuses, and for a fault of ours.

    Where somebody may be refused (403), nobody may be signed in (401), or have tried too often (429).
    """
    guarded = _BESIDE_FORBIDDEN if _FORBIDDEN in statuses else ()
    return {
        status: {"description": ERROR_TEXTS[status], ERROR_COMPONENT: ERROR_NAMES[status]}
        for status in sorted({*statuses, *guarded, 500})
    }


def json_response(description: str, kind: Any) -> Schema:
    """OpenAPI response whose JSON body is what `to_json` makes of a value of this type.

    The schema is made when the description is asked for: to read all docstrings takes longer than to start a service.
    """
    name = f"{kind.__module__}.{kind.__qualname__}" if isinstance(kind, type) else str(kind)
    _KINDS[name] = kind
    return {"description": description, "content": {"application/json": {"schema": {ANSWER_TYPE: name}}}}


def answer_schema(marked: Schema) -> Schema:
    """The schema of an answer, if only its type is named; else the same again."""
    name = marked.get(ANSWER_TYPE)
    return marked if name is None else schema_of(_KINDS[name])


def text_response(description: str, media_type: str) -> Schema:
    """OpenAPI response with a text."""
    return {"description": description, "content": {media_type: {"schema": {"type": "string"}}}}


def signed_body(schema: Schema, *, title: str, header: str, told: str) -> Schema:
    """What OpenAPI says of a route that reads the raw body itself, and the header that signs it.

    Args:
        schema: what is read of the body.
        title: what it is.
        header: the name of the header.
        told: how the header is made.
    """
    body = {"title": title, **schema}
    signature = {"name": header, "in": "header", "required": True, "schema": {"type": "string"}, "description": told}
    return {
        "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
        "parameters": [signature],
    }
