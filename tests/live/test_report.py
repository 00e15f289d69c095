"""The report and the confidence: what is real raises it, what is local never does; tokens are for their owner only."""

import json
import os
import stat
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.live.__main__ import main
from tests.live.model import Probe, Result, Seen, Side, Verdict
from tests.live.page import discovery_page
from tests.live.places import open_place
from tests.live.probes import PROBES
from tests.live.report import CONFIDENCE, RealResult, markdown, read_confidence, report, update_confidence, write_report
from tests.live.run_marker import Run
from tests.live.suite import Outcome
from tests.live.token_file import FileTokenStore
from wescope.qbo.tokens import TokenPair

DAY = date(2026, 11, 23)


async def never(_: object) -> Seen:
    raise AssertionError


def probe(name: str, *needs: Side, others: Mapping[str, bool] | None = None) -> Probe:
    return Probe(name=name, needs=frozenset(needs), asks="a|b?", expected="yes", run=never, others=others or {})


def result(one: Probe, seen: str, *local: Side) -> Result:
    return Result(probe=one, verdict=one.judged(seen), seen=seen, local=frozenset(local), details={"code": "5010"})


def outcome(*results: Result, **changes: Any) -> Outcome:
    plain = Outcome(
        run=Run(id="run1", today=DAY), local=frozenset(), results=results, calls=3, left=(), removed={"Invoice": 2}
    )
    return replace(plain, **changes)


ON_QBO = probe("request_id.same_body", Side.QBO, others={"no": True, "never": False})
ON_BOTH = probe("scenario.refund", Side.QBO, Side.STRIPE)


@pytest.fixture
def confidence(tmp_path: Path) -> Path:
    path = tmp_path / "confidence.json"
    path.write_text(
        json.dumps({"about": "x", "results": {"kept": {"verdict": "confirmed", "seen": "a", "date": "2026-01-02"}}})
    )
    return path


@pytest.mark.parametrize(
    ("seen", "verdict", "good"),
    [
        ("yes", Verdict.CONFIRMED, True),
        ("no", Verdict.REFUTED, True),
        ("never", Verdict.REFUTED, False),
        ("else", Verdict.UNCLEAR, False),
    ],
)
def test_a_verdict_says_what_was_expected_and_whether_the_product_is_right(
    seen: str, verdict: Verdict, good: bool
) -> None:
    found = result(ON_QBO, seen)
    assert (found.verdict, found.is_good) == (verdict, good)
    assert outcome(found).is_good is good


def test_what_is_left_behind_is_not_good() -> None:
    assert not outcome(result(ON_QBO, "yes"), left=("Invoice 5: 6540",)).is_good


def test_real_results_go_into_the_confidence_and_older_ones_stay(confidence: Path) -> None:
    assert update_confidence(outcome(result(ON_QBO, "no")), confidence) == 1
    assert read_confidence(confidence) == {
        "kept": RealResult(verdict=Verdict.CONFIRMED, seen="a", day=date(2026, 1, 2)),
        "request_id.same_body": RealResult(verdict=Verdict.REFUTED, seen="no", day=DAY),
    }


@pytest.mark.parametrize(
    "found",
    [
        result(ON_QBO, "yes", Side.QBO),
        result(ON_QBO, "yes", Side.QBO, Side.STRIPE),
        result(ON_BOTH, "yes", Side.STRIPE),
        result(ON_BOTH, "yes", Side.QBO),
        Result(probe=ON_QBO, verdict=Verdict.NOT_TRIED, seen="why", local=frozenset()),
    ],
)
def test_local_results_and_what_was_not_tried_never_raise_the_confidence(confidence: Path, found: Result) -> None:
    before = confidence.read_bytes()
    assert update_confidence(outcome(found), confidence) == 0
    assert confidence.read_bytes() == before


def test_a_real_qbo_beside_a_local_stripe_counts_for_qbo_alone(confidence: Path) -> None:
    found = outcome(result(ON_QBO, "yes", Side.STRIPE), result(ON_BOTH, "yes", Side.STRIPE))
    assert update_confidence(found, confidence) == 1


def test_the_committed_confidence_can_be_read_and_names_probes_that_exist() -> None:
    assert set(read_confidence(CONFIDENCE)) <= set(PROBES)


def test_the_page_shows_what_was_seen() -> None:
    real = {"request_id.same_body": RealResult(verdict=Verdict.REFUTED, seen="second object", day=DAY)}
    assert "refuted 2026-11-23, saw: second object" in discovery_page(real)
    assert f"1 of {len(PROBES)} probes" in discovery_page(real)
    assert "None yet" in discovery_page({})


def test_the_report_is_written_as_json_and_for_people(tmp_path: Path) -> None:
    found = outcome(result(ON_QBO, "never"), result(ON_BOTH, "yes", Side.QBO), local=frozenset({Side.QBO}))
    as_json, as_text = write_report(found, tmp_path / "reports")
    assert json.loads(as_json.read_text()) == report(found)
    told = report(found)
    assert told["sides"] == {"stripe": "test account", "qbo": "local sandbox"}
    assert told["probes"][0]["verdict"] == "refuted"
    assert told["probes"][1]["real"] is False
    assert told["good"] is False
    text = as_text.read_text()
    assert text == markdown(found)
    assert "**wrong**" in text
    assert "confirmed (local)" in text
    assert "a\\|b?" in text
    assert "2 Invoice" in text


# --- the refresh token ----------------------------------------------------------------------------------------------


def pair(refresh: str, generation: int = 1) -> TokenPair:
    now = datetime(2026, 11, 23, 12, tzinfo=UTC)
    return TokenPair(
        access_token=f"access-of-{refresh}",
        refresh_token=refresh,
        access_expires_at=now + timedelta(hours=1),
        refresh_expires_at=now + timedelta(days=100),
        generation=generation,
    )


async def test_the_newest_token_is_in_a_file_of_its_owner_only(tmp_path: Path) -> None:
    store = FileTokenStore(tmp_path / "new", "9341")
    before = os.umask(0)
    try:
        async with store.refreshing("9341") as row:
            assert row.pair is None
            await row.save(pair("one"))
            await row.save(pair("two", 2))
    finally:
        os.umask(before)
    assert await store.load("9341") == pair("two", 2)
    assert stat.S_IMODE(store.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(store.path.parent.stat().st_mode) == 0o700
    assert [path.name for path in store.path.parent.iterdir()] == ["qbo-tokens-9341.json"]


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"refresh_token": 5}', "not json"])
async def test_a_file_that_is_no_pair_is_none(tmp_path: Path, content: str) -> None:
    store = FileTokenStore(tmp_path, "9341")
    store.path.write_text(content)
    assert await store.load("9341") is None


async def test_a_run_rotates_the_token_keeps_the_newest_and_prints_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async with open_place(tmp_path) as place:
        keys = place.qbo_keys
        async with place.bench() as bench:
            await bench.qbo.furnish()
        kept = FileTokenStore(tmp_path, keys.realm_id).read()
        assert kept is not None
        assert kept.refresh_token != keys.refresh_token
        assert kept.refresh_token == place.qbo.tokens.refresh_token
        # The next run begins with the kept one: the first is worth nothing any more.
        async with place.bench() as bench:
            assert (await bench.qbo.wire.get("preferences")).ok
    shown = "".join(capsys.readouterr())
    assert keys.refresh_token not in shown
    assert kept.refresh_token not in shown


def test_a_refused_environment_ends_with_two_and_starts_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("WESCOPE_LIVE_STRIPE_API_KEY", "sk_live_0123456789")
    monkeypatch.setenv("WESCOPE_LIVE_DIR", str(tmp_path / "none"))
    assert main([]) == 2
    shown = "".join(capsys.readouterr())
    assert "live keys are refused" in shown
    assert "0123456789" not in shown
    assert not (tmp_path / "none").exists()
