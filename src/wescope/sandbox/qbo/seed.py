"""The company at the start: an Intuit US sandbox company, with or without what the product's default policy needs."""

from wescope.sandbox.qbo import documents
from wescope.sandbox.qbo.books import Books
from wescope.sandbox.qbo.entity import Request
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
