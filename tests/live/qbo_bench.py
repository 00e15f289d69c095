"""QBO's side of the bench: accounts and an item to post to, marked objects, and the client of the product."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from tests.live.model import NotTried
from tests.live.qbo_wire import Answer, QboWire
from tests.live.run_marker import WORD, Run
from wescope.qbo.client import QboClient
from wescope.qbo.directory import INACTIVE_SUFFIX
from wescope.qbo.preferences import Preferences

ACCOUNTS: Mapping[str, tuple[str, str]] = {
    "clearing": ("Other Current Asset", "OtherCurrentAssets"),
    "bank": ("Bank", "Checking"),
    "fees": ("Expense", "BankCharges"),
    "income": ("Income", "SalesOfProductIncome"),
}
"""What is posted to: type and subtype. They are kept inactive between runs, since QBO never deletes an account."""

ITEM = "service"


@dataclass(slots=True, kw_only=True)
class QboBench:
    """A company to try things in.

    `accounts` and `item` are ids; `customer` is the run's own. `preferences` are those of the company, read once.
    """

    run: Run
    wire: QboWire
    client: QboClient
    is_local: bool
    preferences: Preferences
    accounts: dict[str, str] = field(default_factory=dict)
    item: str = ""
    customer: str = ""

    async def furnish(self) -> None:
        """Have accounts, item and customer.

        Raises:
            NotTried: the company refuses one of them; says which and with what code.
        """
        for what, (kind, subtype) in ACCOUNTS.items():
            body = {"AccountType": kind, "AccountSubType": subtype, **self.currency()}
            self.accounts[what] = await self._list_object("Account", what, body)
        income = {"Type": "Service", "IncomeAccountRef": {"value": self.accounts["income"]}}
        self.item = await self._list_object("Item", ITEM, income)
        self.customer = await self.new_customer()

    async def new_customer(self) -> str:
        """A customer of this run, in the home currency.

        Raises:
            NotTried: QBO refuses it.
        """
        name = self.run.name("customer")
        answer = await self.wire.post("customer", {"DisplayName": name, "Notes": self.run.note, **self.currency()})
        return _id(answer, "Customer", "customer")

    def currency(self) -> dict[str, Any]:
        """The home currency, where the company has several."""
        code = self.preferences.home_currency.upper()
        return {"CurrencyRef": {"value": code}} if self.preferences.multicurrency else {}

    async def make(self, entity: str, body: Mapping[str, Any], **parameters: str) -> Answer:
        """Create a transaction with the run's marker."""
        return await self.wire.post(entity.lower(), self.marked(body), **parameters)

    async def made(self, entity: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """A transaction that other things are tried on.

        Raises:
            NotTried: QBO refuses it.
        """
        answer = await self.make(entity, body)
        _id(answer, entity, entity)
        return answer.record(entity)

    def marked(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """A body with marker, date and currency, unless it says otherwise."""
        return {"TxnDate": self.run.today.isoformat(), "PrivateNote": self.run.note, **self.currency(), **body}

    def invoice(self, *amounts: str, number: str = "") -> dict[str, Any]:
        """The body of an invoice with lines of these amounts (default one of 10)."""
        numbered = {"DocNumber": number} if number else {}
        lines = self.sales_lines(*(amounts or ("10.00",)))
        return {"CustomerRef": {"value": self.customer}, "Line": lines, **self.untaxed(), **numbered}

    def untaxed(self) -> dict[str, Any]:
        """What a form says that bears no tax, where lines do not say it (outside of the United States)."""
        return {} if self.preferences.in_united_states else {"GlobalTaxCalculation": "NotApplicable"}

    def sales_lines(self, *amounts: str) -> list[dict[str, Any]]:
        """Lines of a sales form, without tax."""
        untaxed = {"TaxCodeRef": {"value": "NON"}} if self.preferences.in_united_states else {}
        return [
            {
                "Amount": Decimal(amount),
                "DetailType": "SalesItemLineDetail",
                "SalesItemLineDetail": {"ItemRef": {"value": self.item}, **untaxed},
            }
            for amount in amounts
        ]

    def payment(self, amount: str, *linked: tuple[str, str, str]) -> dict[str, Any]:
        """The body of a payment; `linked` are type, id and amount of what it is applied to."""
        lines = [
            {"Amount": Decimal(part), "LinkedTxn": [{"TxnId": identifier, "TxnType": kind}]}
            for kind, identifier, part in linked
        ]
        return {
            "CustomerRef": {"value": self.customer},
            "TotalAmt": Decimal(amount),
            "DepositToAccountRef": {"value": self.accounts["clearing"]},
            "PaymentRefNum": self.run.number(),
            "Line": lines,
        }

    def deposit(self, *lines: tuple[str, str]) -> dict[str, Any]:
        """The body of a deposit into the bank; lines are account (by what it is for) and amount."""
        return {
            "DepositToAccountRef": {"value": self.accounts["bank"]},
            "Line": [
                {
                    "Amount": Decimal(amount),
                    "DetailType": "DepositLineDetail",
                    "DepositLineDetail": {"AccountRef": {"value": self.accounts[account]}},
                }
                for account, amount in lines
            ],
        }

    def journal_line(self, account_id: str, amount: str, *, customer: str = "") -> dict[str, Any]:
        """A line of a journal entry: a debit above zero, a credit below."""
        number = Decimal(amount)
        detail: dict[str, Any] = {
            "PostingType": "Debit" if number > 0 else "Credit",
            "AccountRef": {"value": account_id},
        }
        if customer:
            detail["Entity"] = {"Type": "Customer", "EntityRef": {"value": customer}}
        return {"Amount": abs(number), "DetailType": "JournalEntryLineDetail", "JournalEntryLineDetail": detail}

    async def remove(self, entity: str, record: Mapping[str, Any]) -> Answer:
        """Delete a transaction."""
        key = {"Id": record["Id"], "SyncToken": record["SyncToken"]}
        return await self.wire.post(entity.lower(), key, operation="delete")

    async def now(self, entity: str, record: Mapping[str, Any]) -> Mapping[str, Any]:
        """The record as it is now; empty if it is gone."""
        return (await self.wire.get(f"{entity.lower()}/{record['Id']}")).record(entity)

    async def count(self, entity: str, where: str) -> int:
        """How many objects fulfil a condition."""
        return len(await self.wire.all(entity, where))

    async def _list_object(self, entity: str, what: str, body: Mapping[str, Any]) -> str:
        """The id of our account or item: as it stands, woken up, or made."""
        name = f"{WORD} {what}"
        if found := await self.wire.all(entity, f"Name = '{name}'"):
            return str(found[0]["Id"])
        sleeping = await self.wire.all(entity, f"Name = '{name}{INACTIVE_SUFFIX}' AND Active IN (true, false)")
        for record in sleeping:
            key = {"Id": record["Id"], "SyncToken": record["SyncToken"], "sparse": True}
            if (await self.wire.post(entity.lower(), {**key, "Name": name, **_kind(record), "Active": True})).ok:
                return str(record["Id"])
        # A name that was not given back is still taken.
        own = f"{name} {self.run.id}" if sleeping else name
        return _id(await self.wire.post(entity.lower(), {"Name": own, **body}), entity, f"{entity} {what}")


def _kind(record: Mapping[str, Any]) -> dict[str, Any]:
    """What an update of an account has to name beside its name."""
    return {name: record[name] for name in ("AccountType", "Type", "IncomeAccountRef") if name in record}


def _id(answer: Answer, entity: str, what: str) -> str:
    if not answer.ok:
        raise NotTried(f"QBO refuses the {what} that it needs: {answer.outcome}")
    return str(answer.record(entity)["Id"])
