"""The sandbox's sales tax: automated in the US, by code and rate in a British company (facts/qbo.md 4.8)."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import pytest

from wescope.sandbox.qbo import QboSandbox
from wescope.sandbox.qbo.tester import SandboxClient, invoice, item_line

LIABILITY = "Sales Tax Payable"
US: Mapping[str, Any] = {"using_sales_tax": True, "automated_sales_tax": True}
GB: Mapping[str, Any] = {"country": "GB", "home_currency": "GBP"}


@asynccontextmanager
async def company(knobs: Mapping[str, Any]) -> AsyncIterator[SandboxClient]:
    sandbox = QboSandbox(knobs={"enforce_limits": False, **knobs})
    async with sandbox.serve() as running, SandboxClient(running) as one:
        yield one
        assert running.company.books.ledger.trial_balance() == 0


async def refused(qbo: SandboxClient, path: str, body: Any, code: str) -> None:
    _, answer = await qbo.post(path, body)
    assert answer.get("Fault", {}).get("Error", [{}])[0].get("code") == code, answer


async def ids(qbo: SandboxClient, entity: str) -> dict[str, str]:
    found = await qbo.control(f"objects/{entity}")
    return {one["Name"]: one["Id"] for one in found[entity]}


def taxed(size: str, code: str) -> dict[str, Any]:
    return item_line(size, TaxCodeRef={"value": code})


def override(rate: str, size: str, net: str = "100.00") -> dict[str, Any]:
    detail = {"TaxRateRef": {"value": rate}, "PercentBased": True, "TaxPercent": 20, "NetAmountTaxable": Decimal(net)}
    return {"Amount": Decimal(size), "DetailType": "TaxLineDetail", "TaxLineDetail": detail}


async def test_us_codes_can_be_read() -> None:
    async with company({}) as qbo:
        _, answer = await qbo.query("SELECT * FROM TaxCode")
        codes = {one["Name"]: one["Id"] for one in answer["QueryResponse"]["TaxCode"]}
        assert codes["TAX"] == "TAX"
        assert codes["California"].isdigit()
        _, answer = await qbo.get("taxcode/NON")
        assert answer["TaxCode"]["Name"] == "NON"
        _, answer = await qbo.get(f"taxcode/{codes['California']}")
        rate_id = answer["TaxCode"]["SalesTaxRateList"]["TaxRateDetail"][0]["TaxRateRef"]["value"]
        _, answer = await qbo.get(f"taxrate/{rate_id}")
        assert (answer["TaxRate"]["RateValue"], answer["TaxRate"]["Name"]) == (8, "California")
        await refused(qbo, "taxrate", {"Name": "Mine", "RateValue": 1}, "500")
        await refused(qbo, "invoice", invoice(Line=[taxed("1.00", codes["California"])]), "6100")


@pytest.mark.parametrize(
    ("detail", "code", "tax"),
    [
        ({"TotalTax": Decimal("7.25"), "TxnTaxCodeRef": {"value": "2"}}, "TAX", "7.25"),
        ({"TotalTax": Decimal("7.25")}, "TAX", "8"),
        ({"TotalTax": Decimal("7.25"), "TxnTaxCodeRef": {"value": "2"}}, "NON", "0"),
        ({}, "TAX", "8"),
    ],
)
async def test_us_total_tax_needs_its_code_and_a_taxable_line(detail: Any, code: str, tax: str) -> None:
    async with company(US) as qbo:
        body = invoice(Line=[taxed("100.00", code)], TxnTaxDetail=detail)
        made = await qbo.make("Invoice", body)
        assert made["TxnTaxDetail"]["TotalTax"] == Decimal(tax)
        assert (await qbo.control("ledger"))["balances"][LIABILITY] == Decimal(tax)
        await qbo.control("knobs", {"using_sales_tax": False})
        assert (await qbo.make("Invoice", body))["TotalAmt"] == 100


async def test_us_engine_may_compute_anew_what_is_sent() -> None:
    async with company({**US, "automated_tax_override": "recompute"}) as qbo:
        detail = {"TotalTax": Decimal("7.25"), "TxnTaxCodeRef": {"value": "2"}}
        made = await qbo.make("Invoice", invoice(Line=[taxed("100.00", "TAX")], TxnTaxDetail=detail))
        assert made["TxnTaxDetail"]["TotalTax"] == 8


async def test_us_refusals_and_knob() -> None:
    async with company({**US, "total_tax_without_taxable_lines": "accept"}) as qbo:
        detail: dict[str, Any] = {"TotalTax": 5, "TxnTaxCodeRef": {"value": "2"}}
        made = await qbo.make("Invoice", invoice(TxnTaxDetail=detail))
        assert made["TotalAmt"] == 105
        await refused(qbo, "invoice", invoice(TxnTaxDetail={**detail, "TxnTaxCodeRef": {"value": "99"}}), "2500")
        await refused(qbo, "invoice", invoice(TxnTaxDetail={**detail, "TotalTax": -1}), "2140")


async def test_british_lines_need_a_known_code() -> None:
    async with company(GB) as qbo:
        _, answer = await qbo.get("preferences")
        assert answer["Preferences"]["TaxPrefs"]["UsingSalesTax"] is True
        _, answer = await qbo.get(f"companyinfo/{qbo.running.realm_id}")
        assert answer["CompanyInfo"]["Country"] == "GB"
        assert set(await ids(qbo, "TaxCode")) == {"20.0% S", "5.0% R", "0.0% Z", "Exempt", "No VAT"}
        await refused(qbo, "invoice", invoice(), "6000")
        await refused(qbo, "invoice", invoice(Line=[taxed("1.00", "TAX")]), "2500")
        await refused(qbo, "invoice", invoice(Line=[taxed("1.00", "99")]), "2500")
        await refused(
            qbo, "invoice", invoice(GlobalTaxCalculation="NotApplicable", TxnTaxDetail={"TotalTax": 1}), "6170"
        )
        made = await qbo.make("Invoice", invoice(GlobalTaxCalculation="NotApplicable"))
        assert (made["TotalAmt"], made["GlobalTaxCalculation"]) == (100, "NotApplicable")
        await qbo.make("Invoice", {"Id": made["Id"], "SyncToken": "0", "sparse": True, "PrivateNote": "kept"})
        await qbo.control("knobs", {"registered_for_vat": False})
        assert (await qbo.make("Invoice", invoice()))["TotalAmt"] == 100


async def test_british_tax_is_per_rate_on_the_summed_net() -> None:
    async with company(GB) as qbo:
        codes, rates = await ids(qbo, "TaxCode"), await ids(qbo, "TaxRate")
        # Three times 0.33 at 20 % is 0.07 each; on the sum it is 0.20, not 0.21.
        lines = [taxed("0.33", codes["20.0% S"]) for _ in range(3)] + [taxed("10.00", codes["5.0% R"])]
        made = await qbo.make("Invoice", invoice(Line=lines))
        shown = {
            one["TaxLineDetail"]["TaxRateRef"]["value"]: (one["Amount"], one["TaxLineDetail"]["NetAmountTaxable"])
            for one in made["TxnTaxDetail"]["TaxLine"]
        }
        assert shown == {
            rates["20.0% S"]: (Decimal("0.2"), Decimal("0.99")),
            rates["5.0% R"]: (Decimal("0.5"), 10),
        }
        assert (made["TotalAmt"], made["GlobalTaxCalculation"]) == (Decimal("11.69"), "TaxExcluded")
        await qbo.make("CreditMemo", invoice(Line=lines))
        assert (await qbo.control("ledger"))["balances"][LIABILITY] == 0


async def test_british_overrides_count_when_there_is_one_for_every_rate() -> None:
    async with company(GB) as qbo:
        codes, rates = await ids(qbo, "TaxCode"), await ids(qbo, "TaxRate")
        lines = [taxed("100.00", codes["20.0% S"]), taxed("50.00", codes["0.0% Z"])]
        one = override(rates["20.0% S"], "20.01")
        both = [one, override(rates["0.0% Z"], "0.00", "50.00")]
        made = await qbo.make("Invoice", invoice(Line=lines, TxnTaxDetail={"TaxLine": [one]}))
        assert made["TxnTaxDetail"]["TotalTax"] == 20
        made = await qbo.make("Invoice", invoice(Line=lines, TxnTaxDetail={"TotalTax": 99, "TaxLine": both}))
        assert (made["TxnTaxDetail"]["TotalTax"], made["TotalAmt"]) == (Decimal("20.01"), Decimal("170.01"))
        unknown = invoice(Line=lines, TxnTaxDetail={"TaxLine": [override("99", "1.00")]})
        await refused(qbo, "invoice", unknown, "2500")
        without_net = {**one, "TaxLineDetail": {"TaxRateRef": {"value": rates["20.0% S"]}}}
        await refused(qbo, "invoice", invoice(Line=lines, TxnTaxDetail={"TaxLine": [without_net]}), "2020")


async def test_british_tax_inclusive_amounts_keep_their_gross() -> None:
    async with company(GB) as qbo:
        codes = await ids(qbo, "TaxCode")
        lines = [taxed("10.00", codes["20.0% S"]), taxed("9.99", codes["20.0% S"])]
        made = await qbo.make("SalesReceipt", {"Line": lines, "GlobalTaxCalculation": "TaxInclusive"})
        assert (made["TotalAmt"], made["TxnTaxDetail"]["TotalTax"]) == (Decimal("19.99"), Decimal("3.33"))
        detail = made["Line"][0]["SalesItemLineDetail"]
        assert (made["Line"][0]["Amount"], detail["TaxInclusiveAmt"]) == (Decimal("8.33"), 10)


async def test_british_discount_with_a_code_lowers_the_base() -> None:
    async with company(GB) as qbo:
        code = (await ids(qbo, "TaxCode"))["20.0% S"]
        detail = {"PercentBased": False, "TaxCodeRef": {"value": code}}
        discount = {"Amount": 10, "DetailType": "DiscountLineDetail", "DiscountLineDetail": detail}
        made = await qbo.make("Invoice", invoice(Line=[taxed("100.00", code), discount]))
        assert (made["TxnTaxDetail"]["TotalTax"], made["TotalAmt"]) == (18, 108)


async def test_tax_service_makes_codes() -> None:
    async with company(GB) as qbo:
        rate = {"TaxRateName": "12.5% H", "RateValue": "12.5", "TaxAgencyId": "1", "TaxApplicableOn": "Sales"}
        body = {"TaxCode": "12.5% H", "TaxRateDetails": [rate]}
        _, answer = await qbo.post("taxservice/taxcode", body, requestid="t1")
        assert (await qbo.post("taxservice/taxcode", body, requestid="t1"))[1] == answer
        made = await qbo.make("Invoice", invoice(Line=[taxed("100.00", answer["TaxCodeId"])]))
        assert made["TotalAmt"] == Decimal("112.5")
        await refused(qbo, "taxservice/taxcode", body, "6240")
        await refused(qbo, "taxservice/taxcode", {"TaxCode": "x"}, "2020")
        code = {"Id": answer["TaxCodeId"], "SyncToken": "0", "sparse": True, "Active": False}
        await qbo.make("TaxCode", code)
        await refused(qbo, "invoice", invoice(Line=[taxed("100.00", answer["TaxCodeId"])]), "2500")


async def test_the_country_can_be_turned() -> None:
    async with company({}) as qbo:
        await qbo.control("knobs", {"country": "GB"})
        assert "TAX" not in await ids(qbo, "TaxCode")
        await qbo.control("reset", {})
        assert "TAX" in await ids(qbo, "TaxCode")
