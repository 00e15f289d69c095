"""Numbers go over QBO's wire exactly."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wescope.qbo import wire


def test_numbers_are_parsed_as_decimals_never_floats() -> None:
    parsed = wire.loads('{"a": 100.10, "b": 7, "c": [0.1, 1e2], "d": 9007199254740993.01}')
    assert parsed == {
        "a": Decimal("100.10"),
        "b": 7,
        "c": [Decimal("0.1"), Decimal(100)],
        "d": Decimal("9007199254740993.01"),
    }
    assert str(parsed["a"]) == "100.10"


@pytest.mark.parametrize("text", ["", "{", "NaN", '{"a": Infinity}', "<html/>", b"\xff\xfe\x00", "[" * 100_000])
def test_what_is_no_json_is_refused_without_quoting_it(text: str | bytes) -> None:
    with pytest.raises(ValueError, match=r"^this is no JSON$") as caught:
        wire.loads(text)
    assert caught.value.__context__ is None


def test_decimals_are_written_as_plain_numbers_with_their_decimals() -> None:
    assert wire.dumps({"Amount": Decimal("100.10"), "x": [Decimal("1E+3"), Decimal("-0.05"), 3, None, True]}) == (
        '{"Amount":100.10,"x":[1000,-0.05,3,null,true]}'
    )


def test_text_is_written_in_ascii() -> None:
    assert wire.dumps({"é": "日本\n\u2028😀"}) == '{"\\u00e9":"\\u65e5\\u672c\\n\\u2028\\ud83d\\ude00"}'


@pytest.mark.parametrize("value", [0.1, {"a": 1.5}, b"x", {1: "x"}, object()])
def test_floats_and_other_things_are_refused(value: Any) -> None:
    with pytest.raises(TypeError):
        wire.dumps(value)


@pytest.mark.parametrize("value", [Decimal("NaN"), Decimal("-Infinity")])
def test_numbers_that_are_none_are_refused(value: Decimal) -> None:
    with pytest.raises(ValueError, match="finite"):
        wire.dumps(value)


PLAIN = (
    st.none() | st.booleans() | st.integers() | st.decimals(allow_nan=False, allow_infinity=False, places=2) | st.text()
)


@given(st.recursive(PLAIN, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_what_is_written_is_read_back_equal(value: Any) -> None:
    written = wire.dumps(value)
    assert wire.loads(written) == value
    json.loads(written)


@given(st.integers(min_value=-(10**12), max_value=10**12), st.sampled_from(["usd", "jpy", "kwd", "isk"]))
def test_money_survives_the_wire(amount: int, currency: str) -> None:
    assert wire.minor(wire.loads(wire.dumps(wire.amount(amount, currency))), currency) == amount


@pytest.mark.parametrize("value", [None, "1.00", True, Decimal("0.001")])
def test_what_is_no_amount_is_none(value: Any) -> None:
    assert wire.minor(value, "usd") is None
