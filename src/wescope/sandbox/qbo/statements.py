"""The books as a tester reads them: trial balance, balances by account, receivables by customer, profit and loss."""

from wescope.sandbox.qbo.accounts import natural_balance, own_balance
from wescope.sandbox.qbo.books import Unit
from wescope.sandbox.qbo.company import Company
from wescope.sandbox.qbo.currencies import currency_of
from wescope.sandbox.qbo.storage import Record
from wescope.sandbox.qbo.wire import Json, amount

PROFIT_AND_LOSS = frozenset({"Revenue", "Expense"})


def ledger(company: Company) -> Json:
    """Writes the state of the books for a tester.

    Args:
        company: whose books.

    Returns:
        `trial_balance` (must be 0), `accounts` and `receivable` as lists, `balances` and `own_balances` by account,
        `profit_and_loss` by account name with `net_income`, `counts`, `voided` and `deleted` by entity. Amounts are in
        major units of the home currency with the sign of the account's class, trial balance debit positive; what is
        called `own` is in the account's or customer's currency.
    """
    unit = company.books.begin()
    books = company.books
    accounts = sorted(books.all("Account"), key=lambda one: int(one.id))
    receivable = [one.id for one in accounts if one.doc["AccountType"] == "Accounts Receivable"]
    owed = books.ledger.names(receivable)
    shown = [_account(unit, one) for one in accounts]
    profit = {one.doc["FullyQualifiedName"]: one for one in accounts if one.doc["Classification"] in PROFIT_AND_LOSS}
    net_income = -sum(books.ledger.account(one.id) for one in profit.values())
    return {
        "home_currency": unit.knobs.home_currency,
        "trial_balance": amount(books.ledger.trial_balance()),
        "accounts": shown,
        "balances": {one["name"]: one["balance"] for one in shown},
        "own_balances": {one["name"]: one["own_balance"] for one in shown},
        "receivable": [_debtor(unit, receivable, name_id, home) for name_id, home in _by_id(owed)],
        "receivable_total": amount(sum(owed.values())),
        "profit_and_loss": {name: amount(natural_balance(unit, one)) for name, one in profit.items()},
        "net_income": amount(net_income),
        "counts": {entity: sum(1 for _ in books.all(entity)) for entity in books.entities()},
        "voided": {entity: sum(1 for one in books.all(entity) if one.voided) for entity in books.entities()},
        "deleted": {entity: sum(1 for one in books.everything(entity) if one.deleted) for entity in books.entities()},
    }


def _account(unit: Unit, one: Record) -> Json:
    return {
        "id": one.id,
        "name": one.doc["FullyQualifiedName"],
        "type": one.doc["AccountType"],
        "balance": amount(natural_balance(unit, one)),
        "currency": currency_of(one),
        "own_balance": amount(own_balance(unit, one)),
    }


def _by_id(owed: dict[str, int]) -> list[tuple[str, int]]:
    return sorted(owed.items(), key=lambda pair: int(pair[0]))


def _debtor(unit: Unit, receivable: list[str], name_id: str, home: int) -> Json:
    found = unit.get("Customer", name_id)
    currency = currency_of(found) if found is not None else unit.knobs.home_currency
    is_home = currency == unit.knobs.home_currency
    own = home if is_home else unit.books.ledger.foreign_name(receivable, name_id)
    return {
        "customer_id": name_id,
        "name": found.doc["DisplayName"] if found is not None else "",
        "balance": amount(home),
        "currency": currency,
        "own_balance": amount(own),
    }
