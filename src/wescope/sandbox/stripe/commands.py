"""What the control API can order: every command by name, so that a journal can repeat it."""

from collections.abc import Callable

from wescope.sandbox.stripe.business import Business
from wescope.sandbox.stripe.command_values import DRAFT_NAMES, Command, Values, invoice_draft, needed, only
from wescope.sandbox.stripe.commands_credit import CREDIT_COMMANDS
from wescope.sandbox.stripe.commands_money import MONEY_COMMANDS
from wescope.sandbox.stripe.currency import USD, check_currency
from wescope.sandbox.stripe.errors import StripeError
from wescope.sandbox.stripe.recorded import add_recorded
from wescope.sandbox.stripe.store import Resource


def create_customer(business: Business, values: Values, at: int) -> Resource:
    """Make a customer from ``name``, ``email`` and ``metadata``."""
    only(values, "name", "email", "metadata")
    return business.customers.create(
        name=values.get("name"), email=values.get("email"), metadata=values.get("metadata"), at=at
    )


def update_customer(business: Business, values: Values, at: int) -> Resource:
    """Change ``name``, ``email`` or ``metadata`` of the customer ``id``."""
    changes = {name: value for name, value in only(values, "id", "name", "email", "metadata").items() if name != "id"}
    return business.customers.update(needed(values, "id"), changes, at)


def create_invoice(business: Business, values: Values, at: int) -> Resource:
    """Make an invoice and, unless ``finalize`` is false, finalize it.

    A line has a ``price``, or an ``amount``, or a ``unit_amount`` with a ``quantity``; other names are those of
    ``InvoiceDraft`` and ``LineDraft``.
    """
    draft = invoice_draft(business, only(values, *DRAFT_NAMES, "finalize", "capture_method"), at)
    if not values.get("finalize", True):
        return business.invoices.create(draft, at)
    return business.issue(draft, at, capture_method=values.get("capture_method", "automatic"))


def finalize_invoice(business: Business, values: Values, at: int) -> Resource:
    """Finalize the draft ``id`` and open its payment."""
    invoice = business.invoices.find(needed(only(values, "id", "capture_method"), "id"))
    return business.finalize(invoice, at, capture_method=values.get("capture_method", "automatic"))


def pay_invoice(business: Business, values: Values, at: int) -> Resource:
    """Pay the invoice ``id``.

    ``method``: ``card`` (default), ``debit`` (succeeds four days later), ``declined``, ``out_of_band`` or ``record``;
    ``amount`` for a part, with ``card`` and ``record`` only; with ``overpay`` it may exceed what remains.
    """
    only(values, "id", "method", "amount", "overpay")
    invoice = business.invoices.find(needed(values, "id"))
    method, amount, overpay = values.get("method", "card"), values.get("amount"), bool(values.get("overpay"))
    remaining = invoice["amount_remaining"]
    if amount is not None and method not in {"card", "record"}:
        raise StripeError(f"A payment by {method} is in full.", param="amount")
    methods: dict[str, Callable[[], object]] = {
        "card": lambda: (
            business.pay(invoice, at)
            if amount is None
            else business.payments.pay_part(invoice, amount, at, overpay=overpay)
        ),
        "debit": lambda: business.debit(invoice, at),
        "declined": lambda: business.payments.fail(invoice, at),
        "out_of_band": lambda: business.payments.pay_out_of_band(invoice, at),
        "record": lambda: business.payments.pay_by_record(
            invoice, remaining if amount is None else amount, at, overpay=overpay
        ),
    }
    if method not in methods:
        raise StripeError(f"Unknown method: {method}; there are {', '.join(methods)}.", param="method")
    methods[method]()
    return invoice


def pay_shared(business: Business, values: Values, at: int) -> Resource:
    """Pay several invoices with one payment intent: ``shares`` by invoice id, ``amount`` at least their sum.

    With ``overpay`` a share may exceed what remains of its invoice.
    """
    shares = needed(only(values, "shares", "amount", "capture_method", "overpay"), "shares")
    charge = business.payments.pay_shared(
        shares,
        values.get("amount", sum(shares.values())),
        at,
        capture_method=values.get("capture_method", "automatic"),
        overpay=bool(values.get("overpay")),
    )
    business.settle_later(charge, at + 120)
    return charge


def void_invoice(business: Business, values: Values, at: int) -> Resource:
    """Void the invoice ``id``."""
    return business.void(business.invoices.find(needed(only(values, "id"), "id")), at)


def mark_uncollectible(business: Business, values: Values, at: int) -> Resource:
    """Write the invoice ``id`` off."""
    return business.invoices.mark_uncollectible(business.invoices.find(needed(only(values, "id"), "id")), at)


def advance(business: Business, values: Values, at: int) -> Resource:
    """Let ``days`` and ``seconds`` pass: debits and captures complete, and the history's customers go on."""
    only(values, "days", "seconds")
    before = len(business.account.log.all())
    business.run_until(at + int(values.get("days", 0) * 86_400) + int(values.get("seconds", 0)))
    return {"now": business.account.clock.now(), "events": len(business.account.log.all()) - before}


def add_object(business: Business, values: Values, at: int) -> Resource:
    """Serve the recorded ``object`` (or event) and its ``related`` ones as they are, and log ``events`` of it.

    ``api_version`` is the version of the recording.
    """
    only(values, "object", "related", "events", "api_version")
    account = business.account
    stored: list[str] = []
    for one in values.get("related", []):
        stored += add_recorded(account, one)
    stored = [*add_recorded(account, needed(values, "object")), *stored]
    resource = account.store.find(stored[0])
    if resource is None:
        return {"stored": stored, "events": stored[:1]}
    version = values.get("api_version")
    events = [account.log.emit(kind, resource, at, as_recorded=version).event_id for kind in values.get("events", [])]
    return {"stored": stored, "events": events}


def create_key(business: Business, values: Values, at: int) -> Resource:
    """Make a restricted key with ``permissions`` such as ``rak_invoice_read``."""
    only(values, "permissions")
    mode = "live" if business.account.live else "test"
    key = f"rk_{mode}_{business.account.ids.text('key', length=99)}"
    business.account.restricted_keys[key] = frozenset(values.get("permissions", ()))
    return {"api_key": key, "created": at, "permissions": sorted(business.account.restricted_keys[key])}


def create_tax_rate(business: Business, values: Values, at: int) -> Resource:
    """Make a tax rate from ``display_name``, ``percentage`` and ``inclusive``."""
    only(values, "display_name", "percentage", "inclusive")
    return business.catalogue.tax_rate(
        values.get("display_name", "Tax"),
        str(needed(values, "percentage")),
        at,
        inclusive=values.get("inclusive", False),
    )


def create_coupon(business: Business, values: Values, at: int) -> Resource:
    """Make a coupon from ``name`` and ``percent_off``, or ``amount_off`` in ``currency``."""
    only(values, "name", "percent_off", "amount_off", "currency")
    percent = values.get("percent_off")
    return business.catalogue.coupon(
        values.get("name", "Coupon"),
        at,
        percent_off=None if percent is None else str(percent),
        amount_off=values.get("amount_off"),
        currency=check_currency(values.get("currency", USD)),
    )


def create_webhook_endpoint(business: Business, values: Values, at: int) -> Resource:
    """Register ``url`` as an endpoint, so that it can be read; deliveries are ordered by ``/_sandbox/deliver``."""
    only(values, "url", "enabled_events", "api_version")
    account = business.account
    return account.store.add(
        {
            "id": account.ids.dated("we_1", at),
            "object": "webhook_endpoint",
            "api_version": values.get("api_version"),
            "application": None,
            "created": at,
            "description": None,
            "enabled_events": values.get("enabled_events", ["*"]),
            "livemode": False,
            "metadata": {},
            "status": "enabled",
            "url": needed(values, "url"),
        }
    )


COMMANDS: dict[str, Command] = {
    "add_object": add_object,
    "advance": advance,
    "create_coupon": create_coupon,
    "create_customer": create_customer,
    "create_invoice": create_invoice,
    "create_key": create_key,
    "create_tax_rate": create_tax_rate,
    "create_webhook_endpoint": create_webhook_endpoint,
    "finalize_invoice": finalize_invoice,
    "mark_uncollectible": mark_uncollectible,
    "pay_invoice": pay_invoice,
    "pay_shared": pay_shared,
    "update_customer": update_customer,
    "void_invoice": void_invoice,
    **CREDIT_COMMANDS,
    **MONEY_COMMANDS,
}
