"""A customer's balance: which credit settled which debt, and what of it is a document of its own."""

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.books.builders import (
    ACME,
    MARCH_10,
    MARCH_15,
    POLICY,
    a_move,
    applied,
    day,
    document,
    existing,
    moment,
    parked,
)
from wescope.books.balance import settle
from wescope.books.desired import desired_books
from wescope.books.documents import Desired, Entity
from wescope.books.policy import Policy
from wescope.books.values import CustomerBalance, CustomerBalanceTransaction

APRIL_2 = moment("2026-04-02T20:00:00+00:00")


def history(*steps: tuple[str, int, str | None], at: datetime = MARCH_10) -> list[CustomerBalanceTransaction]:
    """Moves `cbtxn_1`, `cbtxn_2`, ... of type, amount and invoice, whose ending balances follow."""
    moves, ending = [], 0
    for number, (kind, amount, invoice) in enumerate(steps, start=1):
        ending += amount
        moves.append(a_move(amount, ending, id=f"cbtxn_{number}", type=kind, invoice=invoice, created=at))
    return moves


def books(moves: list[CustomerBalanceTransaction], policy: Policy = POLICY) -> Desired:
    return desired_books(CustomerBalance(customer=ACME, transactions=tuple(moves)), policy)


def test_a_credit_by_hand_is_a_credit_memo() -> None:
    desired = books([a_move(-500, -500)])
    memo = document(desired, "cbtxn_1:credit_memo")
    assert (memo.entity, memo.amount, memo.dates.txn) == (Entity.CREDIT_MEMO, 500, day("2026-03-10"))
    assert existing(desired) == {"cbtxn_1:credit_memo": "present"}


def test_a_debit_by_hand_is_an_invoice() -> None:
    desired = books([a_move(700, 700)])
    assert document(desired, "cbtxn_1:invoice").entity is Entity.INVOICE
    assert document(desired, "cbtxn_1:invoice").amount == 700


def test_the_oldest_credit_is_used_first() -> None:
    # 5.00 and 3.00 of credit; an invoice uses 6.00, the next one the rest.
    moves = history(
        ("adjustment", -500, None),
        ("adjustment", -300, None),
        ("applied_to_invoice", 600, "in_1"),
        ("applied_to_invoice", 200, "in_2"),
    )
    desired = books(moves)
    assert applied(desired, "cbtxn_3:application") == {
        "in_1:invoice": 600,
        "cbtxn_1:credit_memo": 500,
        "cbtxn_2:credit_memo": 100,
    }
    assert applied(desired, "cbtxn_4:application") == {"in_2:invoice": 200, "cbtxn_2:credit_memo": 200}
    assert document(desired, "cbtxn_3:application").amount == 0
    assert desired.parked == ()


def test_negative_invoices_and_credit_notes_are_credits_of_other_subjects() -> None:
    moves = [
        *history(("applied_to_invoice", -2500, "in_1")),
        a_move(-400, -2900, id="cbtxn_2", type="credit_note", credit_note="cn_1"),
        a_move(2600, -300, id="cbtxn_3", type="applied_to_invoice", invoice="in_2"),
    ]
    desired = books(moves)
    assert existing(desired) == {"cbtxn_3:application": "present"}
    assert applied(desired, "cbtxn_3:application") == {
        "in_2:invoice": 2600,
        "in_1:credit_memo": 2500,
        "cn_1:balance_credit_memo": 100,
    }


def test_a_credit_settles_an_older_debt_at_once() -> None:
    moves = history(("invoice_too_small", 40, "in_1"), ("adjustment", 10, None), ("adjustment", -100, None))
    assert applied(books(moves), "cbtxn_3:application") == {
        "in_1:invoice": 40,
        "cbtxn_2:invoice": 10,
        "cbtxn_3:credit_memo": 50,
    }


def test_an_invoice_collects_an_older_debt_with_its_own_amount() -> None:
    moves = history(("invoice_too_small", 40, "in_1"), ("applied_to_invoice", -40, "in_2"))
    (collection,) = settle(moves, POLICY).collections
    assert (collection.invoice, collection.debt.key, collection.amount) == ("in_2", "in_1:invoice", 40)
    assert books(moves).documents == ()


def test_an_overpayment_is_used_up_on_its_own_payment() -> None:
    moves = history(("invoice_overpaid", -500, "in_1"), ("applied_to_invoice", 500, "in_2"))
    desired = books(moves)
    assert desired.documents == ()
    assert [(str(follow.subject), follow.since) for follow in desired.follows] == [("invoice/in_1", MARCH_10)]


def test_what_a_voided_invoice_used_is_a_credit_again() -> None:
    moves = history(
        ("adjustment", -500, None),
        ("applied_to_invoice", 500, "in_1"),
        ("unapplied_from_invoice", -500, "in_1"),
        ("applied_to_invoice", 300, "in_2"),
    )
    desired = books(moves)
    assert existing(desired) == {
        "cbtxn_1:credit_memo": "present",
        "cbtxn_2:application": "void",
        "cbtxn_4:application": "present",
    }
    assert applied(desired, "cbtxn_4:application") == {"in_2:invoice": 300, "cbtxn_1:credit_memo": 300}


def test_voided_in_a_later_month_its_reversal_is_the_credit() -> None:
    moves = history(("adjustment", -500, None), ("applied_to_invoice", 500, "in_1"))
    moves.append(a_move(-500, -500, id="cbtxn_3", type="unapplied_from_invoice", invoice="in_1", created=APRIL_2))
    moves.append(a_move(300, -200, id="cbtxn_4", type="applied_to_invoice", invoice="in_2", created=APRIL_2))
    desired = books(moves)
    assert existing(desired)["cbtxn_2:application"] == "present"
    assert applied(desired, "cbtxn_4:application") == {"in_2:invoice": 300, "in_1:reversal": 300}


def test_credit_older_than_the_books_is_named() -> None:
    moves = [
        a_move(-500, -500),
        a_move(400, -100, id="cbtxn_2", type="applied_to_invoice", invoice="in_1", created=MARCH_15),
    ]
    desired = books(moves, replace(POLICY, start_date=day("2026-03-12")))
    assert desired.documents == ()
    assert parked(desired) == {"cbtxn_2:opening_credit": ("opening_credit", 400)}


def test_a_move_without_a_rule_is_named() -> None:
    desired = books(history(("unspent_receiver_credit", -500, None)))
    assert parked(desired) == {"cbtxn_1:customer_balance": ("balance_type_unknown", 500)}


def test_each_currency_has_its_own_balance() -> None:
    moves = [a_move(-500, -500), a_move(-300, -300, id="cbtxn_2", currency="eur")]
    assert [one.key for one in books(moves).documents] == [
        "cus_1:customer:eur",
        "cbtxn_2:credit_memo",
        "cus_1:customer:usd",
        "cbtxn_1:credit_memo",
    ]


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["adjustment", "applied_to_invoice", "invoice_too_small", "unapplied_from_invoice"]),
        st.integers(-1000, 1000),
        st.sampled_from(["in_1", "in_2", "in_3"]),
    ),
    max_size=12,
)


@given(STEPS)
def test_no_credit_is_used_twice(steps: list[Any]) -> None:
    settlement = settle(history(*steps), POLICY)
    for use in settlement.uses:
        assert use.amount > 0
    for move in {use.credit.move.id for use in settlement.uses}:
        used = sum(use.amount for use in settlement.uses if use.credit.move.id == move)
        assert used <= abs(next(use.credit.move.amount for use in settlement.uses if use.credit.move.id == move))


@pytest.mark.parametrize("kind", ["initial", "migration"])
def test_what_was_brought_along_is_entered_like_an_adjustment(kind: str) -> None:
    assert existing(books(history((kind, -500, None)))) == {"cbtxn_1:credit_memo": "present"}
