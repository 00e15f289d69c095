"""Journal entries: debits and credits as given, names where the control accounts ask for them (facts/qbo.md 4.6)."""

from wescope.sandbox.qbo import faults, tables
from wescope.sandbox.qbo.books import Unit
from wescope.sandbox.qbo.currencies import DocumentCurrency, document_currency
from wescope.sandbox.qbo.entity import EntityRules, Request, account, active, reference, referred, require
from wescope.sandbox.qbo.ledger import Posting, merged
from wescope.sandbox.qbo.storage import Record
from wescope.sandbox.qbo.transactions import check_not_deposited, check_period_open, doc_number, txn_date
from wescope.sandbox.qbo.wire import Json, amount, at_rate, minor

FEWEST_LINES = 2
NAMES_ASKED = {"Accounts Receivable": ("Customer", "customer"), "Accounts Payable": ("Vendor", "vendor")}
COPIED = frozenset({"PrivateNote", "DepartmentRef", "TxnSource"})


class JournalEntryRules(EntityRules):
    """Journal entries."""

    name = "JournalEntry"
    shape = tables.JOURNAL_ENTRY
    read_only = frozenset({"TotalAmt", "HomeTotalAmt", "LinkedTxn"})
    filterable = frozenset({"Id", "DocNumber", "TxnDate", "MetaData.CreateTime", "MetaData.LastUpdatedTime"})

    def write(self, unit: Unit, body: Json, before: Record | None, request: Request) -> Record:
        """Checks and completes an entry; see `EntityRules.write`."""
        require(body, "Line")
        if before is not None:
            check_not_deposited(before)
        on = txn_date(unit, body)
        check_period_open(unit, request, on, *((before.doc["TxnDate"],) if before else ()))
        currency = document_currency(unit, body, None)
        number = doc_number(unit, self.name, body, before, request)
        lines, postings, last_line_id = _lines(unit, body["Line"], currency, before)
        doc: Json = {"Adjustment": body.get("Adjustment", False)}
        if number:
            doc["DocNumber"] = number
        doc["TxnDate"] = on
        doc.update(currency.fields(multicurrency=unit.knobs.multicurrency))
        doc.update({name: value for name, value in body.items() if name in COPIED})
        doc.update({"Line": lines, "TxnTaxDetail": {}, "TotalAmt": 0})
        record_id = before.id if before else unit.next_id(self.name)
        return Record(entity=self.name, id=record_id, doc=doc, postings=postings, last_line_id=last_line_id)

    def delete(self, unit: Unit, before: Record, request: Request) -> None:
        """Refuses in closed books."""
        check_period_open(unit, request, before.doc["TxnDate"])
        check_not_deposited(before)


def _lines(
    unit: Unit, given: list[Json], currency: DocumentCurrency, before: Record | None
) -> tuple[list[Json], tuple[Posting, ...], int]:
    entries = [line for line in given if line.get("DetailType") != "DescriptionOnly"]
    if len(entries) < FEWEST_LINES:
        raise faults.business("Fill out at least two detail lines to continue.")
    known_ids = {line["Id"] for line in before.doc["Line"]} if before else set()
    last_line_id = before.last_line_id if before else -1
    lines: list[Json] = []
    postings: list[Posting] = []
    for line in entries:
        shown, posting = _line(unit, line)
        if line.get("Id") in known_ids:
            shown = {"Id": line["Id"], **shown}
        else:
            last_line_id += 1
            shown = {"Id": str(last_line_id), **shown}
        lines.append(shown)
        postings.append(posting)
    if sum(one.debit for one in postings):
        raise faults.unbalanced()
    return lines, _at_home(postings, currency), last_line_id


def _line(unit: Unit, line: Json) -> tuple[Json, Posting]:
    if line.get("DetailType") != "JournalEntryLineDetail":
        raise faults.required("Line.DetailType")
    if line.get("Amount") is None:
        raise faults.required("Line.Amount")
    detail = line.get("JournalEntryLineDetail", {})
    require(detail, "PostingType", "AccountRef")
    hundredths = minor(line["Amount"], "Line.Amount")
    if hundredths < 0:
        raise faults.negative_line()
    found = account(unit, referred(detail, "AccountRef"))
    name_id, entity = _name(unit, detail, found)
    shown_detail: Json = {"PostingType": detail["PostingType"]}
    if entity:
        shown_detail["Entity"] = entity
    shown_detail["AccountRef"] = reference(found.id, found.doc["FullyQualifiedName"])
    shown: Json = {"Description": line["Description"]} if line.get("Description") else {}
    shown.update({"Amount": amount(hundredths), "DetailType": "JournalEntryLineDetail"})
    shown["JournalEntryLineDetail"] = shown_detail
    sign = 1 if detail["PostingType"] == "Debit" else -1
    return shown, Posting(account_id=found.id, debit=sign * hundredths, name_id=name_id)


def _name(unit: Unit, detail: Json, found: Record) -> tuple[str, Json]:
    """Finds the name of a line; the control accounts ask for one of their own kind."""
    given = detail.get("Entity", {})
    kind = given.get("Type", "")
    wanted = NAMES_ASKED.get(found.doc["AccountType"])
    if wanted is not None and kind != wanted[0]:
        article = "Accounts Receivable" if wanted[0] == "Customer" else "Accounts Payable"
        raise faults.business(f"When you use {article}, you must choose a {wanted[1]} in the Name field.")
    if not given:
        return "", {}
    require(given, "Type", "EntityRef")
    name_id = referred(given, "EntityRef")
    name = active(unit.get(kind, name_id), "Names", name_id, unit)
    shown = {"Type": kind, "EntityRef": reference(name.id, name.doc["DisplayName"])}
    return (name.id if wanted else ""), shown


def _at_home(postings: list[Posting], currency: DocumentCurrency) -> tuple[Posting, ...]:
    """Converts an entry; what rounding leaves over goes to its last line."""
    home = [
        Posting(account_id=one.account_id, name_id=one.name_id, debit=at_rate(one.debit, currency.rate))
        for one in postings
    ]
    rest = sum(one.debit for one in home)
    last = home[-1]
    home[-1] = Posting(account_id=last.account_id, name_id=last.name_id, debit=last.debit - rest)
    return merged(home)
