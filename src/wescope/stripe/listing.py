"""Lists of everything, for the tie-out and the backfill: one pass over a list end point, 100 objects a page."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from wescope.books.values import (
    BalanceRow,
    BalanceTransaction,
    Charge,
    CreditNote,
    CustomerBalanceTransaction,
    Invoice,
    InvoiceStatus,
    Payout,
    Refund,
)
from wescope.stripe.client import StripeApi
from wescope.stripe.parsing import (
    Fields,
    PaymentPart,
    expanded_row,
    parse_balance_move,
    parse_balance_row,
    parse_charge,
    parse_credit_note,
    parse_invoice,
    parse_payment_part,
    parse_payout,
    parse_refund,
)
from wescope.stripe.parsing.invoices import has_more_lines


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedCustomer:
    """A customer as the list has it: `balance` in minor units of `currency`, below zero a credit to the customer.

    `currency` is null for a customer who was never billed. Balances in other currencies are told by its moves only.
    """

    id: str
    balance: int
    currency: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedRefund:
    """A refund as far as money tells of it: in presentment currency, with the rows that moved it and brought it back.

    What it says of itself otherwise (a status that is new, say) does not matter to those who read only this.
    """

    id: str
    amount: int
    currency: str
    charge: str | None
    balance_transaction: BalanceTransaction | None
    failure_balance_transaction: BalanceTransaction | None = None


class StripeListing:
    """Lists of Stripe's objects, newest first.

    An object that can't be read ends a list with `ObjectUnreadable`: a tie-out over a part would be no tie-out.
    """

    def __init__(self, api: StripeApi) -> None:
        self._api = api

    @property
    def api(self) -> StripeApi:
        """What it reads by."""
        return self._api

    async def invoices(
        self, *, status: InvoiceStatus | None = None, created_until: datetime | None = None, whole: bool = False
    ) -> AsyncIterator[Invoice]:
        """Invoices as the list has them: first page of lines only, no payments, the customer by id and snapshot.

        Args:
            status: Only invoices of this status.
            created_until: Only invoices created then or before.
            whole: With all lines: one more call per 100 lines of each invoice that has more than a page of them.

        Raises:
            StripeError: Stripe can't be read, or an invoice can't.
        """
        filters = _until(created_until) | ({} if status is None else {"status": status.value})
        async for payload in self._api.pages("/v1/invoices", **filters):
            yield parse_invoice(payload, lines=await self._more_lines("invoices", payload) if whole else None)

    async def paid_invoice_payments(self) -> AsyncIterator[PaymentPart]:
        """Every paid part of a payment: invoice, source, amount, currency and when.

        Raises:
            StripeError: Stripe can't be read, or an invoice payment can't.
        """
        async for payload in self._api.pages("/v1/invoice_payments", status="paid"):
            yield parse_payment_part(payload)

    async def invoice_payments(self) -> AsyncIterator[PaymentPart]:
        """Every part of a payment of an invoice, also those that are open or canceled.

        Raises:
            StripeError: Stripe can't be read, or an invoice payment can't.
        """
        async for payload in self._api.pages("/v1/invoice_payments"):
            yield parse_payment_part(payload)

    async def charges(self, *, created_until: datetime | None = None) -> AsyncIterator[Charge]:
        """Charges with their rows, without customers' names.

        Args:
            created_until: Only charges created then or before.

        Raises:
            StripeError: Stripe can't be read, or a charge can't.
        """
        expand = ["data.balance_transaction", "data.failure_balance_transaction"]
        async for payload in self._api.pages("/v1/charges", expand=expand, **_until(created_until)):
            yield parse_charge(payload)

    async def has_manual_payouts(self) -> bool:
        """Whether the account's payouts are made by hand, so that Stripe names no rows of them (one call).

        Raises:
            StripeError: Stripe can't be read.
        """
        account = Fields.of(await self._api.get("/v1/account"), "account")
        schedule = account.child("settings").child("payouts").child("schedule")
        return schedule.optional_text("interval") == "manual"

    async def balance_transactions(self, *, created_until: datetime | None = None) -> AsyncIterator[BalanceRow]:
        """Rows of Stripe's balance with their sources.

        Args:
            created_until: Only rows created then or before.

        Raises:
            StripeError: Stripe can't be read, or a row can't.
        """
        filters = _until(created_until)
        async for payload in self._api.pages("/v1/balance_transactions", expand=["data.source"], **filters):
            yield parse_balance_row(payload)

    async def payouts(self, *, created_until: datetime | None = None) -> AsyncIterator[Payout]:
        """Payouts with their own rows, without the rows that they pay out (`payout_rows`).

        Args:
            created_until: Only payouts created then or before.

        Raises:
            StripeError: Stripe can't be read, or a payout can't.
        """
        expand = ["data.balance_transaction", "data.failure_balance_transaction"]
        async for payload in self._api.pages("/v1/payouts", expand=expand, **_until(created_until)):
            yield parse_payout(payload)

    async def payout_rows(self, payout_id: str) -> AsyncIterator[BalanceRow]:
        """The rows that an automatic payout pays out, without the payout's own; other payouts have none.

        Raises:
            StripeError: Stripe can't be read, or a row can't.
        """
        pages = self._api.pages("/v1/balance_transactions", payout=payout_id, expand=["data.source"])
        async for payload in pages:
            row = parse_balance_row(payload)
            if row.source != payout_id:
                yield row

    async def credit_notes(
        self, *, created_until: datetime | None = None, whole: bool = False
    ) -> AsyncIterator[CreditNote]:
        """Credit notes of all invoices, void ones too, with the first page of their lines.

        Args:
            created_until: Only credit notes created then or before.
            whole: With all lines: one more call per 100 lines of each that has more than a page of them.

        Raises:
            StripeError: Stripe can't be read, or a credit note can't.
        """
        async for payload in self._api.pages("/v1/credit_notes", **_until(created_until)):
            lines = await self._more_lines("credit_notes", payload) if whole else None
            yield parse_credit_note(payload, lines=lines)

    async def refunds(self, *, created_until: datetime | None = None) -> AsyncIterator[Refund]:
        """Refunds with their rows, without customers and credit notes.

        Args:
            created_until: Only refunds created then or before.

        Raises:
            StripeError: Stripe can't be read, or a refund can't.
        """
        expand = ["data.balance_transaction", "data.failure_balance_transaction"]
        async for payload in self._api.pages("/v1/refunds", expand=expand, **_until(created_until)):
            yield parse_refund(payload)

    async def refund_moves(self) -> AsyncIterator[ListedRefund]:
        """All refunds, with what moved of them.

        Raises:
            StripeError: Stripe can't be read, or a refund can't.
        """
        expand = ["data.balance_transaction", "data.failure_balance_transaction"]
        async for payload in self._api.pages("/v1/refunds", expand=expand):
            fields = Fields.of(payload, "refund")
            yield ListedRefund(
                id=fields.object_id,
                amount=fields.integer("amount"),
                currency=fields.currency("currency"),
                charge=fields.optional_reference("charge"),
                balance_transaction=expanded_row(fields, "balance_transaction"),
                failure_balance_transaction=expanded_row(fields, "failure_balance_transaction"),
            )

    async def customers(self) -> AsyncIterator[ListedCustomer]:
        """Customers that are not deleted, with their balance.

        Raises:
            StripeError: Stripe can't be read, or a customer can't.
        """
        async for payload in self._api.pages("/v1/customers"):
            yield _listed_customer(payload)

    async def customer_balance(self, customer_id: str) -> AsyncIterator[CustomerBalanceTransaction]:
        """All moves of a customer's balance, in all currencies, newest first.

        Raises:
            StripeError: Stripe can't be read, or a move can't.
        """
        async for payload in self._api.pages(f"/v1/customers/{customer_id}/balance_transactions"):
            yield parse_balance_move(payload)

    async def _more_lines(self, kind: str, payload: Mapping[str, Any]) -> list[dict[str, Any]] | None:
        """All lines of an invoice or credit note that has more than the first page; null if it has not."""
        fields = Fields.of(payload, kind.removesuffix("s"))
        if not has_more_lines(fields):
            return None
        return [line async for line in self._api.pages(f"/v1/{kind}/{fields.object_id}/lines")]


def _listed_customer(payload: Mapping[str, Any]) -> ListedCustomer:
    fields = Fields.of(payload, "customer")
    # `balance` was `account_balance` before 2019-10-17.
    name = "balance" if fields.has("balance") else "account_balance"
    return ListedCustomer(
        id=fields.object_id,
        balance=fields.optional_integer(name) or 0,
        currency=fields.optional_text("currency"),
    )


def _until(moment: datetime | None) -> dict[str, Any]:
    # Stripe counts in whole seconds, so what was created within the last second is still "until then".
    return {} if moment is None else {"created": {"lte": int(moment.timestamp())}}
