"""Demo: the service's environment, the report, one demo at a time, and an end when nothing moves."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

from wescope.books.policy import AccountRole
from wescope.cli import demo
from wescope.cli.children import Children
from wescope.cli.demo import DemoFailed, DemoOptions, Played, Service
from wescope.cli.progress import Reporter
from wescope.config import load_policy_file, load_settings
from wescope.sandbox.qbo.__main__ import arguments as qbo_arguments
from wescope.sandbox.stripe.__main__ import _parser as stripe_parser

STRIPE = {"url": "http://127.0.0.1:1", "api_key": "sk_test_1", "webhook_secret": "whsec_1"}
QBO = {
    "url": "http://127.0.0.1:2",
    "realm_id": "9130347",
    "client_id": "client",
    "client_secret": "secret",
    "refresh_token": "RT1",
}
STATUS: Mapping[str, Any] = {
    "backlog": 1,
    "in_flight": 0,
    "posted": 18,
    "posted_by_entity": {"Invoice": 18},
    "parked": 0,
    "qbo_writes_total": 18,
    "qbo_calls_last_minute": 3,
}


class FakeService:
    """Answers these states one after another, the last one for ever."""

    def __init__(self, *states: Mapping[str, Any]) -> None:
        self.states = list(states)

    async def status(self) -> Mapping[str, Any]:
        return self.states.pop(0) if len(self.states) > 1 else self.states[0]


def played(difference: str) -> Played:
    parked = {"amount": "2.75", "currency": "usd", "code": "on_review_account", "reason": "Why.", "remedy": "What."}
    return Played(
        status=STATUS, tieout={"difference": difference}, parked=(parked,), events=85, qbo_writes=0, seconds=6
    )


async def follow(*states: Mapping[str, Any]) -> None:
    delivery = asyncio.create_task(asyncio.sleep(0, {"events": 1}))
    await delivery
    await demo._follow(cast("Service", FakeService(*states)), cast("demo.Delivery", delivery), Reporter())


def test_the_service_gets_the_environment_of_the_contract(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "demo").mkdir()
    environment = demo._service_environment(tmp_path, STRIPE, QBO, once=True)
    assert environment["WESCOPE_PORT"] == "0"
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    settings = load_settings()
    assert settings.home == tmp_path
    assert settings.require_stripe().api_base == STRIPE["url"]
    assert settings.require_qbo().api_base == QBO["url"]
    assert settings.require_qbo().token_url == f"{QBO['url']}/oauth2/v1/tokens/bearer"
    assert settings.require_webhooks()[0].get_secret_value() == "whsec_1"
    policy_file = load_policy_file(settings)
    assert policy_file.path == tmp_path / "demo" / "wescope.toml"
    assert (policy_file.account(AccountRole.REVIEW), policy_file.policy.review) == ("Stripe Review", True)


@dataclass(kw_only=True)
class FakeChildren:
    """Starts nothing, and announces what stand-ins announce."""

    started: dict[str, tuple[str, ...]] = field(default_factory=dict)

    async def start(self, name: str, arguments: tuple[str, ...], _environment: Mapping[str, str]) -> "FakeChild":
        self.started[name] = arguments
        return FakeChild(announced=STRIPE if name == "stripe" else QBO)


@dataclass(kw_only=True)
class FakeChild:
    """A process that announced this."""

    announced: Mapping[str, Any]

    async def announcement(self, *, timeout_s: float) -> Mapping[str, Any]:
        assert timeout_s > 0
        return self.announced


async def test_the_stand_ins_play_every_situation_with_options_that_they_have(tmp_path: Path) -> None:
    (tmp_path / "demo").mkdir()
    children = FakeChildren()
    options = DemoOptions(once=True, seed=3, customers=4, months=5, as_json=True)
    await demo._start_stand_ins(cast("Children", children), tmp_path, options)
    assert {name: given[:2] for name, given in children.started.items()} == {
        "stripe": ("-m", "wescope.sandbox.stripe"),
        "qbo": ("-m", "wescope.sandbox.qbo"),
    }
    stripe = stripe_parser().parse_args(children.started["stripe"][2:])
    assert (stripe.situations, stripe.payouts) == ("all", "daily")
    assert (stripe.seed, stripe.customers, stripe.months) == (3, 4, 5)
    assert qbo_arguments(list(children.started["qbo"][2:])).knobs.multicurrency


def test_the_report_has_the_fields_that_scripts_read(capsys: pytest.CaptureFixture[str]) -> None:
    demo._show(played("0.00"), as_json=True)
    report = json.loads(capsys.readouterr().out)
    assert (report["documents"], report["parked"], report["qbo_writes"], report["seconds"]) == (18, 0, 0, 6)
    assert report["tieout"]["difference"] == "0.00"
    demo._show(played("0.00"), as_json=False)
    shown = capsys.readouterr().out
    assert "Difference to Stripe" in shown
    assert shown.endswith("Parked: 2.75 USD [on_review_account] Why. What.\n")


@pytest.mark.parametrize(("difference", "balanced"), [("0.00", True), ("0.01", False), ("0.01 USD + 2 JPY", False)])
def test_only_no_difference_is_good(difference: str, balanced: bool) -> None:
    assert played(difference).balanced is balanced


async def test_it_waits_until_nothing_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "POLL_S", 0)
    await follow(STATUS, {**STATUS, "backlog": 0, "in_flight": 1}, {**STATUS, "backlog": 0})


async def test_it_ends_when_nothing_moves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "POLL_S", 0)
    monkeypatch.setattr(demo, "STALL_TIMEOUT_S", 0.01)
    with pytest.raises(DemoFailed, match="Nothing moves"):
        await follow(STATUS)


def test_one_demo_at_a_time(tmp_path: Path) -> None:
    with demo._alone(tmp_path), pytest.raises(DemoFailed, match="Another demo"), demo._alone(tmp_path):
        raise AssertionError
