"""Taxes: how a company's sales tax is sent: as lines, or by QBO's own tax codes (facts/qbo.md 4.8). Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum
from typing import Literal

from wescope.books.documents import Document, SalesLine
from wescope.books.policy import ItemRole
from wescope.errors import TaxCodeMissing
from wescope.qbo import wire
from wescope.qbo.directory import Directory
from wescope.qbo.preferences import Preferences
from wescope.qbo.records import Record, parts, reference

UNTAXED = "none"
"""The key under `[tax] codes` that names the tax code of lines without tax, outside of the United States."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxChoice:
    """The policy's `[tax]`: whether tax is on lines of its own or native, and the QBO tax codes.

    `codes` maps Stripe tax rate ids (and `UNTAXED`) to names or ids of QBO tax codes; `default_code` is for rates that
    it does not name.
    """

    mode: Literal["line", "native"] = "line"
    default_code: str | None = None
    codes: Mapping[str, str] = field(default_factory=dict)


class TaxForm(Enum):
    """How the tax of a sales form is written.

    `MARKED_LINES` and `MARKED_TOTAL` are American: lines are TAX or NON. The other two are of all other countries.
    """

    MARKED_LINES = "tax lines, every line NON"
    MARKED_TOTAL = "TAX or NON on lines, one total"
    PLAIN_LINES = "tax lines, no codes"
    CODED_LINES = "a tax code on every line, an override per rate"

    @property
    def is_native(self) -> bool:
        """Whether tax lines are left out, because QBO's own tax takes their place."""
        return self in {TaxForm.MARKED_TOTAL, TaxForm.CODED_LINES}


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxRate:
    """A rate of QBO's: its id, and how many percent of the net amount it is."""

    id: str
    percent: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxCode:
    """A tax code of QBO's with its sales rates, in the order in which QBO applies them."""

    id: str
    rates: tuple[TaxRate, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxReferences:
    """What a document's tax is in one company: its form and its codes by Stripe tax rate (and `UNTAXED`).

    `total` is the id of the code that goes with one total.
    """

    form: TaxForm = TaxForm.MARKED_LINES
    codes: Mapping[str, TaxCode] = field(default_factory=dict)
    total: str | None = None


def is_tax(line: SalesLine) -> bool:
    """Whether a line is tax and nothing else."""
    return line.item is ItemRole.TAX


def form_of(choice: TaxChoice, preferences: Preferences, document: Document) -> TaxForm:
    """How a document's tax is written.

    Lines are used unless native tax was chosen, QBO's sales tax is on, and the form has another line than tax.

    Raises:
        TaxCodeMissing: tax is native, and the tax of this document is not itemised by rate.
    """
    american = preferences.in_united_states
    native = choice.mode == "native" and preferences.using_sales_tax
    if not native or all(is_tax(line) for line in document.lines):
        return TaxForm.MARKED_LINES if american else TaxForm.PLAIN_LINES
    total = sum(line.amount for line in document.lines if is_tax(line))
    if total != sum(tax.amount for line in document.lines for tax in line.taxes if not is_tax(line)):
        raise TaxCodeMissing(configured="", reason="not_itemised")
    return TaxForm.MARKED_TOTAL if american else TaxForm.CODED_LINES


def tax_references(
    choice: TaxChoice, form: TaxForm, document: Document, codes: Directory, rates: Directory
) -> TaxReferences:
    """The codes that a document's tax needs.

    Args:
        choice: of the policy.
        form: of this document.
        document: with its lines.
        codes: QBO's tax codes; not looked at unless tax is native.
        rates: QBO's tax rates; not looked at unless tax is native.

    Raises:
        TaxCodeMissing: a rate of Stripe's has none that could be used; names the rate, the setting and the reason.
    """
    if form is TaxForm.MARKED_TOTAL:
        return TaxReferences(form=form, total=_total_code(choice, document, codes))
    if form is TaxForm.CODED_LINES:
        found = {rate: _code(_named(choice, rate), rate, codes, rates) for rate in sorted(_rates_used(document))}
        return TaxReferences(form=form, codes=found)
    return TaxReferences(form=form)


def _rates_used(document: Document) -> set[str]:
    lines = [line for line in document.lines if not is_tax(line)]
    untaxed = {UNTAXED for line in lines if not line.taxes}
    return {tax.rate for line in lines for tax in line.taxes} | untaxed


def _named(choice: TaxChoice, rate: str) -> str:
    return choice.codes.get(rate) or ("" if rate == UNTAXED else choice.default_code or "")


def _total_code(choice: TaxChoice, document: Document, codes: Directory) -> str | None:
    """The code of the one total: that of all its rates, else the default, else that of the first rate by id.

    QBO spreads the total over its own rates whatever the code is (facts/qbo.md 4.8).
    """
    used = sorted({tax.rate for line in document.lines for tax in line.taxes if tax.amount})
    if not used:
        return None
    named = [choice.codes[rate] for rate in used if rate in choice.codes]
    is_one = len(named) == len(used) and len(set(named)) == 1
    chosen = named[0] if is_one else choice.default_code or next(iter(named), "")
    return _code(chosen, used[0], codes, Directory()).id


def _code(configured: str, rate: str, codes: Directory, rates: Directory) -> TaxCode:
    record, reason = codes.search(configured)
    if record is None:
        raise TaxCodeMissing(rate=rate, configured=configured, reason=reason)
    return TaxCode(id=str(record["Id"]), rates=tuple(_sales_rates(record, rates)))


def _sales_rates(code: Record, rates: Directory) -> Iterable[TaxRate]:
    percents = {str(record.get("Id")): wire.decimal(record.get("RateValue")) for record in rates}
    listed = code.get("SalesTaxRateList")
    details = parts(listed, "TaxRateDetail") if isinstance(listed, Mapping) else []
    for detail in sorted(details, key=lambda one: int(one.get("TaxOrder") or 0)):
        rate_id = reference(detail, "TaxRateRef")
        if rate_id is not None:
            yield TaxRate(id=rate_id, percent=percents.get(rate_id) or Decimal(0))
