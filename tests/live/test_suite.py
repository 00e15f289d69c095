"""The suite on both local sandboxes: all as expected, nothing left, verdicts that follow the knobs."""

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.live import bench as bench_module
from tests.live import suite
from tests.live.bench import open_bench
from tests.live.environment import Environment, QboKeys
from tests.live.model import NotTried, Probe, Seen, Side, Verdict
from tests.live.places import Place, open_place
from tests.live.probes import PROBES
from tests.live.qbo_cleaning import LISTS, TRANSACTIONS
from tests.live.report import report
from tests.live.run_marker import Run, is_marked, is_marked_in_stripe
from tests.live.suite import open_sides, play
from wescope.errors import StripeRefused
from wescope.stripe.client import StripeApi

ROOT = Path(__file__).parents[2]
NOT_HERE = {
    "stripe.event_retention", "stripe.manual_payout_rows", "stripe.deleted_customer", "credits.apply_themselves",
}  # fmt: skip
"""What the local business is too young for, and what the stand-ins have not."""

A_MONTH_S = 31 * 86_400


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    async with open_place(tmp_path) as made:
        yield made


def marked(place: Place) -> list[str]:
    """What still stands in QBO with a marker, and is active."""
    return [
        f"{entity} {one['Id']}"
        for entity in (*TRANSACTIONS, *LISTS)
        for one in place.qbo.company.objects(entity)
        if is_marked(one) and one.get("Active", True)
    ]


async def test_the_whole_suite_is_as_expected_on_the_local_sandboxes(place: Place) -> None:
    before = {entity: len(place.qbo.company.objects(entity)) for entity in TRANSACTIONS}
    async with place.bench() as bench:
        outcome = await play(bench)
    verdicts = {result.probe.name: result.verdict for result in outcome.results}
    assert {name for name, verdict in verdicts.items() if verdict is Verdict.NOT_TRIED} == NOT_HERE
    wrong = [
        (result.probe.name, result.seen, dict(result.details))
        for result in outcome.results
        if result.verdict in {Verdict.REFUTED, Verdict.UNCLEAR}
    ]
    assert wrong == []
    assert outcome.is_good
    assert outcome.left == ()
    assert marked(place) == []
    assert {entity: len(place.qbo.company.objects(entity)) for entity in TRANSACTIONS} == before
    assert set(report(outcome)["sides"].values()) == {"local sandbox"}


async def only(place: Place, *names: str) -> Mapping[str, str]:
    async with place.bench() as bench:
        outcome = await play(bench, [PROBES[name] for name in names])
    return {result.probe.name: result.seen for result in outcome.results}


REQUEST_IDS = tuple(name for name in PROBES if name.startswith("request_id."))
FORGETS = {
    "request_id.same_body": "second object", "request_id.other_body": "second object", "request_id.update": "5010",
    "request_id.delete": "610", "request_id.at_once": "two objects", "request_id.batch_again": "second object",
    "request_id.batch_part": "second object", "request_id.batch_more": "second object",
}  # fmt: skip


@pytest.mark.parametrize(
    ("knobs", "differing"),
    [
        ({}, {}),
        ({"requestid": "absent"}, FORGETS),
        ({"requestid_other_payload": "600"}, {"request_id.other_body": "600"}),
        ({"requestid_failed_original": "replay"}, {"request_id.after_refusal": "refusal replayed"}),
        ({"batch_requestid": "whole"}, {"request_id.batch_part": "whole", "request_id.batch_more": "whole"}),
        (
            {"batch_requestid": "absent"},
            {name: "second object" for name in REQUEST_IDS if "batch" in name},
        ),
    ],
    ids=("default", "absent", "other_payload", "failed_original", "batch_whole", "batch_absent"),
)
async def test_the_probes_of_request_ids_tell_how_the_knobs_stand(
    place: Place, knobs: dict[str, Any], differing: dict[str, str]
) -> None:
    place.qbo.company.turn(**knobs)
    expected = {name: PROBES[name].expected for name in REQUEST_IDS}
    assert await only(place, *REQUEST_IDS) == expected | differing


OTHER_KNOBS: Mapping[str, tuple[dict[str, Any], str]] = {
    "batch.too_many": ({"batch_items": 50}, "accepted"),
    "cdc.beyond": ({"cdc_enforced": True}, "2060"),
    "currency.missing_rate": ({"missing_exchange_rate": "refuse"}, "refused"),
    "customer.characters": ({"characters": "question_marks"}, "changed"),
    "deposit.negative_total": ({"negative_deposit": "accept"}, "accepted"),
    "doc_number.duplicate": ({"warn_duplicate_doc_number": True}, "6140"),
    "journal.two_receivable_lines": ({"journal_receivable_lines": "many"}, "accepted"),
    "oauth.rotation": ({"refresh_rotation": "never"}, "stays"),
    "payment_ref_num.length": ({"payment_ref_num_length": 100}, "accepted"),
    "receipt.without_customer": ({"sales_receipt_needs_customer": True}, "2020"),
    "sync_token.no_op": ({"no_op_keeps_sync_token": False}, "grows"),
    "sync_token.paid_invoice": ({"payment_bumps_invoice": False}, "stays"),
    "tax.total_override": ({"automated_tax_override": "recompute"}, "recomputed"),
    "void.paid_invoice": ({"void_paid_invoice": "unlink"}, "unlinked"),
    "void.twice": ({"void_twice": "same"}, "same"),
    "void.undocumented": ({"void_undocumented": "accept"}, "accepted"),
    "delete.paid_invoice": ({"delete_paid_invoice": "unlink"}, "unlinked"),
    "lines.negative": ({"negative_lines": False}, "2290"),
}


async def test_the_other_probes_tell_how_the_knobs_stand(place: Place) -> None:
    place.qbo.company.turn(**{name: value for knobs, _ in OTHER_KNOBS.values() for name, value in knobs.items()})
    async with place.bench() as bench:
        outcome = await play(bench, [PROBES[name] for name in OTHER_KNOBS])
    assert {result.probe.name: result.seen for result in outcome.results} == {
        name: seen for name, (_, seen) in OTHER_KNOBS.items()
    }
    # Most of it the product does not depend on. With the rest documents would be parked: the run says so.
    wrong = {result.probe.name for result in outcome.results if not result.is_good}
    assert wrong == {"lines.negative", "receipt.without_customer", "customer.characters"}
    assert not outcome.is_good
    assert {result.verdict for result in outcome.results} == {Verdict.REFUTED}


async def test_what_needs_a_setting_is_tried_where_it_is_set(place: Place) -> None:
    place.qbo.company.turn(auto_apply_credit=True)
    business = place.stripe.business
    business.payouts.follow("manual", business.account.clock.now())
    business.rows.add("adjustment", 10_000, business.account.clock.now(), category="other_adjustment")
    business.run_until(business.account.clock.now() + A_MONTH_S)
    business.payouts.create(100, business.account.clock.now())
    names = ("credits.apply_themselves", "stripe.manual_payout_rows")
    assert await only(place, *names) == {name: PROBES[name].expected for name in names}


async def test_what_an_interrupted_run_has_left_is_removed_by_the_next_and_nothing_else(place: Place) -> None:
    stranger = place.qbo.company.human("Customer", "create", {"DisplayName": "wescope-liveliness Ltd"}).body["Customer"]
    async with place.bench(Run(id="interrupted")) as bench:
        await bench.stripe.furnish()
        await bench.qbo.furnish()
        await bench.teller.story()
        invoice = await bench.qbo.made("Invoice", bench.qbo.invoice())
        await bench.qbo.made("Payment", bench.qbo.payment("10.00", ("Invoice", str(invoice["Id"]), "10.00")))
        of_stranger = {**bench.qbo.invoice(), "CustomerRef": {"value": stranger["Id"]}, "PrivateNote": "ours"}
        kept = await bench.qbo.wire.post("invoice", {**bench.qbo.currency(), **of_stranger})
    assert len(marked(place)) > 4
    async with place.bench() as bench:
        outcome = await play(bench, [])
        invoices = [row async for row in bench.stripe.api.pages("/v1/invoices", status="open")]
    assert {"Invoice", "Payment", "Customer", "invoice", "customer"} <= set(outcome.found)
    assert outcome.left == ()
    assert marked(place) == []
    assert [row["id"] for row in invoices if is_marked_in_stripe(row)] == []
    assert place.qbo.company.object("Invoice", kept.record("Invoice")["Id"]) is not None
    assert place.qbo.company.object("Customer", stranger["Id"])["Active"]  # type: ignore[index]  # it is there


async def test_one_side_that_does_not_answer_does_not_keep_the_other_from_being_cleaned(place: Place) -> None:
    async with place.bench() as bench:
        await bench.qbo.furnish()
        await bench.qbo.made("Invoice", bench.qbo.invoice())
        bench.stripe.api = StripeApi(api_key="sk_test_wrong", base_url=place.stripe.url)
        async with bench.stripe.api:
            with pytest.raises(StripeRefused):
                await play(bench, [])
    assert marked(place) == []


async def test_a_side_without_keys_is_a_sandbox_and_whatever_is_on_this_machine_is_local(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = []

    @contextlib.asynccontextmanager
    async def local_qbo() -> AsyncIterator[QboKeys]:
        started.append("qbo")
        yield place.qbo_keys

    monkeypatch.setattr(suite, "local_qbo", local_qbo)
    environment = Environment(stripe=place.stripe_keys, qbo=None, folder=place.folder)
    async with open_sides(environment) as bench:
        assert (started, bench.local) == (["qbo"], frozenset(Side))
        assert bench.tokens.path.parent != place.folder


# The SDK hands its bytes to the HTTP library in a way that the latter calls old.
@pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")
async def test_what_counts_as_real_is_paced_and_writes_by_the_sdk_itself(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench_module, "PACE_S", 0.001)
    chosen = [PROBES[name] for name in ("stripe.version", "sync_token.stale", "stripe.void_invoice")]
    keys = place.stripe_keys, place.qbo_keys
    async with open_bench(*keys, local=frozenset(), folder=place.folder) as bench:
        outcome = await play(bench, chosen)
        assert bench.transport.pace_s == 0.001
    version, stale, void = outcome.results
    assert (version.is_real, version.verdict, stale.is_real, stale.verdict) == (
        True, Verdict.CONFIRMED, True, Verdict.CONFIRMED,
    )  # fmt: skip
    # The stand-in has no write API, so the SDK's own request was refused: that is an answer, too.
    assert (void.verdict, void.seen) == (Verdict.UNCLEAR, "error of Stripe: 404")
    assert not outcome.is_good
    assert marked(place) == []


async def test_after_a_429_the_wire_waits_and_asks_once_more(place: Place) -> None:
    async with place.bench() as bench:
        bench.qbo.wire._throttle_pause_s = 0.01
        place.qbo.faults.arm("throttle", count=1)
        assert (await bench.qbo.wire.get("preferences")).ok


async def test_a_run_that_is_cancelled_cleans_up(place: Place) -> None:
    reached = asyncio.Event()

    async def hang(bench: Any) -> Seen:
        await bench.qbo.made("Invoice", bench.qbo.invoice())
        reached.set()
        await asyncio.Event().wait()
        raise NotTried

    probe = Probe(name="hangs", needs=frozenset({Side.QBO}), asks="?", expected="never", run=hang)
    async with place.bench() as bench:
        running = asyncio.create_task(play(bench, [probe]))
        await asyncio.wait_for(reached.wait(), 30)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
    assert marked(place) == []


async def test_the_limit_on_calls_ends_the_probes_and_still_cleans_up(place: Place) -> None:
    async with place.bench(most_calls=90) as bench:
        outcome = await play(bench, [PROBES["sync_token.stale"]] * 30)
    verdicts = [result.verdict for result in outcome.results]
    assert verdicts[0] is Verdict.CONFIRMED
    assert verdicts[-1] is Verdict.NOT_TRIED
    assert outcome.results[-1].seen == "the limit on calls of a run is reached"
    assert marked(place) == []


async def test_an_account_that_cannot_be_furnished_is_not_good(place: Place) -> None:
    place.qbo.faults.arm("fault", entity="Account", operation="create", code="6000", count=20)
    async with place.bench() as bench:
        outcome = await play(bench, [PROBES["sync_token.stale"]])
    assert outcome.results[0].verdict is Verdict.NOT_TRIED
    assert "Account" in outcome.unfurnished
    assert not outcome.is_good


async def test_the_command_starts_the_sandboxes_and_ends_well(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("WESCOPE_LIVE_")}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.live", "--json", "--only", "sync_token", "--only", "stripe.version",
        env={**environment, "WESCOPE_LIVE_DIR": str(tmp_path)}, cwd=ROOT,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await asyncio.wait_for(process.communicate(), 120)
    assert process.returncode == 0, err.decode()
    told = json.loads(out)
    assert told["verdicts"] == {"confirmed": 4}
    assert b"no keys" in err
    assert b"No real result" in err
    assert endings(tmp_path) == [".json", ".md"]


def endings(folder: Path) -> list[str]:
    """Of the reports in a folder."""
    return sorted(path.suffix for path in folder.glob("report-*"))
