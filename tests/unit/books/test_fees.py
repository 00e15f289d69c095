"""What Stripe kept of a row, by kind: tax on fees apart from fees, and rows that are a fee by themselves."""

from dataclasses import replace

import pytest

from tests.unit.books.builders import POLICY
from tests.unit.books.money_builders import a_fee, a_transaction, account_name
from wescope.books.fees import fee_of, fee_parts, fees_add_up, gross_of
from wescope.books.policy import Policy
from wescope.books.values import BalanceTransaction


def parts(*transactions: BalanceTransaction, policy: Policy = POLICY) -> list[tuple[str, str, int]]:
    return [(part.kind.value, account_name(part.account), part.amount) for part in fee_parts(transactions, policy)]


def test_a_european_fee_is_split_into_fee_and_tax() -> None:
    row = a_transaction(
        50_000, fee=892, currency="eur", fees=(a_fee(725, currency="eur"), a_fee(167, "tax", currency="eur"))
    )
    assert parts(row) == [("processing fees", "fees.eur", 725), ("tax on fees", "fee_tax.eur", 167)]
    assert (gross_of(row), fee_of(row)) == (50_000, 892)
    assert fees_add_up(row)


def test_an_older_row_without_parts_is_processing() -> None:
    assert parts(a_transaction(1000, fee=59)) == [("processing fees", "fees.usd", 59)]


def test_each_kind_is_one_part_over_all_rows() -> None:
    rows = (
        a_transaction(1000, fee=59, fees=(a_fee(30), a_fee(29, "payment_method_passthrough_fee"))),
        a_transaction(1000, fee=50, fees=(a_fee(40), a_fee(10, "application_fee"))),
        a_transaction(-3000, "dispute", fee=1500, fees=(a_fee(1500, dispute=True),)),
        a_transaction(10, fee=2, fees=(a_fee(2, "withheld_tax"),)),
    )
    assert parts(*rows) == [
        ("processing fees", "fees.usd", 70),
        ("dispute fees", "fees.usd", 1500),
        ("application fees", "fees.usd", 10),
        ("network fees", "fees.usd", 29),
        ("tax on fees", "fee_tax.usd", 2),
    ]


def test_a_dispute_fee_that_is_given_back_is_negative() -> None:
    won = a_transaction(3000, "dispute_reversal", fee=-1500, fees=(a_fee(-1500, dispute=True),))
    assert parts(won) == [("dispute fees", "fees.usd", -1500)]


@pytest.mark.parametrize(
    ("category", "kind", "account"),
    [
        ("fee", "Stripe product fees", "fees.usd"),
        ("network_cost", "network fees", "fees.usd"),
        ("tax", "tax on fees", "fee_tax.usd"),
    ],
)
def test_a_row_that_is_a_fee_has_no_gross(category: str, kind: str, account: str) -> None:
    row = a_transaction(-250, category)
    assert (gross_of(row), fee_of(row)) == (0, 250)
    assert parts(row) == [(kind, account, 250)]
    assert parts(row, policy=replace(POLICY, categories={category: "Software"})) == [(kind, "Software", 250)]


@pytest.mark.parametrize(
    "changes",
    [
        {"fees": (a_fee(58),)},
        {"fees": (a_fee(59, currency="eur"),)},
        {"net": 942},
    ],
)
def test_parts_that_do_not_add_up_are_noticed(changes: dict[str, object]) -> None:
    assert not fees_add_up(a_transaction(1000, **{"fee": 59, **changes}))  # type: ignore[arg-type]  # any field
