"""Sales tax is a line, or QBO's own: American totals, and codes with an override per rate elsewhere."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from tests.unit.qbo.papers import TAXED
from tests.unit.qbo.test_payloads import REFERENCES
from wescope.books.documents import InvoiceBody, LineTax
from wescope.books.policy import ItemRole
from wescope.errors import TaxCodeMissing
from wescope.qbo.directory import Directory
from wescope.qbo.payloads import to_payload
from wescope.qbo.preferences import Preferences
from wescope.qbo.taxes import UNTAXED, TaxChoice, TaxForm, form_of, tax_references

US = Preferences(custom_txn_numbers=True, multicurrency=False, home_currency="usd", using_sales_tax=True)
CANADA = replace(US, country="CA", home_currency="cad")
NATIVE = TaxChoice(mode="native", default_code="Combined", codes={UNTAXED: "Exempt"})


def code(number: str, name: str, *rates: str) -> dict[str, Any]:
    details = [{"TaxRateRef": {"value": rate}, "TaxOrder": order} for order, rate in enumerate(rates)]
    return {"Id": number, "Name": name, "Active": True, "SalesTaxRateList": {"TaxRateDetail": details}}


CODES = Directory(
    [code("2", "Combined", "21", "22"), code("3", "State", "21"), code("4", "City", "22"), code("5", "Exempt", "25")]
)
RATES = Directory(
    [
        {"Id": "21", "RateValue": Decimal("6.25")},
        {"Id": "22", "RateValue": Decimal("1.75")},
        {"Id": "25", "RateValue": 0},
    ]
)


def payload(choice: TaxChoice, preferences: Preferences, document: Any = TAXED) -> dict[str, Any]:
    form = form_of(choice, preferences, document)
    tax = tax_references(choice, form, document, CODES, RATES)
    return to_payload(document, replace(REFERENCES, items={**REFERENCES.items, ItemRole.TAX: "14"}, tax=tax))


def line_codes(content: dict[str, Any]) -> list[str | None]:
    return [line["SalesItemLineDetail"].get("TaxCodeRef", {}).get("value") for line in content["Line"]]


@pytest.mark.parametrize(("choice", "preferences"), [(TaxChoice(), US), (NATIVE, replace(US, using_sales_tax=False))])
def test_american_tax_lines_are_not_taxable(choice: TaxChoice, preferences: Preferences) -> None:
    content = payload(choice, preferences)
    assert line_codes(content) == ["NON"] * 4
    assert not {"TxnTaxDetail", "GlobalTaxCalculation"} & content.keys()


def test_tax_lines_elsewhere_have_no_code() -> None:
    content = payload(TaxChoice(), CANADA)
    assert line_codes(content) == [None] * 4
    assert content["GlobalTaxCalculation"] == "NotApplicable"
    assert "TxnTaxDetail" not in content


def test_american_native_tax_is_one_total() -> None:
    content = payload(NATIVE, US)
    assert line_codes(content) == ["TAX", "NON"]
    assert content["TxnTaxDetail"] == {"TxnTaxCodeRef": {"value": "2"}, "TotalTax": Decimal("8.00")}


def test_an_american_discount_is_taxable_as_its_line_is() -> None:
    """It has no tax of its own, but what it takes off was taxed."""
    first, *others = TAXED.lines
    discount = replace(
        first, item=ItemRole.DISCOUNT, amount=0, taxes=tuple(replace(tax, amount=0) for tax in first.taxes)
    )
    assert isinstance(TAXED.body, InvoiceBody)
    content = payload(NATIVE, US, replace(TAXED, body=replace(TAXED.body, lines=(first, discount, *others))))
    assert line_codes(content) == ["TAX", "TAX", "NON"]


@pytest.mark.parametrize(
    ("codes", "default", "expected"),
    [
        ({"txr_state": "State", "txr_city": "State"}, "Combined", "3"),
        ({"txr_state": "State", "txr_city": "City"}, "Combined", "2"),
        ({"txr_state": "State", "txr_city": "City"}, None, "4"),
    ],
)
def test_the_code_of_an_american_total(codes: dict[str, str], default: str | None, expected: str) -> None:
    content = payload(TaxChoice(mode="native", default_code=default, codes=codes), US)
    assert content["TxnTaxDetail"]["TxnTaxCodeRef"] == {"value": expected}


def test_native_tax_elsewhere_overrides_every_rate() -> None:
    content = payload(NATIVE, CANADA)
    assert line_codes(content) == ["2", "5"]
    assert content["GlobalTaxCalculation"] == "TaxExcluded"
    lines = content["TxnTaxDetail"]["TaxLine"]
    assert [
        (
            line["Amount"],
            line["TaxLineDetail"]["TaxRateRef"]["value"],
            line["TaxLineDetail"]["TaxPercent"],
            line["TaxLineDetail"]["NetAmountTaxable"],
        )
        for line in lines
    ] == [
        (Decimal("6.25"), "21", Decimal("6.25"), Decimal("100.00")),
        (Decimal("1.75"), "22", Decimal("1.75"), Decimal("100.00")),
        (Decimal("0.00"), "25", 0, Decimal("46.88")),
    ]


def test_one_tax_of_stripes_is_spread_over_the_rates_of_its_code() -> None:
    assert isinstance(TAXED.body, InvoiceBody)
    whole = (LineTax(rate="txr_both", amount=801, percentage=Decimal(8)),)
    lines = (replace(TAXED.body.lines[0], taxes=whole), replace(TAXED.body.lines[2], amount=801))
    document = replace(TAXED, body=replace(TAXED.body, lines=lines))
    tax_lines = payload(NATIVE, CANADA, document)["TxnTaxDetail"]["TaxLine"]
    assert [line["Amount"] for line in tax_lines] == [Decimal("6.26"), Decimal("1.75")]


def test_a_form_without_tax_needs_no_code_in_america() -> None:
    assert isinstance(TAXED.body, InvoiceBody)
    document = replace(TAXED, body=replace(TAXED.body, lines=TAXED.body.lines[1:2]))
    content = payload(TaxChoice(mode="native"), US, document)
    assert line_codes(content) == ["NON"]
    assert content["TxnTaxDetail"] == {"TotalTax": 0}


def test_a_form_of_tax_alone_is_written_as_lines() -> None:
    assert isinstance(TAXED.body, InvoiceBody)
    document = replace(TAXED, body=replace(TAXED.body, lines=TAXED.body.lines[2:]))
    assert form_of(NATIVE, US, document) is TaxForm.MARKED_LINES
    assert form_of(NATIVE, CANADA, document) is TaxForm.PLAIN_LINES


@pytest.mark.parametrize(
    ("choice", "preferences", "details"),
    [
        (TaxChoice(mode="native"), US, {"rate": "txr_city", "configured": "", "reason": "not_configured"}),
        (replace(NATIVE, codes={}), CANADA, {"rate": "none", "configured": "", "reason": "not_configured"}),
        (
            replace(NATIVE, default_code="Nowhere"),
            CANADA,
            {"rate": "txr_city", "configured": "Nowhere", "reason": "not_found"},
        ),
        (
            replace(NATIVE, codes={UNTAXED: "Exempt", "txr_state": "State", "txr_city": "City"}),
            CANADA,
            {"rate": "txr_city txr_state", "configured": "3 4", "reason": "several_codes"},
        ),
        (
            replace(NATIVE, default_code="Exempt2", codes={UNTAXED: "Exempt"}),
            US,
            {"rate": "txr_city", "configured": "Exempt2", "reason": "not_found"},
        ),
    ],
)
def test_a_code_that_cannot_be_used_is_named(
    choice: TaxChoice, preferences: Preferences, details: dict[str, str]
) -> None:
    with pytest.raises(TaxCodeMissing) as caught:
        payload(choice, preferences)
    assert caught.value.details == details


def test_tax_that_is_not_itemised_cannot_be_native() -> None:
    assert isinstance(TAXED.body, InvoiceBody)
    document = replace(TAXED, body=replace(TAXED.body, lines=TAXED.body.lines[1:]))
    with pytest.raises(TaxCodeMissing) as caught:
        payload(NATIVE, US, document)
    assert caught.value.details["reason"] == "not_itemised"
