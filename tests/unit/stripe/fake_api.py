"""Stripe's API as a table of answers, for tests of what reads it: every call is noted."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

from wescope.errors import ObjectNotFound
from wescope.stripe.client import StripeApi

MAXIMUM_EXPANSION = 4
"""Levels of `expand[]` that Stripe follows."""
FIRST_PAGE = 10


class FakeApi(StripeApi):
    """Answers from tables.

    Args:
        objects: Path to object.
        lists: List path and filter, such as `/v1/invoice_payments?invoice=in_1`, to its rows.
    """

    def __init__(
        self,
        objects: Mapping[str, dict[str, Any]] | None = None,
        lists: Mapping[str, list[dict[str, Any]]] | None = None,
    ) -> None:
        self.livemode = False
        self.calls: list[str] = []
        self._objects = objects or {}
        self._lists = lists or {}

    async def get(self, path: str, **parameters: Any) -> dict[str, Any]:
        self.calls.append(path)
        if path not in self._objects:
            raise ObjectNotFound(path=path)
        assert all(len(name.split(".")) <= MAXIMUM_EXPANSION for name in parameters.get("expand", ()))
        found = self._objects[path]
        return found | {"payments": self._payments(found)} if "payments" in parameters.get("expand", ()) else found

    async def pages(self, path: str, **parameters: Any) -> AsyncIterator[dict[str, Any]]:
        assert all(len(name.split(".")) <= MAXIMUM_EXPANSION for name in parameters.pop("expand", ()))
        query = "&".join(f"{name}={value}" for name, value in sorted(_flat(parameters)))
        call = f"{path}?{query}" if query else path
        self.calls.append(call)
        for row in self._lists.get(call, []):
            yield row

    def _payments(self, invoice: Mapping[str, Any]) -> dict[str, Any]:
        """The invoice payments of an invoice as they come with it: the first page."""
        rows = self._lists.get(f"/v1/invoice_payments?invoice={invoice['id']}", [])
        return {"object": "list", "data": rows[:FIRST_PAGE], "has_more": len(rows) > FIRST_PAGE}


def _flat(parameters: Mapping[str, Any]) -> list[tuple[str, Any]]:
    pairs: list[tuple[str, Any]] = []
    for name, value in parameters.items():
        pairs.extend(_flat(value) if isinstance(value, Mapping) else [(name, value)])
    return pairs
