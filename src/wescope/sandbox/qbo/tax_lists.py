"""Tax codes and tax rates: what documents may name, and the service that makes new ones (facts/qbo.md 4.7, 4.8)."""

from collections.abc import Iterable
from decimal import Decimal, InvalidOperation

from wescope.sandbox.qbo import faults, shapes, tables
from wescope.sandbox.qbo.books import Unit, name_key
from wescope.sandbox.qbo.entity import EntityRules, Request, active, reference, require, stamped
from wescope.sandbox.qbo.storage import Record
from wescope.sandbox.qbo.wire import Json, plain

SERVICE = "TaxService"
AGENCY = {"value": "1"}
MOST_PERCENT = 100


class TaxCodeRules(EntityRules):
    """Tax codes: read and queried; the tax service makes them."""

    name = "TaxCode"
    shape = tables.TAX_CODE
    is_list = True
    can_delete = False
    textual_ids = True
    filterable = frozenset({"Id", "Name", "Active", "MetaData.CreateTime", "MetaData.LastUpdatedTime"})

    def write(self, unit: Unit, body: Json, before: Record | None, request: Request) -> Record:
        """Changes only whether a code is active; a new one comes from the tax service."""
        _ = unit, request
        if before is None:
            raise faults.unsupported_operation(f"create on {self.name}")
        doc = {**before.doc, "Active": body.get("Active", True)}
        return Record(entity=self.name, id=before.id, doc=doc)


class TaxRateRules(EntityRules):
    """Tax rates: read and queried only."""

    name = "TaxRate"
    shape = tables.TAX_RATE
    is_list = True
    can_delete = False
    can_write = False
    filterable = frozenset({"Id", "Name", "Active", "MetaData.CreateTime", "MetaData.LastUpdatedTime"})

    def write(self, unit: Unit, body: Json, before: Record | None, request: Request) -> Record:
        """Refuses; see `EntityRules.write`."""
        _ = unit, body, before, request
        raise faults.unsupported_operation(f"write on {self.name}")


def tax_code(unit: Unit, value: str) -> Record:
    """Returns the active tax code of a reference, or raises 2500."""
    return active(unit.get("TaxCode", value), "TaxCodes", value, unit)


def sales_rates(unit: Unit, code: Record) -> list[Record]:
    """Returns the tax rates that a code has for sales, in order."""
    details = code.doc.get("SalesTaxRateList", {}).get("TaxRateDetail", [])
    found = (unit.get("TaxRate", one["TaxRateRef"]["value"]) for one in details)
    return [rate for rate in found if rate is not None]


def put_rate(unit: Unit, name: str, percent: Decimal) -> Record:
    """Adds a tax rate.

    Args:
        unit: the unit of work.
        name: the rate's name.
        percent: 20 for 20 %.

    Returns:
        The rate.
    """
    doc: Json = {"Name": name, "Description": name, "Active": True, "RateValue": plain(percent)}
    doc.update({"AgencyRef": dict(AGENCY), "SpecialTaxType": "NONE", "DisplayType": "ReadOnly"})
    record = stamped(unit, Record(entity="TaxRate", id=unit.next_id("TaxRate"), doc=doc), None)
    unit.put(record)
    return record


def put_code(
    unit: Unit, name: str, sales: Iterable[Record], purchase: Iterable[Record] = (), *, code_id: str = ""
) -> Record:
    """Adds a tax code.

    Args:
        unit: the unit of work.
        name: the code's name.
        sales: its rates for sales.
        purchase: its rates for purchases.
        code_id: the US codes TAX and NON are their own ids; empty for the next number.

    Returns:
        The code.
    """
    sold = _rate_list(sales)
    doc: Json = {"Name": name, "Description": name, "Active": True, "Hidden": False}
    doc.update({"Taxable": bool(sold["TaxRateDetail"]) or code_id == "TAX", "TaxGroup": not code_id})
    doc.update({"SalesTaxRateList": sold, "PurchaseTaxRateList": _rate_list(purchase)})
    record = Record(entity="TaxCode", id=code_id or unit.next_id("TaxCode"), doc=doc)
    unit.put(stamped(unit, record, None))
    return record


def create_code(unit: Unit, body: Json) -> tuple[Json, str]:
    """Makes a tax code with its rates (POST /taxservice/taxcode).

    Args:
        unit: the unit of work.
        body: TaxCode (the name) and TaxRateDetails: known rates by TaxRateId, new ones by name, value and agency.

    Returns:
        The answer, which does not stand under an entity's name, and the new code's id.

    Raises:
        QboFault: 2010 to 2170 for a malformed body, 2500 for an unknown rate, 6240 for a name in use.
    """
    checked = shapes.check(tables.TAX_SERVICE, body, unit.knobs)
    require(checked, "TaxCode", "TaxRateDetails")
    _check_unique(unit, "TaxCode", checked["TaxCode"])
    by_side: dict[str, list[Record]] = {"Sales": [], "Purchase": []}
    details: list[Json] = []
    for given in checked["TaxRateDetails"]:
        rate = _rate(unit, given)
        side = given.get("TaxApplicableOn", "Sales")
        by_side[side].append(rate)
        shown = {"TaxRateName": rate.doc["Name"], "TaxRateId": rate.id, "RateValue": rate.doc["RateValue"]}
        details.append({**shown, "TaxAgencyId": rate.doc["AgencyRef"]["value"], "TaxApplicableOn": side})
    code = put_code(unit, checked["TaxCode"], by_side["Sales"], by_side["Purchase"])
    answer: Json = {"TaxCode": checked["TaxCode"], "TaxCodeId": code.id, "TaxRateDetails": details}
    return answer, code.id


def _rate(unit: Unit, given: Json) -> Record:
    if given.get("TaxRateId"):
        return active(unit.get("TaxRate", given["TaxRateId"]), "TaxRates", given["TaxRateId"], unit)
    require(given, "TaxRateName", "RateValue", "TaxAgencyId")
    if given["TaxAgencyId"] != AGENCY["value"]:
        raise faults.invalid_reference("TaxAgencies", given["TaxAgencyId"])
    _check_unique(unit, "TaxRate", given["TaxRateName"])
    try:
        percent = Decimal(str(given["RateValue"]))
    except InvalidOperation as problem:
        raise faults.invalid_decimal("RateValue", given["RateValue"]) from problem
    if not 0 <= percent <= MOST_PERCENT:
        raise faults.invalid_decimal("RateValue", given["RateValue"])
    return put_rate(unit, given["TaxRateName"], percent)


def _check_unique(unit: Unit, entity: str, name: str) -> None:
    if unit.find(entity, lambda one: name_key(one.doc["Name"]) == name_key(name)) is not None:
        raise faults.duplicate_name(detail=unit.knobs.duplicate_name_detail)


def _rate_list(rates: Iterable[Record]) -> Json:
    return {
        "TaxRateDetail": [
            {
                "TaxRateRef": reference(rate.id, rate.doc["Name"]),
                "TaxTypeApplicable": "TaxOnAmount",
                "TaxOrder": 0,
            }
            for rate in rates
        ]
    }
