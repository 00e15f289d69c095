"""The reader: what Stripe says about a subject now, as values of the books."""

import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Final
from zoneinfo import ZoneInfo

from wescope.books.subjects import Subject, SubjectKind
from wescope.books.values import Charge, ChargeStatus, Reading, StripeObject
from wescope.errors import BodyInvalid, MalformedId, ObjectNotFound, ObjectUnreadable
from wescope.stripe.balances import CustomerBalanceReader
from wescope.stripe.client import StripeApi
from wescope.stripe.credit_notes import CreditNoteReader
from wescope.stripe.hints import EventHint, hint_of
from wescope.stripe.identity import balance_day_of, is_id
from wescope.stripe.invoices import InvoiceReader
from wescope.stripe.ledger import LedgerReader, owner_of_row
from wescope.stripe.owners import OwnerReader, invoices_of
from wescope.stripe.parsing import Fields, parse_dispute, parse_payment_part
from wescope.stripe.parsing.credit_notes import refunds_named
from wescope.stripe.payments import PaymentReader
from wescope.stripe.refunds import RefundReader

UTC_ZONE: Final = ZoneInfo("UTC")

_NOTHING = Reading(found=None)


class StripeReader:
    """Reads subjects from Stripe.

    Calls to Stripe per subject (for invoices with up to 10 lines, and up to 100 of everything else):

    - invoice: 2 with its credit notes (a draft 1); if paid or attempted 1 more for each payment intent or charge;
      1 more for each charge that pays other invoices too (and all calls of each of these) or failed after success,
      and for each payment record; 1 more if it used or changed the customer's balance; 1 more per 100 lines, or
      payments, if there are more than 10
    - charge: 2 (1 without a payment intent)
    - payment intent: 1 when it pays invoices, else 2
    - invoice payment, credit note, dispute, balance transaction, day: 1
    - refund: 2; if its charge paid invoices 1 more for each, and 1 more for each whose credit note names it
    - payout: 1, automatic ones 2, and 1 an hour for the account's payout schedule
    - customer: 2
    - topup, transfer, application fee: 1, a reversed topup 2

    Args:
        api: Stripe.
        timezone: The books' time zone: a balance day is a day of its calendar.
        monotonic: A clock that only goes forward, in seconds.
    """

    def __init__(
        self, api: StripeApi, timezone: ZoneInfo = UTC_ZONE, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._api = api
        self._payments = PaymentReader(api)
        self._owners = OwnerReader(api, self._payments)
        self._balances = CustomerBalanceReader(api)
        self._ledger = LedgerReader(api, timezone=timezone, monotonic=monotonic)
        credit_notes = CreditNoteReader(api)
        self._invoices = InvoiceReader(api, payments=self._payments, credit_notes=credit_notes, balances=self._balances)
        self._refunds = RefundReader(api, owners=self._owners, invoices=self._invoices, credit_notes=credit_notes)
        self._reads: Mapping[SubjectKind, Callable[[Subject], Awaitable[Reading]]] = {
            SubjectKind.INVOICE: self._invoice,
            SubjectKind.CHARGE: self._charge,
            SubjectKind.PAYMENT_INTENT: self._payment_intent,
            SubjectKind.INVOICE_PAYMENT: self._invoice_payment,
            SubjectKind.CUSTOMER: self._customer,
            SubjectKind.REFUND: self._refund,
            SubjectKind.CREDIT_NOTE: self._credit_note,
            SubjectKind.DISPUTE: self._dispute,
            SubjectKind.PAYOUT: self._payout,
            SubjectKind.BALANCE_TRANSACTION: self._row,
            SubjectKind.BALANCE_DAY: self._day,
            SubjectKind.TOPUP: self._maker,
            SubjectKind.TRANSFER: self._maker,
            SubjectKind.APPLICATION_FEE: self._maker,
        }

    async def read(self, subject: Subject) -> Reading:
        """What Stripe says about a subject now.

        `found` is null for what Stripe no longer has, and for what belongs to other subjects, which `owners` names:
        a charge, payment intent or invoice payment of invoices, a credit note, a topup, transfer or application fee,
        and a row of the balance whose charge, refund, dispute or payout covers it.

        Args:
            subject: What to read.

        Raises:
            StripeUnavailable: Stripe does not answer now.
            StripeRefused: the key is refused or lacks a permission.
            ObjectNotFound: something that the subject refers to is not there.
            ObjectUnreadable: a field that is needed is absent or unknown.
            MalformedId: the subject's id has not the form of an id.
        """
        if subject.kind is not SubjectKind.BALANCE_DAY and not is_id(subject.id):
            raise MalformedId
        return await self._reads[subject.kind](subject)

    async def account(self) -> dict[str, str | bool | None]:
        """The account that the key belongs to: id, country, default currency, time zone of its dashboard, live key.

        Raises:
            StripeError: Stripe can't be read.
        """
        fields = Fields.of(await self._api.get("/v1/account"), "account")
        return {
            "id": fields.object_id,
            "country": fields.optional_text("country"),
            "default_currency": fields.optional_text("default_currency"),
            "timezone": fields.child("settings").child("dashboard").optional_text("timezone"),
            "livemode": self._api.livemode,
        }

    async def manual_payouts(self) -> bool:
        """Whether the account's payouts are made by hand, so that fees are booked by day. One call an hour.

        Raises:
            StripeError: Stripe can't be read.
        """
        return await self._ledger.manual_payouts()

    async def event(self, event_id: str) -> EventHint:
        """The hint of a (snapshot) event that Stripe still has: 30 days. One call.

        Raises:
            MalformedId: the id has not the form of an id.
            ObjectUnreadable: it is no event, or a field of it is malformed.
            StripeError: Stripe can't be read.
        """
        if not is_id(event_id):
            raise MalformedId
        payload = await self._api.get(f"/v1/events/{event_id}")
        try:
            return hint_of(payload)
        except BodyInvalid as error:
            raise ObjectUnreadable(str(error.details.get("field", "")), object_id=event_id) from None

    async def _invoice(self, subject: Subject) -> Reading:
        return _found(await self._invoices.whole(subject.id))

    async def _charge(self, subject: Subject) -> Reading:
        try:
            charge, payload = await self._payments.charge(subject.id, with_buyer=True)
        except ObjectNotFound:
            return _NOTHING
        owners = await self._owners.of_charge(payload)
        return Reading(found=None if owners else charge, owners=owners)

    async def _payment_intent(self, subject: Subject) -> Reading:
        try:
            owners = await self._owners.of_intent(subject.id)
            if owners:
                return Reading(found=None, owners=owners)
            charges = await self._payments.charges_of_intent(subject.id, with_buyer=True)
            if any(charge.failure_balance_transaction for charge in charges):
                owners = await self._owners.of_intent(subject.id, with_canceled=True)
        except ObjectNotFound:
            return _NOTHING
        return Reading(found=None, owners=owners) if owners else _sale(charges)

    async def _invoice_payment(self, subject: Subject) -> Reading:
        try:
            part = parse_payment_part(await self._api.get(f"/v1/invoice_payments/{subject.id}"))
        except ObjectNotFound:
            return _NOTHING
        return Reading(found=None, owners=invoices_of([part]))

    async def _customer(self, subject: Subject) -> Reading:
        return _found(await self._balances.of(subject.id))

    async def _refund(self, subject: Subject) -> Reading:
        return _found(await self._refunds.whole(subject.id))

    async def _credit_note(self, subject: Subject) -> Reading:
        try:
            payload = await self._api.get(f"/v1/credit_notes/{subject.id}")
        except ObjectNotFound:
            return _NOTHING
        invoice = Fields.of(payload, "credit_note").reference("invoice")
        refunds = [Subject(kind=SubjectKind.REFUND, id=refund) for refund in refunds_named(payload)]
        return Reading(found=None, owners=(Subject(kind=SubjectKind.INVOICE, id=invoice), *refunds))

    async def _dispute(self, subject: Subject) -> Reading:
        try:
            return _found(parse_dispute(await self._api.get(f"/v1/disputes/{subject.id}", expand=["charge"])))
        except ObjectNotFound:
            return _NOTHING

    async def _payout(self, subject: Subject) -> Reading:
        return _found(await self._ledger.payout(subject.id))

    async def _row(self, subject: Subject) -> Reading:
        row = await self._ledger.row(subject.id)
        owner = None if row is None else owner_of_row(row)
        return _found(row) if owner is None else Reading(found=None, owners=(owner,))

    async def _day(self, subject: Subject) -> Reading:
        currency, day = balance_day_of(subject.id)
        return _found(await self._ledger.day(currency, day))

    async def _maker(self, subject: Subject) -> Reading:
        try:
            return Reading(found=None, owners=await self._ledger.rows_made_by(subject))
        except ObjectNotFound:
            return _NOTHING


def _found(found: StripeObject | None) -> Reading:
    return Reading(found=found)


def _sale(charges: list[Charge]) -> Reading:
    """The charge of a payment intent that pays no invoice: the one that moved money, else the latest.

    After a charge that failed later there may be a second one that succeeded; each then stands for itself.
    """
    moved = [
        charge for charge in charges if charge.status is ChargeStatus.SUCCEEDED or charge.failure_balance_transaction
    ]
    if len(moved) > 1:
        owners = sorted(Subject(kind=SubjectKind.CHARGE, id=charge.id) for charge in moved)
        return Reading(found=None, owners=tuple(owners))
    return Reading(found=next(iter((*moved, *charges)), None))
