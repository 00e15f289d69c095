"""Takes recorded objects in as they are: expansions undone, nothing else changed."""

from wescope.sandbox.stripe.account import Account
from wescope.sandbox.stripe.errors import StripeError
from wescope.sandbox.stripe.expansion import collapse
from wescope.sandbox.stripe.store import Resource


def add_recorded(account: Account, resource: Resource) -> list[str]:
    """Store a recorded object and what is expanded inside it, so that lists and retrieves serve them.

    The lines and payments of an invoice or credit note become those that it has from now on. An event is logged as it
    is, to be listed and delivered, and its object is stored.

    Returns:
        The ids of all objects stored, the outermost first.

    Raises:
        StripeError: 400 when it is no object of Stripe's with an id.
    """
    if not {"object", "id"} <= resource.keys():
        raise StripeError("A recorded object needs `object` and `id`.", param="object")
    if resource["object"] == "event":
        account.log.add_recorded(resource)
        inside = resource["data"]["object"]
        return [str(resource["id"]), *(add_recorded(account, inside) if "id" in inside else [])]
    flat, inner = collapse(resource)
    stored: list[str] = []
    for one in (flat, *inner):
        stored += _store(account, one)
    return stored


def _store(account: Account, resource: Resource) -> list[str]:
    stored = [str(resource["id"])]
    if resource["object"] in {"invoice", "credit_note"}:
        lines = resource.pop("lines", None)
        if lines is not None or resource["id"] not in account.store.lines:
            account.store.lines[resource["id"]] = _collapsed_lines(account, (lines or {}).get("data", []), stored)
        stored += _store_all(account, resource.pop("payments", None))
    elif resource["object"] == "charge":
        stored += _store_all(account, resource.pop("refunds", None))
    account.store.add(resource)
    return stored


def _store_all(account: Account, listed: Resource | None) -> list[str]:
    """Store the members of a list inside an object; hand-written ones without an id are left out."""
    members = (listed or {}).get("data", [])
    return [stored for one in members if {"object", "id"} <= one.keys() for stored in add_recorded(account, one)]


def _collapsed_lines(account: Account, lines: list[Resource], stored: list[str]) -> list[Resource]:
    flat_lines = []
    for line in lines:
        flat, inner = collapse(line)
        flat_lines.append(flat)
        for one in inner:
            stored += _store(account, one)
    return flat_lines
