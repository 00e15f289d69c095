"""The simulator itself: it repeats, holds on the product as it is, and finds planted bugs."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from tests.simulation.engine.plants import PLANTS
from tests.simulation.engine.play import Order
from tests.simulation.engine.runs import ground, played

_KNOBS: Mapping[str, Any] = {
    "requestid": "replay",
    "requestid_ttl_s": 86_400,
    "query_lag_ms": 0,
    "access_token_ttl_s": 3600,
    "latency_ms": 80,
    "old_refresh_token": "invalid",
}
_CALM: Mapping[str, Any] = {
    "processes": 2,
    "actions": 7,
    "gap_s": 2.0,
    "read_timeout_s": 5.0,
    "skew_s": 0.0,
    "kill": 0.0,
    "stop": 0.0,
    "cut_off": 0.0,
    "linger": 0.0,
    "restart_s": 1.0,
    "duplicate": 0.0,
    "lose_webhook": 0.0,
    "delay_webhook_s": 0.2,
    "edits": 0.0,
    "closings": 0.0,
    "polling_s": 4.0,
    "qbo": {},
    "stripe": {},
    "token": {},
    "kinds": {"invoice": 5, "pay": 5, "charge": 3},
}
"""A small world without trouble, so that a planted bug needs only the trouble that it is about: fast in `make test`."""


def _calm(seed: int, plant: str = "", **changes: Any) -> Order:
    knobs = {**_KNOBS, **changes.pop("knobs", {})}
    return Order(seed=seed, plant=plant, changes={**_CALM, **changes, "knobs": knobs})


_FORGETFUL = {"requestid": "absent"}
_CAUGHT = {
    order.plant: order
    for order in (
        _calm(1, "believes_the_answer", qbo={"drop_links": 0.5}),
        _calm(1, "no_lookup", qbo={"after": 0.12}, knobs=_FORGETFUL),
        _calm(2, "lost_is_not_sent", qbo={"after": 0.12}, knobs=_FORGETFUL),
        _calm(1, "lost_refresh_token", actions=9, kinds={"invoice": 5, "pay": 5, "wait": 4}),
        _calm(
            1,
            "cleans_later_hints",
            gap_s=0.25,
            linger=0.3,
            actions=14,
            kinds={"invoice": 3, "pay": 6, "void": 2},
            knobs={"latency_ms": 250},
        ),
        _calm(
            1,
            "blind_retry_on_5010",
            edits=0.5,
            gap_s=8.0,
            actions=12,
            kinds={"invoice": 4, "void": 5, "credit_note": 2},
        ),
        _calm(1, "new_request_id_per_attempt", qbo={"before": 0.12}),
        _calm(3, "no_intent_row", kill=0.02, knobs={**_FORGETFUL, "query_lag_ms": 8000}),
    )
}


_WORLDS = 6


@pytest.fixture(scope="module")
def server_url() -> Iterator[str]:
    with ground() as url:
        yield url


@pytest.mark.slow
def test_a_seed_repeats_exactly(server_url: str) -> None:
    first, second = (played(_calm(3, kill=0.01, linger=0.1, qbo={"after": 0.1}), server_url) for _ in range(2))
    assert first.problem == ""
    assert (first.trace_hash, first.steps, first.counts) == (second.trace_hash, second.steps, second.counts)


@pytest.mark.slow
def test_a_calm_world_holds(server_url: str) -> None:
    assert played(_calm(1), server_url).problem == ""


@pytest.mark.slow
@pytest.mark.parametrize("plant", sorted(_CAUGHT))
def test_a_planted_bug_is_caught(plant: str, server_url: str) -> None:
    """In the first world, or in one of the next few: every change of the engine moves a little when it dies."""
    order, steps = _CAUGHT[plant], 0
    for seed in range(order.seed, order.seed + _WORLDS):
        found = played(replace(order, seed=seed), server_url)
        steps += found.steps
        if found.problem:
            break
    assert found.problem
    assert steps < 50_000


def test_every_bug_is_accounted_for() -> None:
    assert set(_CAUGHT) == set(PLANTS)
