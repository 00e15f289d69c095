"""Deposits: linked transactions out of Undeposited Funds and own lines into a bank account (facts/qbo.md 4.5)."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from wescope.sandbox.qbo import faults, tables
from wescope.sandbox.qbo.books import Unit
from wescope.sandbox.qbo.classes import class_of, department_of
from wescope.sandbox.qbo.currencies import DocumentCurrency, check_account, document_currency
from wescope.sandbox.qbo.entity import (
    EntityRules,
    Request,
    account,
    account_of_subtype,
    reference,
    referred,
    require,
    stamped,
)
from wescope.sandbox.qbo.ledger import Posting
from wescope.sandbox.qbo.storage import Record
from wescope.sandbox.qbo.transactions import check_period_open, emptied, home_postings, linked, txn_date
from wescope.sandbox.qbo.wire import Json, amount, at_rate, minor

BANKS = frozenset({"Bank", "Other Current Asset"})
LINE_ACCOUNTS = frozenset(
    {"Income", "Other Income", "Expense", "Other Expense", "Other Current Asset", "Equity", "Cost of Goods Sold"}
)
SIGNS = {"Payment": 1, "SalesReceipt": 1, "RefundReceipt": -1}
COPIED = frozenset({"PrivateNote", "TxnSource"})


@dataclass(slots=True)
class _Reading:
    """The lines read so far; sums in hundredths of the deposit's currency."""

    last_line_id: int
    lines: list[Json] = field(default_factory=list)
    postings: list[Posting] = field(default_factory=list)
    links: list[tuple[str, str]] = field(default_factory=list)
    total: int = 0


class DepositRules(EntityRules):
    """Deposits."""

    name = "Deposit"
    shape = tables.DEPOSIT
    read_only = frozenset({"TotalAmt", "HomeTotalAmt", "LinkedTxn"})
    filterable = frozenset({"Id", "TxnDate", "DepositToAccountRef", "MetaData.CreateTime", "MetaData.LastUpdatedTime"})

    def write(self, unit: Unit, body: Json, before: Record | None, request: Request) -> Record:
        """Checks and completes a deposit and marks what it links; see `EntityRules.write`."""
        require(body, "DepositToAccountRef", "Line")
        if "CashBack" in body:
            raise faults.unsupported_feature("Cash back")
        on = txn_date(unit, body)
        check_period_open(unit, request, on, *((before.doc["TxnDate"],) if before else ()))
        bank = account(unit, referred(body, "DepositToAccountRef"), BANKS, "DepositToAccountRef")
        currency = document_currency(unit, body, None)
        check_account(unit, bank, currency)
        record_id = before.id if before else unit.next_id(self.name)
        given = [line for line in body["Line"] if not (request.drop_links and line.get("LinkedTxn"))]
        reading = _read(unit, given, currency, before, record_id)
        if reading.total < 0 and unit.knobs.negative_deposit == "refuse":
            raise faults.business(faults.NEGATIVE_TOTAL)
        _mark(unit, record_id, _links(before), reading.links)
        doc: Json = {"DepositToAccountRef": reference(bank.id, bank.doc["FullyQualifiedName"])}
        doc.update({"TotalAmt": amount(reading.total), "TxnDate": on, "Line": reading.lines})
        doc.update(currency.fields(multicurrency=unit.knobs.multicurrency))
        if unit.knobs.multicurrency:
            doc["HomeTotalAmt"] = amount(at_rate(reading.total, currency.rate))
        doc.update({name: value for name, value in body.items() if name in COPIED})
        doc.update(department_of(unit, body))
        counter = Posting(account_id=bank.id, debit=reading.total)
        postings = home_postings(reading.postings, currency, counter)
        return Record(entity=self.name, id=record_id, doc=doc, postings=postings, last_line_id=reading.last_line_id)

    def void(self, unit: Unit, before: Record, request: Request) -> Record:
        """Sets every line to zero: what the browser does, the interface documents no void."""
        self.delete(unit, before, request)
        return emptied(before)

    def delete(self, unit: Unit, before: Record, request: Request) -> None:
        """Lets go of what was deposited."""
        check_period_open(unit, request, before.doc["TxnDate"])
        _mark(unit, before.id, _links(before), [])


def _read(
    unit: Unit, given: list[Json], currency: DocumentCurrency, before: Record | None, deposit_id: str
) -> _Reading:
    reading = _Reading(last_line_id=before.last_line_id if before else 0)
    known_ids = {line.get("Id", "") for line in before.doc["Line"]} if before else set()
    for line in given:
        if line.get("Amount") is None:
            raise faults.required("Line.Amount")
        hundredths = minor(line["Amount"], "Line.Amount")
        shown = _linked_line(unit, reading, line, hundredths, deposit_id, currency) if line.get("LinkedTxn") else None
        if shown is None:
            shown = _detail_line(unit, reading, line, hundredths, currency)
        line_id = line.get("Id", "")
        if line_id not in known_ids or not line_id:
            reading.last_line_id += 1
            line_id = str(reading.last_line_id)
        reading.lines.append({"Id": line_id, "LineNum": len(reading.lines) + 1, "Amount": amount(hundredths), **shown})
        reading.total += hundredths
    if not reading.lines:
        raise faults.required("Line")
    return reading


def _linked_line(  # noqa: PLR0917 - the parts of one line, all needed
    unit: Unit, reading: _Reading, line: Json, hundredths: int, deposit_id: str, currency: DocumentCurrency
) -> Json:
    if "DetailType" in line:
        raise faults.required("Line.DepositLineDetail.AccountRef")
    link = line["LinkedTxn"][0]
    require(link, "TxnId", "TxnType", "TxnLineId")
    kind, txn_id = link["TxnType"], link["TxnId"]
    if kind not in SIGNS:
        raise faults.not_linkable(f"TxnType {kind}")
    record = unit.get(kind, txn_id)
    if record is None or record.deleted:
        raise faults.not_found() if record is None else faults.deleted()
    funds = account_of_subtype(unit, "UndepositedFunds")
    if record.voided or record.doc["DepositToAccountRef"]["value"] != funds.id:
        raise faults.not_linkable("The transaction is not in Undeposited Funds.")
    if record.doc["CurrencyRef"]["value"] != currency.code:
        raise faults.business(faults.TWO_FOREIGN)
    if hundredths != SIGNS[kind] * minor(record.doc["TotalAmt"]):
        raise faults.business("The amount of a linked transaction must be its whole amount.")
    others = [
        one for one in record.doc.get("LinkedTxn", []) if one["TxnType"] == "Deposit" and one["TxnId"] != deposit_id
    ]
    if others or (kind, txn_id) in reading.links:
        raise faults.not_linkable("The transaction has been deposited already.")
    reading.links.append((kind, txn_id))
    reading.postings.append(Posting(account_id=funds.id, debit=-hundredths))
    return {"LinkedTxn": [{"TxnId": txn_id, "TxnType": kind, "TxnLineId": link["TxnLineId"]}]}


def _detail_line(unit: Unit, reading: _Reading, line: Json, hundredths: int, currency: DocumentCurrency) -> Json:
    if line.get("DetailType") != "DepositLineDetail":
        raise faults.required("Line.DetailType")
    detail = line.get("DepositLineDetail", {})
    if "AccountRef" not in detail:
        raise faults.required("Line.DepositLineDetail.AccountRef")
    found = account(unit, referred(detail, "AccountRef"), LINE_ACCOUNTS, "Line.DepositLineDetail.AccountRef")
    check_account(unit, found, currency)
    shown_detail: Json = {"AccountRef": reference(found.id, found.doc["FullyQualifiedName"])}
    entity = detail.get("Entity")
    if entity:
        kind = str(entity.get("type", "CUSTOMER")).capitalize()
        name = unit.get(kind, str(entity.get("value", "")))
        if name is None:
            raise faults.invalid_reference("Names", str(entity.get("value", "")))
        shown_detail["Entity"] = {**reference(name.id, name.doc["DisplayName"]), "type": kind.upper()}
    for name_of in ("PaymentMethodRef", "CheckNum"):
        if name_of in detail:
            shown_detail[name_of] = detail[name_of]
    shown_detail.update(class_of(unit, detail, on_line=True))
    reading.postings.append(Posting(account_id=found.id, debit=-hundredths))
    shown: Json = {"Description": line["Description"]} if line.get("Description") else {}
    return {**shown, "DetailType": "DepositLineDetail", "DepositLineDetail": shown_detail}


def _links(record: Record | None) -> list[tuple[str, str]]:
    if record is None:
        return []
    found = (line["LinkedTxn"][0] for line in record.doc["Line"] if line.get("LinkedTxn"))
    return [(link["TxnType"], link["TxnId"]) for link in found]


def _mark(unit: Unit, deposit_id: str, old: Iterable[tuple[str, str]], new: Iterable[tuple[str, str]]) -> None:
    """Writes on each linked transaction that it is, or no longer is, in this deposit."""
    before, after = set(old), set(new)
    for key in sorted(before ^ after):
        record = unit.get(*key)
        if record is not None:
            links = linked(record, deposit_id, "Deposit", add=key in after)
            unit.put(stamped(unit, replace(record, doc={**record.doc, "LinkedTxn": links}), record))
