"""Transfers between two asset accounts (facts/qbo.md 4.6)."""

from wescope.sandbox.qbo import faults, tables
from wescope.sandbox.qbo.books import Unit
from wescope.sandbox.qbo.entity import EntityRules, Request, account, reference, referred, require
from wescope.sandbox.qbo.ledger import Posting
from wescope.sandbox.qbo.storage import Record
from wescope.sandbox.qbo.transactions import check_period_open, txn_date
from wescope.sandbox.qbo.wire import Json, amount, minor

ASSETS = frozenset({"Bank", "Other Current Asset", "Fixed Asset", "Other Asset"})


class TransferRules(EntityRules):
    """Transfers."""

    name = "Transfer"
    shape = tables.TRANSFER
    filterable = frozenset({"Id", "TxnDate", "MetaData.CreateTime", "MetaData.LastUpdatedTime"})

    def write(self, unit: Unit, body: Json, before: Record | None, request: Request) -> Record:
        """Checks and completes a transfer; see `EntityRules.write`."""
        require(body, "FromAccountRef", "ToAccountRef", "Amount")
        on = txn_date(unit, body)
        check_period_open(unit, request, on, *((before.doc["TxnDate"],) if before else ()))
        source = account(unit, referred(body, "FromAccountRef"), ASSETS, "FromAccountRef")
        target = account(unit, referred(body, "ToAccountRef"), ASSETS, "ToAccountRef")
        hundredths = minor(body["Amount"])
        if hundredths <= 0:
            raise faults.business("You must set a transaction amount.")
        if source.id == target.id:
            raise faults.business("You need to select a different type of account for this transaction.")
        doc: Json = {
            "FromAccountRef": reference(source.id, source.doc["FullyQualifiedName"]),
            "ToAccountRef": reference(target.id, target.doc["FullyQualifiedName"]),
            "Amount": amount(hundredths),
            "TxnDate": on,
            "CurrencyRef": source.doc["CurrencyRef"],
        }
        if body.get("PrivateNote"):
            doc["PrivateNote"] = body["PrivateNote"]
        postings = (
            Posting(account_id=source.id, debit=-hundredths),
            Posting(account_id=target.id, debit=hundredths),
        )
        record_id = before.id if before else unit.next_id(self.name)
        return Record(entity=self.name, id=record_id, doc=doc, postings=postings)

    def delete(self, unit: Unit, before: Record, request: Request) -> None:
        """Refuses in closed books."""
        check_period_open(unit, request, before.doc["TxnDate"])
