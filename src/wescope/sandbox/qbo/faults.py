"""The fault bodies of QuickBooks Online, one constructor per code, texts as recorded (facts/qbo.md 2.4)."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

BUSINESS_MESSAGE = "A business validation error has occurred while processing your request"
INACTIVE = (
    "Something you're trying to use has been made inactive. "
    "Check the fields with accounts, customers, items, vendors or employees."
)
TRANSIENT_SAVE = (
    "An unexpected error occurred while accessing or saving your data. "
    "Please wait a few minutes and try again. If the problem persists, contact customer support."
)
TRANSIENT_NAMES = "You can only add or edit one name at a time. Please try again."
WRONG_CURRENCY = "The currency of the transaction is invalid for customer/vendor/account."
TWO_FOREIGN = "You can only use one foreign currency per transaction."
NEGATIVE_TOTAL = "Enter a transaction amount that is 0 or greater."
KNOWN_PROPERTIES_SHOWN = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultEntry:
    """One entry of a fault: what QBO calls an Error. `element` is None where recordings have no such key."""

    code: str
    message: str
    detail: str
    element: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Returns the entry with Intuit's own keys."""
        body = {"Message": self.message, "Detail": self.detail, "code": self.code}
        if self.element is not None:
            body["element"] = self.element
        return body


class QboFault(Exception):
    """A refused request: HTTP status, kind of fault and its entries."""

    def __init__(self, *entries: FaultEntry, status: int = 400, kind: str = "ValidationFault") -> None:
        super().__init__("; ".join(f"{entry.code} {entry.detail}" for entry in entries))
        self.entries = entries
        self.status = status
        self.kind = kind

    @property
    def code(self) -> str:
        """The code of the first entry, for instance "5010"."""
        return self.entries[0].code

    def as_json(self) -> dict[str, Any]:
        """Returns the value of the body's "Fault" member."""
        return {"Error": [entry.as_json() for entry in self.entries], "type": self.kind}


def _fault(code: str, message: str, detail: str, element: str | None = "", **other: Any) -> QboFault:
    return QboFault(FaultEntry(code=code, message=message, detail=detail, element=element), **other)


def unsupported_operation(detail: str) -> QboFault:
    """500: a wrong address or an operation that the entity has not."""
    return _fault("500", "Unsupported Operation", f"Operation {detail} is not supported.", None)


def no_resource(realm_id: str, path: str) -> QboFault:
    """500 as recorded for an address that leads nowhere (recordings/error__500.json)."""
    relative = f"/v3/company/{realm_id}/{path}"
    return unsupported_operation(
        f"Could not find resource for relative : {relative} of full path: https://qbo.sandbox.invalid/qbo50{relative}"
    )


def duplicate_request_id() -> QboFault:
    """600: the request id was used before and no replay is given."""
    return _fault("600", "Duplicate Request ID", "The request ID you're trying to use already exists", None)


def not_found() -> QboFault:
    """610 for an id that never was or is inactive (recordings/batch__basic.json)."""
    return _fault("610", "Object Not Found", f"Object Not Found : {INACTIVE}")


def deleted() -> QboFault:
    """610 for a transaction that was deleted."""
    return _fault("610", "Object Not Found", "Object Not Found : Another user has deleted this transaction.")


def not_linkable(detail: str) -> QboFault:
    """620: a transaction of a kind that cannot be linked here."""
    return _fault("620", "Transaction Cannot Be Linked", f"Transaction cannot be linked : {detail}")


def batch_too_large(limit: int) -> QboFault:
    """1040: more items in a batch than allowed."""
    return _fault(
        "1040", "Batch size exceeds the allowed limit", f"Batch size exceeds the allowed limit. Max allowed: {limit}"
    )


def invalid_content_type(supplied: str) -> QboFault:
    """1050: a body of another kind than the address takes."""
    return _fault("1050", "Invalid content type", f"Invalid content type : {supplied or 'none'}", None)


def unknown_entity(name: str) -> QboFault:
    """2000: an object name that is not known."""
    return _fault("2000", "Invalid or unsupported object name", f"Object {name} is not supported", None)


def unknown_property(name: str, type_name: str, known: Sequence[str]) -> QboFault:
    """2010 as recorded (recordings/error__400_json.json), the known names cut as the service cuts them."""
    shown = ", ".join(f'"{one}"' for one in known[:KNOWN_PROPERTIES_SHOWN])
    tail = " [truncated]])" if len(known) > KNOWN_PROPERTIES_SHOWN else "])"
    return invalid_property(
        f'Unrecognized field "{name}" (class com.intuit.schema.finance.v3.{type_name}), '
        f"not marked as ignorable ({len(known)} known properties: {shown}{tail}\n"
    )


def invalid_property(detail: str) -> QboFault:
    """2010: a body that cannot be read into the entity."""
    return _fault(
        "2010",
        "Request has invalid or unsupported property",
        f"Property Name:{detail} specified is unsupported or invalid",
        None,
    )


def required(*elements: str) -> QboFault:
    """2020: one entry for each property that is missing."""
    return QboFault(*(_required_entry(element) for element in elements))


def _required_entry(element: str) -> FaultEntry:
    return FaultEntry(
        code="2020",
        message="Required param missing, need to supply the required value for the API",
        detail=f"Required parameter {element} is missing in the request",
        element=element,
    )


def invalid_id(value: Any, element: str = "Id") -> QboFault:
    """2030: an id that is no number."""
    return _fault("2030", "Invalid ID", f"Id should be a valid number. Supplied value:{value}", element)


def invalid_string(element: str, value: str) -> QboFault:
    """2040: characters that the property must not have."""
    return _fault("2040", "Invalid String", f"Invalid string. Supplied value:{value}", element)


def string_length(element: str, maximum: int, supplied: int) -> QboFault:
    """2050 as recorded; numbers above 999 have commas."""
    return _fault(
        "2050",
        "String length is either shorter or longer than supported by specification",
        "String length specified does not match the supported length. "
        f"Min:0 Max:{maximum:,} supported. Supplied length:{supplied:,}",
        element,
    )


def invalid_date(element: str, value: Any) -> QboFault:
    """2060: not YYYY-MM-DD, or no day of the calendar."""
    return _fault(
        "2060", "Invalid Date format", f"Date value should be of the format YYYY-MM-DD. Supplied value:{value}", element
    )


def invalid_decimal(element: str, value: Any) -> QboFault:
    """2100: something else where a number belongs."""
    return _fault("2100", "Invalid Decimal format", f"Decimal value is invalid. Supplied value:{value}", element)


def invalid_type(element: str, wanted: str) -> QboFault:
    """2120: a value of another kind than the property has."""
    return _fault("2120", "Invalid Type", f"Invalid type for {element}. Expected:{wanted}", element)


def invalid_request_id(detail: str) -> QboFault:
    """2130: a request id that is too long or empty."""
    return _fault("2130", "Invalid Request Id Format", f"Invalid Request Id format : {detail}", None)


def invalid_amount(element: str, value: Decimal | int) -> QboFault:
    """2140: more decimals or digits than an amount has."""
    return _fault("2140", "Invalid Amount", f"Amount is invalid. Supplied value:{value}", element)


def invalid_enumeration(element: str, value: Any) -> QboFault:
    """2170: a word that is not in the list."""
    return _fault("2170", "Invalid Enumeration", f"Enumeration value is invalid. Supplied value:{value}", element)


def invalid_boolean(element: str, value: Any) -> QboFault:
    """2230: something else where true or false belongs."""
    return _fault("2230", "Invalid Boolean", f"Boolean value is invalid. Supplied value:{value}", element)


def invalid_email(element: str) -> QboFault:
    """2210: no e-mail address. The address is not repeated."""
    return _fault("2210", "Invalid Email Address format", "Email Address does not conform to the syntax rules", element)


def negative_line() -> QboFault:
    """2290: a negative amount on a line."""
    return _fault(
        "2290",
        "Negative amount not supported",
        "Negative amounts are not supported on transaction lines",
        "Line.Amount",
    )


def unbalanced() -> QboFault:
    """2300: a journal entry whose debits are not its credits."""
    return _fault(
        "2300", "Debits not equal to credits", "Debits and credits of the journal entry are not equal", "Line"
    )


def invalid_reference(list_name: str, value: str) -> QboFault:
    """2500: a reference to nothing; QBO's list names are Accounts, Names, Items, Klasses, Depts."""
    return _fault("2500", "Invalid Reference Id", f"Invalid Reference Id : {list_name} element id {value} not found")


def inactive_reference() -> QboFault:
    """2500: a reference to something made inactive."""
    return _fault("2500", "Invalid Reference Id", f"Invalid Reference Id : {INACTIVE}")


def conflicting(detail: str) -> QboFault:
    """2600: parts of the request that exclude each other."""
    return _fault("2600", "Conflicting elements in the request", detail)


def throttled(detail: str = "The request limit was reached.  Try again later") -> QboFault:
    """3001 with 429, two blanks as recorded (xml_fixtures/too_many_requests_error.xml)."""
    return _fault(
        "3001", "message=ThrottleExceeded; errorCode=003001; statusCode=429", detail, None, status=429, kind="SERVICE"
    )


def forbidden() -> QboFault:
    """3100 with 403: the token is not for this company."""
    return _fault(
        "3100",
        "message=ApplicationAuthorizationFailed; errorCode=003100; statusCode=403",
        "",
        None,
        status=403,
        kind="AuthorizationFault",
    )


def query_unreadable(detail: str) -> QboFault:
    """4000: the query does not follow the grammar."""
    return _fault("4000", "Error parsing query", f"QueryParserError: {detail}", None)


def query_invalid(detail: str) -> QboFault:
    """4001: the query can be read but not answered."""
    return _fault("4001", "Invalid query", f"QueryValidationError: {detail}", None)


def stale(author: str = "Christian Pelczarski") -> QboFault:
    """5010 as recorded (recordings/batch__basic.json)."""
    return _fault(
        "5010",
        "Stale Object Error",
        f"Stale Object Error : You and {author} were working on this at the same time. "
        f"{author} finished before you did, so your work was not saved.",
    )


def unsupported_feature(detail: str) -> QboFault:
    """5030: a feature that the company has not."""
    return _fault("5030", "Feature Not Supported", f"Feature Not Supported Error : {detail}")


def business(detail: str) -> QboFault:
    """6000: the catch-all; the text decides."""
    return _fault("6000", BUSINESS_MESSAGE, f"Business Validation Error: {detail}")


def account_type_missing() -> QboFault:
    """6010: an account with neither AccountType nor AccountSubType."""
    return _fault("6010", "AccountType or AccountSubType is required", "Account needs AccountType or AccountSubType")


def wrong_product(value: Decimal | int) -> QboFault:
    """6070: Amount is not Qty times UnitPrice, rounded to cents."""
    return _fault(
        "6070",
        "Amount calculation incorrect in the request",
        f"Amount is not equal to UnitPrice * Qty. Supplied value:{value}",
        "Line.Amount",
    )


def no_name() -> QboFault:
    """6080: a name without any part."""
    return _fault("6080", "No name provided", "At least one of the name parts or DisplayName must be provided")


def discount_incomplete() -> QboFault:
    """6090: a discount line with neither amount nor percent."""
    return _fault("6090", "Invalid discount line", "Discount line needs an amount or a percent", "Line.Amount")


def invalid_line_tax_code(value: str) -> QboFault:
    """6100: in the US a line's tax code is TAX or NON."""
    return _fault(
        "6100", "Invalid Line TaxCode", f"Line tax code must be TAX or NON. Supplied value:{value}", "Line.TaxCodeRef"
    )


def tax_detail_not_allowed() -> QboFault:
    """6170: TxnTaxDetail on a document whose GlobalTaxCalculation is NotApplicable."""
    return _fault(
        "6170",
        "Invalid TxnTaxDetail",
        "TxnTaxDetail is not allowed when GlobalTaxCalculation is NotApplicable",
        "TxnTaxDetail",
    )


def duplicate_doc_number(number: str, txn_type: str, txn_id: str, *, language: str = "en") -> QboFault:
    """6140 as recorded; in French only the words around the id differ."""
    if language == "fr":
        detail = (
            "Erreur de numéro de document en double : Vous devez spécifier un autre numéro. Ce numéro a déjà été "
            f"utilisé. DocNumber={number} is assigned to TxnType={_FRENCH.get(txn_type, txn_type)} with TxnId={txn_id}"
        )
    else:
        detail = (
            "Duplicate Document Number Error : You must specify a different number. This number has already been "
            f"used. DocNumber={number} is assigned to TxnType={txn_type} with TxnId={txn_id}"
        )
    return _fault("6140", "Duplicate Document Number Error", detail)


_FRENCH = {"Invoice": "Facture", "CreditMemo": "Note de crédit", "JournalEntry": "Écriture de journal"}


def closed_period() -> QboFault:
    """6210, the double "through" is in the original."""
    return _fault(
        "6210",
        "Account Period Closed, Cannot Update Through Services API",
        "The account period has closed and the account books cannot be updated through through the QBO Services API. "
        "Please use the QBO website to make these changes.",
    )


def has_balance() -> QboFault:
    """6220: a name with an open balance cannot be made inactive."""
    return _fault("6220", "Delete Entity Has Balance", "The entity has a balance and cannot be deleted")


def duplicate_name(*, detail: str = "text") -> QboFault:
    """6240, with the long text of the batch reference or the recorded "null"."""
    if detail == "null":
        return _fault("6240", "Duplicate Name Exists Error", "The name supplied already exists. : null", None)
    return _fault(
        "6240",
        "Duplicate Name Exists Error",
        "The name supplied already exists. : Another customer, vendor or employee is already using this \n"
        "name. Please use a different name.",
    )


def wrong_account_type(element: str) -> QboFault:
    """6430: an account whose type may not stand here."""
    return _fault(
        "6430",
        "Invalid account type used",
        "Invalid account type : You need to select a different type of account for this transaction.",
        element,
    )


def deposited() -> QboFault:
    """6540: a transaction that sits in a deposit is frozen."""
    return _fault(
        "6540",
        "Deposited Transaction cannot be changed",
        "This transaction has been deposited. If you want to change or delete it, "
        "you must edit the deposit it appears on and remove it first",
    )


def system_failure(detail: str = "Injected failure") -> QboFault:
    """10000 with 500: an outcome that nobody knows."""
    return _fault(
        "10000",
        "An application error has occurred while processing your request",
        f"System Failure Error: {detail}",
        None,
        status=500,
        kind="SystemFault",
    )
