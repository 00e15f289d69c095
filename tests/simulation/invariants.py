"""What must hold whenever the product has caught up. Stated from Stripe's objects, never from the mapping."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from tests.simulation.settings import MAPPED_CATEGORY, Settings
from wescope.books.money import to_decimal, to_minor
from wescope.books.parking import ParkCode, Parked
from wescope.books.subjects import DocumentKey
from wescope.links.store import Link
from wescope.sandbox.qbo.company import Company
from wescope.sandbox.qbo.statements import ledger
from wescope.sandbox.stripe.store import Resource, Store

Owed = dict[tuple[str, str], int]
"""Minor units by Stripe customer and currency; below zero is a credit of the customer."""

_FEES = frozenset({"fee", "tax", "network_cost"})
_HELD = frozenset({"risk_reserved_funds", "connect_reserved_funds"})
_UNKNOWN = frozenset({"other_adjustment", "transfer", "quantum_rebate"})
TRANSACTIONS = ("Invoice", "Payment", "CreditMemo", "RefundReceipt", "SalesReceipt", "JournalEntry", "Deposit")


class Known(Protocol):
    """What the product says of its documents."""

    @property
    def links(self) -> Mapping[DocumentKey, Link]:
        """Every document that was ever written."""
        ...

    def is_posted(self, key: DocumentKey) -> bool:
        """Whether the document stands in QBO."""
        ...

    def parked(self) -> Mapping[DocumentKey, Parked]:
        """What must not be posted now, advice left out."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """All that is compared. `opening` is what was owed when the books began; null: they have not begun yet."""

    settings: Settings
    store: Store
    company: Company
    known: Known
    opening: Owed | None


def check(scene: Scene) -> None:
    """Prove all invariants.

    Raises:
        AssertionError: one does not hold; says which.
    """
    books = ledger(scene.company)
    assert Decimal(books["trial_balance"]) == 0, f"trial balance: {books['trial_balance']}"
    _check_single(scene)
    _check_parks(scene)
    _check_receivable(scene)
    _check_payouts(scene)
    _check_clearing(scene, books)
    _check_bank(scene, books)


# --- documents --------------------------------------------------------------------------------------------------------


def _standing(scene: Scene) -> Iterator[dict[str, Any]]:
    """All records but those that are void."""
    for entity in (*TRANSACTIONS, "Customer"):
        void = {one.id for one in scene.company.books.all(entity) if one.voided}
        yield from (record for record in scene.company.objects(entity) if record["Id"] not in void)


def _check_single(scene: Scene) -> None:
    """One record per key, and one key per link that stands."""
    found: Counter[str] = Counter()
    for record in _standing(scene):
        words = f"{record.get('PrivateNote') or ''} {record.get('Notes') or ''}".split()
        found.update(word.removeprefix("wescope:") for word in words if word.startswith("wescope:"))
    doubled = [key for key, count in found.items() if count > 1]
    assert not doubled, f"documents per key: {doubled}"
    lost = [key for key in scene.known.links if scene.known.is_posted(key) and found[key] != 1]
    assert not lost, f"documents lost: {lost}"


# --- what is parked ---------------------------------------------------------------------------------------------------


def _check_parks(scene: Scene) -> None:
    """Nothing is parked but with a code that is true here, and what must be parked is."""
    untrue = {key: (item.code.value, dict(item.details)) for key, item in _untrue(scene)}
    assert not untrue, f"parked untruly: {untrue}"
    unmapped = {
        f"{row['id']}:journal_entry"
        for row in scene.store.all("balance_transaction")
        if _is_unmapped(scene, row) and not _is_before(scene, row) and row["amount"]
    }
    parked = {key for key, item in scene.known.parked().items() if item.code is ParkCode.CATEGORY_UNMAPPED}
    assert parked == unmapped, f"parked as unmapped: {parked ^ unmapped}"


def _untrue(scene: Scene) -> Iterator[tuple[DocumentKey, Parked]]:
    parked = scene.known.parked()
    for key, item in parked.items():
        if not _is_true(scene, key.partition(":")[0], item, parked):
            yield key, item


def _is_true(  # noqa: PLR0911 - one per code
    scene: Scene, stripe_id: str, item: Parked, parked: Mapping[DocumentKey, Parked]
) -> bool:
    found = scene.store.find(stripe_id) or {}
    match item.code:
        case ParkCode.CATEGORY_UNMAPPED:
            return _is_unmapped(scene, found)
        case ParkCode.CHARGE_PENDING:
            return bool(found["object"] == "charge" and found["status"] == "pending")
        case ParkCode.BALANCE_TRANSACTION_MISSING:
            return found["object"] == "charge" and found["balance_transaction"] is None
        case ParkCode.REFUND_PENDING:
            return found["object"] == "refund" and found["status"] == "pending" and found["balance_transaction"] is None
        case ParkCode.PAYOUT_NOT_RECONCILED:
            return bool(found["object"] == "payout" and found["reconciliation_status"] == "in_progress")
        case ParkCode.PAYOUT_WAITING:
            waits = str(item.details["waiting_on"]).split()
            return all(key in parked and parked[DocumentKey(key)].code is not ParkCode.PAYOUT_WAITING for key in waits)
        case ParkCode.PAYS_SKIPPED_INVOICE:
            return scene.opening is not None and item.details["reason"] == "before_start_date"
        case ParkCode.OPENING_CREDIT:
            return scene.opening is not None
        case _:
            return False


def _is_unmapped(scene: Scene, row: Resource) -> bool:
    category = row["reporting_category"]
    if category == MAPPED_CATEGORY:
        return not scene.settings.mapped and not scene.settings.review
    return category in _UNKNOWN and not scene.settings.review


# --- accounts receivable ----------------------------------------------------------------------------------------------


def owed_in_stripe(store: Store) -> Owed:
    """What customers owe: open invoices, their balance, less what they have paid beyond that.

    What Stripe has not booked yet is not paid yet; what is uncollectible is owed no more.
    """
    owed: Counter[tuple[str, str]] = Counter()
    for invoice in store.all("invoice"):
        if invoice["status"] == "open":
            owed[invoice["customer"], invoice["currency"]] += invoice["amount_remaining"]
    for move in store.all("customer_balance_transaction"):
        owed[move["customer"], move["currency"]] += move["amount"]
    for charge in store.all("charge"):
        paid = [
            part
            for part in store.payments_by("payment_intent", str(charge["payment_intent"]))
            if part["status"] == "paid"
        ]
        if not paid or charge["status"] != "succeeded" or not charge["captured"]:
            continue
        if charge["balance_transaction"] is None:
            owed[charge["customer"], charge["currency"]] += sum(_still_owed(store, part) for part in paid)
        else:
            rest = charge["amount_captured"] - sum(part["amount_paid"] for part in paid)
            owed[charge["customer"], charge["currency"]] -= rest
    return {key: amount for key, amount in owed.items() if amount}


def _still_owed(store: Store, part: Resource) -> int:
    """What an unbooked payment leaves owed: nothing of what had been given up before it came."""
    invoice = store.get("invoice", part["invoice"])
    given_up = invoice is not None and invoice.get("status_details")  # null again if a failure opened it
    marked_at = invoice["status_transitions"]["marked_uncollectible_at"] if invoice and given_up else None
    is_before = marked_at is not None and marked_at < part["status_transitions"]["paid_at"]
    return 0 if is_before else int(part["amount_paid"])


def _check_receivable(scene: Scene) -> None:
    expected = Counter(owed_in_stripe(scene.store))
    if scene.settings.start_date is not None:
        expected.subtract(expected if scene.opening is None else scene.opening)
    for key, amount in _not_posted(scene):
        expected[key] += amount
    wanted = {key: amount for key, amount in expected.items() if amount}
    names = _customers(scene)
    documents = _open_documents(scene, names)
    assert documents == wanted, f"receivable by documents: {_differing(wanted, documents)}"
    booked = _receivable_ledger(scene, names)
    assert booked == wanted, f"receivable by ledger: {_differing(wanted, booked)}"


def _not_posted(scene: Scene) -> Iterator[tuple[tuple[str, str], int]]:
    """Payments that are not in the books, since they also pay an invoice older than these."""
    for key, item in scene.known.parked().items():
        if item.code is ParkCode.PAYS_SKIPPED_INVOICE:
            charge = scene.store.get("charge", key.partition(":")[0])
            assert charge is not None, key
            yield (charge["customer"], charge["currency"]), item.amount


def _customers(scene: Scene) -> dict[str, tuple[str, str]]:
    """Stripe customer and currency by QBO's id."""
    found = {}
    for key, link in scene.known.links.items():
        stripe_id, kind, currency = [*key.split(":"), ""][:3]
        if kind == "customer" and link.qbo_id:
            found[link.qbo_id] = (stripe_id, currency)
    return found


def _open_documents(scene: Scene, names: dict[str, tuple[str, str]]) -> Owed:
    open_amounts: Counter[str] = Counter()
    settled: Counter[str] = Counter()
    for payment in scene.company.objects("Payment"):
        open_amounts[payment["CustomerRef"]["value"]] -= _hundredths(payment["UnappliedAmt"])
        for line in payment.get("Line", ()):
            for linked in line.get("LinkedTxn", ()):
                if linked["TxnType"] == "JournalEntry":
                    settled[linked["TxnId"]] += _hundredths(line["Amount"])
    for entity, sign in (("Invoice", 1), ("CreditMemo", -1)):
        for record in scene.company.objects(entity):
            open_amounts[record["CustomerRef"]["value"]] += sign * _hundredths(record["Balance"])
    for entry in scene.company.objects("JournalEntry"):
        for line in entry["Line"]:
            detail = line["JournalEntryLineDetail"]
            if "Entity" in detail:
                rest = _hundredths(line["Amount"]) - settled[entry["Id"]]
                sign = 1 if detail["PostingType"] == "Debit" else -1
                open_amounts[detail["Entity"]["EntityRef"]["value"]] += sign * rest
    return _by_customer(open_amounts.items(), names)


def _receivable_ledger(scene: Scene, names: dict[str, tuple[str, str]]) -> Owed:
    books = scene.company.books
    accounts = [one.id for one in books.all("Account") if one.doc["AccountType"] == "Accounts Receivable"]
    found = {}
    for qbo_id, (_, currency) in names.items():
        home = currency == "usd"
        found[qbo_id] = books.ledger.name(accounts, qbo_id) if home else books.ledger.foreign_name(accounts, qbo_id)
    return _by_customer(found.items(), names)


def _by_customer(amounts: Iterable[tuple[str, int]], names: dict[str, tuple[str, str]]) -> Owed:
    return {names[qbo_id]: to_minor(Decimal(amount) / 100, names[qbo_id][1]) for qbo_id, amount in amounts if amount}


def _hundredths(value: Any) -> int:
    return int(Decimal(value) * 100)


def _differing(wanted: Owed, found: Owed) -> dict[tuple[str, str], str]:
    keys = wanted.keys() | found.keys()
    return {
        key: f"Stripe {wanted.get(key, 0)}, QBO {found.get(key, 0)}"
        for key in keys
        if wanted.get(key, 0) != found.get(key, 0)
    }


# --- payouts ----------------------------------------------------------------------------------------------------------


def _rows_of(scene: Scene, payout: Resource) -> list[Resource]:
    store = scene.store
    return [
        row
        for row in store.all("balance_transaction")
        if store.paid_out.get(row["id"]) == payout["id"] and row["source"] != payout["id"]
    ]


def _arrival(payout: Resource) -> date:
    return datetime.fromtimestamp(payout["arrival_date"], UTC).date()


def _stood(scene: Scene, payout: Resource) -> bool:
    """Whether the bank had the money."""
    if payout["status"] in {"failed", "canceled"}:
        failure = scene.store.get("balance_transaction", payout["failure_balance_transaction"])
        assert failure is not None
        return datetime.fromtimestamp(failure["created"], UTC).date() >= _arrival(payout)
    return bool(payout["status"] == "paid")


def _deposits(scene: Scene) -> list[Resource]:
    """Payouts whose deposit stands in the books."""
    return [one for one in scene.store.all("payout") if scene.known.is_posted(DocumentKey(f"{one['id']}:deposit"))]


def _check_payouts(scene: Scene) -> None:
    parked = scene.known.parked()
    start = scene.settings.start_date
    for payout in scene.store.all("payout"):
        key = DocumentKey(f"{payout['id']}:deposit")
        link = scene.known.links.get(key)
        old = start is not None and _arrival(payout) < start
        wanted = _stood(scene, payout) and not old and key not in parked
        assert scene.known.is_posted(key) == wanted, f"payout {payout['id']} ({payout['status']}): posted {not wanted}"
        if not wanted or link is None:
            continue
        entity = "Deposit" if payout["amount"] > 0 else "JournalEntry"
        record = scene.company.object(entity, link.qbo_id or "")
        assert record is not None, f"payout {key}: no {entity}"
        assert record["TxnDate"] == _arrival(payout).isoformat(), f"payout {key}: dated {record['TxnDate']}"
        if entity == "Deposit":
            amount = to_decimal(payout["amount"], payout["currency"])
            assert Decimal(record["TotalAmt"]) == amount, f"payout {key}: {record['TotalAmt']}, Stripe {amount}"


# --- clearing and bank ------------------------------------------------------------------------------------------------


def _is_before(scene: Scene, row: Resource) -> bool:
    start = scene.settings.start_date
    return start is not None and _day(scene, row) < start


def _day(scene: Scene, row: Resource) -> date:
    return datetime.fromtimestamp(row["created"], ZoneInfo(scene.settings.timezone)).date()


def _gross(row: Resource) -> int:
    return 0 if row["reporting_category"] in _FEES else int(row["amount"])


def _fee(row: Resource) -> int:
    return int(row["fee"]) - (int(row["amount"]) if row["reporting_category"] in _FEES else 0)


def _unbooked(scene: Scene) -> set[str]:
    """Charges and rows whose documents are rightly parked."""
    codes = {ParkCode.CATEGORY_UNMAPPED, ParkCode.PAYS_SKIPPED_INVOICE}
    return {key.partition(":")[0] for key, item in scene.known.parked().items() if item.code in codes}


def _check_clearing(scene: Scene, books: dict[str, Any]) -> None:
    """Clearing is the gross of all rows that are not paid out yet, by settlement currency."""
    unbooked = _unbooked(scene)
    expected: defaultdict[str, int] = defaultdict(int)
    for row in scene.store.all("balance_transaction"):
        if _is_before(scene, row):
            continue
        category = row["reporting_category"]
        if category not in {"payout", "payout_reversal"} | _HELD and not {row["id"], row["source"]} & unbooked:
            expected[row["currency"]] += _gross(row)
        if scene.settings.payouts == "manual":
            expected[row["currency"]] -= _fee(row)
    for payout in scene.store.all("payout"):
        expected[payout["currency"]] += _moved_by(scene, payout)
    for currency in scene.settings.settled:
        name = "Stripe Clearing" if currency == "usd" else f"Stripe Clearing {currency.upper()}"
        found = to_minor(Decimal(books["own_balances"][name]), currency)
        assert found == expected[currency], f"clearing {currency}: Stripe {expected[currency]}, QBO {found}"


def _moved_by(scene: Scene, payout: Resource) -> int:
    """What a payout moves in clearing: out with the deposit, back in if the bank returned it, fees if it never came."""
    own = scene.store.get("balance_transaction", payout["balance_transaction"])
    failure = scene.store.get("balance_transaction", str(payout["failure_balance_transaction"]))
    rows = _rows_of(scene, payout)
    by_day = scene.settings.payouts == "manual"
    own_fee = int(own["fee"]) if own and not by_day else 0
    gross = sum(_gross(row) for row in rows) if payout["automatic"] else payout["amount"] + own_fee
    posted = scene.known.is_posted(DocumentKey(f"{payout['id']}:deposit"))
    returned = failure is not None and not _is_before(scene, failure)
    if failure is not None and not _stood(scene, payout):
        return -sum(_fee(row) for row in rows) - own_fee if returned else 0
    moved = -gross if posted else 0
    return moved + (int(failure["amount"]) if failure is not None and returned else 0)


def _check_bank(scene: Scene, books: dict[str, Any]) -> None:
    """The bank has what was paid out, less what came back, less what topped Stripe's balance up."""
    expected: defaultdict[str, int] = defaultdict(int)
    for payout in _deposits(scene):
        expected[payout["currency"]] += payout["amount"]
    for payout in scene.store.all("payout"):
        failure = scene.store.get("balance_transaction", str(payout["failure_balance_transaction"]))
        if failure is not None and _stood(scene, payout) and not _is_before(scene, failure):
            expected[payout["currency"]] -= failure["amount"]
    for row in scene.store.all("balance_transaction"):
        if row["reporting_category"] in {"topup", "topup_reversal"} and not _is_before(scene, row):
            expected[row["currency"]] -= row["amount"]
    for currency in scene.settings.settled:
        name = "Checking" if currency == "usd" else f"Checking {currency.upper()}"
        found = to_minor(Decimal(books["own_balances"][name]), currency)
        assert found == expected[currency], f"bank {currency}: Stripe {expected[currency]}, QBO {found}"
