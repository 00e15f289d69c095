"""A scene: the merchant's side of a situation, played on the local Stripe at stated times."""

import re
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from wescope.sandbox.stripe.business import Business
from wescope.sandbox.stripe.commands import COMMANDS

Json = dict[str, Any]

_ID = re.compile(
    r"\b(?:acct|cus|in|il|ii|ch|py|pi|pm|txn|re|pyr|cn|cnli|cbtxn|du|dp|po|tu|inpay|ba|prod|price|txr|di|sub|si|pr)_\w{8,}"
)

_WITHOUT_EVENT = ("customer_balance_transaction", "balance_transaction", "payment_record")
"""Kinds that no event names; without their own order, labels would follow that of the database's rows."""


@dataclass
class Scene:
    """Plays commands of the control API; what they make is told by its id."""

    business: Business

    def at(self, moment: str) -> "Scene":
        """Lets time pass until a moment in ISO form with its zone; what was scheduled before it happens."""
        then = datetime.fromisoformat(moment)
        assert then.tzinfo is not None
        self.business.run_until(int(then.timestamp()))
        return self

    def do(self, command: str, **values: Any) -> Json:
        """Performs a command of the control API now, and answers what it does."""
        return COMMANDS[command](self.business, values, self.business.account.clock.tick())

    def customer(self, name: str = "Ada Lovelace", **values: Any) -> str:
        return str(self.do("create_customer", name=name, **values)["id"])

    def invoice(self, customer: str, *amounts: int, **values: Any) -> str:
        """An invoice with a line per amount, or with `lines`, finalized."""
        lines = [{"amount": amount, "description": f"Line {n}"} for n, amount in enumerate(amounts, start=1)]
        return str(self.do("create_invoice", **{"customer": customer, "lines": lines, **values})["id"])

    def pay(self, invoice: str, **values: Any) -> str:
        """Pays an invoice; answers the id of the newest charge."""
        self.do("pay_invoice", id=invoice, **values)
        charges = self.business.account.store.all("charge")
        return str(charges[-1]["id"]) if charges else ""

    def find(self, stripe_id: str) -> Json:
        """An object as it is stored."""
        found = self.business.account.store.find(stripe_id)
        assert found is not None
        return found


class Labels:
    """Short names for Stripe's ids: `in_1`, `ch_2`, in the order in which they were made or are first seen."""

    def __init__(self, business: Business) -> None:
        self._labels: dict[str, str] = {}
        self._counts: Counter[str] = Counter()
        for event in business.account.log.all():
            self.label(str(event.snapshot.get("id", "")))
        for kind in _WITHOUT_EVENT:
            for one in business.account.store.all(kind):
                self.label(str(one["id"]))

    def label(self, stripe_id: str) -> str:
        prefix = stripe_id.partition("_")[0]
        if stripe_id not in self._labels:
            self._counts[prefix] += 1
            self._labels[stripe_id] = f"{prefix}_{self._counts[prefix]}"
        return self._labels[stripe_id]

    def plain(self, text: str) -> str:
        """A text in which every Stripe id is replaced by its label."""
        return _ID.sub(lambda found: self.label(found[0]), text)
