"""How an outcome travels: JSON when asked for, XML otherwise, HTML and gateway forms when something goes wrong."""

from dataclasses import dataclass, field
from datetime import datetime
from html import escape
from typing import Any

from wescope.sandbox.qbo.clock import to_the_millisecond
from wescope.sandbox.qbo.faults import QboFault
from wescope.sandbox.qbo.wire import Json, dumps

NAMESPACE = "http://schema.intuit.com/finance/v3"
ATTRIBUTES = frozenset({"domain", "sparse", "status", "bId", "startPosition", "maxResults", "totalCount"})
HTML = "<html><head><title>{title}</title></head><body><center><h1>{title}</h1></center><hr></body></html>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A ready HTTP answer."""

    status: int
    body: bytes
    content_type: str
    headers: dict[str, str] = field(default_factory=dict)


def timed(body: Json, now: datetime) -> Json:
    """Adds the answer's time."""
    return {**body, "time": to_the_millisecond(now)}


def write(status: int, body: Json, *, as_json: bool) -> Answer:
    """Writes a body as JSON or as Intuit's XML.

    Args:
        status: the HTTP status.
        body: the answer with its `time`.
        as_json: whether the client asked for JSON.

    Returns:
        The answer; errors in JSON have no charset, as recorded.
    """
    if not as_json:
        return Answer(status=status, body=to_xml(body).encode(), content_type="application/xml;charset=utf-8")
    kind = "application/json;charset=utf-8" if status < 400 else "application/json"  # noqa: PLR2004 - HTTP's own line
    return Answer(status=status, body=dumps(body).encode(), content_type=kind)


def fault(problem: QboFault, now: datetime, *, as_json: bool) -> Answer:
    """Writes a refusal of the accounting engine."""
    return write(problem.status, timed({"Fault": problem.as_json()}, now), as_json=as_json)


def unauthorized(token: str, now: datetime, detail: str = "Token expired") -> Answer:
    """Writes the gateway's 401: lower-case keys, epoch milliseconds, the token quoted (recordings/error__401.json)."""
    error = {
        "message": "message=AuthenticationFailed; errorCode=003200; statusCode=401",
        "detail": f"{detail}: {token}",
        "code": "3200",
        "element": None,
    }
    body: Json = {
        "warnings": None,
        "intuitObject": None,
        "fault": {"error": [error], "type": "AUTHENTICATION"},
        "report": None,
        "queryResponse": None,
        "batchItemResponse": [],
        "attachableResponse": [],
        "syncErrorResponse": None,
        "requestId": None,
        "time": int(now.timestamp() * 1000),
        "status": None,
        "cdcresponse": [],
    }
    return Answer(
        status=401,
        body=dumps(body).encode(),
        content_type="application/json",
        headers={"WWW-Authenticate": 'Bearer realm="Intuit", error="invalid_token"'},
    )


def html(status: int, title: str) -> Answer:
    """Writes what a proxy in between says."""
    return Answer(status=status, body=HTML.format(title=escape(title)).encode(), content_type="text/html")


def to_xml(body: Json) -> str:
    """Writes an answer as Intuit's XML: references as text with a name, a few properties as attributes."""
    inner = "".join(_element(name, value) for name, value in body.items() if name != "time")
    time = escape(str(body.get("time", "")), quote=True)
    head = '<?xml version="1.0" encoding="UTF-8"?>'
    return f'{head}<IntuitResponse xmlns="{NAMESPACE}" time="{time}">{inner}</IntuitResponse>'


def _element(name: str, value: Any) -> str:
    if isinstance(value, list):
        return "".join(_element(name, one) for one in value)
    if isinstance(value, dict):
        attributes, content = _parts(name, value)
        return f"<{name}{attributes}>{content}</{name}>"
    return f"<{name}>{_text(value)}</{name}>"


def _parts(name: str, value: Json) -> tuple[str, str]:
    if "value" in value:
        label = f' name="{escape(str(value["name"]), quote=True)}"' if "name" in value else ""
        return label, _text(value["value"])
    own = ATTRIBUTES | ({"code", "element"} if name == "Error" else {"type"} if name == "Fault" else frozenset())
    attributes = "".join(
        f' {key}="{escape(_plain(one), quote=True)}"'
        for key, one in value.items()
        if key in own and not isinstance(one, dict | list)
    )
    return attributes, "".join(_element(key, one) for key, one in value.items() if key not in own)


def _text(value: Any) -> str:
    return escape(_plain(value), quote=False)


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)
