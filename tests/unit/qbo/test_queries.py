"""Query statements are quoted and bounded."""

from datetime import date

import pytest

from wescope.qbo import queries


def test_quotes_and_backslashes_are_escaped() -> None:
    assert queries.where_equals("DisplayName", "Amy's \\ Sanctuary") == r"DisplayName = 'Amy\'s \\ Sanctuary'"


def test_a_value_cannot_leave_its_quotes() -> None:
    assert queries.quote("\\' OR Active = true") == r"'\\\' OR Active = true'"


def test_a_statement_has_conditions_order_and_page() -> None:
    condition = queries.where_between("TxnDate", date(2026, 1, 31), date(2026, 2, 2))
    assert queries.select("Invoice", "", condition, start=1001) == (
        "SELECT * FROM Invoice WHERE TxnDate >= '2026-01-31' AND TxnDate <= '2026-02-02' "
        "ORDERBY Id STARTPOSITION 1001 MAXRESULTS 1000"
    )


def test_values_of_a_list_are_quoted_one_by_one() -> None:
    assert queries.where_in("DisplayName", ["A's", "B"]) == r"DisplayName IN ('A\'s', 'B')"


@pytest.mark.parametrize(("start", "page"), [(0, 10), (1, 0), (1, 1001)])
def test_pages_are_bounded(start: int, page: int) -> None:
    with pytest.raises(ValueError, match="out of bounds"):
        queries.select("Invoice", start=start, page=page)


def test_names_are_checked() -> None:
    with pytest.raises(ValueError, match="no name"):
        queries.select("Invoice; DROP")
