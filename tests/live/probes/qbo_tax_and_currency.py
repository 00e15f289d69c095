"""Probes of sales tax and of foreign currencies, where the company has them (facts/qbo.md 4.8, 7)."""

from decimal import Decimal
from typing import Any

from tests.live.bench import Bench
from tests.live.model import NotTried, Seen
from tests.live.probes.shelf import ON_QBO, Shelf
from wescope.qbo import queries, wire

SHELF = Shelf(ON_QBO)

_TAX = Decimal("1.23")
_RATE = Decimal("1.25")


def _american(bench: Bench) -> None:
    if not bench.qbo.preferences.in_united_states:
        raise NotTried("the company is not in the United States")


def _coded(bench: Bench, code: str) -> dict[str, Any]:
    body = bench.qbo.invoice()
    body["Line"][0]["SalesItemLineDetail"]["TaxCodeRef"] = {"value": code}
    return body


@SHELF.probe(
    "tax.on_a_line",
    asks="Lines marked NON: does QBO leave the total as it is sent? (So tax is booked by default.)",
    expected="as sent",
    others={"tax added": False, "6100": False},
)
async def on_a_line(bench: Bench) -> Seen:
    """Make an invoice whose line is not taxable."""
    _american(bench)
    answer = await bench.qbo.make("Invoice", _coded(bench, "NON"))
    if not answer.ok:
        return Seen(outcome=answer.outcome)
    total = wire.decimal(answer.record("Invoice").get("TotalAmt"))
    return Seen(outcome="as sent" if total == 10 else "tax added", details={"total": str(total)})


@SHELF.probe(
    "tax.total_override",
    asks="A taxable line and TxnTaxDetail with code and TotalTax: is that total kept?",
    expected="honoured",
    others={"recomputed": True, "ignored": True},
)
async def total_override(bench: Bench) -> Seen:
    """Make an invoice with a tax that no rate gives."""
    _american(bench)
    if not bench.qbo.preferences.using_sales_tax:
        raise NotTried("sales tax is off in this company")
    codes = (await bench.qbo.wire.query(queries.select("TaxCode"))).found("TaxCode")
    named = [str(one["Id"]) for one in codes if str(one["Id"]) not in {"TAX", "NON"}]
    if not named:
        raise NotTried("the company has no tax code of its own")
    detail = {"TxnTaxCodeRef": {"value": named[0]}, "TotalTax": _TAX}
    answer = await bench.qbo.make("Invoice", {**_coded(bench, "TAX"), "TxnTaxDetail": detail})
    if not answer.ok:
        return Seen(outcome=answer.outcome)
    tax = wire.decimal((answer.record("Invoice").get("TxnTaxDetail") or {}).get("TotalTax")) or Decimal(0)
    outcome = "honoured" if tax == _TAX else "recomputed" if tax else "ignored"
    return Seen(outcome=outcome, details={"tax": str(tax)})


async def _foreign_customer(bench: Bench) -> tuple[str, str]:
    """A customer in a foreign currency, and that currency's code."""
    if not bench.qbo.preferences.multicurrency:
        raise NotTried("multicurrency is off in this company")
    code = "EUR" if bench.qbo.preferences.home_currency != "eur" else "USD"
    answer = await bench.qbo.wire.post(
        "customer", {"DisplayName": bench.run.name(code), "CurrencyRef": {"value": code}}
    )
    if not answer.ok:
        raise NotTried(f"the company takes no customer in {code}: {answer.outcome}")
    return str(answer.record("Customer")["Id"]), code


@SHELF.probe(
    "currency.exchange_rate",
    asks="Is the exchange rate kept that a foreign invoice is sent with?",
    expected="kept",
    others={"another": False},
)
async def exchange_rate(bench: Bench) -> Seen:
    """Make an invoice of 10 at 1.25."""
    customer, code = await _foreign_customer(bench)
    body = {"CustomerRef": {"value": customer}, "CurrencyRef": {"value": code}, "ExchangeRate": _RATE}
    answer = await bench.qbo.make("Invoice", {**bench.qbo.invoice(), **body})
    if not answer.ok:
        return Seen(outcome=answer.outcome)
    invoice = answer.record("Invoice")
    details = {"rate": str(invoice.get("ExchangeRate")), "home": str(invoice.get("HomeTotalAmt"))}
    kept = wire.decimal(invoice.get("ExchangeRate")) == _RATE
    return Seen(outcome="kept" if kept else "another", details=details)


@SHELF.probe(
    "currency.missing_rate",
    asks="A foreign payment without a rate: booked at 1, at the company's rate, or refused?",
    expected="at 1",
    others={"at the company's rate": True, "refused": True},
)
async def missing_rate(bench: Bench) -> Seen:
    """Receive a payment of 10 and leave the rate out, into QBO's own account."""
    customer, code = await _foreign_customer(bench)
    body = {**bench.qbo.payment("10.00"), "CustomerRef": {"value": customer}, "CurrencyRef": {"value": code}}
    del body["DepositToAccountRef"]
    answer = await bench.qbo.make("Payment", body)
    if not answer.ok:
        return Seen(outcome="refused", details={"answer": answer.outcome})
    rate = wire.decimal(answer.record("Payment").get("ExchangeRate"))
    return Seen(outcome="at 1" if rate == 1 else "at the company's rate", details={"rate": str(rate)})


@SHELF.probe(
    "currency.of_customer",
    asks="A document in another currency than its customer's: refused?",
    expected="refused",
    others={"accepted": True},
)
async def of_customer(bench: Bench) -> Seen:
    """Make an invoice in the foreign currency for a customer at home."""
    _, code = await _foreign_customer(bench)
    body = {**bench.qbo.invoice(), "CurrencyRef": {"value": code}, "ExchangeRate": _RATE}
    answer = await bench.qbo.make("Invoice", body)
    return Seen(outcome="accepted" if answer.ok else "refused", details={"answer": answer.outcome})
