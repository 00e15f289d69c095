"""Export sheets: what can be exported, and what each column of it says. Pure; docs/export.md is made from it.

The columns are a contract: new ones come at the end.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class What(StrEnum):
    """What can be exported."""

    LINKS = "links"
    PAYOUTS = "payouts"
    PAYOUT_ROWS = "payout-rows"
    TIEOUTS = "tieouts"
    PARKED = "parked"
    ATTEMPTS = "attempts"
    AUDIT = "audit"


@dataclass(frozen=True, slots=True, kw_only=True)
class CsvColumn:
    """One column: its name, what it says, and where it comes from.

    `source` is the table's column, the same as the name if left out; `currency` the column with the currency of an
    amount; `is_text` marks words of people, which a spreadsheet must not take for a formula; `of_code` marks what the
    park code in the row means (`reason` or `owner`).
    """

    name: str
    meaning: str
    source: str = ""
    currency: str = ""
    is_text: bool = False
    of_code: bool = False

    @property
    def reads(self) -> str:
        """The label of the queried column."""
        return self.source or self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """One export: what a row is, its columns, and what `--since` compares with."""

    meaning: str
    columns: tuple[CsvColumn, ...]
    since: str


def _dates(*names: str) -> tuple[CsvColumn, ...]:
    return tuple(CsvColumn(name=name, meaning=_DATE_MEANINGS[name]) for name in names)


_DATE_MEANINGS: Mapping[str, str] = {
    "txn_date": "posting date in QBO, in the books' calendar",
    "stated_date": "the document's own date, if it was moved out of a closed period",
    "due_date": "due date, in the books' calendar",
    "usage_start_date": "first day of service",
    "usage_end_date": "last day of service",
    "payment_received_date": "day on which the money came, in the books' calendar",
    "credit_date": "day of the credit or refund, in the books' calendar",
    "payout_date": "day on which Stripe made the payout, in the books' calendar",
    "arrival_date": "Stripe's arrival date (UTC): when the cash is at the bank",
    "deposit_date": "date of the deposit in QBO, in the books' calendar",
    "available_date": "day on which Stripe's balance had the money (UTC)",
}
_CURRENCY = CsvColumn(name="currency", meaning="ISO code, upper case")


def _amount(name: str, meaning: str, *, source: str = "", currency: str = "currency") -> CsvColumn:
    return CsvColumn(name=name, meaning=f"{meaning}, decimal of {currency}", source=source, currency=currency)


SHEETS: Mapping[What, Sheet] = {
    What.LINKS: Sheet(
        meaning="One row per document: the Stripe objects that it stands for, and the QBO object that it is.",
        since="updated_at",
        columns=(
            CsvColumn(name="document_key", meaning="the document's key, for ever the same"),
            CsvColumn(name="entity", meaning="QBO's entity"),
            CsvColumn(name="qbo_id", meaning="QBO's id; empty if it is not in QBO"),
            CsvColumn(name="state", meaning="`posted`, `voided`, `absent`; `intended` and `unknown` are under way"),
            CsvColumn(name="subject", meaning="the Stripe object that it was last written for"),
            CsvColumn(name="stripe_ids", meaning="all Stripe objects that it stands for, with spaces between"),
            _amount("amount", "total of the document"),
            _CURRENCY,
            _amount("settled_amount", "what it moves in the clearing account", currency="settled_currency"),
            CsvColumn(name="settled_currency", meaning="currency of that account"),
            CsvColumn(name="exchange_rate", meaning="units of settled_currency for one of currency"),
            *_dates("txn_date", "stated_date", "due_date", "usage_start_date", "usage_end_date"),
            *_dates("payment_received_date", "credit_date", "payout_date", "arrival_date", "available_date"),
            CsvColumn(name="posted_at", meaning="when it was posted"),
            CsvColumn(name="request_id", meaning="request id of the last write"),
            CsvColumn(name="run_id", meaning="run that wrote it (`wescope runs`)"),
        ),
    ),
    What.PAYOUTS: Sheet(
        meaning="One row per payout: whether it foots, and which deposits of QBO are it.",
        since="checked_at",
        columns=(
            CsvColumn(name="payout_id", meaning="Stripe's id"),
            _amount("amount", "what Stripe paid out"),
            _amount("gross", "sum of its rows before fees"),
            _amount("fee", "sum of its rows' fees"),
            _amount("net", "gross less fee"),
            _amount("differs_by", "net less amount: 0 if it foots"),
            _CURRENCY,
            CsvColumn(name="foots", meaning="`true` if the rows add up to the amount"),
            CsvColumn(
                name="state",
                meaning="`matched`, `adopted`, `waiting`, `differs`, `unmatched`, `parked`, `not_paid`, `failed`",
            ),
            CsvColumn(name="deposits", meaning="QBO documents (`Deposit/145`), with spaces between"),
            CsvColumn(name="shared_with", meaning="other payouts that the same deposit covers"),
            CsvColumn(name="waiting_on", meaning="documents that must be posted first"),
            *_dates("payout_date", "arrival_date", "deposit_date", "available_date"),
            CsvColumn(name="checked_at", meaning="when it was checked"),
        ),
    ),
    What.PAYOUT_ROWS: Sheet(
        meaning="One row per balance transaction of a payout; those of one payout add up to it.",
        since="checked_at",
        columns=(
            CsvColumn(name="payout_id", meaning="Stripe's id of the payout"),
            CsvColumn(name="position", meaning="place within the payout, from 0"),
            CsvColumn(name="transaction_id", meaning="Stripe's balance transaction"),
            CsvColumn(name="category", meaning="Stripe's reporting category"),
            CsvColumn(name="source", meaning="the Stripe object that caused it"),
            CsvColumn(name="document_key", meaning="the document that books it"),
            CsvColumn(name="state", meaning="as on the payout, of this row"),
            _amount("gross", "before fees"),
            _amount("fee", "Stripe's fee"),
            _amount("net", "gross less fee"),
            _CURRENCY,
            *_dates("arrival_date"),
        ),
    ),
    What.TIEOUTS: Sheet(
        meaning="One row per number of each comparison of Stripe and QBO that was made.",
        since="started_at",
        columns=(
            CsvColumn(name="run_id", meaning="number of the run", source="id"),
            CsvColumn(name="as_of", meaning="day of the comparison, in the books' calendar"),
            CsvColumn(name="difference", meaning="`0.00`, or the sum of all differences (with currencies, if several)"),
            CsvColumn(name="compared_at", meaning="moment of the comparison", source="at"),
            CsvColumn(
                name="total_difference", meaning="the same, of all numbers: those of the bank, months and payouts, too"
            ),
            CsvColumn(name="unexplained", meaning="what of it has no known reason"),
            CsvColumn(name="row_id", meaning="which number (`wescope tieout --open`); empty if none were kept"),
            _amount("stripe", "Stripe's side of it"),
            _amount("qbo", "QBO's side of it"),
            _amount("row_difference", "Stripe less QBO"),
            _CURRENCY,
        ),
    ),
    What.PARKED: Sheet(
        meaning="One row per document that must not be posted now.",
        since="since",
        columns=(
            CsvColumn(name="document_key", meaning="the document's key"),
            CsvColumn(name="subject", meaning="the Stripe object"),
            CsvColumn(name="code", meaning="why, as a code ([errors](errors.md))"),
            CsvColumn(name="reason", meaning="why, in words", of_code=True),
            CsvColumn(name="owner", meaning="who can act: `operator`, `stripe`, `qbo` or `us`", of_code=True),
            _amount("amount", "at stake"),
            _CURRENCY,
            CsvColumn(name="since", meaning="parked under this code since"),
            CsvColumn(name="advisory", meaning="`true` if it is posted, but worth a look"),
            CsvColumn(name="waiting_on", meaning="the document that it waits for"),
            CsvColumn(name="ignored_at", meaning="when somebody decided to let it be"),
            CsvColumn(name="ignored_reason", meaning="why, in that person's words", is_text=True),
        ),
    ),
    What.ATTEMPTS: Sheet(
        meaning="One row per call of QBO (one per item of a batch), kept for 90 days.",
        since="started_at",
        columns=(
            CsvColumn(name="started_at", meaning="when it was sent"),
            CsvColumn(name="operation", meaning="`create`, `update`, `void`, `delete`, `query`, `read` or `token`"),
            CsvColumn(name="entity", meaning="QBO's entity"),
            CsvColumn(name="document_key", meaning="the document that was written"),
            CsvColumn(name="request_id", meaning="QBO's `requestid`"),
            CsvColumn(name="batch_id", meaning="request id of the batch that it went in"),
            CsvColumn(name="intuit_tid", meaning="Intuit's id of the call, for their support"),
            CsvColumn(name="http_status", meaning="empty if there was no answer", source="status"),
            CsvColumn(name="fault_code", meaning="QBO's code of the fault"),
            CsvColumn(name="outcome", meaning="`ok`, `refused`, `not_sent` or `unknown`"),
            CsvColumn(name="milliseconds", meaning="until the answer"),
        ),
    ),
    What.AUDIT: Sheet(
        meaning="One row per thing that somebody had done: repairs, undone runs, ignored items, accepted edits.",
        since="at",
        columns=(
            CsvColumn(name="at", meaning="when"),
            CsvColumn(name="action", meaning="what"),
            CsvColumn(name="actor", meaning="`cli`, `api` or a role"),
            CsvColumn(name="target", meaning="document key, subject, QBO document or run"),
            CsvColumn(name="code", meaning="park code or kind of drift, if it had one"),
            CsvColumn(name="reason", meaning="the person's words, if any", is_text=True),
            CsvColumn(name="run_id", meaning="run that it belongs to"),
        ),
    ),
}
"""What each export has."""

PAYOUT_STATEMENT: tuple[CsvColumn, ...] = (
    CsvColumn(name="position", meaning="place within the payout, from 0; empty for what Stripe names no row for"),
    CsvColumn(name="transaction_id", meaning="Stripe's balance transaction"),
    CsvColumn(name="category", meaning="Stripe's reporting category", is_text=True),
    CsvColumn(name="source", meaning="the Stripe object that caused it", is_text=True),
    CsvColumn(name="document_key", meaning="the document that books it", is_text=True),
    CsvColumn(name="state", meaning="how it stands against the books"),
    _amount("gross", "before fees"),
    _amount("fee", "Stripe's fee"),
    _amount("net", "gross less fee"),
    _CURRENCY,
    CsvColumn(name="entity", meaning="QBO's entity of the document"),
    CsvColumn(name="qbo_id", meaning="QBO's id of the document; empty if it is not in QBO"),
    *_dates("txn_date", "payment_received_date", "credit_date", "available_date"),
)
"""The columns of one payout, row by row; `net` adds up to what its rows come to."""
