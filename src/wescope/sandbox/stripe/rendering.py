"""Turns stored objects into what Stripe answers: newest API version, nothing expanded unless asked."""

import copy
from typing import Any

from wescope.sandbox.stripe.expansion import Expander
from wescope.sandbox.stripe.store import Resource, Store

FIRST_PAGE = 10
CARD = "card"


def in_mode(body: Any, *, live: bool) -> Any:
    """Return what is served, in the mode of the account: stored objects are all of the test mode."""
    if not live:
        return body
    if isinstance(body, list):
        return [in_mode(one, live=live) for one in body]
    if not isinstance(body, dict):
        return body
    return {name: live if name == "livemode" else in_mode(value, live=live) for name, value in body.items()}


def list_body(data: list[Resource], *, url: str, has_more: bool = False) -> Resource:
    """Return Stripe's list object around ``data``."""
    return {"object": "list", "data": data, "has_more": has_more, "url": url}


class Renderer:
    """Renders the objects of one store.

    Args:
        store: Where the objects are.
        now: Gives the account's time in Unix seconds; the status of a balance transaction depends on it.
    """

    def __init__(self, store: Store, now: Any) -> None:
        self._store = store
        self._now = now
        self._expander = Expander(lookup=self._lookup, include=self._include)

    def render(self, resource: Resource, expand: list[str] | None = None) -> Resource:
        """Return a copy of ``resource`` as Stripe answers it.

        Raises:
            StripeError: 400 when ``expand`` cannot be followed.
        """
        body = copy.deepcopy(resource)
        kind = body.get("object")
        if kind == "invoice":
            body["lines"] = self._lines("invoices", body["id"])
            body["lines"]["total_count"] = len(self._store.lines.get(body["id"], []))
        elif kind == "credit_note":
            body["lines"] = self._lines("credit_notes", body["id"])
        elif kind == "dispute":
            body["balance_transactions"] = [
                self._lookup(one) or one if isinstance(one, str) else one for one in body["balance_transactions"]
            ]
        elif kind == "balance_transaction" and "available_on" in body:
            body["status"] = "available" if body["available_on"] <= self._now() else "pending"
        if expand:
            self._expander.expand(body, expand)
        return body

    def expand(self, body: Resource, paths: list[str]) -> Resource:
        """Expand ``paths`` in a body that is already rendered, such as a list; returns it."""
        self._expander.expand(body, paths)
        return body

    def _lookup(self, identifier: str) -> Resource | None:
        found = self._store.find(identifier)
        return None if found is None else self.render(found)

    def _lines(self, path: str, owner: str) -> Resource:
        lines = self._store.lines.get(owner, [])
        return list_body(
            copy.deepcopy(lines[:FIRST_PAGE]),
            url=f"/v1/{path}/{owner}/lines",
            has_more=len(lines) > FIRST_PAGE,
        )

    def _include(self, owner: Resource, name: str) -> None:
        if name == "payments":
            payments = self._store.payments_of(owner["id"])
            owner["payments"] = list_body(
                [self.render(one) for one in payments[:FIRST_PAGE]],
                url="/v1/invoice_payments",
                has_more=len(payments) > FIRST_PAGE,
            )
        elif name == "refunds":
            refunds = [one for one in self._store.newest_first("refund") if one.get("charge") == owner["id"]]
            owner["refunds"] = list_body(
                [self.render(one) for one in refunds[:FIRST_PAGE]],
                url=f"/v1/charges/{owner['id']}/refunds",
                has_more=len(refunds) > FIRST_PAGE,
            )
        elif name == "shipping_cost.taxes" and owner.get("shipping_cost"):
            owner["shipping_cost"]["taxes"] = copy.deepcopy(self._store.shipping_taxes.get(owner["id"], []))
        elif name == "invoice_credit_balance":
            currency = owner.get("currency")
            owner[name] = {currency: owner.get("balance", 0)} if currency else {}
        elif name in {"sources", "subscriptions", "tax_ids"}:
            owner[name] = list_body([], url=f"/v1/customers/{owner['id']}/{name}")
