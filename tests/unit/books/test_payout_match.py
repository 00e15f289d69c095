"""Payouts against bank entries: numbers by hand, and that nothing is ever used twice."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wescope.books.payout_match import BankEntry, ExpectedPayout, Matching, PayoutMatch, match_payouts


def payout(name: str, amount: int, day: int) -> ExpectedPayout:
    return ExpectedPayout(id=name, amount=amount, arrival=date(2026, 11, day))


def entry(name: str, amount: int, day: int) -> BankEntry:
    return BankEntry(id=name, amount=amount, day=date(2026, 11, day))


def pairs(found: Matching) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    return sorted((match.payouts, match.entries) for match in found.matches)


@pytest.mark.parametrize("day", [8, 10, 17])
def test_one_for_one_inside_the_window(day: int) -> None:
    found = match_payouts([payout("po_1", 9_621, 10)], [entry("D/1", 9_621, day)])
    assert pairs(found) == [(("po_1",), ("D/1",))]


@pytest.mark.parametrize(("amount", "day"), [(9_621, 7), (9_621, 18), (9_620, 10), (-9_621, 10)])
def test_outside_of_the_window_or_of_another_amount(amount: int, day: int) -> None:
    found = match_payouts([payout("po_1", 9_621, 10)], [entry("D/1", amount, day)])
    assert found == Matching()


def test_the_nearest_of_two() -> None:
    found = match_payouts([payout("po_1", 500, 10)], [entry("D/1", 500, 15), entry("D/2", 500, 11)])
    assert pairs(found) == [(("po_1",), ("D/2",))]


def test_equal_amounts_day_after_day_stay_in_order() -> None:
    payouts = [payout(f"po_{day}", 500, day) for day in (3, 4, 5)]
    found = match_payouts(payouts, [entry(f"D/{day}", 500, day) for day in (3, 4, 5)])
    assert pairs(found) == [((f"po_{day}",), (f"D/{day}",)) for day in (3, 4, 5)]


def test_two_alike_on_both_sides_are_paired() -> None:
    found = match_payouts([payout("po_1", 5, 9), payout("po_2", 5, 9)], [entry("D/2", 5, 9), entry("D/1", 5, 9)])
    assert pairs(found) == [(("po_1",), ("D/1",)), (("po_2",), ("D/2",))]


def test_the_first_of_two_alike_when_one_is_not_booked_yet() -> None:
    found = match_payouts([payout("po_2", 5, 9), payout("po_1", 5, 9)], [entry("D/1", 5, 10)])
    assert pairs(found) == [(("po_1",), ("D/1",))]


def test_two_entries_for_one_payout_are_named_and_not_chosen() -> None:
    found = match_payouts([payout("po_1", 5, 9)], [entry("D/2", 5, 10), entry("D/1", 5, 10), entry("D/3", 5, 12)])
    assert found.matches == ()
    assert found.candidates == {"po_1": ("D/1", "D/2")}


def test_one_entry_between_two_payouts_is_not_chosen() -> None:
    found = match_payouts([payout("po_1", 5, 9), payout("po_2", 5, 11)], [entry("D/1", 5, 10)])
    assert found.matches == ()
    assert found.candidates == {"po_1": ("D/1",), "po_2": ("D/1",)}


def test_one_entry_for_several_payouts() -> None:
    payouts = [payout("po_1", 100, 6), payout("po_2", 250, 7), payout("po_3", 400, 8), payout("po_4", 77, 8)]
    found = match_payouts(payouts, [entry("D/1", 750, 9), entry("D/2", 77, 8)])
    assert found.of("po_2") == PayoutMatch(payouts=("po_3", "po_2", "po_1"), entries=("D/1",))
    assert found.of("po_4") == PayoutMatch(payouts=("po_4",), entries=("D/2",))


def test_a_payout_below_zero_inside_a_sum() -> None:
    found = match_payouts([payout("po_1", 1_000, 6), payout("po_2", -300, 6)], [entry("D/1", 700, 6)])
    assert pairs(found) == [(("po_1", "po_2"), ("D/1",))]


def test_sums_with_two_answers_are_named_and_not_chosen() -> None:
    payouts = [payout("po_1", 100, 6), payout("po_2", 300, 6), payout("po_3", 150, 6), payout("po_4", 250, 6)]
    found = match_payouts(payouts, [entry("D/1", 400, 6)])
    assert found.matches == ()
    assert found.candidates == dict.fromkeys(("po_1", "po_2", "po_3", "po_4"), ("D/1",))


def test_sums_of_payouts_that_are_alike_have_one_answer() -> None:
    payouts = [payout("po_1", 100, 6), payout("po_2", 100, 6), payout("po_3", 150, 6)]
    found = match_payouts(payouts, [entry("D/1", 250, 6)])
    assert pairs(found) == [(("po_1", "po_3"), ("D/1",))]


def test_several_entries_for_one_payout() -> None:
    found = match_payouts([payout("po_1", 1_000, 6)], [entry("D/1", 600, 6), entry("D/2", 400, 7), entry("D/3", 9, 7)])
    assert pairs(found) == [(("po_1",), ("D/1", "D/2"))]


def test_several_entries_in_two_ways_are_named() -> None:
    entries = [entry("D/1", 600, 6), entry("D/2", 400, 7), entry("D/3", 400, 8)]
    found = match_payouts([payout("po_1", 1_000, 6)], entries)
    assert found.matches == ()
    assert found.candidates == {"po_1": ("D/1", "D/2", "D/3")}


def test_only_the_nearest_six_make_a_sum() -> None:
    payouts = [payout(f"po_{index}", 1, 10) for index in range(6)]
    far = payout("po_far", 1_000, 5)
    assert match_payouts([*payouts, far], [entry("D/1", 1_005, 10)]).matches == ()
    assert pairs(match_payouts(payouts, [entry("D/1", 6, 10)])) == [
        (("po_0", "po_1", "po_2", "po_3", "po_4", "po_5"), ("D/1",))
    ]


DAYS = st.integers(min_value=1, max_value=20)
AMOUNTS = st.integers(min_value=-3, max_value=12).filter(bool)


@given(st.lists(st.tuples(AMOUNTS, DAYS), max_size=8), st.lists(st.tuples(AMOUNTS, DAYS), max_size=8))
def test_every_match_adds_up_and_nothing_serves_twice(
    payouts: list[tuple[int, int]], entries: list[tuple[int, int]]
) -> None:
    expected = [payout(f"po_{index}", *one) for index, one in enumerate(payouts)]
    booked = [entry(f"D/{index}", *one) for index, one in enumerate(entries)]
    found = match_payouts(expected, booked)
    amounts = {one.id: one.amount for one in expected} | {one.id: one.amount for one in booked}
    for match in found.matches:
        assert sum(amounts[one] for one in match.payouts) == sum(amounts[one] for one in match.entries)
        assert 1 in {len(match.payouts), len(match.entries)}
    used = [one for match in found.matches for one in (*match.payouts, *match.entries)]
    assert len(used) == len(set(used))
    assert not set(found.candidates) & set(used)
    assert match_payouts(reversed(expected), reversed(booked)) == found
