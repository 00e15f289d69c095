"""Every row of a payout beside its document: matched, pending, reversed, missing, and what the payout waits for."""

from dataclasses import replace
from datetime import date

import pytest

from tests.unit.books.builders import POLICY, day, moment
from tests.unit.books.money_builders import a_payout, a_returned_payout, a_row
from wescope.books.payout_check import (
    PayoutCheck,
    PayoutState,
    Posted,
    PostedState,
    RowState,
    check_payout,
    keys_of,
    row_document,
)
from wescope.books.policy import PayoutMode
from wescope.books.subjects import DocumentKey, Subject, SubjectKind
from wescope.books.values import BalanceRow, PayoutStatus

CHARGE = a_row(3000, fee=117, charge="ch_1", kind="charge")
REFUND = a_row(-1000, "refund", row_id="txn_2", source="re_1", charge="ch_1", kind="refund")
DISPUTE = a_row(-3000, "dispute", fee=1500, row_id="txn_3", source="dp_1", kind="dispute", charge="ch_1")
TOPUP = a_row(500, "topup", row_id="txn_4", source="tu_1", kind="topup")
FAILURE = a_row(-3000, "charge_failure", row_id="txn_5", source="ch_1", charge="ch_1", kind="charge")
REFUND_BACK = a_row(1000, "refund_failure", row_id="txn_6", source="re_1", kind="refund")
FEE = a_row(-200, "fee", row_id="txn_7", source=None)
HELD = a_row(-900, "risk_reserved_funds", row_id="txn_8", source=None)
REST = a_row(-1200, "partial_capture_reversal", row_id="txn_9", source="re_9", charge="ch_1", kind="refund")
RETURNED = a_row(700, "payout_reversal", row_id="txn_10", source="po_0", kind="payout")


def subjects_of(result: PayoutCheck) -> tuple[Subject, ...]:
    """The Stripe objects whose documents are missing, each once, in the order of the rows."""
    return tuple(dict.fromkeys(row.subject for row in result.rows if row.state is RowState.MISSING))


def books(**amounts: int | None) -> dict[DocumentKey, Posted]:
    """Documents that are posted with these amounts; `ch_1__payment` is `ch_1:payment`."""
    return {
        DocumentKey(key.replace("__", ":")): Posted(amount=amount, currency="usd", state=PostedState.POSTED)
        for key, amount in amounts.items()
    }


def voided(*keys: str) -> dict[DocumentKey, Posted]:
    return {DocumentKey(key): Posted(amount=0, currency="usd", state=PostedState.VOIDED) for key in keys}


def check(
    *rows: BalanceRow, posted: dict[DocumentKey, Posted] | None = None, pending: tuple[str, ...] = ()
) -> PayoutCheck:
    payout = a_payout(sum(row.transaction.net for row in rows), *rows)
    return check_payout(payout, POLICY, posted or {}, {DocumentKey(key) for key in pending})


def states(result: PayoutCheck) -> list[tuple[str, str | None]]:
    return [(row.state.value, row.document) for row in result.rows]


def test_all_rows_with_their_documents_match() -> None:
    rows = (CHARGE, REFUND, DISPUTE, TOPUP, FEE, HELD)
    posted = books(
        ch_1__sales_receipt=3000, re_1__refund_receipt=-1000, txn_3__journal_entry=-3000, txn_4__journal_entry=500
    )
    result = check(*rows, posted=posted)
    assert states(result) == [
        ("matched", "ch_1:sales_receipt"),
        ("matched", "re_1:refund_receipt"),
        ("matched", "txn_3:journal_entry"),
        ("matched", "txn_4:journal_entry"),
        ("fee", None),
        ("stays_in_clearing", None),
    ]
    assert (result.state, result.waiting_on, subjects_of(result)) == (PayoutState.MATCHED, (), ())
    assert (result.gross, result.fee, result.net) == (-1400, 1817, -3217)
    assert result.foots
    assert [(row.gross, row.fee, row.net) for row in result.rows][4] == (0, 200, -200)
    assert (result.payout_date, result.arrival_date) == (date(2026, 3, 22), date(2026, 3, 24))
    assert result.available_date == date(2026, 3, 20)


def test_missing_documents_are_named_with_what_to_look_at() -> None:
    result = check(CHARGE, REFUND, DISPUTE, TOPUP, FAILURE, REFUND_BACK)
    assert result.state is PayoutState.WAITING
    assert result.waiting_on == (
        "ch_1:payment",
        "re_1:refund_receipt",
        "txn_3:journal_entry",
        "txn_4:journal_entry",
        "ch_1:reversal",
        "re_1:reversal",
    )
    assert subjects_of(result) == (
        Subject(kind=SubjectKind.CHARGE, id="ch_1"),
        Subject(kind=SubjectKind.REFUND, id="re_1"),
        Subject(kind=SubjectKind.DISPUTE, id="dp_1"),
        Subject(kind=SubjectKind.BALANCE_TRANSACTION, id="txn_4"),
    )


def test_another_amount_differs_and_an_unknown_one_does_not() -> None:
    assert states(check(CHARGE, posted=books(ch_1__payment=2999))) == [("differs", "ch_1:payment")]
    assert check(CHARGE, posted=books(ch_1__payment=2999)).waiting_on == ("ch_1:payment",)
    assert states(check(CHARGE, posted=books(ch_1__payment=None))) == [("matched", "ch_1:payment")]
    foreign = {DocumentKey("ch_1:payment"): Posted(amount=3000, currency="eur", state=PostedState.POSTED)}
    assert states(check(CHARGE, posted=foreign)) == [("differs", "ch_1:payment")]


def test_a_pending_charge_does_not_block() -> None:
    result = check(CHARGE, pending=("ch_1:sales_receipt",))
    assert states(result) == [("pending", "ch_1:sales_receipt")]
    assert result.state is PayoutState.MATCHED


def test_what_was_taken_back_reverses_both_rows() -> None:
    result = check(CHARGE, FAILURE, posted=voided("ch_1:payment"))
    assert states(result) == [("reversed", "ch_1:payment"), ("reversed", "ch_1:payment")]
    assert states(check(REFUND, REFUND_BACK, posted=voided("re_1:refund_receipt"))) == [
        ("reversed", "re_1:refund_receipt"),
        ("reversed", "re_1:refund_receipt"),
    ]


def test_a_dated_reversal_matches_each_row_with_its_own_document() -> None:
    result = check(CHARGE, FAILURE, posted=books(ch_1__payment=3000, ch_1__reversal=-3000))
    assert states(result) == [("matched", "ch_1:payment"), ("matched", "ch_1:reversal")]


def test_the_uncaptured_rest_nets_against_its_charge() -> None:
    result = check(CHARGE, REST, posted=books(ch_1__payment=1800))
    assert states(result) == [("matched", "ch_1:payment"), ("matched", "ch_1:payment")]
    assert subjects_of(check(REST)) == (Subject(kind=SubjectKind.CHARGE, id="ch_1"),)


def test_a_returned_payout_needs_its_entry_only_if_it_had_been_deposited() -> None:
    assert states(check(RETURNED)) == [("stays_in_clearing", "txn_10:journal_entry")]
    deposited = books(po_0__deposit=-700)
    late = check(RETURNED, posted=deposited)
    assert states(late) == [("missing", "txn_10:journal_entry")]
    assert subjects_of(late) == (Subject(kind=SubjectKind.PAYOUT, id="po_0"),)
    assert states(check(RETURNED, posted=deposited | books(txn_10__journal_entry=700))) == [
        ("matched", "txn_10:journal_entry")
    ]
    match = row_document(RETURNED, replace(POLICY, payouts=PayoutMode.MATCH))
    assert (match.needs, match.reason) == (False, "stays_in_clearing")


def test_rows_before_the_books_need_no_document() -> None:
    old = a_row(3000, fee=117, created=moment("2026-03-01T07:59:00+00:00"))
    policy = replace(POLICY, start_date=day("2026-03-01"))
    result = check_payout(a_payout(2883, old), policy, {})
    assert states(result) == [("before_start_date", None)]
    assert result.state is PayoutState.MATCHED


def test_a_held_row_that_is_mapped_needs_its_entry() -> None:
    policy = replace(POLICY, categories={"risk_reserved_funds": "Reserves"})
    assert row_document(HELD, policy).keys == ("txn_8:journal_entry",)


@pytest.mark.parametrize(
    ("status", "state"),
    [
        (PayoutStatus.PENDING, PayoutState.NOT_PAID),
        (PayoutStatus.IN_TRANSIT, PayoutState.NOT_PAID),
        (PayoutStatus.PAID, PayoutState.DIFFERS),
    ],
)
def test_the_payouts_own_status_goes_first(status: PayoutStatus, state: PayoutState) -> None:
    result = check_payout(a_payout(2884, CHARGE, status=status), POLICY, books(ch_1__payment=3000))
    assert (result.state, result.foots, result.differs_by) == (state, False, -1)


def test_failed_and_unreconciled_payouts_say_so() -> None:
    failed = a_returned_payout("2026-03-26T20:00:00+00:00", 2883, CHARGE)
    assert check_payout(failed, POLICY, {}).state is PayoutState.FAILED
    assert check_payout(a_payout(0, reconciled=False), POLICY, {}).state is PayoutState.WAITING


def test_a_manual_payout_waits_for_nothing() -> None:
    result = check_payout(a_payout(5000, fee=50, automatic=False, reconciled=False), POLICY, {})
    assert (result.state, result.gross, result.fee, result.net) == (PayoutState.MATCHED, 5050, 50, 5000)


def test_an_adopted_deposit_is_named() -> None:
    adopted = Posted(amount=None, currency="usd", state=PostedState.ADOPTED, qbo_id="145")
    posted = books(ch_1__payment=3000) | {DocumentKey("po_1:deposit"): adopted}
    assert check(CHARGE, posted=posted).state is PayoutState.ADOPTED


def test_keys_of_a_payout_are_all_that_is_asked_for() -> None:
    payout = a_payout(0, CHARGE, FAILURE, RETURNED)
    assert keys_of(payout, POLICY) == (
        "po_1:deposit",
        "ch_1:payment",
        "ch_1:sales_receipt",
        "ch_1:reversal",
        "txn_10:journal_entry",
        "po_0:deposit",
    )
