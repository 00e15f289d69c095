"""Sales forms: item lines and tax of invoices, credit memos and receipts as QBO is sent them. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from wescope.books.documents import Document, LineTax, SalesLine
from wescope.errors import TaxCodeMissing
from wescope.qbo import wire
from wescope.qbo.references import References
from wescope.qbo.taxes import UNTAXED, TaxCode, TaxForm, TaxRate, TaxReferences, is_tax
from wescope.qbo.texts import fitting


@dataclass(slots=True)
class _RateTotal:
    """What a form owes at one rate of QBO's: tax, and the net amount that it is of; in minor units."""

    rate: TaxRate
    tax: int = 0
    net: int = 0


def form_content(document: Document, references: References) -> dict[str, Any]:
    """`Line` and the properties of tax of a sales form. Amounts are decimals of the document's currency.

    Tax lines are left out where QBO's own tax takes their place; `TxnTaxDetail` then says how much it is, so that QBO
    does not compute it anew (facts/qbo.md 4.8).

    Raises:
        ItemMissing, ClassMissing: what a line names is not among the references.
        TaxCodeMissing: the taxes of one line have different codes, of which QBO takes only one.
    """
    form, currency = references.tax.form, document.currency
    kept = [line for line in document.lines if not (form.is_native and is_tax(line))]
    charged = frozenset(tax.rate for line in kept for tax in line.taxes if tax.amount)
    content: dict[str, Any] = {"Line": [_line(line, currency, references, charged) for line in kept]}
    match form:
        case TaxForm.PLAIN_LINES:
            content["GlobalTaxCalculation"] = "NotApplicable"
        case TaxForm.MARKED_TOTAL:
            total = wire.amount(sum(tax.amount for line in kept for tax in line.taxes), currency)
            code = {"TxnTaxCodeRef": {"value": references.tax.total}} if references.tax.total else {}
            content["TxnTaxDetail"] = {**code, "TotalTax": total}
        case TaxForm.CODED_LINES:
            content["GlobalTaxCalculation"] = "TaxExcluded"
            content["TxnTaxDetail"] = {"TaxLine": _tax_lines(kept, currency, references.tax)}
        case TaxForm.MARKED_LINES:
            pass
    return content


def _line(line: SalesLine, currency: str, references: References, charged: frozenset[str]) -> dict[str, Any]:
    # No quantity and price: QBO would compare their rounded product with the amount (6070).
    detail: dict[str, Any] = {
        "ItemRef": {"value": references.item(line.item)},
        **_tax_code(line, references.tax, charged),
    }
    if line.service_date:
        detail["ServiceDate"] = line.service_date.isoformat()
    if line.class_name:
        detail["ClassRef"] = {"value": references.class_id(line.class_name)}
    return {
        "Amount": wire.amount(line.amount, currency),
        "Description": fitting(line.description),
        "DetailType": "SalesItemLineDetail",
        "SalesItemLineDetail": detail,
    }


def _tax_code(line: SalesLine, tax: TaxReferences, charged: frozenset[str]) -> dict[str, Any]:
    """`charged`: the rates at which the form has tax. A discount has none of its own and is taxed as its line is."""
    match tax.form:
        case TaxForm.PLAIN_LINES:
            return {}
        case TaxForm.CODED_LINES:
            return {"TaxCodeRef": {"value": _code_of(line, tax).id}}
        case TaxForm.MARKED_TOTAL if any(one.rate in charged for one in line.taxes):
            return {"TaxCodeRef": {"value": "TAX"}}
        case _:
            return {"TaxCodeRef": {"value": "NON"}}


def _code_of(line: SalesLine, tax: TaxReferences) -> TaxCode:
    codes = {tax.codes[rate].id: tax.codes[rate] for rate in [one.rate for one in line.taxes] or [UNTAXED]}
    if len(codes) > 1:
        rates = " ".join(sorted({one.rate for one in line.taxes}))
        raise TaxCodeMissing(rate=rates, configured=" ".join(sorted(codes)), reason="several_codes")
    return next(iter(codes.values()))


def _tax_lines(lines: Iterable[SalesLine], currency: str, tax: TaxReferences) -> list[dict[str, Any]]:
    """An override for every rate of every code that is used, by id of the rate."""
    totals: dict[str, _RateTotal] = {}
    for line in lines:
        code = _code_of(line, tax)
        for rate, amount in _by_rate(line.taxes, code):
            total = totals.setdefault(rate.id, _RateTotal(rate))
            total.tax += amount
            total.net += line.amount
    return [
        {
            "Amount": wire.amount(total.tax, currency),
            "DetailType": "TaxLineDetail",
            "TaxLineDetail": {
                "TaxRateRef": {"value": rate_id},
                "PercentBased": True,
                "TaxPercent": total.rate.percent,
                "NetAmountTaxable": wire.amount(total.net, currency),
            },
        }
        for rate_id, total in sorted(totals.items())
    ]


def _by_rate(taxes: tuple[LineTax, ...], code: TaxCode) -> list[tuple[TaxRate, int]]:
    """A line's tax by the rates of its code: by their percentages where these agree, else in proportion to them.

    Raises:
        TaxCodeMissing: there is tax, and the code has no rate.
    """
    whole = sum(tax.amount for tax in taxes)
    if not code.rates:
        if whole:
            raise TaxCodeMissing(rate=taxes[0].rate, configured=code.id, reason="no_rates")
        return []
    percents = {rate.percent for rate in code.rates}
    if len(percents) == len(code.rates) and all(tax.percentage in percents for tax in taxes):
        amounts = {rate: sum(tax.amount for tax in taxes if tax.percentage == rate.percent) for rate in code.rates}
        return list(amounts.items())
    return _in_proportion(whole, code.rates)


def _in_proportion(whole: int, rates: tuple[TaxRate, ...]) -> list[tuple[TaxRate, int]]:
    weight = sum((rate.percent for rate in rates), Decimal(0))
    shares = [int((whole * rate.percent / weight).to_integral_value()) if weight else 0 for rate in rates[:-1]]
    return list(zip(rates, [*shares, whole - sum(shares)], strict=True))
