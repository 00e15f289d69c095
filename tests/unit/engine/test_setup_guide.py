"""The setup guide: where each step stands, and what is to be done next."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import SecretStr

from wescope.config import PolicyFile, Settings
from wescope.engine.connection import ConnectionState
from wescope.engine.results import ConnectionWord
from wescope.engine.setup_guide import Findings, Known, SetupStep, StepState, steps_of
from wescope.engine.write_gate import GateState, Holding
from wescope.links.runs import Run, RunKind, RunState

AT = datetime(2026, 11, 20, 14, tzinfo=UTC)
GOOD = Findings(at=AT, errors=0, warnings=1, policy="p")


def run(state: RunState) -> Run:
    return Run(id=7, kind=RunKind.BACKFILL, state=state, started_at=AT)


ALL = Known(
    settings=Settings(stripe_api_key=SecretStr("rk_live_1"), stripe_webhook_secrets=(SecretStr("whsec_1"),)),
    policy_file=PolicyFile(path=Path("wescope.toml")),
    policy="p",
    has_webhooks=True,
    connection=ConnectionState(word=ConnectionWord.CONNECTED),
    mapping=GOOD,
    doctor=GOOD,
    gate=GateState(word=Holding.WRITING),
    backfill=run(RunState.DONE),
)


def step(known: Known, key: str) -> SetupStep:
    return next(one for one in steps_of(known).steps if one.key == key)


def test_all_is_done() -> None:
    state = steps_of(ALL)
    assert state.next is None
    assert {one.state for one in state.steps} == {StepState.DONE}
    assert [one.action for one in state.steps] == [""] * 8


LOST = ConnectionState(word=ConnectionWord.RECONNECT, code="invalid_grant", since=AT)
NEVER = ConnectionState(word=ConnectionWord.RECONNECT, code="not_connected", since=AT)


@pytest.mark.parametrize(
    ("key", "known", "state"),
    [
        ("stripe_key", replace(ALL, settings=Settings()), StepState.TODO),
        ("webhooks", replace(ALL, settings=Settings(), has_webhooks=False), StepState.TODO),
        ("webhooks", replace(ALL, has_webhooks=False), StepState.TODO),
        ("qbo", replace(ALL, connection=NEVER), StepState.TODO),
        ("qbo", replace(ALL, connection=ConnectionState(word=ConnectionWord.UNKNOWN)), StepState.TODO),
        ("qbo", replace(ALL, connection=LOST), StepState.ATTENTION),
        ("policy", replace(ALL, policy_file=PolicyFile()), StepState.ATTENTION),
        ("mapping", replace(ALL, mapping=None), StepState.TODO),
        ("mapping", replace(ALL, mapping=replace(GOOD, policy="q")), StepState.TODO),
        ("doctor", replace(ALL, doctor=replace(GOOD, errors=2)), StepState.ATTENTION),
        ("dry_run", replace(ALL, gate=GateState(word=Holding.REVIEW_FIRST)), StepState.TODO),
        ("dry_run", replace(ALL, gate=GateState(word=Holding.POLICY_CHANGED)), StepState.ATTENTION),
        ("dry_run", replace(ALL, gate=GateState(word=Holding.HELD)), StepState.ATTENTION),
        ("backfill", replace(ALL, backfill=None), StepState.TODO),
        ("backfill", replace(ALL, backfill=run(RunState.RUNNING)), StepState.TODO),
        ("backfill", replace(ALL, backfill=run(RunState.PAUSED)), StepState.ATTENTION),
    ],
)
def test_what_is_open_says_what_to_do(key: str, known: Known, state: StepState) -> None:
    found = step(known, key)
    assert (found.state, bool(found.text), bool(found.action)) == (state, True, True)


def test_what_was_found_is_kept_and_read() -> None:
    assert Findings.kept(GOOD.to_keep()) == GOOD
    assert Findings.kept(None) is None
    assert "0 errors, 1 warnings" in step(ALL, "doctor").text
    released = replace(ALL, policy_file=replace(ALL.policy_file, dry_run=True))
    assert "released after a review" in step(released, "dry_run").text
