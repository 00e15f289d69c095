"""Documents as a person types them in the browser or a bank feed adds them: names in place of ids, few fields."""

from collections.abc import Callable, Mapping
from typing import Any

from wescope.sandbox.qbo.books import Unit, name_key
from wescope.sandbox.qbo.company import Company, Outcome
from wescope.sandbox.qbo.registry import entity_of_path
from wescope.sandbox.qbo.storage import Record
from wescope.sandbox.qbo.wire import Json

Fields = Mapping[str, Any]

_COPIED = {
    "date": "TxnDate",
    "number": "DocNumber",
    "reference": "PaymentRefNum",
    "memo": "PrivateNote",
    "rate": "ExchangeRate",
}
_MONEY_TYPES = frozenset({"Bank"})


def enter(company: Company, kind: str, given: Fields) -> Outcome:
    """Enters a document by hand: no limits, closed books overridden.

    Args:
        company: whose books.
        kind: invoice, credit_memo, sales_receipt, refund_receipt, payment, deposit, transfer, journal_entry, or
            bank_feed (money in: a deposit; money out: a journal entry; to or from a bank account: a transfer).
        given: `customer`, `item`, `account`, `from`, `to`, `bank`, `category` are names or ids; `amount` or `lines`;
            `date`, `number`, `reference`, `memo`, `currency`, `rate`; `body` holds further fields of Intuit's.

    Returns:
        The outcome.

    Raises:
        ValueError: no such kind, or a name that is not in the books.
        KeyError: a field that the kind needs is missing.
    """
    if kind not in _KINDS:
        raise ValueError(f"no such kind: {kind}; there are {', '.join(sorted(_KINDS))}")
    unit = company.books.begin()
    entity, body = _KINDS[kind](unit, given)
    common: Json = {theirs: given[ours] for ours, theirs in _COPIED.items() if ours in given}
    if unit.knobs.multicurrency and entity != "Transfer":
        common["CurrencyRef"] = {"value": str(given.get("currency") or unit.knobs.home_currency)}
    return company.human(entity, "create", {**common, **body, **given.get("body", {})})


def entity_of(name: str) -> str:
    """Returns Intuit's name of an entity given in any case, with or without underscores.

    Args:
        name: for instance "journal_entry".

    Returns:
        For instance "JournalEntry".

    Raises:
        ValueError: there is none.
    """
    found = entity_of_path(name.replace("_", ""))
    if found is None:
        raise ValueError(f"no such entity: {name}")
    return found


def account(company: Company, given: Fields) -> Json:
    """Opens an account unless there is one of that name.

    Args:
        company: whose books.
        given: `name`, `type` (default Bank), `subtype`, `currency` (default home).

    Returns:
        {"status", "Account"}, or {"status", "Fault"}.
    """
    unit = company.books.begin()
    present = unit.find("Account", lambda one: name_key(one.doc["Name"]) == name_key(given["name"]))
    if present is not None:
        return {"status": 200, "Account": company.object("Account", present.id)}
    body: Json = {"Name": given["name"], "AccountType": given.get("type", "Bank")}
    if "subtype" in given:
        body["AccountSubType"] = given["subtype"]
    if "currency" in given:
        body["CurrencyRef"] = {"value": given["currency"]}
    outcome = company.human("Account", "create", body)
    return {"status": outcome.status, **outcome.body}


def _form(entity: str, *, moves_money: bool) -> Callable[[Unit, Fields], tuple[str, Json]]:
    def make(unit: Unit, given: Fields) -> tuple[str, Json]:
        lines = given.get("lines") or [{"item": given.get("item", "Services"), "amount": given["amount"]}]
        body: Json = {"Line": [_item_line(unit, line) for line in lines]}
        if "customer" in given:
            body["CustomerRef"] = _named(unit, "Customer", given["customer"])
        if moves_money:
            body["DepositToAccountRef"] = _named(unit, "Account", given.get("account", "Checking"))
        return entity, body

    return make


def _item_line(unit: Unit, line: Fields) -> Json:
    detail: Json = {"ItemRef": _named(unit, "Item", line.get("item", "Services"))}
    if "tax_code" in line:
        detail["TaxCodeRef"] = _named(unit, "TaxCode", line["tax_code"])
    return {
        "Amount": line["amount"],
        "DetailType": "SalesItemLineDetail",
        "SalesItemLineDetail": detail,
        **({"Description": line["description"]} if "description" in line else {}),
    }


def _payment(unit: Unit, given: Fields) -> tuple[str, Json]:
    applied = given.get("applies") or []
    if "invoice" in given:
        applied = [{"type": "Invoice", "id": given["invoice"], "amount": given["amount"]}, *applied]
    lines = [
        {"Amount": one["amount"], "LinkedTxn": [{"TxnId": str(one["id"]), "TxnType": one.get("type", "Invoice")}]}
        for one in applied
    ]
    owner = _named(unit, "Customer", given["customer"])
    body: Json = {"CustomerRef": owner, "TotalAmt": given["amount"], "Line": lines}
    if "account" in given:
        body["DepositToAccountRef"] = _named(unit, "Account", given["account"])
    return "Payment", body


def _deposit(unit: Unit, given: Fields) -> tuple[str, Json]:
    lines = given.get("lines") or [{"account": given["category"], "amount": given["amount"], **_note(given)}]
    shown = [
        {
            "Amount": line["amount"],
            "DetailType": "DepositLineDetail",
            "DepositLineDetail": {"AccountRef": _named(unit, "Account", line["account"])},
            **_note(line),
        }
        for line in lines
    ]
    return "Deposit", {"DepositToAccountRef": _named(unit, "Account", given.get("bank", "Checking")), "Line": shown}


def _note(line: Fields) -> Json:
    return {"Description": line["description"]} if "description" in line else {}


def _transfer(unit: Unit, given: Fields) -> tuple[str, Json]:
    ends = {"FromAccountRef": given["from"], "ToAccountRef": given["to"]}
    return "Transfer", {
        "Amount": given["amount"],
        **{side: _named(unit, "Account", name) for side, name in ends.items()},
    }


def _journal_entry(unit: Unit, given: Fields) -> tuple[str, Json]:
    """`lines`: {"account", "debit" or "credit", "customer", "description"}."""
    return "JournalEntry", {"Line": [_journal_line(unit, line) for line in given["lines"]]}


def _journal_line(unit: Unit, line: Fields) -> Json:
    side = "debit" if "debit" in line else "credit"
    detail: Json = {"PostingType": side.capitalize(), "AccountRef": _named(unit, "Account", line["account"])}
    if "customer" in line:
        detail["Entity"] = {"Type": "Customer", "EntityRef": _named(unit, "Customer", line["customer"])}
    return {
        "Amount": line[side],
        "DetailType": "JournalEntryLineDetail",
        "JournalEntryLineDetail": detail,
        **_note(line),
    }


def _bank_feed(unit: Unit, given: Fields) -> tuple[str, Json]:
    """What a bank line becomes: a deposit for money in, a journal entry for money out, a transfer between banks."""
    category = _record(unit, "Account", given["category"])
    bank, size = given.get("bank", "Checking"), given["amount"]
    if category.doc["AccountType"] in _MONEY_TYPES:
        ends = (category.id, bank) if size > 0 else (bank, category.id)
        return _transfer(unit, {"from": ends[0], "to": ends[1], "amount": abs(size)})
    if size > 0:
        return _deposit(unit, given)
    lines = [{"account": category.id, "debit": -size, **_note(given)}, {"account": bank, "credit": -size}]
    return _journal_entry(unit, {"lines": lines})


def _record(unit: Unit, entity: str, given: Any) -> Record:
    """Finds a list element by id or by name."""
    text = str(given)
    found = unit.get(entity, text)
    if found is not None and not found.deleted:
        return found
    key = name_key(text)
    named = unit.find(entity, lambda one: name_key(str(one.doc.get("DisplayName") or one.doc.get("Name"))) == key)
    if named is None:
        raise ValueError(f"the books have no {entity} named {text}")
    return named


def _named(unit: Unit, entity: str, given: Any) -> Json:
    return {"value": _record(unit, entity, given).id}


_KINDS: Mapping[str, Callable[[Unit, Fields], tuple[str, Json]]] = {
    "invoice": _form("Invoice", moves_money=False),
    "credit_memo": _form("CreditMemo", moves_money=False),
    "sales_receipt": _form("SalesReceipt", moves_money=True),
    "refund_receipt": _form("RefundReceipt", moves_money=True),
    "payment": _payment,
    "deposit": _deposit,
    "transfer": _transfer,
    "journal_entry": _journal_entry,
    "bank_feed": _bank_feed,
}
