"""What kind of world a seed makes: processes, QBO's undocumented behaviour, and how much of what fails."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from tests.simulation.engine.chance import Chance
from tests.simulation.engine.clocks import STARTS_AT
from tests.simulation.settings import Settings, draw_settings
from wescope.books.policy import Reversals

_QBO = ("before", "after", "late", "cut", "429", "401", "500", "xml", "transient", "item", "drop_links")
_MOST = 0.35
"""Of all calls to QBO: with more of them failing nothing would ever be done."""

_STRIPE = ("lost", "slow", "429", "500", "cut")
_KINDS = {
    "customer": 4,
    "invoice": 22,
    "pay": 24,
    "charge": 8,
    "refund": 8,
    "credit_note": 8,
    "void": 5,
    "write_off": 2,
    "pay_shared": 3,
    "capture": 1,
    "grant": 2,
    "dispute": 3,
    "change_dispute": 3,
    "change_refund": 2,
    "row": 2,
    "topup": 1,
    "wait": 2,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """All that is decided before a world begins. Shares are of cases, times in seconds."""

    processes: int
    actions: int
    gap_s: float
    read_timeout_s: float
    skew_s: float
    kill: float
    stop: float
    cut_off: float
    linger: float
    restart_s: float
    duplicate: float
    lose_webhook: float
    delay_webhook_s: float
    edits: float
    closings: float
    polling_s: float
    qbo: Mapping[str, float]
    stripe: Mapping[str, float]
    token: Mapping[str, float]
    knobs: Mapping[str, Any]
    settings: Settings
    kinds: Mapping[str, int] = field(default_factory=lambda: _KINDS)


def draw_profile(chance: Chance, seed: int) -> Profile:
    """The profile of a seed: most worlds have a few sorts of trouble in plenty, some have none, some have all."""
    pick, between = chance.pick, chance.between

    def some(name: str, share: float, *most: float) -> float:
        return pick(f"{name} much", most) if chance.draw(f"{name} at all") < share else 0.0

    trouble = chance.draw("trouble")
    much = 0.0 if trouble < 0.05 else pick("how much", (0.05, 0.15, 0.35))
    qbo = {kind: much * between(f"share {kind}", 0.2, 1) for kind in _QBO if chance.draw(f"has {kind}") < 0.4}
    worst = max(1.0, sum(qbo.values()) / _MOST)
    qbo = {kind: share / worst for kind, share in qbo.items()}
    stripe = {kind: much * between(f"share {kind}", 0.1, 0.5) for kind in _STRIPE if chance.draw(f"s {kind}") < 0.4}
    old_token = pick("old token", ("invalid", "valid"))
    return Profile(
        processes=pick("processes", (1, 2, 2, 3)),
        actions=int(between("actions", 8, 26)),
        gap_s=pick("gap", (0.3, 2.0, 8.0)),
        read_timeout_s=pick("read timeout", (5.0, 20.0, 60.0)),
        skew_s=pick("skew", (0.0, 5.0, 120.0)),
        kill=some("kill", 0.7, 0.001, 0.004, 0.012),
        stop=some("stop", 0.4, 0.0005, 0.002),
        cut_off=some("cut off", 0.3, 0.0005, 0.002),
        linger=pick("linger", (0.0, 0.02, 0.2)),
        restart_s=pick("restart", (1.0, 10.0, 40.0)),
        duplicate=pick("duplicate", (0.0, 0.2)),
        lose_webhook=pick("lose", (0.0, 0.0, 0.2)),
        delay_webhook_s=pick("delay", (0.2, 3.0, 60.0)),
        edits=some("edits", 0.2, 0.1, 0.25),
        closings=some("closings", 0.2, 0.1),
        polling_s=pick("polling", (1.0, 4.0)),
        qbo=qbo,
        stripe=stripe,
        token={"before": 0.1, "after": 0.1, "late": 0.02} if old_token == "valid" and much else {},
        knobs=_knobs(chance) | {"old_refresh_token": old_token},
        settings=_settings(chance, seed),
    )


def changed(profile: Profile, changes: Mapping[str, Any]) -> Profile:
    """The profile with some of its fields changed; knobs are added to those that were drawn."""
    knobs = {**profile.knobs, **changes.get("knobs", {})}
    return replace(profile, **{**changes, "knobs": knobs})


def _knobs(chance: Chance) -> dict[str, Any]:
    pick = chance.pick
    return {
        "latency_ms": pick("latency", (20, 80, 250)),
        "access_token_ttl_s": pick("ttl", (3600, 3600, 700, 400)),
        "requestid": pick("requestid", ("replay", "replay", "replay", "absent")),
        "requestid_ttl_s": pick("requestid ttl", (86_400, 60, 15)),
        "requestid_other_payload": pick("requestid other", ("replay", "600")),
        "requestid_failed_original": pick("requestid failed", ("execute", "replay")),
        "requestid_in_flight": pick("requestid in flight", ("600", "wait")),
        "query_lag_ms": pick("query lag", (0, 0, 0, 2000, 8000)),
        "warn_duplicate_doc_number": pick("warn", (False, True)),
        "throttle_format": pick("throttle format", ("xml", "json")),
        "retry_after_s": pick("retry after", (0, 7)),
        "doc_number_language": pick("language", ("en", "fr")),
        "payment_bumps_invoice": pick("bumps", (True, False)),
    }


def _settings(chance: Chance, seed: int) -> Settings:
    return replace(
        draw_settings(seed),
        begins_at=int(STARTS_AT.timestamp()) - 60,
        currencies=("usd",),
        settled=("usd",),
        payouts=chance.pick("payouts", ("daily", "daily", "manual")),
        fee_tax_percent=0,
        timezone=chance.pick("zone", ("America/Los_Angeles", "UTC")),
        reversals=chance.pick("reversals", (Reversals.MONTH, Reversals.DATED, Reversals.VOID)),
        start_date=None,
        review=False,
        mapped=True,
    )
