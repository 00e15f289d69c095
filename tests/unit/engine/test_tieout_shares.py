"""Income and tax of parts of documents: numbers by hand, and the mapping's own shares on whatever is credited."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.books.builders import POLICY, a_credit_note, an_invoice, an_invoice_line
from wescope.books.credit_lines import credited_lines, split_note
from wescope.books.documents import SalesLine
from wescope.books.policy import ItemRole
from wescope.books.values import CreditedRefund, CreditNote, CreditNoteLine, Reduction, Shipping, TaxAmount
from wescope.engine.tieout_results import Kind
from wescope.engine.tieout_shares import Shares


def tax(amount: int, rate: str = "txr_1", *, inclusive: bool = False) -> TaxAmount:
    return TaxAmount(amount=amount, inclusive=inclusive, tax_rate=rate)


def test_an_invoice_is_income_and_tax_whether_the_tax_is_contained_or_not() -> None:
    lines = (
        an_invoice_line(1_000, taxes=(tax(100),), discounts=(Reduction(amount=200, source=None),)),
        an_invoice_line(1_100, taxes=(tax(100, "txr_2", inclusive=True),)),
    )
    shipping = Shipping(amount=500, taxes=(tax(50),))
    invoice = replace(an_invoice(total=2_550), lines=lines, shipping=shipping)
    assert dict(Shares.of(invoice).whole()) == {Kind.REVENUE: 2_300, Kind.TAX: 250}
    assert dict(Shares.of(invoice).part(2_550)) == {Kind.REVENUE: 2_300, Kind.TAX: 250}
    assert Shares.of(invoice).part(0) == ()


def test_parts_add_up_to_the_whole_by_the_largest_remainder() -> None:
    """A third of 110.00 with 10.00 of tax: 3333.6 and 333.4 cents are 33.34 and 3.33."""
    invoice = replace(an_invoice(total=11_000), lines=(an_invoice_line(10_000, taxes=(tax(1_000),)),))
    shares = Shares.of(invoice)
    thirds = [
        dict(shares.part(amount, before=before)) for before, amount in ((0, 3_667), (3_667, 3_667), (7_334, 3_666))
    ]
    assert thirds[0] == {Kind.REVENUE: 3_334, Kind.TAX: 333}
    assert [sum(third[kind] for third in thirds) for kind in (Kind.REVENUE, Kind.TAX)] == [10_000, 1_000]


def test_lines_that_do_not_add_up_are_income() -> None:
    invoice = replace(an_invoice(total=999), lines=(an_invoice_line(1_000),))
    assert Shares.of(invoice).whole() == ((Kind.REVENUE, 999),)
    assert Shares.of(invoice).part(500) == ((Kind.REVENUE, 500),)


AMOUNTS = st.integers(0, 5_000)
TAXES = st.builds(tax, st.integers(0, 700), st.sampled_from(["txr_1", "txr_2"]), inclusive=st.booleans())


@st.composite
def notes(draw: st.DrawFn) -> CreditNote:
    """A credit note of up to four lines in four parts: before payment, two refunds, balance, out of band."""
    lines = []
    for number in range(draw(st.integers(1, 4))):
        amount = draw(AMOUNTS)
        reductions = draw(
            st.lists(st.builds(Reduction, amount=st.integers(0, amount // 3), source=st.none()), max_size=2)
        )
        lines.append(
            CreditNoteLine(
                id=f"cnli_{number}",
                amount=amount + 1_000,
                description=None,
                discounts=tuple(reductions[:1]),
                credits=tuple(reductions[1:]),
                taxes=tuple(draw(st.lists(TAXES, max_size=2, unique_by=lambda one: one.tax_rate))),
            )
        )
    shipping = draw(st.none() | st.builds(Shipping, amount=st.integers(700, 900), taxes=st.tuples(TAXES)))
    note = replace(a_credit_note(), lines=tuple(lines), shipping=shipping)
    total = sum(line.amount for line in credited_lines(note, (), POLICY))
    cuts = sorted(draw(st.lists(st.integers(0, total), min_size=4, max_size=4)))
    sizes = [until - since for since, until in zip([0, *cuts], [*cuts, total], strict=True)]
    return replace(
        note,
        total=total,
        pre_payment_amount=sizes[0],
        post_payment_amount=total - sizes[0],
        refunds=(CreditedRefund(refund="re_2", amount=sizes[2]), CreditedRefund(refund="re_1", amount=sizes[1])),
        balance_amount=sizes[3],
        out_of_band_amount=sizes[4],
    )


def by_kind(lines: tuple[SalesLine, ...]) -> dict[Kind, int]:
    found = {Kind.REVENUE: 0, Kind.TAX: 0}
    for line in lines:
        found[Kind.TAX if line.item is ItemRole.TAX else Kind.REVENUE] += line.amount
    return {kind: amount for kind, amount in found.items() if amount}


@given(notes())
def test_every_part_of_a_credit_note_is_what_the_mapping_posts(note: CreditNote) -> None:
    parts, shares = split_note(note, credited_lines(note, (), POLICY)), Shares.of(note)
    second, first = (part.amount for part in note.refunds)
    before = note.pre_payment_amount
    assert dict(shares.part(before)) == by_kind(parts.pre_payment)
    assert dict(shares.part(first, before=before)) == by_kind(parts.refunds["re_1"])
    assert dict(shares.part(second, before=before + first)) == by_kind(parts.refunds["re_2"])
    before += first + second
    assert dict(shares.part(note.balance_amount, before=before)) == by_kind(parts.balance)
    before += note.balance_amount
    assert dict(shares.part(note.out_of_band_amount, before=before)) == by_kind(parts.out_of_band)
