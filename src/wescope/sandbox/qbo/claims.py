"""What a transaction has on the receivable account, and how much of it payments have taken (facts/qbo.md 4.2)."""

from dataclasses import dataclass
from decimal import Decimal

from wescope.sandbox.qbo.books import Unit
from wescope.sandbox.qbo.storage import Record
from wescope.sandbox.qbo.wire import Json, at_rate, minor

Target = tuple[str, str]

SIGNS = {"Invoice": 1, "CreditMemo": -1}


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One transaction's receivable. `sign` 1: the customer owes, -1: a credit. Totals in hundredths, never negative.

    `total` is in the transaction's currency, `home_total` what the ledger has for it; `rate` is home units for one.
    """

    account_id: str
    name_id: str
    sign: int
    total: int
    home_total: int
    rate: Decimal

    def settled(self, hundredths: int) -> int:
        """Returns the home hundredths of a part; the whole is the whole, whatever the parts were rounded to."""
        return self.home_total if hundredths >= self.total else at_rate(hundredths, self.rate)


def rate_of(doc: Json) -> Decimal:
    """Returns the exchange rate of a document, 1 at home."""
    return Decimal(doc.get("ExchangeRate", 1))


def claim_of(record: Record, name_id: str = "") -> Claim | None:
    """Returns what a transaction has on the receivable account.

    Args:
        record: an invoice, a credit memo or a journal entry.
        name_id: the customer, where an entry has lines for several names; empty for any.

    Returns:
        The claim; None for an entry without a line on a control account for that name.
    """
    for posting in record.postings:
        if posting.name_id and posting.name_id == (name_id or posting.name_id):
            return Claim(
                account_id=posting.account_id,
                name_id=posting.name_id,
                sign=1 if (posting.foreign or posting.debit) > 0 else -1,
                total=abs(posting.foreign or posting.debit),
                home_total=abs(posting.debit),
                rate=rate_of(record.doc),
            )
    if record.entity not in SIGNS:
        return None
    owner = record.doc["CustomerRef"]["value"]
    return Claim(
        account_id="", name_id=owner, sign=SIGNS[record.entity], total=0, home_total=0, rate=rate_of(record.doc)
    )


def allocations(doc: Json) -> dict[Target, int]:
    """Reads what a payment applies.

    Args:
        doc: a payment, as stored or as intended.

    Returns:
        (TxnType, TxnId) to hundredths, always positive.
    """
    sums: dict[Target, int] = {}
    for line in doc.get("Line", []):
        link = line["LinkedTxn"][0]
        target = link["TxnType"], link["TxnId"]
        sums[target] = sums.get(target, 0) + minor(line["Amount"], "Line.Amount")
    return sums


def sign_of(unit: Unit, target: Target, name_id: str) -> int:
    """Returns 1 for what a payment pays and -1 for what it uses up."""
    if target[0] in SIGNS:
        return SIGNS[target[0]]
    record = unit.get(*target)
    claim = claim_of(record, name_id) if record is not None else None
    return claim.sign if claim is not None else 1


def applied_total(unit: Unit, doc: Json) -> int:
    """Returns charges less credits in hundredths: what a payment's allocations take of its total."""
    owner = doc["CustomerRef"]["value"]
    return sum(sign_of(unit, target, owner) * hundredths for target, hundredths in allocations(doc).items())


def shares(unit: Unit, record: Record) -> dict[str, int]:
    """Returns payment id to hundredths for all payments that are linked to a transaction, oldest first."""
    found: dict[str, int] = {}
    links = (link for link in record.doc.get("LinkedTxn", []) if link["TxnType"] == "Payment")
    for link in sorted(links, key=lambda one: int(one["TxnId"])):
        payment = unit.get("Payment", link["TxnId"])
        if payment is not None:
            found[payment.id] = allocations(payment.doc).get(record.key, 0)
    return found


def open_balance(unit: Unit, record: Record) -> int:
    """Returns what is still open of a transaction, in hundredths of its currency."""
    if record.entity in SIGNS:
        return minor(record.doc["Balance"])
    claim = claim_of(record)
    return (claim.total if claim is not None else 0) - sum(shares(unit, record).values())


def home_share(unit: Unit, record: Record, payment: tuple[str, str], hundredths: int) -> int:
    """Returns what a payment takes of a transaction's receivable in home currency.

    Payments take turns by id, so that the parts of a foreign receivable add up to the whole to the cent.

    Args:
        unit: the unit of work.
        record: the transaction.
        payment: the payment's id and its customer's.
        hundredths: how much it applies, in the transaction's currency.

    Returns:
        Home hundredths, never negative.
    """
    payment_id, name_id = payment
    claim = claim_of(record, name_id)
    if claim is None or claim.rate == 1:
        return hundredths
    before = sum(part for other, part in shares(unit, record).items() if int(other) < int(payment_id))
    return claim.settled(before + hundredths) - claim.settled(before)
