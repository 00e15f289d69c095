"""Acts: a history as a list of dated commands, in which objects are named by their order: `in_1`, `ch_2`, `cus_1`."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from tests.integration.desk import Desk
from tests.situations.scene import Scene

AR, CLEARING, SALES = "Accounts Receivable (A/R)", "Stripe Clearing", "Sales of Product Income"
BAD_DEBT, OUT_OF_BAND, BALANCE = "Bad Debts", "Stripe Out of Band", "Customer Balance"
DISCOUNT, SHIPPING, TAX = "Discounts given", "Shipping Income", "Sales Tax Payable"
ADA = "Ada Lovelace"

_NAME = re.compile(r"(cn|ch|cus|du|il|in|made|po|py|re)_(\d{1,2})")
_KINDS = {
    "ch": "charge", "py": "charge", "cn": "credit_note", "cus": "customer", "du": "dispute",
    "in": "invoice", "po": "payout", "re": "refund",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Act:
    """A command of the control API at a moment (a date alone is at 18:00 UTC); its values may be names."""

    moment: str
    command: str
    values: dict[str, Any]


def act(moment: str, command: str, **values: Any) -> Act:
    """Any command."""
    return Act(moment=moment if "T" in moment else f"{moment}T18:00:00Z", command=command, values=values)


def issue(moment: str, *amounts: int, customer: str = "cus_1", **values: Any) -> Act:
    """An invoice with a line per amount, or with `lines`."""
    lines = [{"amount": amount, "description": f"Line {n}"} for n, amount in enumerate(amounts, start=1)]
    return act(moment, "create_invoice", **{"customer": customer, "lines": lines, **values})


def pay(moment: str, invoice: str, **values: Any) -> Act:
    """A payment of an invoice, by card unless it says otherwise."""
    return act(moment, "pay_invoice", id=invoice, **values)


def credit(moment: str, invoice: str, **values: Any) -> Act:
    """A credit note."""
    return act(moment, "create_credit_note", invoice=invoice, **values)


def adjust(moment: str, amount: int) -> Act:
    """A change of the customer's balance by hand; below zero is credit."""
    return act(moment, "adjust_balance", id="cus_1", amount=amount)


def wait(moment: str) -> Act:
    """Nothing but time."""
    return act(moment, "")


def story(*acts: Act, before: tuple[tuple[str, dict[str, Any]], ...] = ()) -> Callable[[Scene], None]:
    """A case's play: Ada is a customer since the first act, and `before` it the merchant made `made_1`, `made_2` ...

    Only what happens in the same part of the case may name these.
    """

    def play(scene: Scene) -> None:
        scene.at(acts[0].moment)
        scene.customer(ADA)
        made = [str(scene.do(command, **values)["id"]) for command, values in before]
        _perform(scene, acts, made)

    return play


def then(*acts: Act) -> Callable[[Desk, Scene], None]:
    """A further part of a case, after what came before was synced."""
    return lambda _, scene: _perform(scene, acts)


def _perform(scene: Scene, acts: tuple[Act, ...], made: Sequence[str] = ()) -> None:
    for one in acts:
        scene.at(one.moment)
        if one.command:
            scene.do(one.command, **_resolved(scene, one.values, made))


def _resolved(scene: Scene, value: Any, made: Sequence[str]) -> Any:
    if isinstance(value, dict):
        return {_resolved(scene, name, made): _resolved(scene, one, made) for name, one in value.items()}
    if isinstance(value, list):
        return [_resolved(scene, one, made) for one in value]
    found = _NAME.fullmatch(value) if isinstance(value, str) else None
    if not found:
        return value
    return (made if found[1] == "made" else _ids(scene, found[1]))[int(found[2]) - 1]


def _ids(scene: Scene, prefix: str) -> list[str]:
    """Ids of one prefix in the order in which the objects were made."""
    store = scene.business.account.store
    if prefix == "il":
        return [line["id"] for lines in store.lines.values() for line in lines if line["id"].startswith("il_")]
    return [str(one["id"]) for one in store.all(_KINDS[prefix]) if one["id"].startswith(f"{prefix}_")]
