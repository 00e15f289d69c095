"""Steps of a history: what a merchant, its customers and banks do next, drawn from what is there at that moment."""

import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.simulation.settings import MAPPED_CATEGORY, Settings
from wescope.sandbox.stripe.business import Business
from wescope.sandbox.stripe.credit_lines import CreditLine
from wescope.sandbox.stripe.currency import step as smallest_step
from wescope.sandbox.stripe.disputes import REASONS
from wescope.sandbox.stripe.store import Resource

Order = tuple[str, dict[str, Any]]
"""A command of the stand-in and its values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What a step is drawn from: the business as it is, the settings, and the step's own chance."""

    business: Business
    settings: Settings
    chance: random.Random
    coupons: tuple[str, ...]
    exclusive: tuple[str, ...]
    inclusive: tuple[str, ...]

    def all(self, kind: str, **equal: Any) -> list[Resource]:
        """The objects of a kind with these values."""
        found = self.business.account.store.all(kind)
        return [one for one in found if all(one.get(name) == value for name, value in equal.items())]

    def one(self, found: Iterable[Resource]) -> Resource | None:
        """One of them, the newer the likelier."""
        known = list(found)
        if not known:
            return None
        return known[int(len(known) * max(self.chance.random(), self.chance.random()))]

    def amount(self, most: int, currency: str) -> int:
        """A part of an amount, at least the smallest."""
        step = smallest_step(currency)
        return max(step, int(most * self.chance.random()) // step * step)

    def price(self, currency: str) -> int:
        """What something costs."""
        digits = self.chance.choice((100, 1000, 10_000, 10_000, 100_000))
        return self.amount(digits, currency) + 300

    def maybe(self, share: float) -> bool:
        """True in that share of cases."""
        return self.chance.random() < share


Action = Callable[[World], Order | None]
"""Draws an order; null if there is nothing that it could be about."""


# --- customers and invoices -------------------------------------------------------------------------------------------


def new_customer(world: World) -> Order:
    name = world.chance.choice(("Ada Lovelace", "Ada Lovelace", "Grace Hopper", "José: Núñez\t& Co", None))
    return "create_customer", {"name": name, "email": "someone@example.com" if world.maybe(0.5) else None}


def _customer(world: World) -> Resource | None:
    return world.one(world.all("customer"))


def _currency(world: World, customer: Resource) -> str:
    if customer["currency"] and world.maybe(0.9):
        return str(customer["currency"])
    return world.chance.choice(world.settings.currencies)


def _line(world: World, currency: str, index: int) -> dict[str, Any]:
    line: dict[str, Any] = {"description": f"Thing {index}"}
    if world.maybe(0.3):
        line |= {"unit_amount": world.price(currency), "quantity": world.chance.choice(("2", "3", "7"))}
    else:
        line["amount"] = world.price(currency)
    if world.maybe(0.25):
        line["tax_rates"] = list(world.exclusive[: world.chance.choice((1, 1, 2))])
    elif world.maybe(0.2):
        line["tax_rates"] = [world.chance.choice(world.inclusive)]
    if world.maybe(0.15):
        line["coupons"] = [world.chance.choice(world.coupons)]
    return line


def _lines(world: World, currency: str) -> list[dict[str, Any]]:
    lines = [_line(world, currency, index) for index in range(world.chance.choice((1, 1, 2, 3, 4)))]
    if world.maybe(0.15):
        back = {"amount": -world.price(currency), "description": "Unused time", "proration": True}
        lines.append(back | ({"tax_rates": [world.exclusive[0]]} if world.maybe(0.3) else {}))
    return lines


def new_invoice(world: World) -> Order | None:
    customer = _customer(world)
    if customer is None:
        return new_customer(world)
    currency = _currency(world, customer)
    values: dict[str, Any] = {"customer": customer["id"], "currency": currency, "lines": _lines(world, currency)}
    if world.maybe(0.15):
        values["coupons"] = [world.chance.choice(world.coupons)]
    if world.maybe(0.15):
        values["shipping"] = world.price(currency)
        values["shipping_tax_rates"] = [world.exclusive[0]] if world.maybe(0.5) else []
    if world.maybe(0.3):
        values["days_until_due"] = world.chance.choice((0, 14, 30))
    if world.maybe(0.1):
        values["finalize"] = False
    if world.maybe(0.1):
        values["capture_method"] = "automatic_async"
    if world.settings.start_date is None and world.maybe(0.05):
        values["effective_at"] = world.business.account.clock.now() - world.chance.randrange(10 * 86_400)
    return "create_invoice", values


def _odd(world: World, amount: int) -> Order | None:
    customer = _customer(world)
    if customer is None:
        return None
    currency = _currency(world, customer)
    line = {"amount": amount, "description": "Odd", "proration": amount < 0}
    return "create_invoice", {"customer": customer["id"], "currency": currency, "lines": [line]}


def too_small(world: World) -> Order | None:
    """Too small to be charged: the customer's balance takes it over."""
    return _odd(world, world.chance.choice((1, 20, 29)))


def nothing(world: World) -> Order | None:
    return _odd(world, 0)


def negative(world: World) -> Order | None:
    return _odd(world, -world.price("usd"))


def finalize(world: World) -> Order | None:
    draft = world.one(world.all("invoice", status="draft"))
    return ("finalize_invoice", {"id": draft["id"]}) if draft else None


def pay(world: World) -> Order | None:
    invoice = world.one(_payable(world))
    if invoice is None:
        return None
    method = world.chance.choice(
        ("card", "card", "card", "debit", "debit", "declined", "out_of_band", "record", "part", "part", "over")
    )
    if method in {"card", "debit", "declined"} and _is_processing(world, invoice):
        return None
    if method == "debit" and len(world.settings.currencies) > 1 and not _may_be_overpaid(world, invoice):
        return None
    values: dict[str, Any] = {"id": invoice["id"], "method": method}
    if method in {"part", "over"}:
        rest = invoice["amount_remaining"]
        values["method"] = world.chance.choice(("card", "record"))
        part = world.amount(rest, invoice["currency"])
        values |= {"amount": rest + part, "overpay": True} if method == "over" else {"amount": part}
    return "pay_invoice", values


def _payable(world: World) -> list[Resource]:
    found = [one for one in world.all("invoice") if one["status"] in {"open", "uncollectible"}]
    return [one for one in found if not _is_processing(world, one) or _may_be_overpaid(world, one)]


def _may_be_overpaid(world: World, invoice: Resource) -> bool:
    """Whether the customer's balance can take what the debit that is on its way will bring too much."""
    customer = world.business.account.store.get("customer", invoice["customer"])
    return customer is not None and customer["currency"] == invoice["currency"]


def _is_processing(world: World, invoice: Resource) -> bool:
    """Whether its own payment is a debit on its way: Stripe does not try to pay it again."""
    payments = world.business.account.store.payments_of(invoice["id"])
    intents = [payment["payment"].get("payment_intent") for payment in payments if payment["status"] == "open"]
    return any(one["id"] in intents for one in world.all("payment_intent", status="processing"))


def pay_shared(world: World) -> Order | None:
    first = world.one(one for one in _payable(world) if one["status"] == "open")
    if first is None:
        return None
    same = {name: first[name] for name in ("status", "customer", "currency")}
    found = [one for one in _payable(world) if all(one[name] == value for name, value in same.items())]
    chosen = world.chance.sample(found, min(len(found), world.chance.choice((1, 2, 3))))
    shares = {
        one["id"]: one["amount_remaining"]
        if world.maybe(0.6)
        else world.amount(one["amount_remaining"], one["currency"])
        for one in chosen
    }
    total = sum(shares.values())
    more = world.price(first["currency"]) if world.maybe(0.3) else 0
    values: dict[str, Any] = {"shares": shares, "amount": total + more}
    if world.maybe(0.2):
        values["capture_method"] = "automatic_async"
    return "pay_shared", values


def void(world: World) -> Order | None:
    invoice = world.one(_payable(world))
    return ("void_invoice", {"id": invoice["id"]}) if invoice else None


def write_off(world: World) -> Order | None:
    invoice = world.one(world.all("invoice", status="open"))
    return ("mark_uncollectible", {"id": invoice["id"]}) if invoice else None


def revise(world: World) -> Order | None:
    invoice = world.one(world.all("invoice", status="open"))
    if invoice is None:
        return None
    values = {"id": invoice["id"], "lines": _lines(world, invoice["currency"]), "finalize": world.maybe(0.8)}
    return "revise_invoice", values


def fail_late(world: World) -> Order | None:
    charge = world.one(one for one in world.all("charge", status="succeeded") if one["id"].startswith("py_"))
    return ("fail_charge_later", {"id": charge["id"]}) if charge else None


# --- credit -----------------------------------------------------------------------------------------------------------


def credit_note(world: World) -> Order | None:
    invoice = world.one(one for one in world.all("invoice") if one["status"] in {"open", "paid"} and one["total"] > 0)
    if invoice is None:
        return None
    values: dict[str, Any] = {"invoice": invoice["id"]}
    total = _credited(world, invoice, values)
    after = max(total - invoice["amount_remaining"], 0)
    while after > 0:
        part = after if world.maybe(0.6) else min(after, world.amount(after, invoice["currency"]))
        kind = world.chance.choice(("refund_amount", "credit_amount", "out_of_band_amount", "refunds"))
        if kind == "refunds":
            part = _link_refund(world, invoice, part, values)
        else:
            values[kind] = values.get(kind, 0) + part
        after -= part
    return "create_credit_note", values


def _credited(world: World, invoice: Resource, values: dict[str, Any]) -> int:
    """Choose what is credited; returns what it comes to."""
    lines = [line for line in world.business.account.store.lines[invoice["id"]] if line["amount"] > 0]
    if not lines or world.maybe(0.3):
        amount = invoice["total"] if world.maybe(0.3) else world.amount(invoice["total"], invoice["currency"])
        values["amount"] = amount
        return int(amount)
    line = world.chance.choice(lines)
    part: dict[str, Any] = {"quantity": 1}
    if world.maybe(0.5):
        part = {"amount": world.amount(line["amount"], invoice["currency"])}
    values["lines"] = [{"invoice_line": line["id"], **part}]
    draft = CreditLine(invoice_line_item=line["id"], **part)
    return int(world.business.credit_notes.preview(invoice, (draft,), world.business.account.clock.now()))


def _link_refund(world: World, invoice: Resource, part: int, values: dict[str, Any]) -> int:
    """Name a refund of the invoice's charge; if there is none, credit the balance."""
    charges = {one["id"] for one in world.business.credit_notes.charges(invoice)}
    refund = world.one(one for one in world.all("refund") if one["charge"] in charges)
    named = [one["refund"] for one in values.get("refunds", ())]
    if refund is None or refund["id"] in named:
        values["credit_amount"] = values.get("credit_amount", 0) + part
        return part
    part = min(part, int(refund["amount"]))
    values["refunds"] = [*values.get("refunds", ()), {"refund": refund["id"], "amount_refunded": part}]
    return part


def void_note(world: World) -> Order | None:
    note = world.one(world.all("credit_note", status="issued"))
    return ("void_credit_note", {"id": note["id"]}) if note else None


def _adjust(world: World, sign: int) -> Order | None:
    customer = _customer(world)
    if customer is None:
        return None
    currency = _currency(world, customer)
    return "adjust_balance", {"id": customer["id"], "amount": sign * world.price(currency), "currency": currency}


def grant(world: World) -> Order | None:
    """Credit to the customer's balance."""
    return _adjust(world, -1)


def debit(world: World) -> Order | None:
    """Debt on the customer's balance, which a later invoice collects."""
    return _adjust(world, 1)


# --- money ------------------------------------------------------------------------------------------------------------


def part_capture(world: World) -> Order:
    """A charge of which only a part is captured."""
    command, values = charge(world)
    values.pop("method", None)
    most = values["amount"]
    return command, values | {"capture_method": "manual", "capture_amount": world.amount(most, values["currency"])}


def charge(world: World) -> Order:
    customer = _customer(world) if world.maybe(0.6) else None
    currency = world.chance.choice(world.settings.currencies)
    amount = max(world.price(currency), 100)
    values: dict[str, Any] = {"amount": amount // smallest_step(currency) * smallest_step(currency)}
    values |= {"currency": currency, "customer": customer["id"] if customer else None}
    match world.chance.choice(("card", "card", "debit", "async", "manual", "authorized")):
        case "debit":
            values["method"] = "debit"
        case "async":
            values["capture_method"] = "automatic_async"
        case "manual":
            values |= {"capture_method": "manual", "capture_amount": values["amount"]}
        case "authorized":
            values["capture_method"] = "manual"
        case _:
            pass
    return "create_charge", values


def capture(world: World) -> Order | None:
    found = world.one(one for one in world.all("charge", status="succeeded") if not one["captured"])
    if found is None:
        return None
    values = {"id": found["id"]}
    if world.maybe(0.5):
        values["amount"] = world.amount(found["amount"], found["currency"])
    return "capture_charge", values


def refund(world: World) -> Order | None:
    found = world.one(one for one in world.all("charge", status="succeeded") if one["captured"] and not one["refunded"])
    if found is None:
        return None
    values: dict[str, Any] = {
        "charge": found["id"],
        "outcome": world.chance.choice(
            ("succeeded", "succeeded", "pending", "failed_later", "canceled", "requires_action")
        ),
    }
    if world.maybe(0.6):
        values["amount"] = world.amount(found["amount"] - found["amount_refunded"], found["currency"])
    return "create_refund", values


def change_refund(world: World) -> Order | None:
    released = [
        one["source"] for one in world.all("balance_transaction", reporting_category="partial_capture_reversal")
    ]
    found = world.one(one for one in world.all("refund") if one["id"] not in released)  # these are no refunds at all
    command = world.chance.choice(("fail_refund", "cancel_refund", "succeed_refund"))
    return (command, {"id": found["id"]}) if found else None


def dispute(world: World) -> Order | None:
    found = world.one(one for one in world.all("charge", status="succeeded") if one["captured"])
    if found is None:
        return None
    values: dict[str, Any] = {
        "charge": found["id"],
        "inquiry": world.maybe(0.25),
        "reason": world.chance.choice(REASONS),
    }
    if world.maybe(0.3):
        values["amount"] = world.amount(found["amount"], found["currency"])
    return "create_dispute", values


def change_dispute(world: World) -> Order | None:
    found = world.one(world.all("dispute"))
    if found is None:
        return None
    command = world.chance.choice(("win", "lose", "respond", "escalate", "close"))
    values = {"id": found["id"]} | ({"fee_returned": world.maybe(0.5)} if command == "win" else {})
    return f"{command}_dispute", values


def topup(world: World) -> Order:
    outcome = world.chance.choice(("succeeded", "succeeded", "pending", "failed", "canceled", "reversed"))
    currency = world.chance.choice(world.settings.settled)
    return "create_topup", {"amount": world.price(currency), "outcome": outcome, "currency": currency}


_ROWS: tuple[tuple[str, str | None, int], ...] = (
    ("stripe_fee", None, -1),
    ("tax_fee", None, -1),
    ("network_cost", "network_cost", -1),
    ("adjustment", None, 1),
    ("adjustment", None, -1),
    ("reserved_funds", None, -1),
    ("reserved_funds", None, 1),
    ("reserve_transaction", None, -1),
    ("application_fee", MAPPED_CATEGORY, 1),
    ("transfer", "transfer", -1),
    ("quantum_rebate", "quantum_rebate", 1),
)


def row(world: World) -> Order:
    """A row of the balance that no object of ours causes: fees, reserves, corrections, unheard-of ones."""
    kind, category, sign = world.chance.choice(_ROWS)
    currency = world.chance.choice(world.settings.settled)
    amount = world.price(currency)
    values: dict[str, Any] = {"type": kind, "amount": sign * amount, "currency": currency}
    if category:
        values["reporting_category"] = category
    if world.maybe(0.1) and sign > 0:
        values["fee"] = world.amount(amount, currency)
    return "create_balance_row", values


def payout(world: World) -> Order | None:
    if world.settings.payouts != "manual":
        return fail_payout(world)
    currency = world.chance.choice(world.settings.settled)
    method = world.chance.choice(("standard", "standard", "instant"))
    return "create_payout", {"amount": world.price(currency), "currency": currency, "method": method}


def fail_payout(world: World) -> Order | None:
    found = world.one(world.all("payout"))
    if found is None:
        return None
    return world.chance.choice(("fail_payout", "fail_payout", "cancel_payout")), {"id": found["id"]}


# --- time -------------------------------------------------------------------------------------------------------------


def wait(world: World) -> Order:
    """Minutes, hours, days, or over the end of the month."""
    seconds = world.chance.choice(
        (200, 3600, 9 * 3600, 86_400, 86_400, 3 * 86_400, 5 * 86_400, 12 * 86_400, 25 * 86_400)
    )
    return "advance", {"seconds": seconds + world.chance.randrange(600)}


def sync(_: World) -> Order:
    """The product catches up; between two of these it sees nothing."""
    return "sync", {}


ACTIONS: Mapping[str, tuple[int, Action]] = {
    "customer": (3, new_customer),
    "invoice": (18, new_invoice),
    "too_small": (2, too_small),
    "nothing": (1, nothing),
    "negative": (2, negative),
    "finalize": (2, finalize),
    "pay": (18, pay),
    "pay_shared": (5, pay_shared),
    "void": (4, void),
    "write_off": (4, write_off),
    "revise": (2, revise),
    "fail_late": (4, fail_late),
    "credit_note": (10, credit_note),
    "void_note": (4, void_note),
    "grant": (4, grant),
    "debit": (2, debit),
    "charge": (7, charge),
    "part_capture": (2, part_capture),
    "capture": (2, capture),
    "refund": (8, refund),
    "change_refund": (3, change_refund),
    "dispute": (4, dispute),
    "change_dispute": (4, change_dispute),
    "topup": (2, topup),
    "row": (4, row),
    "payout": (4, payout),
    "wait": (18, wait),
    "sync": (12, sync),
}
"""Kinds of steps with how often they come."""
