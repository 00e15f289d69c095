"""CompanyInfo and Preferences: one object each, made of the knobs (facts/qbo.md 4.7)."""

from collections.abc import Callable

from wescope.sandbox.qbo.books import Unit
from wescope.sandbox.qbo.knobs import Knobs
from wescope.sandbox.qbo.wire import Json

MADE = "2026-01-02T09:00:00-08:00"
ADDRESS = {
    "Id": "1",
    "Line1": "2500 Garcia Ave",
    "City": "Mountain View",
    "Country": "USA",
    "CountrySubDivisionCode": "CA",
    "PostalCode": "94043",
}


def tax_is_on(knobs: Knobs) -> bool:
    """Whether documents have tax: the US preference, or the registration elsewhere."""
    return knobs.using_sales_tax if knobs.country == "US" else knobs.registered_for_vat


def _head() -> Json:
    return {
        "domain": "QBO",
        "sparse": False,
        "Id": "1",
        "SyncToken": "4",
        "MetaData": {"CreateTime": MADE, "LastUpdatedTime": MADE},
    }


def company_info(unit: Unit) -> Json:
    """Returns CompanyInfo as an answer shows it; since October 2025 with ISO-3 country codes in addresses."""
    return {
        "CompanyName": "Sandbox Company US",
        "LegalName": "Sandbox Company US",
        "CompanyAddr": {**ADDRESS},
        "CustomerCommunicationAddr": {**ADDRESS},
        "LegalAddr": {**ADDRESS},
        "PrimaryPhone": {},
        "CompanyStartDate": "2026-01-02",
        "FiscalYearStartMonth": "January",
        "Country": unit.knobs.country,
        "Email": {"Address": "books@example.com"},
        "WebAddr": {},
        "SupportedLanguages": "fr" if unit.knobs.doc_number_language == "fr" else "en",
        "DefaultTimeZone": "America/Los_Angeles",
        "NameValue": [
            {"Name": "NeoEnabled", "Value": "true"},
            {"Name": "IndustryType", "Value": "Software"},
            {"Name": "CompanyType", "Value": "Other"},
            {"Name": "SubscriptionStatus", "Value": "PAID"},
            {"Name": "OfferingSku", "Value": "QuickBooks Online Plus"},
        ],
        **_head(),
    }


def preferences(unit: Unit) -> Json:
    """Returns Preferences as an answer shows them; BookCloseDate only if the books are closed."""
    knobs = unit.knobs
    accounting: Json = {
        "UseAccountNumbers": False,
        "TrackDepartments": knobs.department_tracking,
        "ClassTrackingPerTxn": knobs.class_tracking == "transaction",
        "ClassTrackingPerTxnLine": knobs.class_tracking == "line",
        "FirstMonthOfFiscalYear": "January",
        "TaxYearMonth": "January",
        "TaxForm": "6",
        "CustomerTerminology": "Customers",
    }
    if knobs.book_close_date:
        accounting["BookCloseDate"] = knobs.book_close_date
    tax: Json = {"UsingSalesTax": tax_is_on(knobs)}
    if knobs.automated_sales_tax:
        tax["PartnerTaxEnabled"] = True
    return {
        "AccountingInfoPrefs": accounting,
        "ProductAndServicesPrefs": {
            "ForSales": True,
            "ForPurchase": True,
            "QuantityWithPriceAndRate": True,
            "QuantityOnHand": False,
        },
        "SalesFormsPrefs": {
            "CustomField": [],
            "CustomTxnNumbers": knobs.custom_txn_numbers,
            "AllowDeposit": False,
            "AllowDiscount": knobs.allow_discount,
            "AllowEstimates": True,
            "AllowServiceDate": knobs.allow_service_date,
            "AllowShipping": knobs.allow_shipping,
            "AutoApplyCredit": knobs.auto_apply_credit,
            "AutoApplyPayments": knobs.auto_apply_payments,
            "EmailCopyToCompany": False,
            "ETransactionPaymentEnabled": False,
            "IPNSupportEnabled": False,
            "UsingPriceLevels": False,
        },
        "TaxPrefs": tax,
        "CurrencyPrefs": {
            "MultiCurrencyEnabled": knobs.multicurrency,
            "HomeCurrency": {"value": knobs.home_currency},
        },
        "ReportPrefs": {"ReportBasis": "Accrual", "CalcAgingReportFromTxnDate": False},
        "OtherPrefs": {
            "NameValue": [
                {
                    "Name": "WarnDuplicateJournalNumber",
                    "Value": "true" if knobs.warn_duplicate_journal_number else "false",
                },
            ],
        },
        **_head(),
    }


SINGLETONS: dict[str, Callable[[Unit], Json]] = {"CompanyInfo": company_info, "Preferences": preferences}
