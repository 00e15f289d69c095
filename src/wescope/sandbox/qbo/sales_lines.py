"""The lines of invoices, credit memos and receipts: checks, totals and what they post (facts/qbo.md 4.1)."""

from dataclasses import dataclass, field
from decimal import Decimal

from wescope.sandbox.qbo import faults
from wescope.sandbox.qbo.accounts import INCOME_TYPES
from wescope.sandbox.qbo.books import Unit
from wescope.sandbox.qbo.classes import class_of
from wescope.sandbox.qbo.entity import account, account_of_subtype, active, reference, referred, require
from wescope.sandbox.qbo.ledger import Posting
from wescope.sandbox.qbo.storage import Record
from wescope.sandbox.qbo.tax import TaxedPart, TaxRegime
from wescope.sandbox.qbo.wire import Json, amount, minor, plain, rounded

SHIPPING = "SHIPPING_ITEM_ID"


@dataclass(frozen=True, slots=True, kw_only=True)
class SalesLines:
    """A form's lines as the server keeps them, sums in hundredths, and the postings of a sale (credits negative)."""

    lines: tuple[Json, ...]
    last_line_id: int
    subtotal: int
    discount: int
    taxed: tuple[TaxedPart, ...]
    postings: tuple[Posting, ...]


@dataclass(slots=True)
class _Reading:
    """The lines read so far."""

    unit: Unit
    regime: TaxRegime
    known_ids: frozenset[str]
    last_line_id: int
    lines: list[Json]
    postings: list[Posting]
    subtotal: int = 0
    discount: int = 0
    taxed: list[TaxedPart] = field(default_factory=list)

    def number(self, given: Json, doc: Json) -> Json:
        """Gives a line its id (kept when it was the form's own) and its number."""
        line_id = given.get("Id", "")
        if line_id not in self.known_ids:
            self.last_line_id += 1
            line_id = str(self.last_line_id)
        return {"Id": line_id, "LineNum": len(self.lines) + 1, **doc}


def read_lines(unit: Unit, regime: TaxRegime, given: list[Json], before: Record | None) -> SalesLines:
    """Checks a form's lines and works out what they come to.

    Args:
        unit: the unit of work.
        regime: which tax codes lines may and must have.
        given: the complete intended lines; the server's own subtotal line is dropped and made anew.
        before: the form's present state, whose line ids may be used again.

    Returns:
        The lines, sums and postings.

    Raises:
        QboFault: 2020, 2290, 2500, 6070, 6090, 6100 and their kind.
    """
    known_ids = frozenset(line.get("Id", "") for line in before.doc["Line"]) - {""} if before else frozenset()
    reading = _Reading(unit, regime, known_ids, before.last_line_id if before else 0, [], [])
    for line in sorted(given, key=lambda one: one.get("DetailType") == "DiscountLineDetail"):
        if "DetailType" not in line:
            raise faults.required("Line.DetailType")
        reader = _READERS.get(line["DetailType"])
        if reader is None:
            raise faults.unsupported_feature(f"Lines of type {line['DetailType']}")
        reader(reading, line)
    if not reading.lines:
        raise faults.required("Line")
    return SalesLines(
        lines=(*_ordered(reading),),
        last_line_id=reading.last_line_id,
        subtotal=reading.subtotal,
        discount=reading.discount,
        taxed=tuple(reading.taxed),
        postings=tuple(reading.postings),
    )


def _ordered(reading: _Reading) -> list[Json]:
    """Puts the server's subtotal line behind the items and before the discounts."""
    subtotal: Json = {"Amount": amount(reading.subtotal), "DetailType": "SubTotalLineDetail", "SubTotalLineDetail": {}}
    discounts = [line for line in reading.lines if line["DetailType"] == "DiscountLineDetail"]
    others = [line for line in reading.lines if line["DetailType"] != "DiscountLineDetail"]
    return [*others, subtotal, *discounts]


def _item_line(reading: _Reading, line: Json) -> None:
    require(line, "SalesItemLineDetail")
    if line.get("Amount") is None:
        raise faults.required("Line.Amount")
    detail = line["SalesItemLineDetail"]
    item_id = referred(detail, "ItemRef")
    if not item_id:
        _description_line(reading, {**line, "DetailType": "DescriptionOnly"})
        return
    hundredths = minor(line["Amount"], "Line.Amount")
    _check_amount(reading.unit, line, detail, hundredths)
    shown, account_id = _item_detail(reading.unit, detail, item_id)
    part = reading.regime.part(reading.unit, detail, hundredths)
    shown.update(part.fields())
    hundredths = part.net
    reading.taxed.append(part)
    reading.subtotal += hundredths
    reading.postings.append(Posting(account_id=account_id, debit=-hundredths))
    doc: Json = {"Description": line["Description"]} if line.get("Description") else {}
    doc.update({"Amount": amount(hundredths), "DetailType": "SalesItemLineDetail", "SalesItemLineDetail": shown})
    reading.lines.append(reading.number(line, doc))


def _check_amount(unit: Unit, line: Json, detail: Json, hundredths: int) -> None:
    if hundredths < 0 and not unit.knobs.negative_lines:
        raise faults.negative_line()
    if "Qty" in detail and "UnitPrice" in detail:
        product = rounded(Decimal(detail["Qty"]) * Decimal(detail["UnitPrice"]))
        if product != hundredths:
            raise faults.wrong_product(line["Amount"])


def _item_detail(unit: Unit, detail: Json, item_id: str) -> tuple[Json, str]:
    shown: Json = {}
    if item_id == SHIPPING:
        if not unit.knobs.allow_shipping:
            raise faults.unsupported_feature("Shipping is turned off")
        shown["ItemRef"] = {"value": SHIPPING}
        account_id = _shipping_account(unit)
    else:
        item = active(unit.get("Item", item_id), "Items", item_id, unit)
        shown["ItemRef"] = reference(item.id, item.doc["FullyQualifiedName"])
        account_id = _income_account(unit, item)
    if "ServiceDate" in detail and unit.knobs.allow_service_date:
        shown["ServiceDate"] = detail["ServiceDate"]
    for number in ("UnitPrice", "Qty"):
        if number in detail:
            shown[number] = plain(detail[number])
    shown.update(class_of(unit, detail, on_line=True))
    return shown, account_id


def _income_account(unit: Unit, item: Record) -> str:
    income_id = referred(item.doc, "IncomeAccountRef")
    if not income_id:
        raise faults.business("The item has no income account.")
    return account(unit, income_id, INCOME_TYPES, "IncomeAccountRef").id


def _shipping_account(unit: Unit) -> str:
    found = unit.find("Account", lambda one: one.doc["Name"] == "Shipping Income" and one.doc["Active"])
    return found.id if found is not None else account_of_subtype(unit, "SalesOfProductIncome").id


def _discount_line(reading: _Reading, line: Json) -> None:
    unit = reading.unit
    if not unit.knobs.allow_discount:
        raise faults.unsupported_feature("Discounts are turned off")
    detail = line.get("DiscountLineDetail", {})
    percent_based = detail.get("PercentBased", False)
    if (percent_based and "DiscountPercent" not in detail) or (not percent_based and line.get("Amount") is None):
        raise faults.discount_incomplete()
    if percent_based:
        hundredths = rounded(Decimal(reading.subtotal) * Decimal(detail["DiscountPercent"]) / 10_000)
    else:
        hundredths = minor(line["Amount"], "Line.Amount")
    if hundredths < 0:
        raise faults.negative_line()
    account_id = referred(detail, "DiscountAccountRef")
    found = account(unit, account_id, None) if account_id else account_of_subtype(unit, "DiscountsRefundsGiven")
    shown: Json = {"PercentBased": percent_based}
    if percent_based:
        shown["DiscountPercent"] = plain(detail["DiscountPercent"])
    shown["DiscountAccountRef"] = reference(found.id, found.doc["FullyQualifiedName"])
    shown.update(class_of(unit, detail, on_line=True))
    if referred(detail, "TaxCodeRef"):
        part = reading.regime.part(unit, detail, -hundredths)
        shown.update(part.fields())
        hundredths = -part.net
        reading.taxed.append(part)
    reading.discount += hundredths
    reading.postings.append(Posting(account_id=found.id, debit=hundredths))
    doc: Json = {"Amount": amount(hundredths), "DetailType": "DiscountLineDetail", "DiscountLineDetail": shown}
    if line.get("Description"):
        doc["Description"] = line["Description"]
    reading.lines.append(reading.number(line, doc))


def _description_line(reading: _Reading, line: Json) -> None:
    doc: Json = {
        "Description": line.get("Description", ""),
        "DetailType": "DescriptionOnly",
        "DescriptionLineDetail": {},
    }
    reading.lines.append(reading.number(line, doc))


def _subtotal_line(_reading: _Reading, _line: Json) -> None:
    """The server makes its own."""


_READERS = {
    "SalesItemLineDetail": _item_line,
    "DiscountLineDetail": _discount_line,
    "DescriptionOnly": _description_line,
    "SubTotalLineDetail": _subtotal_line,
}
