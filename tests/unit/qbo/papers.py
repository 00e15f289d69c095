"""One document of each kind, all in one story: a customer's invoices, credits, refunds, a dispute and a payout."""

from datetime import date
from decimal import Decimal

from tests.unit.qbo.test_payloads import CLEARING, CUSTOMER_KEY
from wescope.books.documents import (
    Application,
    CreditMemoBody,
    DepositBody,
    DepositLine,
    Document,
    Entity,
    InvoiceBody,
    JournalEntryBody,
    JournalLine,
    KeyDates,
    LineTax,
    PaymentBody,
    ReceiptBody,
    SalesLine,
)
from wescope.books.policy import AccountRole, ItemRole, NamedAccount, NamedItem, RoleAccount
from wescope.books.subjects import DocumentKey

BANK = RoleAccount(role=AccountRole.BANK, currency="usd")
FEES = RoleAccount(role=AccountRole.FEES, currency="usd")
DISPUTES = RoleAccount(role=AccountRole.DISPUTES, currency="usd")
RECEIVABLE = RoleAccount(role=AccountRole.RECEIVABLE, currency="usd")
EQUITY = NamedAccount(name="Opening Balance Equity")
HOURS = NamedItem(name="Hours")

DAY = KeyDates(txn=date(2026, 3, 21))
REFUNDED = SalesLine(item=ItemRole.SALES, amount=1000, description="1 Seat given back")

CREDIT_MEMO = Document(
    key=DocumentKey("cn_1:credit_memo"),
    entity=Entity.CREDIT_MEMO,
    currency="usd",
    amount=1000,
    body=CreditMemoBody(customer=CUSTOMER_KEY, lines=(REFUNDED,), doc_number="ACME-0001-CN-01"),
    dates=DAY,
    note="Stripe credit note cn_1",
)
SALES_RECEIPT = Document(
    key=DocumentKey("ch_5:sales_receipt"),
    entity=Entity.SALES_RECEIPT,
    currency="usd",
    amount=2500,
    body=ReceiptBody(
        customer=None,
        lines=(SalesLine(item=HOURS, amount=2500, description="Setup", service_date=date(2026, 3, 1)),),
        account=CLEARING,
        doc_number="ch-5",
        reference="5",
    ),
    dates=DAY,
    note="Stripe charge ch_5",
)
REFUND_RECEIPT = Document(
    key=DocumentKey("re_1:refund_receipt"),
    entity=Entity.REFUND_RECEIPT,
    currency="usd",
    amount=1000,
    body=ReceiptBody(customer=CUSTOMER_KEY, lines=(REFUNDED,), account=CLEARING, doc_number="re-1", reference="re-1"),
    dates=DAY,
    note="Stripe refund re_1",
)
JOURNAL_ENTRY = Document(
    key=DocumentKey("txn_7:journal_entry"),
    entity=Entity.JOURNAL_ENTRY,
    currency="usd",
    amount=1500,
    body=JournalEntryBody(
        lines=(
            JournalLine(account=DISPUTES, amount=1200, description="Dispute dp_1"),
            JournalLine(account=EQUITY, amount=300, description="Dispute dp_1"),
            JournalLine(account=CLEARING, amount=-1500, description="Dispute dp_1"),
        ),
        doc_number="txn-7",
    ),
    dates=DAY,
    note="Stripe balance transaction txn_7",
)
PAYMENT_REVERSAL = Document(
    key=DocumentKey("ch_9:reversal"),
    entity=Entity.JOURNAL_ENTRY,
    currency="usd",
    amount=3000,
    body=JournalEntryBody(
        lines=(
            JournalLine(account=RECEIVABLE, amount=3000, description="ch_9 failed", customer=CUSTOMER_KEY),
            JournalLine(account=CLEARING, amount=-3000, description="ch_9 failed"),
        ),
        doc_number="ch-9-R",
    ),
    dates=DAY,
)
DEPOSIT = Document(
    key=DocumentKey("po_1:deposit"),
    entity=Entity.DEPOSIT,
    currency="usd",
    amount=2850,
    body=DepositBody(
        bank=BANK,
        lines=(
            DepositLine(account=CLEARING, amount=4000, description="charge"),
            DepositLine(account=CLEARING, amount=-1000, description="refund"),
            DepositLine(account=FEES, amount=-150, description="Processing fees"),
        ),
    ),
    dates=DAY,
    note="Stripe payout po_1",
)
OPEN_INVOICE = Document(
    key=DocumentKey("in_2:invoice"),
    entity=Entity.INVOICE,
    currency="usd",
    amount=1800,
    body=InvoiceBody(
        customer=CUSTOMER_KEY,
        lines=(SalesLine(item=ItemRole.SALES, amount=1800, description="Seats"),),
        doc_number="ACME-0002",
    ),
    dates=DAY,
)
APPLICATION = Document(
    key=DocumentKey("cn_1:application"),
    entity=Entity.PAYMENT,
    currency="usd",
    amount=0,
    body=PaymentBody(
        customer=CUSTOMER_KEY,
        deposit_to=None,
        reference="cn-1",
        applications=(
            Application(document=OPEN_INVOICE.key, amount=1000),
            Application(document=CREDIT_MEMO.key, amount=1000, entity=Entity.CREDIT_MEMO),
        ),
    ),
    dates=DAY,
)
TAXED = Document(
    key=DocumentKey("in_3:invoice"),
    entity=Entity.INVOICE,
    currency="usd",
    amount=15488,
    body=InvoiceBody(
        customer=CUSTOMER_KEY,
        lines=(
            SalesLine(
                item=ItemRole.SALES,
                amount=10000,
                description="Taxed",
                taxes=(
                    LineTax(rate="txr_state", amount=625, percentage=Decimal("6.25")),
                    LineTax(rate="txr_city", amount=175, percentage=Decimal("1.75")),
                ),
            ),
            SalesLine(item=ItemRole.SALES, amount=4688, description="Exempt"),
            SalesLine(item=ItemRole.TAX, amount=625, description="State"),
            SalesLine(item=ItemRole.TAX, amount=175, description="City"),
        ),
        doc_number="ACME-0003",
    ),
    dates=DAY,
)
