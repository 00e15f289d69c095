"""The company at the start: an Intuit sandbox company, with or without what the product's default policy needs."""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

from wescope.sandbox.qbo import documents
from wescope.sandbox.qbo.books import Books, Unit
from wescope.sandbox.qbo.entity import Request
from wescope.sandbox.qbo.tax_lists import put_code, put_rate
from wescope.sandbox.qbo.wire import Json

PLAIN_ACCOUNTS = (
    ("Accounts Receivable (A/R)", "Accounts Receivable", "AccountsReceivable"),
    ("Accounts Payable (A/P)", "Accounts Payable", "AccountsPayable"),
    ("Checking", "Bank", "Checking"),
    ("Savings", "Bank", "Savings"),
    ("Undeposited Funds", "Other Current Asset", "UndepositedFunds"),
    ("Sales of Product Income", "Income", "SalesOfProductIncome"),
    ("Services", "Income", "ServiceFeeIncome"),
    ("Discounts given", "Income", "DiscountsRefundsGiven"),
    ("Shipping Income", "Income", "OtherPrimaryIncome"),
    ("Sales Tax Payable", "Other Current Liability", "SalesTaxPayable"),
    ("Bank Charges", "Expense", "BankCharges"),
    ("Miscellaneous", "Expense", "OtherMiscellaneousServiceCost"),
    ("Opening Balance Equity", "Equity", "OpeningBalanceEquity"),
    ("Retained Earnings", "Equity", "RetainedEarnings"),
)
STRIPE_ACCOUNTS = (
    ("Stripe Clearing", "Other Current Asset", "OtherCurrentAssets"),
    ("Stripe Out of Band", "Other Current Asset", "OtherCurrentAssets"),
    ("Stripe Review", "Other Current Asset", "OtherCurrentAssets"),
    ("Stripe Fees", "Expense", "BankCharges"),
    ("Stripe Fee Tax", "Expense", "BankCharges"),
    ("Stripe Disputes", "Expense", "BankCharges"),
    ("Bad Debts", "Expense", "BadDebts"),
    ("Stripe Refunds", "Income", "DiscountsRefundsGiven"),
    ("Customer Balance", "Other Current Liability", "OtherCurrentLiabilities"),
)
FOREIGN_CURRENCIES = ("EUR", "GBP", "JPY", "USD")
FOREIGN_ACCOUNTS = (
    ("Stripe Clearing", "Other Current Asset", "OtherCurrentAssets"),
    ("Checking", "Bank", "Checking"),
)
TAX_CODES: dict[str, tuple[tuple[str, tuple[tuple[str, str], ...]], ...]] = {
    "US": (
        ("Out of State", (("Out of State", "0"),)),
        ("California", (("California", "8"),)),
        ("Tucson", (("AZ State tax", "7.1"), ("Tucson City", "2"))),
    ),
    "GB": (
        ("20.0% S", (("20.0% S", "20"),)),
        ("5.0% R", (("5.0% R", "5"),)),
        ("0.0% Z", (("0.0% Z", "0"),)),
        ("Exempt", (("Exempt", "0"),)),
        ("No VAT", (("No VAT", "0"),)),
    ),
}
PLAIN_ITEMS = (("Services", "Services"), ("Hours", "Services"))
STRIPE_ITEMS = (
    ("Stripe Sales", "Sales of Product Income"),
    ("Stripe Refunds", "Stripe Refunds"),
    ("Stripe Bad Debt", "Bad Debts"),
    ("Stripe Discount", "Discounts given"),
    ("Stripe Shipping", "Shipping Income"),
    ("Stripe Tax", "Sales Tax Payable"),
    ("Stripe Customer Balance", "Customer Balance"),
)
BIRD_SANCTUARY_ADDRESS: Json = {
    "Id": "2",
    "Line1": "4581 Finch St.",
    "City": "Bayshore",
    "CountrySubDivisionCode": "CA",
    "PostalCode": "94326",
}
CUSTOMERS: tuple[Json, ...] = (
    {
        "DisplayName": "Amy's Bird Sanctuary",
        "GivenName": "Amy",
        "FamilyName": "Lauterbach",
        "CompanyName": "Amy's Bird Sanctuary",
        "PrimaryPhone": {"FreeFormNumber": "(650) 555-3311"},
        "PrimaryEmailAddr": {"Address": "birds@example.com"},
        "BillAddr": BIRD_SANCTUARY_ADDRESS,
        "ShipAddr": BIRD_SANCTUARY_ADDRESS,
    },
    {"DisplayName": "Cool Cars", "CompanyName": "Cool Cars", "PrimaryEmailAddr": {"Address": "cars@example.com"}},
    {"DisplayName": "Weiskopf Consulting", "GivenName": "Nicola", "FamilyName": "Weiskopf"},
    {"DisplayName": "Red Rock Diner"},
    {"DisplayName": "Dylan Sollfrank", "GivenName": "Dylan", "FamilyName": "Sollfrank"},
)
VENDORS: tuple[Json, ...] = ({"DisplayName": "Robertson & Associates"}, {"DisplayName": "Bob's Burger Joint"})
EMPLOYEES: tuple[Json, ...] = (
    {"GivenName": "John", "FamilyName": "Johnson"},
    {"GivenName": "Emily", "FamilyName": "Platt"},
)


def seed(books: Books, *, bare: bool) -> None:
    """Fills empty books by way of the ordinary rules, in one commit.

    Args:
        books: empty books.
        bare: leave out the Stripe accounts and items, as in a company that never heard of Stripe.
    """
    unit = books.begin()
    human = Request(human=True)
    account_ids: dict[str, str] = {}
    for name, account_type, subtype in PLAIN_ACCOUNTS + (() if bare else STRIPE_ACCOUNTS):
        body: Json = {"Name": name, "AccountType": account_type, "AccountSubType": subtype}
        account_ids[name] = documents.write(unit, "Account", body, human).id
    for name, account_name in PLAIN_ITEMS + (() if bare else STRIPE_ITEMS):
        body = {"Name": name, "Type": "Service", "IncomeAccountRef": {"value": account_ids[account_name]}}
        documents.write(unit, "Item", body, human)
    for entity, bodies in (("Customer", CUSTOMERS), ("Vendor", VENDORS), ("Employee", EMPLOYEES)):
        for body in bodies:
            documents.write(unit, entity, body, human)
    unit.commit()
    complete(books, bare=bare)


def complete(books: Books, *, bare: bool) -> None:
    """Adds what the company's country and currencies ask for and what is not there yet; safe to repeat.

    Args:
        books: seeded books, with the knobs as they stand.
        bare: leave out the Stripe accounts.
    """
    unit = books.begin()
    _tax_codes(unit)
    if unit.knobs.multicurrency and not bare:
        for body in _foreign_accounts(unit):
            documents.write(unit, "Account", body, Request(human=True))
    unit.commit()


def _foreign_accounts(unit: Unit) -> Iterator[Json]:
    known = {one.doc["Name"] for one in unit.all("Account")}
    for code in FOREIGN_CURRENCIES:
        for name, account_type, subtype in FOREIGN_ACCOUNTS:
            if code != unit.knobs.home_currency and f"{name} {code}" not in known:
                body: Json = {"Name": f"{name} {code}", "AccountType": account_type, "AccountSubType": subtype}
                yield {**body, "CurrencyRef": {"value": code}}


def _tax_codes(unit: Unit) -> None:
    """Seeds the country's tax codes; those of another country go when a knob moves the company."""
    country = unit.knobs.country
    wanted = TAX_CODES.get(country, ())
    present = list(unit.all("TaxCode"))
    if not wanted or any(one.doc["Name"] == wanted[0][0] for one in present):
        return
    for gone in (*present, *unit.all("TaxRate")):
        unit.put(replace(gone, deleted=True, changed_at_ms=unit.now_ms))
    if country == "US":
        for code_id in ("TAX", "NON"):
            put_code(unit, code_id, (), code_id=code_id)
    for name, rates in wanted:
        sold = [put_rate(unit, rate, Decimal(percent)) for rate, percent in rates]
        bought = [] if country == "US" else [put_rate(unit, f"{rate} (Purchases)", Decimal(p)) for rate, p in rates]
        put_code(unit, name, sold, bought)
