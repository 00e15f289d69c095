"""Transfers between two asset accounts (facts/qbo.md 4.6)."""

from decimal import Decimal

from wescope.sandbox.qbo import faults, tables
from wescope.sandbox.qbo.books import Unit
from wescope.sandbox.qbo.currencies import currency_of
from wescope.sandbox.qbo.entity import EntityRules, Request, account, reference, referred, require
from wescope.sandbox.qbo.exchange_rates import company_rate
from wescope.sandbox.qbo.ledger import Posting
from wescope.sandbox.qbo.storage import Record
from wescope.sandbox.qbo.transactions import check_period_open, emptied, txn_date
from wescope.sandbox.qbo.wire import Json, amount, at_rate, minor, rounded

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
        record_id = before.id if before else unit.next_id(self.name)
        return Record(
            entity=self.name, id=record_id, doc=doc, postings=_postings(unit, (source, target), hundredths, on)
        )

    def void(self, unit: Unit, before: Record, request: Request) -> Record:
        """Sets the amount to zero: what the browser does, the interface documents no void."""
        self.delete(unit, before, request)
        return emptied(before)

    def delete(self, unit: Unit, before: Record, request: Request) -> None:
        """Refuses in closed books."""
        check_period_open(unit, request, before.doc["TxnDate"])


def _postings(unit: Unit, accounts: tuple[Record, Record], hundredths: int, on: str) -> tuple[Posting, ...]:
    """Moves an amount of the source's currency; a foreign one at the company's rate, as transfers have none."""
    source, target = accounts
    home = unit.knobs.home_currency
    codes = [currency_of(one) for one in accounts]
    if len({*codes} - {home}) > 1:
        raise faults.business(faults.TWO_FOREIGN)
    rates = [company_rate(unit, code, on) for code in codes]
    moved = at_rate(hundredths, rates[0])
    received = hundredths if codes[0] == codes[1] else rounded(Decimal(moved) / rates[1] / 100)
    return (
        Posting(account_id=source.id, debit=-moved, foreign=-hundredths if codes[0] != home else 0),
        Posting(account_id=target.id, debit=moved, foreign=received if codes[1] != home else 0),
    )
