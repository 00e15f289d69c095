"""What the product's queries filter by: properties of QBO's entities."""

from collections.abc import Mapping

QUERIED: Mapping[str, tuple[str, ...]] = {
    "Customer": ("Id", "DisplayName", "Active", "MetaData.CreateTime"),
    "Account": ("Id", "AccountType", "Active", "Name"),
    "Item": ("Active", "Name"),
    "Class": ("Active",),
    "TaxCode": (),
    "TaxRate": (),
    "Invoice": ("Id", "DocNumber", "CustomerRef", "TxnDate", "MetaData.CreateTime"),
    "CreditMemo": ("Id", "DocNumber", "CustomerRef", "TxnDate", "MetaData.CreateTime"),
    "SalesReceipt": ("Id", "DocNumber", "CustomerRef", "TxnDate", "MetaData.CreateTime"),
    "RefundReceipt": ("Id", "DocNumber", "CustomerRef", "TxnDate", "MetaData.CreateTime"),
    "Payment": ("Id", "PaymentRefNum", "CustomerRef", "TxnDate", "MetaData.CreateTime"),
    "JournalEntry": ("Id", "DocNumber", "TxnDate", "MetaData.CreateTime"),
    "Deposit": ("Id", "TxnDate", "MetaData.CreateTime"),
}
"""The properties that the product's queries filter by, by entity."""
