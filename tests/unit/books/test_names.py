"""Names and numbers are legal in QBO, the same every time, and different for different ids."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wescope.books.names import clean, cut, display_names, doc_number, payment_reference

STRIPE_IDS = st.text("abcdefXYZ0189", min_size=1, max_size=24).map("cus_{}".format)
NAMES = st.none() | st.text(max_size=600) | st.text("é\u0301:\t\n\u200b\u202e\u200d 👍🏽A\ud800", max_size=600)


def test_the_wanted_name_comes_first_and_the_id_last() -> None:
    assert display_names("Acme", "cus_1") == ("Acme", "Acme (cus_1)", "cus_1")


def test_a_name_in_another_script_gets_an_ascii_form() -> None:
    assert display_names("Café Zürich", "cus_1") == (
        "Café Zürich",
        "Café Zürich (cus_1)",
        "Cafe Zurich (cus_1)",
        "cus_1",
    )


def test_a_name_without_ascii_form_has_none() -> None:
    assert display_names("東京", "cus_1") == ("東京", "東京 (cus_1)", "cus_1")


def test_another_currency_is_part_of_every_name() -> None:
    assert display_names("Acme", "cus_1", "EUR") == ("Acme EUR", "Acme EUR (cus_1)", "cus_1 EUR")


@pytest.mark.parametrize("name", [None, "", "  ", ":\t\n", "\u200b", "\u200d", "\u0301", "\x00"])
def test_no_visible_name_is_the_id(name: str | None) -> None:
    assert display_names(name, "cus_1") == ("cus_1", "cus_1 (cus_1)")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Parent:Child", "Parent Child"),
        (" Acme \t\n Ltd\r\n", "Acme Ltd"),
        ("A\x00B\x7fC\u2028D", "A B C D"),
        ("Cafe\u0301", "Caf\u00e9"),
        ("A\u202eB\u200bC\ufeff", "ABC"),
        ("\ud83dAcme", "Acme"),
        ("Acme 👍", "Acme 👍"),
    ],
)
def test_what_qbo_refuses_is_taken_out(name: str, expected: str) -> None:
    assert display_names(name, "cus_1")[0] == expected


def test_a_colon_that_appears_by_transliteration_is_taken_out_too() -> None:
    # The full-width colon is legal; its ASCII form is not.
    assert display_names("A\uff1aB", "cus_1")[2] == "A B (cus_1)"


def test_a_long_name_leaves_room_for_what_follows_it() -> None:
    names = display_names("A" * 600, "cus_1", "EUR")
    assert names[0] == "A" * 496 + " EUR"
    assert names[1] == "A" * 488 + " EUR (cus_1)"


def test_length_is_counted_in_utf16_units() -> None:
    assert cut("👍👍", 3) == "👍"
    assert cut("ab cd", 3) == "ab"
    assert cut("abc", 3) == "abc"


@given(NAMES, STRIPE_IDS, st.sampled_from(["", "EUR"]))
def test_all_names_are_legal(name: str | None, customer_id: str, suffix: str) -> None:
    names = display_names(name, customer_id, suffix)
    assert names
    assert len(names) == len(set(names))
    for candidate in names:
        assert 1 <= len(candidate) <= 500
        assert candidate == candidate.strip()
        assert "  " not in candidate
        assert ":" not in candidate
        assert not {unicodedata.category(character) for character in candidate} & {"Cc", "Cs", "Zl", "Zp"}
        assert unicodedata.is_normalized("NFC", candidate)
        assert candidate.encode()


@given(NAMES, STRIPE_IDS)
def test_names_are_deterministic(name: str | None, customer_id: str) -> None:
    assert display_names(name, customer_id) == display_names(name, customer_id)


@given(NAMES, STRIPE_IDS, STRIPE_IDS)
def test_two_customers_share_no_name_but_the_first(name: str | None, one: str, other: str) -> None:
    if one != other:
        assert not set(display_names(name, one)[1:]) & set(display_names(name, other)[1:])


@given(NAMES, STRIPE_IDS)
def test_the_currencies_of_one_customer_share_no_name(name: str | None, customer_id: str) -> None:
    assert not set(display_names(name, customer_id)[1:]) & set(display_names(name, customer_id, "EUR")[1:])


@given(st.text())
def test_cleaning_twice_changes_nothing(text: str) -> None:
    assert clean(clean(text)) == clean(text)


def test_a_number_that_fits_is_kept() -> None:
    assert doc_number("E2L97VN8-0001", "in_1") == "E2L97VN8-0001"
    assert doc_number("E2L97VN8-0001", "in_1", "S-") == "S-E2L97VN8-0001"
    assert doc_number("X" * 21, "in_1") == "X" * 21


def test_a_long_number_is_shortened_with_a_hash() -> None:
    # Its end is the beginning of `printf SUBSCRIPTION-2026-000001 | openssl dgst -sha256 -binary | base32`.
    assert doc_number("SUBSCRIPTION-2026-000001", "in_1") == "SUBSCRIPTI-PU7CVTYIE3"


@pytest.mark.parametrize("number", [None, "", " "])
def test_without_a_number_the_id_is_used(number: str | None) -> None:
    assert doc_number(number, "in_1MtHbELkdIwHu7") == "1MtHbELkdIwHu7"


@given(st.text(max_size=40), st.text(max_size=10))
def test_numbers_fit(number: str, prefix: str) -> None:
    assert 1 <= len(doc_number(number, "in_1MtHbELkdIwHu7ixl4OzzPMv", prefix)) <= 21


@given(st.lists(st.text("ABC-019", min_size=1, max_size=40), unique=True, max_size=20))
def test_different_numbers_stay_different(numbers: list[str]) -> None:
    assert len({doc_number(number, "in_1") for number in numbers}) == len(numbers)


@pytest.mark.parametrize(
    ("source_id", "expected"),
    [
        ("ch_1", "1"),
        ("py_123456789012345678901", "123456789012345678901"),
        ("ch_3MmlLrLkdIwHu7ix0snN0B15", "lLrLkdIwHu7ix0snN0B15"),
        ("odd", "odd"),
    ],
)
def test_references_fit(source_id: str, expected: str) -> None:
    assert payment_reference(source_id) == expected
    assert len(payment_reference(source_id)) <= 21
