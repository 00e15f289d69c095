"""Commands about money: the account's currencies, charges, refunds, disputes, top-ups, rows and payouts."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from typing import Any

from wescope.sandbox.stripe.business import Business
from wescope.sandbox.stripe.charges import ChargeDraft
from wescope.sandbox.stripe.command_values import Command, Values, needed, only
from wescope.sandbox.stripe.currency import USD, check_currency
from wescope.sandbox.stripe.errors import StripeError, invalid_parameter
from wescope.sandbox.stripe.intents import Purchase
from wescope.sandbox.stripe.store import Resource

_PURCHASE_NAMES = ("description", "metadata", "name", "email")


def set_account(business: Business, values: Values, at: int) -> Resource:
    """Change how the account settles; what is not named stays.

    ``settlement_currencies`` (the default one is always among them), ``default_currency``, ``rates`` by currency in
    units of the default one, ``rate_drift`` in percent of 100, ``payout_schedule`` daily or manual, ``fee_tax_percent``
    of 100, ``country``, ``late_failure_of_uncollectible`` open or uncollectible: what an invoice is that was given up,
    paid by a bank debit after all, and that debit fails.
    """
    only(
        values, "settlement_currencies", "default_currency", "rates", "rate_drift", "payout_schedule",
        "fee_tax_percent", "country", "late_failure_of_uncollectible",
    )  # fmt: skip
    account, settlement = business.account, business.account.settlement
    default = check_currency(values.get("default_currency", settlement.default), param="default_currency")
    settled = [
        check_currency(one, param="settlement_currencies")
        for one in values.get("settlement_currencies", settlement.currencies)
    ]
    rates = {check_currency(code, param="rates"): _positive("rates", rate) for code, rate in _items(values, "rates")}
    drift = _decimal("rate_drift", values.get("rate_drift", settlement.drift_percent))
    tax = _decimal("fee_tax_percent", values.get("fee_tax_percent", account.fees.tax_percent))
    late = values.get("late_failure_of_uncollectible", account.late_failure_of_uncollectible)
    if late not in {"open", "uncollectible"}:
        raise StripeError("It is open or uncollectible.", param="late_failure_of_uncollectible")
    if "payout_schedule" in values:
        business.payouts.follow(values["payout_schedule"], at)
    settlement.default = default
    settlement.currencies = tuple(dict.fromkeys([default, *settled]))
    settlement.rates.update(rates)
    settlement.drift_percent = drift
    account.fees = replace(account.fees, tax_percent=tax)
    account.late_failure_of_uncollectible = late
    account.country = str(values.get("country", account.country))
    return account.resource()


def create_charge(business: Business, values: Values, at: int) -> Resource:
    """Charge without an invoice; the names are those of ``ChargeDraft`` and ``Purchase``."""
    only(values, "customer", "amount", "currency", "method", "capture_method", "capture_amount", *_PURCHASE_NAMES)
    options = {name: value for name, value in values.items() if name not in _PURCHASE_NAMES}
    options["currency"] = check_currency(values.get("currency", USD))
    purchase = Purchase(**{name: values[name] for name in _PURCHASE_NAMES if name in values})
    needed(values, "amount")
    return business.charges.create(ChargeDraft(**options, purchase=purchase), at)


def capture_charge(business: Business, values: Values, at: int) -> Resource:
    """Capture the authorized charge ``id``, or ``amount`` of it."""
    charge = business.charges.find(needed(only(values, "id", "amount"), "id"), status=404)
    return business.charges.capture(charge, at, amount=values.get("amount"))


def create_refund(business: Business, values: Values, at: int) -> Resource:
    """Refund a ``charge``, or the charge of a ``payment_intent`` or ``invoice``; see ``Refunds.create``."""
    only(values, "charge", "payment_intent", "invoice", "amount", "reason", "outcome")
    return business.refunds.create(
        _charge_of(business, values),
        values.get("amount"),
        at,
        reason=values.get("reason"),
        outcome=values.get("outcome", "succeeded"),
    )


def _charge_of(business: Business, values: Values) -> Resource:
    named = [name for name in ("charge", "payment_intent", "invoice") if name in values]
    if len(named) != 1:
        raise StripeError("Name one of these: charge, payment_intent, invoice.", param="charge")
    if "charge" in values:
        return business.charges.find(values["charge"])
    store = business.account.store
    intents = [values["payment_intent"]] if "payment_intent" in values else [
        payment["payment"].get("payment_intent")
        for payment in store.payments_of(business.invoices.find(values["invoice"])["id"])
        if payment["status"] == "paid"
    ]  # fmt: skip
    found = [store.get("payment_intent", str(intent)) for intent in intents]
    charges = [str(one["latest_charge"]) for one in found if one is not None]
    if len(charges) != 1:
        raise StripeError(f"There is no single charge to refund; there are {len(charges)}.", param=named[0])
    return business.charges.find(charges[0])


def fail_refund(business: Business, values: Values, at: int) -> Resource:
    """Let the refund ``id`` fail, for a ``reason`` of ``FAILURE_REASONS``."""
    refund = business.refunds.find(needed(only(values, "id", "reason"), "id"))
    return business.refunds.fail(refund, at, reason=values.get("reason", "unknown"))


def cancel_refund(business: Business, values: Values, at: int) -> Resource:
    """Cancel the unfinished refund ``id``."""
    return business.refunds.cancel(business.refunds.find(needed(only(values, "id"), "id")), at)


def succeed_refund(business: Business, values: Values, at: int) -> Resource:
    """Let the unfinished refund ``id`` succeed."""
    return business.refunds.succeed(business.refunds.find(needed(only(values, "id"), "id")), at)


def create_dispute(business: Business, values: Values, at: int) -> Resource:
    """Dispute a ``charge``; see ``Disputes.create``."""
    only(values, "charge", "amount", "reason", "inquiry")
    return business.disputes.create(
        business.charges.find(needed(values, "charge")),
        at,
        amount=values.get("amount"),
        reason=values.get("reason", "fraudulent"),
        inquiry=bool(values.get("inquiry", False)),
    )


def win_dispute(business: Business, values: Values, at: int) -> Resource:
    """Win the dispute ``id``; ``fee_returned`` says whether its fee comes back too."""
    dispute = business.disputes.find(needed(only(values, "id", "fee_returned"), "id"))
    return business.disputes.win(dispute, at, fee_returned=bool(values.get("fee_returned", False)))


def _of_dispute(action: Callable[[Business, Resource, int], Resource]) -> Command:
    def command(business: Business, values: Values, at: int) -> Resource:
        return action(business, business.disputes.find(needed(only(values, "id"), "id")), at)

    return command


def create_balance_row(business: Business, values: Values, at: int) -> Resource:
    """Add a balance transaction; see ``BalanceRows.add``."""
    only(values, "type", "reporting_category", "amount", "fee", "currency", "description", "balance_type")
    options = {name: values[name] for name in ("fee", "currency", "description", "balance_type") if name in values}
    return business.rows.add(
        needed(values, "type"), needed(values, "amount"), at, category=values.get("reporting_category"), **options
    )


def create_topup(business: Business, values: Values, at: int) -> Resource:
    """Top the balance up by ``amount``; see ``BalanceRows.topup``."""
    only(values, "amount", "outcome", "currency", "description")
    options = {name: value for name, value in values.items() if name != "amount"}
    return business.rows.topup(needed(values, "amount"), at, **options)


def create_payout(business: Business, values: Values, at: int) -> Resource:
    """Pay ``amount`` out by hand; see ``Payouts.create``."""
    only(values, "amount", "method", "currency")
    options = {name: value for name, value in values.items() if name != "amount"}
    return business.payouts.create(needed(values, "amount"), at, **options)


def fail_payout(business: Business, values: Values, at: int) -> Resource:
    """Let the bank return the payout ``id``, with a ``failure_code`` of ``FAILURES``."""
    payout = business.payouts.find(needed(only(values, "id", "failure_code"), "id"))
    return business.payouts.fail(payout, at, code=values.get("failure_code", "account_closed"))


def cancel_payout(business: Business, values: Values, at: int) -> Resource:
    """Cancel the pending payout ``id``."""
    return business.payouts.cancel(business.payouts.find(needed(only(values, "id"), "id")), at)


def _items(values: Values, name: str) -> list[tuple[str, Any]]:
    found = values.get(name, {})
    if not isinstance(found, dict):
        raise invalid_parameter(name, "Invalid object")
    return list(found.items())


def _decimal(name: str, value: object) -> Decimal:
    try:
        number = Decimal(str(value))
    except InvalidOperation as error:
        raise invalid_parameter(name, f"Invalid decimal: {value}") from error
    if not number.is_finite() or number < 0:
        raise invalid_parameter(name, f"Invalid decimal: {value}")
    return number


def _positive(name: str, value: object) -> Decimal:
    number = _decimal(name, value)
    if not number:
        raise invalid_parameter(name, f"Invalid rate: {value}")
    return number


MONEY_COMMANDS: dict[str, Command] = {
    "cancel_payout": cancel_payout,
    "cancel_refund": cancel_refund,
    "capture_charge": capture_charge,
    "close_dispute": _of_dispute(lambda business, dispute, at: business.disputes.close(dispute, at)),
    "create_balance_row": create_balance_row,
    "create_charge": create_charge,
    "create_dispute": create_dispute,
    "create_payout": create_payout,
    "create_refund": create_refund,
    "create_topup": create_topup,
    "escalate_dispute": _of_dispute(lambda business, dispute, at: business.disputes.escalate(dispute, at)),
    "fail_payout": fail_payout,
    "fail_refund": fail_refund,
    "lose_dispute": _of_dispute(lambda business, dispute, at: business.disputes.lose(dispute, at)),
    "respond_dispute": _of_dispute(lambda business, dispute, at: business.disputes.respond(dispute, at)),
    "set_account": set_account,
    "succeed_refund": succeed_refund,
    "win_dispute": win_dispute,
}
