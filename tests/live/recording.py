"""What the product really asks of Stripe and reads of its objects: its readers are driven over a stand-in's objects."""

import contextlib
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from tests.simulation.inprocess import InProcessStripe
from wescope.books.policy import Policy
from wescope.books.subjects import Subject, SubjectKind
from wescope.books.values import InvoiceStatus
from wescope.config import PolicyFile
from wescope.engine.doctor_stripe import examine_stripe
from wescope.errors import ObjectNotFound, StripeError
from wescope.sandbox.stripe.server import StripeSandbox
from wescope.sandbox.stripe.store import Store
from wescope.stripe.limits import endpoint_of
from wescope.stripe.listing import StripeListing
from wescope.stripe.open_objects import OpenKind, OpenLister
from wescope.stripe.parsing import fields as parsing_fields
from wescope.stripe.reader import StripeReader
from wescope.stripe.undelivered import EventLister
from wescope.stripe.windows import Listed, Period, WindowLister

AS_OF = date(2026, 11, 1)
_SINCE = datetime(2026, 9, 1, tzinfo=UTC)
_ACCESSORS = (
    "has", "optional_text", "optional_integer", "flag", "decimal", "optional_moment", "currency", "enum",
    "optional_reference", "expanded", "child", "children",
)  # fmt: skip
_KINDS: Mapping[str, SubjectKind] = {
    "invoice": SubjectKind.INVOICE,
    "charge": SubjectKind.CHARGE,
    "payment_intent": SubjectKind.PAYMENT_INTENT,
    "invoice_payment": SubjectKind.INVOICE_PAYMENT,
    "customer": SubjectKind.CUSTOMER,
    "refund": SubjectKind.REFUND,
    "credit_note": SubjectKind.CREDIT_NOTE,
    "dispute": SubjectKind.DISPUTE,
    "payout": SubjectKind.PAYOUT,
    "balance_transaction": SubjectKind.BALANCE_TRANSACTION,
    "topup": SubjectKind.TOPUP,
}


class RecordingStripe(InProcessStripe):
    """Remembers each end point with the names of its parameters (`created[gte]`, `expand[]=data.source`)."""

    asked: dict[str, set[str]]

    async def get(self, path: str, **parameters: Any) -> dict[str, Any]:
        """Remember, and answer."""
        self.asked[endpoint_of(path)] |= set(_names(parameters))
        try:
            return await super().get(path, **parameters)
        except KeyError:  # the stand-in's reader has no such collection
            raise ObjectNotFound("", path=path) from None


def _names(parameters: Mapping[str, Any]) -> Iterator[str]:
    for name, value in parameters.items():
        if isinstance(value, Mapping):
            yield from (f"{name}[{inner}]" for inner in value)
        elif isinstance(value, list):
            yield from (f"{name}[]={item}" for item in value)
        elif name == "status":
            yield f"{name}={value}"
        else:
            yield name


@contextlib.contextmanager
def recorded_fields() -> Iterator[dict[str, set[str]]]:
    """The names that are read of each kind of object while the context lasts; of inner objects with a dotted path."""
    found: dict[str, set[str]] = defaultdict(set)
    kind_of: dict[str, str] = {}
    kept = {name: getattr(parsing_fields.Fields, name) for name in _ACCESSORS}
    of = parsing_fields.Fields.__dict__["of"]

    def listening(original: Any) -> Any:
        def read(self: Any, name: str, *rest: Any) -> Any:
            kind = kind_of.get(self.object_id)
            if kind is not None:
                found[kind].add(f"{self.path}{name}")
            return original(self, name, *rest)

        return read

    def of_kind(payload: Mapping[str, Any], kind: str) -> Any:
        made = of.__get__(None, parsing_fields.Fields)(payload, kind)
        kind_of[made.object_id] = kind
        return made

    try:
        for name, original in kept.items():
            setattr(parsing_fields.Fields, name, listening(original))
        parsing_fields.Fields.of = of_kind  # type: ignore[method-assign]
        yield found
    finally:
        for name, original in kept.items():
            setattr(parsing_fields.Fields, name, original)
        parsing_fields.Fields.of = of  # type: ignore[method-assign]


async def asked_of_stripe(*, customers: int = 60, months: int = 3) -> dict[str, set[str]]:
    """Every end point that the product's readers ask, with its parameters' names."""
    sandbox = StripeSandbox(customers=customers, months=months, situations="all", payouts="daily", as_of=AS_OF)
    api = RecordingStripe(sandbox.business)
    api.asked = defaultdict(set)
    store = sandbox.business.account.store
    await _read_subjects(api, store)
    await _read_lists(api, store)
    return api.asked


async def _read_subjects(api: RecordingStripe, store: Store) -> None:
    reader = StripeReader(api, ZoneInfo("America/Los_Angeles"))
    subjects = [Subject(kind=kind, id=one["id"]) for name, kind in _KINDS.items() for one in store.all(name)]
    subjects += [
        Subject(kind=SubjectKind.TRANSFER, id="tr_1"),
        Subject(kind=SubjectKind.APPLICATION_FEE, id="fee_1"),
        Subject(kind=SubjectKind.BALANCE_DAY, id="usd.2026-10-01"),
    ]
    for subject in subjects:
        with contextlib.suppress(StripeError):
            await reader.read(subject)
    with contextlib.suppress(StripeError):
        await reader.event("evt_1")
    await examine_stripe(reader, api, PolicyFile(), real_books=False)


async def _read_lists(api: RecordingStripe, store: Store) -> None:
    listing = StripeListing(api)
    until = datetime(2026, 11, 1, tzinfo=UTC)
    payout, customer = store.all("payout")[0]["id"], store.all("customer")[0]["id"]
    await listing.has_manual_payouts()
    lists: tuple[AsyncIterator[Any], ...] = (
        listing.invoices(created_until=until, whole=True), listing.invoices(status=InvoiceStatus.OPEN),
        listing.paid_invoice_payments(), listing.invoice_payments(), listing.charges(created_until=until),
        listing.balance_transactions(created_until=until), listing.payouts(created_until=until),
        listing.payout_rows(payout), listing.credit_notes(created_until=until, whole=True),
        listing.refunds(created_until=until), listing.refund_moves(), listing.customers(),
        listing.customer_balance(customer),
    )  # fmt: skip
    for one in lists:
        async for _ in one:
            pass
    windows, window = WindowLister(api, Policy()), _period().window(0)
    for kind in Listed:
        await windows.page(kind, window, None)
    opened = OpenLister(api)
    for open_kind in OpenKind:
        await opened.page(open_kind, _SINCE, None)
    events = EventLister(api)
    for undelivered in (False, True):
        await events.page(_SINCE, None, undelivered=undelivered)


def _period() -> Period:
    return Period(
        since=_SINCE.date(), until=_SINCE.date() + timedelta(days=6), timezone=ZoneInfo("America/Los_Angeles")
    )
