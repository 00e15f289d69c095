"""QBO bare: one request, one answer, whatever it says. The probes ask for what the product's client never would."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import httpx2

from wescope.qbo import faults, wire
from wescope.qbo.queries import PAGE_LIMIT
from wescope.qbo.tokens import TokenSource

MINOR_VERSION = "75"
_UNAUTHORISED = 401
_TOO_MANY = 429

THROTTLE_PAUSE_S = 60
"""How long Intuit wants silence after a 429 (facts/qbo.md 1)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What QBO answered; the body may hold names and is never shown."""

    status: int
    body: Mapping[str, Any] = field(repr=False)
    headers: Mapping[str, str] = field(repr=False, default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether it was done."""
        return self.status == httpx2.codes.OK and self.code == ""

    @property
    def code(self) -> str:
        """The first fault's code, or nothing."""
        fault = faults.from_json(self.body)
        return fault.codes[0] if fault else ""

    @property
    def outcome(self) -> str:
        """`accepted`, or the fault's code, or the HTTP status."""
        return "accepted" if self.ok else self.code or f"HTTP {self.status}"

    def record(self, entity: str) -> Mapping[str, Any]:
        """The object in it; empty if there is none."""
        found = self.body.get(entity)
        return found if isinstance(found, Mapping) else {}

    def found(self, entity: str) -> list[Mapping[str, Any]]:
        """The objects that a query has found."""
        response = self.body.get("QueryResponse")
        rows = response.get(entity, []) if isinstance(response, Mapping) else []
        return [row for row in rows if isinstance(row, Mapping)]

    def items(self) -> dict[str, "Answer"]:
        """A batch's answers by their bId."""
        rows = [row for row in self.body.get("BatchItemResponse", []) if isinstance(row, Mapping)]
        return {str(row.get("bId")): Answer(status=httpx2.codes.OK, body=row) for row in rows}


class QboWire:
    """One company's API, bare. Close it with `aclose`.

    Args:
        api_base: of QBO.
        realm_id: of the company.
        tokens: give access.
        transport: paces and counts.
        throttle_pause_s: how long it waits after a 429 before it asks once more, in seconds.
    """

    def __init__(
        self,
        *,
        api_base: str,
        realm_id: str,
        tokens: TokenSource,
        transport: httpx2.AsyncBaseTransport,
        throttle_pause_s: float = THROTTLE_PAUSE_S,
    ) -> None:
        self.realm_id, self.tokens, self._throttle_pause_s = realm_id, tokens, throttle_pause_s
        self._http = httpx2.AsyncClient(
            base_url=f"{api_base}/v3/company/{quote(realm_id, safe='')}/",
            headers={"Accept": "application/json"},
            timeout=httpx2.Timeout(60, connect=10),
            transport=transport,
        )

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def get(self, path: str, **parameters: str) -> Answer:
        """Read."""
        return await self._ask("GET", path, parameters)

    async def post(self, path: str, body: Mapping[str, Any], **parameters: str) -> Answer:
        """Write."""
        return await self._ask("POST", path, parameters, content=wire.dumps(body), content_type="application/json")

    async def query(self, statement: str) -> Answer:
        """Ask in QBO's language, as the product does."""
        return await self._ask("POST", "query", {}, content=statement, content_type="application/text")

    async def all(self, entity: str, where: str) -> list[Mapping[str, Any]]:
        """All objects of an entity that fulfil a condition, in pages by id.

        Raises:
            httpx2.HTTPError: QBO does not answer.
            RuntimeError: QBO refuses the statement; names the code.
        """
        records: dict[str, Mapping[str, Any]] = {}
        start = 1
        while True:
            statement = f"SELECT * FROM {entity} WHERE {where} ORDERBY Id STARTPOSITION {start} MAXRESULTS {PAGE_LIMIT}"  # noqa: S608 - QBO's language
            answer = await self.query(statement)
            if not answer.ok:
                raise RuntimeError(f"the query of {entity} was refused: {answer.outcome}")
            found = answer.found(entity)
            records |= {str(one["Id"]): one for one in found}
            if len(found) < PAGE_LIMIT:
                return list(records.values())
            start += PAGE_LIMIT

    async def batch(self, items: Sequence[Mapping[str, Any]], request_id: str = "") -> Answer:
        """Send a batch."""
        parameters = {"requestid": request_id} if request_id else {}
        return await self.post("batch", {"BatchItemRequest": list(items)}, **parameters)

    async def _ask(
        self,
        method: str,
        path: str,
        parameters: Mapping[str, str],
        *,
        content: str | None = None,
        content_type: str = "",
    ) -> Answer:
        token = await self.tokens.access_token()
        for last in (False, True):
            headers = {"Authorization": f"Bearer {token}"} | ({"Content-Type": content_type} if content else {})
            response = await self._http.request(
                method, path, params={**parameters, "minorversion": MINOR_VERSION}, headers=headers, content=content
            )
            if response.status_code not in {_UNAUTHORISED, _TOO_MANY} or last:
                break
            if response.status_code == _TOO_MANY:
                await asyncio.sleep(self._throttle_pause_s)
            else:
                token = await self.tokens.refresh(token)
        return Answer(status=response.status_code, body=_body(response), headers=dict(response.headers))


def _body(response: httpx2.Response) -> Mapping[str, Any]:
    try:
        body = wire.loads(response.content)
    except ValueError:
        return {}
    return body if isinstance(body, Mapping) else {}
