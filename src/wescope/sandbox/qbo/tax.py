"""Sales tax on a form: line codes, what is computed and which overrides count, in the US or not (facts/qbo.md 4.8)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from wescope.sandbox.qbo import faults
from wescope.sandbox.qbo.books import Unit
from wescope.sandbox.qbo.company_info import tax_is_on
from wescope.sandbox.qbo.entity import reference, referred, require
from wescope.sandbox.qbo.storage import Record
from wescope.sandbox.qbo.tax_lists import sales_rates, tax_code
from wescope.sandbox.qbo.wire import Json, amount, minor, plain, rounded

US_LINE_CODES = frozenset({"TAX", "NON"})
NO_CODE = "Make sure all your transactions have a VAT rate before you save."
HUNDRED = Decimal(100)


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxedPart:
    """One line's share of the tax base in hundredths: `net`, and `gross` where amounts include tax; its tax code."""

    code: str
    net: int
    gross: int
    inclusive: bool = False

    def fields(self) -> Json:
        """Returns what the line's detail shows."""
        shown: Json = {"TaxCodeRef": {"value": self.code}} if self.code else {}
        return {**shown, "TaxInclusiveAmt": amount(self.gross)} if self.inclusive else shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Tax:
    """A form's tax in hundredths and the properties that show it."""

    total: int
    fields: Json = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxRegime:
    """Whose rules a form follows. `way`: TaxExcluded, TaxInclusive, NotApplicable; empty in the US or without tax."""

    in_us: bool
    on: bool
    way: str = ""

    @staticmethod
    def of(unit: Unit, body: Json) -> "TaxRegime":
        """Decides the regime of a form.

        Args:
            unit: the unit of work.
            body: the form as intended.

        Returns:
            The regime.

        Raises:
            QboFault: 6170 for tax on a form to which none applies.
        """
        on = tax_is_on(unit.knobs)
        if unit.knobs.country == "US":
            return TaxRegime(in_us=True, on=on)
        if not on:
            return TaxRegime(in_us=False, on=False)
        way = str(body.get("GlobalTaxCalculation", "TaxExcluded"))
        given = body.get("TxnTaxDetail", {})
        if way == "NotApplicable" and (given.get("TotalTax") or given.get("TaxLine") or given.get("TxnTaxCodeRef")):
            raise faults.tax_detail_not_allowed()
        return TaxRegime(in_us=False, on=True, way=way)

    def part(self, unit: Unit, detail: Json, hundredths: int) -> TaxedPart:
        """Reads a line's share of the tax base.

        Args:
            unit: the unit of work.
            detail: the line's detail with TaxCodeRef, and TaxInclusiveAmt where amounts include tax.
            hundredths: the line's Amount; negative for a discount.

        Returns:
            The share; its net is the line's amount from here on.

        Raises:
            QboFault: 6100 in the US for another code than TAX and NON; elsewhere 6000 for a line without a code and
                2500 for one that is unknown or inactive.
        """
        code = referred(detail, "TaxCodeRef")
        if self.in_us:
            if (code or "NON") not in US_LINE_CODES:
                raise faults.invalid_line_tax_code(code)
            return TaxedPart(code=code or "NON", net=hundredths, gross=hundredths)
        if not self.on or self.way == "NotApplicable":
            return TaxedPart(code="", net=hundredths, gross=hundredths)
        if not code:
            raise faults.business(NO_CODE)
        if code in US_LINE_CODES:
            raise faults.invalid_reference("TaxCodes", code)
        percent = _percent(sales_rates(unit, tax_code(unit, code)))
        if self.way != "TaxInclusive":
            return TaxedPart(code=code, net=hundredths, gross=hundredths)
        gross = minor(detail["TaxInclusiveAmt"], "TaxInclusiveAmt") if "TaxInclusiveAmt" in detail else hundredths
        net = rounded(Decimal(gross) / (HUNDRED + percent))
        return TaxedPart(code=code, net=net, gross=gross, inclusive=True)


def tax_of(unit: Unit, regime: TaxRegime, given: Json, parts: Sequence[TaxedPart]) -> Tax:
    """Works out a form's tax.

    Args:
        unit: the unit of work.
        regime: whose rules it follows.
        given: TxnTaxDetail as sent, empty for none.
        parts: the lines' shares.

    Returns:
        The tax and what shows it: overrides where they count, else what the engine computes.

    Raises:
        QboFault: 2020, 2140 or 2500 for an override that cannot be read.
    """
    if not regime.in_us:
        return _tax_elsewhere(unit, regime, given, parts)
    total = _us_tax(unit, given, parts) if regime.on else 0
    shown: Json = {"TotalTax": amount(total)}
    code = given.get("TxnTaxCodeRef")
    return Tax(total=total, fields={"TxnTaxDetail": {"TxnTaxCodeRef": code, **shown} if code and regime.on else shown})


def _us_tax(unit: Unit, given: Json, parts: Sequence[TaxedPart]) -> int:
    """An override needs both the total and the code; while sales tax is off this is not reached (facts/qbo.md 4.8)."""
    taxable = sum(one.net for one in parts if one.code == "TAX")
    has_taxable = any(one.code == "TAX" for one in parts)
    code_id = referred(given, "TxnTaxCodeRef")
    code = tax_code(unit, code_id) if code_id else None
    recomputes = unit.knobs.automated_sales_tax and unit.knobs.automated_tax_override == "recompute"
    if "TotalTax" in given and code is not None and not recomputes:
        total = minor(given["TotalTax"], "TxnTaxDetail.TotalTax")
        if total < 0:
            raise faults.invalid_amount("TxnTaxDetail.TotalTax", given["TotalTax"])
        return total if has_taxable or unit.knobs.total_tax_without_taxable_lines == "accept" else 0
    if unit.knobs.automated_sales_tax:
        return rounded(Decimal(taxable) * unit.knobs.sales_tax_percent / 10_000)
    if code is not None:
        return rounded(Decimal(taxable) * _percent(sales_rates(unit, code)) / 10_000)
    return 0


def _tax_elsewhere(unit: Unit, regime: TaxRegime, given: Json, parts: Sequence[TaxedPart]) -> Tax:
    if not regime.on:
        return Tax(total=0, fields={"TxnTaxDetail": {"TotalTax": 0}})
    way: Json = {"GlobalTaxCalculation": regime.way}
    if regime.way == "NotApplicable":
        return Tax(total=0, fields={**way, "TxnTaxDetail": {"TotalTax": 0}})
    bases = _bases(unit, parts)
    overrides = _overrides(unit, given)
    taxes = {rate_id: _computed(rate, base) for rate_id, (rate, base) in bases.items()}
    if regime.way == "TaxInclusive":
        taxes = _with_rest(taxes, sum(one.gross - one.net for one in parts))
    elif bases and set(bases) <= set(overrides):
        taxes = {rate_id: overrides[rate_id] for rate_id in bases}
    lines = [_tax_line(rate, base, taxes[rate_id]) for rate_id, (rate, base) in bases.items()]
    total = sum(taxes.values())
    return Tax(total=total, fields={**way, "TxnTaxDetail": {"TotalTax": amount(total), "TaxLine": lines}})


def _bases(unit: Unit, parts: Sequence[TaxedPart]) -> dict[str, tuple[Record, int]]:
    """Returns rate id to rate and summed net of the lines that it applies to."""
    bases: dict[str, tuple[Record, int]] = {}
    for part in parts:
        for rate in sales_rates(unit, tax_code(unit, part.code)):
            bases[rate.id] = rate, bases.get(rate.id, (rate, 0))[1] + part.net
    return bases


def _computed(rate: Record, base: int) -> int:
    return rounded(Decimal(base) * Decimal(rate.doc["RateValue"]) / 10_000)


def _with_rest(taxes: dict[str, int], wanted: int) -> dict[str, int]:
    """Makes rounded taxes add up to what the gross amounts leave; the rest goes to the largest."""
    if not taxes:
        return taxes
    largest = max(taxes, key=lambda rate_id: abs(taxes[rate_id]))
    return {**taxes, largest: taxes[largest] + wanted - sum(taxes.values())}


def _overrides(unit: Unit, given: Json) -> dict[str, int]:
    """Reads the tax lines sent; they count only when there is one for every rate (facts/qbo.md 4.8)."""
    found: dict[str, int] = {}
    for line in given.get("TaxLine", []):
        if line.get("DetailType") != "TaxLineDetail":
            raise faults.required("TaxLine.DetailType")
        if line.get("Amount") is None:
            raise faults.required("TaxLine.Amount")
        detail = line.get("TaxLineDetail", {})
        require(detail, "TaxRateRef")
        if "NetAmountTaxable" not in detail:
            raise faults.required("TaxLineDetail.NetAmountTaxable")
        rate_id = referred(detail, "TaxRateRef")
        if unit.get("TaxRate", rate_id) is None:
            raise faults.invalid_reference("TaxRates", rate_id)
        found[rate_id] = found.get(rate_id, 0) + minor(line["Amount"], "TaxLine.Amount")
    return found


def _tax_line(rate: Record, base: int, tax: int) -> Json:
    detail: Json = {
        "TaxRateRef": reference(rate.id),
        "PercentBased": True,
        "TaxPercent": plain(rate.doc["RateValue"]),
        "NetAmountTaxable": amount(base),
    }
    return {"Amount": amount(tax), "DetailType": "TaxLineDetail", "TaxLineDetail": detail}


def _percent(rates: Sequence[Record]) -> Decimal:
    return sum((Decimal(rate.doc["RateValue"]) for rate in rates), Decimal(0))
