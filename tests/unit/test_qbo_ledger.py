"""The sandbox's ledger balances, whatever is done to the company."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from wescope.sandbox.qbo.claims import allocations
from wescope.sandbox.qbo.company import Company, Outcome
from wescope.sandbox.qbo.knobs import Knobs
from wescope.sandbox.qbo.ledger import Ledger, Posting, UnbalancedEntryError, merged
from wescope.sandbox.qbo.operations import Operation
from wescope.sandbox.qbo.tester import item_line
from wescope.sandbox.qbo.wire import amount, dumps, loads, minor


def test_unbalanced_entries_change_nothing() -> None:
    ledger = Ledger()
    with pytest.raises(UnbalancedEntryError):
        ledger.replace((), (Posting(account_id="1", debit=5), Posting(account_id="2", debit=-4)))
    assert ledger.accounts() == {}


def test_replacing_takes_the_old_entry_out() -> None:
    ledger = Ledger()
    old = (Posting(account_id="1", debit=5, name_id="9"), Posting(account_id="2", debit=-5))
    ledger.replace((), old)
    assert (ledger.account("1"), ledger.names(["1"])) == (5, {"9": 5})
    ledger.replace(old, ())
    assert (ledger.account("1"), ledger.names(["1"]), ledger.trial_balance()) == (0, {}, 0)


def test_merged_adds_up_and_drops_zeros() -> None:
    parts = [Posting(account_id="1", debit=5), Posting(account_id="1", debit=2), Posting(account_id="2", debit=0)]
    assert merged(parts) == (Posting(account_id="1", debit=7),)


@given(st.integers(min_value=-(10**14), max_value=10**14))
def test_amounts_go_to_the_wire_and_back(hundredths: int) -> None:
    assert minor(loads(dumps(amount(hundredths)))) == hundredths


def test_amounts_look_as_recorded() -> None:
    assert dumps([amount(10_000), amount(33_750), amount(0), amount(-1)]) == "[100.0,337.5,0,-0.01]"
    assert dumps({"Qty": Decimal("4.50"), "Text": 'a"b'}) == '{"Qty":4.50,"Text":"a\\"b"}'


CUSTOMERS = ("1", "2", "3")
BY = {"Payment": "include", "SalesReceipt": "include"}
AMOUNTS = st.integers(min_value=1, max_value=50_000)


class Business(RuleBasedStateMachine):
    """Random documents, edits, voids and deletions; refusals are fine, an unbalanced book is not."""

    documents = Bundle("documents")

    @initialize()
    def found(self) -> None:
        self.company = Company(knobs=Knobs())

    def ask(self, kind: str, entity: str, body: dict[str, Any], by: str = "operation") -> Outcome:
        return self.company.execute(Operation(kind=kind, entity=entity, body=body, by=by))

    def latest(self, document: tuple[str, str]) -> dict[str, Any] | None:
        return self.company.object(*document)

    @rule(
        target=documents,
        entity=st.sampled_from(["Invoice", "CreditMemo", "SalesReceipt", "RefundReceipt"]),
        customer=st.sampled_from(CUSTOMERS),
        amounts=st.lists(AMOUNTS, min_size=1, max_size=4),
        discount=st.integers(min_value=0, max_value=100),
    )
    def sell(self, entity: str, customer: str, amounts: list[int], discount: int) -> tuple[str, str]:
        lines = [item_line(dumps(amount(one))) for one in amounts]
        lines.append(
            {
                "Amount": amount(discount),
                "DetailType": "DiscountLineDetail",
                "DiscountLineDetail": {"PercentBased": False},
            }
        )
        body = {"CustomerRef": {"value": customer}, "Line": lines, "DepositToAccountRef": {"value": "3"}}
        if entity in {"Invoice", "CreditMemo"}:
            del body["DepositToAccountRef"]
        outcome = self.ask("create", entity, body)
        return entity, str(outcome.body.get(entity, {}).get("Id", "0"))

    @rule(target=documents, parts=st.lists(st.tuples(documents, AMOUNTS), max_size=3), extra=AMOUNTS)
    def pay(self, parts: list[tuple[tuple[str, str], int]], extra: int) -> tuple[str, str]:
        lines: list[dict[str, Any]] = []
        owner = "1"
        for document, hundredths in parts:
            now = self.latest(document)
            if now is not None and document[0] in {"Invoice", "CreditMemo"}:
                owner = now["CustomerRef"]["value"]
                part = min(hundredths, minor(now["Balance"]))
                link = {"TxnType": document[0], "TxnId": document[1]}
                lines.append({"Amount": amount(part), "LinkedTxn": [link]})
        total = extra + sum(minor(line["Amount"]) for line in lines)
        body = {"CustomerRef": {"value": owner}, "TotalAmt": amount(total), "Line": lines}
        outcome = self.ask("create", "Payment", body)
        return "Payment", str(outcome.body.get("Payment", {}).get("Id", "0"))

    @rule(document=documents, hundredths=AMOUNTS)
    def edit(self, document: tuple[str, str], hundredths: int) -> None:
        now = self.latest(document)
        if now is not None:
            change = (
                {"TotalAmt": amount(hundredths)}
                if document[0] == "Payment"
                else {"Line": [item_line(dumps(amount(hundredths)))]}
            )
            key = {"Id": now["Id"], "SyncToken": now["SyncToken"], "sparse": True}
            self.ask("update", document[0], {**key, **change})

    @rule(document=documents, act=st.sampled_from(["void", "delete"]), human=st.booleans())
    def undo(self, document: tuple[str, str], act: str, *, human: bool) -> None:
        now = self.latest(document)
        if now is not None:
            key = {"Id": now["Id"], "SyncToken": now["SyncToken"]}
            if human:
                self.company.human(document[0], act, key)
            else:
                self.ask(act, document[0], key, by=BY.get(document[0], "operation"))

    @invariant()
    def books_balance(self) -> None:
        if hasattr(self, "company"):
            check_books(self.company)


def check_books(company: Company) -> None:
    books = company.books
    assert books.ledger.trial_balance() == 0
    applied: dict[tuple[str, str], int] = {}
    for paid in books.all("Payment"):
        for target, hundredths in allocations(paid.doc).items():
            applied[target] = applied.get(target, 0) + hundredths
        assert minor(paid.doc["UnappliedAmt"]) >= 0
    for entity in ("Invoice", "CreditMemo"):
        for one in books.all(entity):
            taken = applied.get((entity, one.id), 0)
            assert minor(one.doc["TotalAmt"]) - minor(one.doc["Balance"]) == taken
            assert minor(one.doc["Balance"]) >= 0
    for customer in CUSTOMERS:
        shown = company.object("Customer", customer)
        assert shown is not None
        assert minor(shown["Balance"]) == open_balance(company, customer)


def open_balance(company: Company, customer: str) -> int:
    """What the documents say that a customer owes, to be compared with what the ledger says."""
    total: Callable[[str, str], int] = lambda entity, name: sum(  # noqa: E731 - one expression, used three times below
        minor(one.doc[name]) for one in company.books.all(entity) if one.doc["CustomerRef"]["value"] == customer
    )
    return total("Invoice", "Balance") - total("CreditMemo", "Balance") - total("Payment", "UnappliedAmt")


Business.TestCase.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
TestBusiness = Business.TestCase
