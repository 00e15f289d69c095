"""Holds every Stripe object of one account in its newest rendering, references as ids."""

from typing import Any, TypeAlias

Resource: TypeAlias = dict[str, Any]


class Store:
    """Objects by kind and id, and what Stripe keeps beside them: the lines of invoices and credit notes by their ids.

    Objects are plain JSON values without what is computed on reading (an invoice's ``lines`` and ``payments``, a
    balance transaction's ``status``).
    """

    def __init__(self) -> None:
        self._kinds: dict[str, dict[str, Resource]] = {}
        self._by_id: dict[str, Resource] = {}
        self._newest_first: dict[str, list[Resource]] = {}
        self.lines: dict[str, list[Resource]] = {}
        self.shipping_taxes: dict[str, list[Resource]] = {}
        self.paid_out: dict[str, str] = {}  # id of the automatic payout by id of the balance transaction

    def add(self, resource: Resource) -> Resource:
        """Keep ``resource`` (by its ``object`` and ``id``), replacing one with the same id; returns it."""
        kind = resource["object"]
        self._kinds.setdefault(kind, {})[resource["id"]] = resource
        self._by_id[resource["id"]] = resource
        self._newest_first.pop(kind, None)
        return resource

    def get(self, kind: str, identifier: str) -> Resource | None:
        """Return the object of that kind and id, or None."""
        return self._kinds.get(kind, {}).get(identifier)

    def find(self, identifier: str) -> Resource | None:
        """Return the object with this id, whatever its kind, or None."""
        return self._by_id.get(identifier)

    def all(self, kind: str) -> list[Resource]:
        """Return the objects of a kind in the order in which they came."""
        return list(self._kinds.get(kind, {}).values())

    def newest_first(self, kind: str) -> list[Resource]:
        """Return the objects of a kind as Stripe lists them: newest first, of one second the last made first."""
        if kind not in self._newest_first:
            objects = self.all(kind)[::-1]
            self._newest_first[kind] = sorted(objects, key=lambda one: -one.get("created", 0))
        return self._newest_first[kind]

    def credit_notes_of(self, invoice_id: str) -> list[Resource]:
        """Return the credit notes of an invoice in the order in which they were issued."""
        return [one for one in self.all("credit_note") if one["invoice"] == invoice_id]

    def payments_of(self, invoice_id: str) -> list[Resource]:
        """Return the invoice payments of an invoice, newest first."""
        return [one for one in self.newest_first("invoice_payment") if one["invoice"] == invoice_id]

    def payments_by(self, kind: str, identifier: str) -> list[Resource]:
        """Return the invoice payments made by a payment intent, charge or payment record, newest first."""
        return [one for one in self.newest_first("invoice_payment") if one["payment"].get(kind) == identifier]
