"""Lines and reasons of a tie-out: which documents meet, who gets which part of a deposit, and why they differ."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from wescope.engine.results import ParkedRow
from wescope.engine.tieout_entries import QboDocument, QboEntry, StripeEntry
from wescope.engine.tieout_lines import Pair, by_payout, joined_payouts, pairs_of
from wescope.engine.tieout_reasons import Reasons
from wescope.engine.tieout_results import Reason
from wescope.links.payouts import StoredPayout
from wescope.links.tieout import Facts, LinkFact

DAY, LATER = date(2026, 11, 10), date(2026, 12, 2)
ROW = "clearing:usd"
KEY = "ch_1:payment"


def stated(amount: int, key: str = KEY, day: date = DAY, **changes: Any) -> StripeEntry:
    made = StripeEntry(
        row=ROW, currency="usd", day=day, amount=amount, stripe_id=key.partition(":")[0], key=key, about=("in_1",)
    )
    return replace(made, **changes)


def document(key: str | None = KEY, qbo_id: str = "9", **changes: Any) -> QboDocument:
    made = QboDocument(entity="Payment", id=qbo_id, day=DAY, key=key, total=500, content="a.b" if key else None)
    return replace(made, **changes)


def found(amount: int, of: QboDocument | None, day: date = DAY) -> QboEntry:
    return QboEntry(row=ROW, currency="usd", day=day, amount=amount, document=of)


def pairs(
    stripe: Iterable[StripeEntry], qbo: Iterable[QboEntry], start: date | None = None, **joined: str
) -> dict[str, Pair]:
    return {pair.key: pair for pair in pairs_of(stripe, qbo, joined, start)}


def test_both_sides_meet_by_key_and_others_stand_alone() -> None:
    met = pairs([stated(500), stated(300, "re_1:refund_receipt")], [found(500, document()), found(7, document(None))])
    assert {key: (pair.difference, pair.settled) for key, pair in met.items()} == {
        KEY: (0, True),
        "re_1:refund_receipt": (300, False),
        "Payment/9": (-7, False),
    }
    assert met[KEY].ids == ("ch_1", "in_1")


def test_documents_of_one_object_count_together() -> None:
    met = pairs([stated(500, "in_1:write_off")], [found(500, document("in_1:write_off_2"))])
    assert [pair.settled for pair in met.values()] == [True, True]


def test_what_is_older_than_the_books_meets_what_the_account_held_before() -> None:
    met = pairs([stated(500), stated(200, day=LATER)], [found(450, None)], LATER)
    assert {key: pair.difference for key, pair in met.items()} == {"opening": 50, KEY: 200}
    assert met["opening"].day is None
    assert set(pairs([], [found(1, None)])) == {"beyond"}


# --- payouts ----------------------------------------------------------------------------------------------------------


def check(payout_id: str, *deposits: str, shared_with: tuple[str, ...] = ()) -> StoredPayout:
    return StoredPayout(
        payout_id=payout_id,
        currency="usd",
        amount=0,
        gross=0,
        fee=0,
        net=0,
        foots=True,
        state="matched",
        differs_by=0,
        waiting_on=(),
        deposits=deposits,
        shared_with=shared_with,
        payout_date=None,
        arrival_date=None,
        deposit_date=None,
        available_date=None,
    )


def test_payouts_that_share_a_deposit_are_one() -> None:
    checks = [check("po_1", "Deposit/5", shared_with=("po_2",)), check("po_2", "Deposit/5", shared_with=("po_1",))]
    joined = joined_payouts(checks)
    assert joined == {"Deposit/5": "po_1:deposit", "po_2:deposit": "po_1:deposit"}
    deposit = document(None, "5", entity="Deposit")
    both = [stated(300, "po_1:deposit"), stated(200, "po_2:deposit")]
    (pair,) = pairs_of(both, [found(500, deposit)], joined, None)
    assert (pair.settled, pair.difference) == (True, 0)


@pytest.mark.parametrize(("amount", "parts"), [(500, (300, 200)), (400, (300, 100)), (600, (300, 300)), (-5, (0, -5))])
def test_a_deposit_is_divided_among_its_payouts(amount: int, parts: tuple[int, int]) -> None:
    covers = {"Deposit/5": ("po_1", "po_2")}
    bank = [found(amount, document(None, "5", entity="Deposit")), found(9, document(None, "6", entity="Deposit"))]
    divided = by_payout([*bank, found(1, None)], {"po_1": 300, "po_2": 200}, covers)
    assert tuple(sum(part for _, part in divided.get(one, [])) for one in ("po_1", "po_2")) == parts


def test_a_payout_in_parts_has_them_all() -> None:
    covers = {"po_1:deposit": ("po_1",), "txn_9:journal_entry": ("po_1",)}
    bank = [found(300, document("po_1:deposit")), found(-300, document("txn_9:journal_entry"))]
    assert [part for _, part in by_payout(bank, {"po_1": 0}, covers)["po_1"]] == [300, -300]


# --- reasons ----------------------------------------------------------------------------------------------------------

LINK = LinkFact(entity="Payment", qbo_id="9", state="posted", amount=500, currency="usd", txn_date=DAY, content="a.b")
LOOKED_AT = datetime(2026, 11, 20, tzinfo=UTC)
SEEN = Facts(links={KEY: LINK}, seen={"ch_1": LOOKED_AT})
PARKED = ParkedRow(
    key="in_1:invoice",
    subject="invoice/in_1",
    code="total_mismatch",
    reason="",
    owner="us",
    remedy="",
    amount=500,
    currency="usd",
    since=LOOKED_AT,
)


def reason(
    facts: Facts,
    *entries: StripeEntry | QboEntry,
    elsewhere: tuple[QboDocument, ...] = (),
    parked: tuple[ParkedRow, ...] = (),
    days: tuple[date, ...] = (),
) -> tuple[Reason, str | None]:
    stripe = [one for one in entries if isinstance(one, StripeEntry)]
    qbo = [one for one in entries if isinstance(one, QboEntry)]
    (pair,) = pairs_of(stripe, qbo, {}, None)
    here = tuple(one.document for one in qbo if one.document)
    documents = {KEY: (*here, *elsewhere)} if here or elsewhere else {}
    return Reasons(facts, parked, documents, {KEY: days}).of(pair)


def test_what_only_stripe_has() -> None:
    only = stated(500)
    assert reason(Facts(), only) == (Reason.NOT_SYNCED, None)
    assert reason(replace(SEEN, links={}, waiting=frozenset({"in_1"})), only) == (Reason.NOT_SYNCED, None)
    assert reason(replace(SEEN, links={}), only) == (Reason.UNKNOWN, None)
    assert reason(SEEN, only) == (Reason.MISSING, None)
    assert reason(replace(SEEN, links={KEY: replace(LINK, state="unknown")}), only) == (Reason.NOT_SYNCED, None)
    assert reason(SEEN, only, elsewhere=(document(total=0),)) == (Reason.VOIDED, None)
    assert reason(SEEN, only, elsewhere=(document(day=LATER),)) == (Reason.DATED, "2026-12-02")
    assert reason(SEEN, only, elsewhere=(document(content="a.c"),)) == (Reason.EDITED, None), "in another account"
    assert reason(SEEN, only, elsewhere=(document(),)) == (Reason.UNKNOWN, None), "as we wrote it: our own mistake"
    entry = document(entity="JournalEntry", total=0, content="a.c")
    assert reason(SEEN, only, elsewhere=(entry,)) == (Reason.EDITED, None)
    assert reason(replace(SEEN, links={}), only, parked=(PARKED,)) == (Reason.PARKED, "total_mismatch")
    own = replace(PARKED, key=KEY, code="charge_pending")
    assert reason(SEEN, only, parked=(own,)) == (Reason.PARKED, "charge_pending")
    assert reason(replace(SEEN, drift={KEY: "deleted"}), only) == (Reason.DRIFT, "deleted")


def test_what_only_qbo_has() -> None:
    other = document(None)
    assert reason(SEEN, found(5, other)) == (Reason.FOREIGN, None)
    assert reason(Facts(drift={"Payment/9": "foreign"}), found(5, other)) == (Reason.FOREIGN, "foreign")
    assert reason(Facts(accepted={"Payment/9": ("foreign", "x")}), found(5, other)) == (Reason.ACCEPTED, "foreign")
    assert reason(SEEN, found(5, document()), days=(LATER,)) == (Reason.DATED, "2026-12-02")
    assert reason(SEEN, found(5, document())) == (Reason.UNKNOWN, None)
    adopted = document(None).as_adopted(KEY)
    assert reason(SEEN, found(5, adopted)) == (Reason.ADOPTED, None)
    assert reason(Facts(), found(5, None)) == (Reason.OTHER, None)


def test_what_both_have_otherwise() -> None:
    assert reason(SEEN, stated(500), found(400, document(content="a.c"))) == (Reason.EDITED, None)
    older = replace(SEEN, links={KEY: replace(LINK, content=None)})
    assert reason(older, stated(500), found(400, document(total=400))) == (Reason.EDITED, None)
    assert reason(older, stated(500), found(400, document())) == (Reason.UNKNOWN, None)
    waiting = replace(SEEN, waiting=frozenset({"ch_1"}))
    assert reason(waiting, stated(600), found(500, document())) == (Reason.NOT_SYNCED, None)
    twice = (found(500, document()), found(500, document(qbo_id="10")))
    assert reason(SEEN, stated(500), *twice) == (Reason.DOUBLED, "Payment/9 Payment/10")
    accepted = replace(SEEN, accepted={KEY: ("edited", "a.c")})
    assert reason(accepted, stated(500), found(400, document(content="a.c"))) == (Reason.ACCEPTED, "edited")
    assert reason(accepted, stated(500), found(300, document(content="a.d"))) == (Reason.EDITED, None)
