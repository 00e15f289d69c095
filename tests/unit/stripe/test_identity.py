"""Ids that are none: what was probably meant is said by its prefix only, and what was typed is never repeated."""

import pytest

from wescope.errors import MalformedId
from wescope.stripe.identity import identify


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("IN_1ABC", "in_"), ("cuss_1ABC", "cus_"), ("inpya_1ABC", "inpay_"), ("Ada Lovelace", ""), ("si_1ABC", "")],
)
def test_a_prefix_that_is_nearly_one_is_answered_by_it(typed: str, meant: str) -> None:
    with pytest.raises(MalformedId) as refused:
        identify(typed)
    told = str(refused.value)
    assert typed.partition("_")[2] not in told or not typed.partition("_")[2]
    assert "Lovelace" not in told
    assert (f"begins with {meant}?" in told) is bool(meant)
