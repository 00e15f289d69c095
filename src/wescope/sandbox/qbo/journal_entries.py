"""Journal entries: debits and credits as given, names where the control accounts ask for them (facts/qbo.md 4.6)."""

from dataclasses import replace

from wescope.sandbox.qbo import faults, tables
from wescope.sandbox.qbo.books import Unit
from wescope.sandbox.qbo.claims import Claim, claim_of, shares
from wescope.sandbox.qbo.classes import class_of, department_of
from wescope.sandbox.qbo.currencies import DocumentCurrency, check_account, currency_of, document_currency
from wescope.sandbox.qbo.entity import EntityRules, Request, account, active, reference, referred, require
from wescope.sandbox.qbo.ledger import Posting, merged
from wescope.sandbox.qbo.links import unlink_everything
from wescope.sandbox.qbo.storage import Record
from wescope.sandbox.qbo.transactions import (
    LINKED,
    at_home,
    check_not_deposited,
    check_period_open,
    doc_number,
    emptied,
    txn_date,
)
from wescope.sandbox.qbo.wire import Json, amount, minor

FEWEST_LINES = 2
NAMES_ASKED = {"Accounts Receivable": ("Customer", "customer"), "Accounts Payable": ("Vendor", "vendor")}
COPIED = frozenset({"PrivateNote", "TxnSource"})


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
        doc.update(department_of(unit, body))
        doc.update({"Line": lines, "TxnTaxDetail": {}, "TotalAmt": 0})
        if before is not None and before.doc.get("LinkedTxn"):
            doc["LinkedTxn"] = before.doc["LinkedTxn"]
        record_id = before.id if before else unit.next_id(self.name)
        after = Record(entity=self.name, id=record_id, doc=doc, postings=postings, last_line_id=last_line_id)
        if before is not None:
            _check_still_linked(unit, before, after)
        return after

    def void(self, unit: Unit, before: Record, request: Request) -> Record:
        """Sets every line to zero: what the browser does, the interface documents no void."""
        self.delete(unit, before, request)
        return emptied(unit.get(*before.key) or before)

    def delete(self, unit: Unit, before: Record, request: Request) -> None:
        """Refuses in closed books and while a payment is applied; a human unlinks it."""
        check_period_open(unit, request, before.doc["TxnDate"])
        check_not_deposited(before)
        if shares(unit, before):
            if not request.human:
                raise faults.business(LINKED)
            unlink_everything(unit, before)


def _check_still_linked(unit: Unit, before: Record, after: Record) -> None:
    """Checks that what payments are applied to stays: the same receivable, not less than what is applied."""
    taken = sum(shares(unit, before).values())
    if not taken:
        return
    had, has = claim_of(before), claim_of(after)
    if had is None or has is None or _side(had) != _side(has) or has.total < taken:
        raise faults.business(LINKED)
    if currency_of(before) != currency_of(after):
        raise faults.business(LINKED)


def _side(claim: Claim) -> tuple[str, str, int]:
    return claim.account_id, claim.name_id, claim.sign


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
        shown, posting = _line(unit, line, currency)
        if line.get("Id") in known_ids:
            shown = {"Id": line["Id"], **shown}
        else:
            last_line_id += 1
            shown = {"Id": str(last_line_id), **shown}
        lines.append(shown)
        postings.append(posting)
    if sum(one.debit for one in postings):
        raise faults.unbalanced()
    if unit.knobs.journal_receivable_lines == "one" and sum(1 for one in postings if one.name_id) > 1:
        raise faults.business("You can have only one Accounts Receivable or Accounts Payable line in a journal entry.")
    return lines, _at_home(postings, currency), last_line_id


def _line(unit: Unit, line: Json, currency: DocumentCurrency) -> tuple[Json, Posting]:
    if line.get("DetailType") != "JournalEntryLineDetail":
        raise faults.required("Line.DetailType")
    if line.get("Amount") is None:
        raise faults.required("Line.Amount")
    detail = line.get("JournalEntryLineDetail", {})
    require(detail, "PostingType", "AccountRef")
    hundredths = minor(line["Amount"], "Line.Amount")
    if hundredths < 0:
        raise faults.negative_line()
    found = check_account(unit, account(unit, referred(detail, "AccountRef")), currency)
    name_id, entity = _name(unit, detail, found, currency)
    shown_detail: Json = {"PostingType": detail["PostingType"]}
    if entity:
        shown_detail["Entity"] = entity
    shown_detail["AccountRef"] = reference(found.id, found.doc["FullyQualifiedName"])
    shown_detail.update(class_of(unit, detail, on_line=True))
    shown: Json = {"Description": line["Description"]} if line.get("Description") else {}
    shown.update({"Amount": amount(hundredths), "DetailType": "JournalEntryLineDetail"})
    shown["JournalEntryLineDetail"] = shown_detail
    sign = 1 if detail["PostingType"] == "Debit" else -1
    return shown, Posting(account_id=found.id, debit=sign * hundredths, name_id=name_id)


def _name(unit: Unit, detail: Json, found: Record, currency: DocumentCurrency) -> tuple[str, Json]:
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
    if wanted is not None and not currency_of(name) == currency_of(found) == currency.code:
        raise faults.business(faults.WRONG_CURRENCY)
    shown = {"Type": kind, "EntityRef": reference(name.id, name.doc["DisplayName"])}
    return (name.id if wanted else ""), shown


def _at_home(postings: list[Posting], currency: DocumentCurrency) -> tuple[Posting, ...]:
    """Converts an entry; what rounding leaves over goes to its last line."""
    home = [at_home(one, currency) for one in postings]
    rest = sum(one.debit for one in home)
    home[-1] = replace(home[-1], debit=home[-1].debit - rest)
    return merged(home)
