"""Results as JSON, and the sums of a tie-out."""

from datetime import UTC, date, datetime

import pytest

from wescope.engine.results import ActionRow, Check, Severity, to_json
from wescope.engine.tieout_results import ClearingRow, ReceivableRow, TieOut

AT = datetime(2026, 11, 22, 12, 30, tzinfo=UTC)
DAY = date(2026, 11, 22)


def receivable(currency: str, difference: int) -> ReceivableRow:
    return ReceivableRow(customer_id="cus_1", currency=currency, stripe=difference, qbo=0, difference=difference)


def compared(*rows: ReceivableRow, clearing: tuple[ClearingRow, ...] = ()) -> TieOut:
    return TieOut.of(as_of=DAY, at=AT, receivable=rows, clearing=clearing)


def test_differences_never_cancel_out() -> None:
    tieout = compared(receivable("usd", 5), receivable("usd", -5))
    assert (tieout.difference, tieout.balanced, tieout.differences) == ("0.10", False, {"usd": "0.10"})


def test_no_difference_is_zero_in_every_currency() -> None:
    tieout = compared(receivable("jpy", 0), receivable("usd", 0))
    assert (tieout.difference, tieout.balanced) == ("0.00", True)
    assert tieout.differences == {"jpy": "0", "usd": "0.00"}
    assert compared().difference == "0.00"


def test_differences_in_several_currencies_are_not_added() -> None:
    clearing = (ClearingRow(currency="jpy", stripe=7, qbo=0, difference=7),)
    assert compared(receivable("usd", 5), clearing=clearing).difference == "7 JPY + 0.05 USD"


@pytest.mark.parametrize(("currency", "shown"), [("usd", "12.34"), ("jpy", "1234"), ("kwd", "1.234")])
def test_amounts_are_decimal_strings_of_their_currency(currency: str, shown: str) -> None:
    row = ActionRow(
        document_key="in_1:invoice",
        entity="Invoice",
        action="create",
        qbo_id=None,
        amount=1234,
        currency=currency,
        date=DAY,
    )
    assert to_json(row) == {
        "document_key": "in_1:invoice",
        "entity": "Invoice",
        "action": "create",
        "qbo_id": None,
        "amount": shown,
        "currency": currency,
        "date": "2026-11-22",
        "reason": None,
        "ignored": False,
    }


def test_enumerations_are_their_values() -> None:
    check = Check(name="x", ok=False, detail="", severity=Severity.WARNING)
    assert to_json((check,))[0]["severity"] == "warning"


@pytest.mark.parametrize("foreign", [1.5, object(), {1, 2}, b"x", Check])
def test_what_is_no_result_is_refused(foreign: object) -> None:
    with pytest.raises(TypeError):
        to_json(foreign)
