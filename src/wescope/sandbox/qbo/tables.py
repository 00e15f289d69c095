"""Property tables of the supported entities: the names, lengths and words that a request may use (facts/qbo.md 4)."""

from wescope.sandbox.qbo.shapes import (
    ANY,
    BOOLEAN,
    DATE,
    DECIMAL,
    ID,
    INTEGER,
    Property,
    Shape,
    many,
    obj,
    string,
    word,
)

REFERENCE = Shape(type_name="ReferenceType", properties={"value": string(), "name": string(), "type": string()})
META_DATA = Shape(
    type_name="ModificationMetaData",
    properties={
        "CreateTime": string(),
        "LastUpdatedTime": string(),
        "LastModifiedByRef": obj(REFERENCE),
        "CreatedByRef": obj(REFERENCE),
    },
)
CUSTOM_FIELD = Shape(
    type_name="CustomField",
    properties={
        "DefinitionId": string(),
        "Name": string(),
        "Type": word("StringType", "BooleanType", "NumberType", "DateType"),
        "StringValue": string(31),
        "BooleanValue": BOOLEAN,
        "DateValue": DATE,
        "NumberValue": DECIMAL,
    },
)
ADDRESS = Shape(
    type_name="PhysicalAddress",
    properties={
        "Id": string(),
        **{f"Line{number}": string(500) for number in range(1, 6)},
        "City": string(255),
        "Country": string(255),
        "CountrySubDivisionCode": string(255),
        "PostalCode": string(30),
        "Lat": string(),
        "Long": string(),
        "Note": string(),
    },
)
EMAIL = Shape(type_name="EmailAddress", properties={"Address": string(100)})
PHONE = Shape(type_name="TelephoneNumber", properties={"FreeFormNumber": string(30)})
WEB_SITE = Shape(type_name="WebSiteAddress", properties={"URI": string(1000)})
MEMO = Shape(type_name="MemoRef", properties={"value": string(1000, "Customer Memo")})

REF = obj(REFERENCE)

COMMON: dict[str, Property] = {
    "Id": ID,
    "SyncToken": string(),
    "MetaData": obj(META_DATA),
    "domain": string(),
    "sparse": BOOLEAN,
    "status": string(),
}

PERSON: dict[str, Property] = {
    "DisplayName": string(500),
    "Title": string(16),
    "GivenName": string(100),
    "MiddleName": string(100),
    "FamilyName": string(100),
    "Suffix": string(16),
    "CompanyName": string(100),
    "PrintOnCheckName": string(110),
    "Active": BOOLEAN,
    "PrimaryPhone": obj(PHONE),
    "AlternatePhone": obj(PHONE),
    "Mobile": obj(PHONE),
    "Fax": obj(PHONE),
    "PrimaryEmailAddr": obj(EMAIL),
    "WebAddr": obj(WEB_SITE),
    "BillAddr": obj(ADDRESS),
    "Balance": DECIMAL,
    "AcctNum": string(100),
    "CurrencyRef": REF,
}

CUSTOMER = Shape(
    type_name="Customer",
    properties={
        **COMMON,
        **PERSON,
        "ShipAddr": obj(ADDRESS),
        "FullyQualifiedName": string(),
        "DefaultTaxCodeRef": REF,
        "Taxable": BOOLEAN,
        "Notes": string(2000),
        "Job": BOOLEAN,
        "BillWithParent": BOOLEAN,
        "ParentRef": REF,
        "Level": INTEGER,
        "CustomerTypeRef": REF,
        "SalesTermRef": REF,
        "PaymentMethodRef": REF,
        "OpenBalanceDate": DATE,
        "BalanceWithJobs": DECIMAL,
        "PreferredDeliveryMethod": word("Print", "Email", "None"),
        "ResaleNum": string(16),
        "ARAccountRef": REF,
        "PrimaryTaxIdentifier": string(),
        "SecondaryTaxIdentifier": string(),
        "TaxExemptionReasonId": string(),
        "IsProject": BOOLEAN,
        "BusinessNumber": string(10),
        "GSTIN": string(15),
        "GSTRegistrationType": string(15),
        "Source": string(),
    },
)
VENDOR = Shape(
    type_name="Vendor",
    properties={
        **COMMON,
        **PERSON,
        "Vendor1099": BOOLEAN,
        "TermRef": REF,
        "TaxIdentifier": string(20),
    },
)
EMPLOYEE = Shape(
    type_name="Employee",
    properties={
        **COMMON,
        **{name: PERSON[name] for name in ("DisplayName", "GivenName", "MiddleName", "FamilyName", "PrintOnCheckName")},
        **{name: PERSON[name] for name in ("Active", "PrimaryPhone", "PrimaryEmailAddr")},
        "BillableTime": BOOLEAN,
        "BirthDate": DATE,
        "HiredDate": DATE,
    },
)
ACCOUNT_TYPES = (
    "Bank",
    "Accounts Receivable",
    "Other Current Asset",
    "Fixed Asset",
    "Other Asset",
    "Accounts Payable",
    "Credit Card",
    "Other Current Liability",
    "Long Term Liability",
    "Equity",
    "Income",
    "Cost of Goods Sold",
    "Expense",
    "Other Income",
    "Other Expense",
)
ACCOUNT = Shape(
    type_name="Account",
    properties={
        **COMMON,
        "Name": string(100),
        "SubAccount": BOOLEAN,
        "ParentRef": REF,
        "Description": string(100),
        "FullyQualifiedName": string(),
        "AccountAlias": string(),
        "TxnLocationType": string(),
        "Active": BOOLEAN,
        "Classification": word("Asset", "Equity", "Expense", "Liability", "Revenue"),
        "AccountType": word(*ACCOUNT_TYPES),
        "AccountSubType": string(),
        "AcctNum": string(7),
        "CurrentBalance": DECIMAL,
        "CurrentBalanceWithSubAccounts": DECIMAL,
        "CurrencyRef": REF,
        "TaxCodeRef": REF,
    },
)
ITEM = Shape(
    type_name="Item",
    properties={
        **COMMON,
        "Name": string(100),
        "Sku": string(100),
        "Description": string(4000),
        "Active": BOOLEAN,
        "SubItem": BOOLEAN,
        "ParentRef": REF,
        "Level": INTEGER,
        "FullyQualifiedName": string(),
        "Taxable": BOOLEAN,
        "SalesTaxIncluded": BOOLEAN,
        "UnitPrice": DECIMAL,
        "Type": word("Service", "NonInventory", "Inventory", "Category", "Group"),
        "IncomeAccountRef": REF,
        "PurchaseDesc": string(1000),
        "PurchaseTaxIncluded": BOOLEAN,
        "PurchaseCost": DECIMAL,
        "ExpenseAccountRef": REF,
        "AssetAccountRef": REF,
        "TrackQtyOnHand": BOOLEAN,
        "QtyOnHand": DECIMAL,
        "InvStartDate": DATE,
        "SalesTaxCodeRef": REF,
        "PurchaseTaxCodeRef": REF,
        "TaxClassificationRef": REF,
        "ClassRef": REF,
        "Source": string(),
    },
)

LINKED = Shape(type_name="LinkedTxn", properties={"TxnId": ID, "TxnType": string(), "TxnLineId": string()})
SALES_ITEM_DETAIL = Shape(
    type_name="SalesItemLineDetail",
    properties={
        "ItemRef": REF,
        "ClassRef": REF,
        "UnitPrice": DECIMAL,
        "Qty": DECIMAL,
        "ItemAccountRef": REF,
        "TaxCodeRef": REF,
        "TaxClassificationRef": REF,
        "ServiceDate": DATE,
        "TaxInclusiveAmt": DECIMAL,
        "DiscountRate": DECIMAL,
        "DiscountAmt": DECIMAL,
    },
)
DISCOUNT_DETAIL = Shape(
    type_name="DiscountLineDetail",
    properties={
        "PercentBased": BOOLEAN,
        "DiscountPercent": DECIMAL,
        "DiscountAccountRef": REF,
        "ClassRef": REF,
        "TaxCodeRef": REF,
    },
)
SUBTOTAL_DETAIL = Shape(type_name="SubTotalLineDetail", properties={"ItemRef": REF, "ServiceDate": DATE})
DESCRIPTION_DETAIL = Shape(type_name="DescriptionLineDetail", properties={"ServiceDate": DATE, "TaxCodeRef": REF})
JOURNAL_ENTITY = Shape(
    type_name="EntityTypeRef", properties={"Type": word("Customer", "Vendor", "Employee"), "EntityRef": REF}
)
JOURNAL_DETAIL = Shape(
    type_name="JournalEntryLineDetail",
    properties={
        "PostingType": word("Debit", "Credit"),
        "AccountRef": REF,
        "Entity": obj(JOURNAL_ENTITY),
        "ClassRef": REF,
        "DepartmentRef": REF,
        "TaxCodeRef": REF,
        "BillableStatus": string(),
    },
)
DEPOSIT_DETAIL = Shape(
    type_name="DepositLineDetail",
    properties={
        "Entity": REF,
        "ClassRef": REF,
        "AccountRef": REF,
        "PaymentMethodRef": REF,
        "CheckNum": string(21),
        "TxnType": string(),
        "TaxCodeRef": REF,
    },
)
TAX_DETAIL = Shape(
    type_name="TaxLineDetail",
    properties={
        "TaxRateRef": REF,
        "PercentBased": BOOLEAN,
        "TaxPercent": DECIMAL,
        "NetAmountTaxable": DECIMAL,
        "TaxInclusiveAmount": DECIMAL,
        "OverrideDeltaAmount": DECIMAL,
    },
)
LINE_EX = ANY
LINE = Shape(
    type_name="Line",
    properties={
        "Id": string(),
        "LineNum": INTEGER,
        "Description": string(4000),
        "Amount": DECIMAL,
        "LinkedTxn": many(LINKED),
        "DetailType": word(
            "SalesItemLineDetail",
            "DiscountLineDetail",
            "SubTotalLineDetail",
            "DescriptionOnly",
            "GroupLineDetail",
            "JournalEntryLineDetail",
            "DepositLineDetail",
            "TaxLineDetail",
        ),
        "SalesItemLineDetail": obj(SALES_ITEM_DETAIL),
        "DiscountLineDetail": obj(DISCOUNT_DETAIL),
        "SubTotalLineDetail": obj(SUBTOTAL_DETAIL),
        "DescriptionLineDetail": obj(DESCRIPTION_DETAIL),
        "GroupLineDetail": ANY,
        "JournalEntryLineDetail": obj(JOURNAL_DETAIL),
        "DepositLineDetail": obj(DEPOSIT_DETAIL),
        "TaxLineDetail": obj(TAX_DETAIL),
        "CustomField": many(CUSTOM_FIELD),
        "LineEx": LINE_EX,
    },
)
TAX = Shape(
    type_name="TxnTaxDetail",
    properties={"TxnTaxCodeRef": REF, "TotalTax": DECIMAL, "TaxLine": many(LINE)},
)
CASH_BACK = Shape(type_name="CashBackInfo", properties={"AccountRef": REF, "Amount": DECIMAL, "Memo": string(4000)})

TRANSACTION: dict[str, Property] = {
    **COMMON,
    "CustomField": many(CUSTOM_FIELD),
    "DocNumber": string(21),
    "TxnDate": DATE,
    "DepartmentRef": REF,
    "CurrencyRef": REF,
    "ExchangeRate": DECIMAL,
    "PrivateNote": string(4000),
    "TxnStatus": string(),
    "LinkedTxn": many(LINKED),
    "Line": many(LINE),
    "TxnTaxDetail": obj(TAX),
    "TxnSource": string(),
    "TransactionLocationType": string(),
    "RecurDataRef": REF,
    "ProjectRef": REF,
    "TotalAmt": DECIMAL,
    "HomeTotalAmt": DECIMAL,
    "GlobalTaxCalculation": word("TaxInclusive", "TaxExcluded", "NotApplicable"),
}

SALES_FORM: dict[str, Property] = {
    **TRANSACTION,
    "CustomerRef": REF,
    "CustomerMemo": obj(MEMO),
    "BillAddr": obj(ADDRESS),
    "ShipAddr": obj(ADDRESS),
    "ShipFromAddr": obj(ADDRESS),
    "FreeFormAddress": BOOLEAN,
    "ClassRef": REF,
    "SalesTermRef": REF,
    "ShipMethodRef": REF,
    "ShipDate": DATE,
    "TrackingNum": string(),
    "ApplyTaxAfterDiscount": BOOLEAN,
    "PrintStatus": word("NotSet", "NeedToPrint", "PrintComplete"),
    "EmailStatus": word("NotSet", "NeedToSend", "EmailSent"),
    "BillEmail": obj(EMAIL),
    "BillEmailCc": obj(EMAIL),
    "BillEmailBcc": obj(EMAIL),
    "Balance": DECIMAL,
    "HomeBalance": DECIMAL,
    "TaxExemptionRef": REF,
}

INVOICE = Shape(
    type_name="Invoice",
    properties={
        **SALES_FORM,
        "DueDate": DATE,
        "Deposit": DECIMAL,
        "DepositToAccountRef": REF,
        "AllowIPNPayment": BOOLEAN,
        "AllowOnlinePayment": BOOLEAN,
        "AllowOnlineCreditCardPayment": BOOLEAN,
        "AllowOnlineACHPayment": BOOLEAN,
        "DeliveryInfo": ANY,
        "InvoiceLink": string(),
        "EInvoiceStatus": string(),
    },
)
CREDIT_MEMO = Shape(
    type_name="CreditMemo",
    properties={**SALES_FORM, "PaymentMethodRef": REF, "RemainingCredit": DECIMAL, "InvoiceRef": REF},
)
RECEIPT: dict[str, Property] = {
    **SALES_FORM,
    "PaymentMethodRef": REF,
    "DepositToAccountRef": REF,
    "PaymentType": word("Cash", "Check", "CreditCard", "Other"),
}
SALES_RECEIPT = Shape(
    type_name="SalesReceipt", properties={**RECEIPT, "PaymentRefNum": string(21), "DeliveryInfo": ANY}
)
REFUND_RECEIPT = Shape(type_name="RefundReceipt", properties={**RECEIPT, "PaymentRefNum": string(100)})
PAYMENT = Shape(
    type_name="Payment",
    properties={
        **{name: known for name, known in TRANSACTION.items() if name not in {"HomeTotalAmt", "GlobalTaxCalculation"}},
        "CustomerRef": REF,
        "ARAccountRef": REF,
        "DepositToAccountRef": REF,
        "PaymentMethodRef": REF,
        "PaymentRefNum": string(),
        "UnappliedAmt": DECIMAL,
        "ProcessPayment": BOOLEAN,
        "CreditCardPayment": ANY,
    },
)
DEPOSIT = Shape(
    type_name="Deposit",
    properties={**TRANSACTION, "DepositToAccountRef": REF, "CashBack": obj(CASH_BACK)},
)
JOURNAL_ENTRY = Shape(type_name="JournalEntry", properties={**TRANSACTION, "Adjustment": BOOLEAN})
CLASS = Shape(
    type_name="Class",
    properties={
        **COMMON,
        "Name": string(100),
        "ParentRef": REF,
        "SubClass": BOOLEAN,
        "FullyQualifiedName": string(),
        "Active": BOOLEAN,
    },
)
DEPARTMENT = Shape(
    type_name="Department",
    properties={
        **COMMON,
        "Name": string(100),
        "ParentRef": REF,
        "SubDepartment": BOOLEAN,
        "FullyQualifiedName": string(),
        "Active": BOOLEAN,
    },
)
TAX_CODE = Shape(
    type_name="TaxCode",
    properties={
        **COMMON,
        "Name": string(100),
        "Description": string(100),
        "Active": BOOLEAN,
        "Taxable": BOOLEAN,
        "TaxGroup": BOOLEAN,
        "Hidden": BOOLEAN,
        "SalesTaxRateList": ANY,
        "PurchaseTaxRateList": ANY,
        "TaxCodeConfigType": string(),
    },
)
TAX_RATE = Shape(
    type_name="TaxRate",
    properties={
        **COMMON,
        "Name": string(100),
        "Description": string(100),
        "Active": BOOLEAN,
        "RateValue": DECIMAL,
        "AgencyRef": REF,
        "TaxReturnLineRef": REF,
        "SpecialTaxType": string(),
        "DisplayType": string(),
        "EffectiveTaxRate": ANY,
    },
)
TAX_SERVICE_RATE = Shape(
    type_name="TaxRateDetails",
    properties={
        "TaxRateName": string(),
        "TaxRateId": string(),
        "RateValue": ANY,
        "TaxAgencyId": string(),
        "TaxApplicableOn": word("Sales", "Purchase"),
    },
)
TAX_SERVICE = Shape(
    type_name="TaxService",
    properties={"TaxCode": string(100), "TaxCodeId": string(), "TaxRateDetails": many(TAX_SERVICE_RATE)},
)
TRANSFER = Shape(
    type_name="Transfer",
    properties={
        **COMMON,
        "TxnDate": DATE,
        "PrivateNote": string(4000),
        "FromAccountRef": REF,
        "ToAccountRef": REF,
        "Amount": DECIMAL,
        "CurrencyRef": REF,
    },
)
