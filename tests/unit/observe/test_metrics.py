"""Metrics: names of the contract, and labels that cannot grow without bound."""

import re
from pathlib import Path

import pytest

from wescope.observe import Metrics
from wescope.observe.metric_table import METRICS, MetricKind, Scope
from wescope.observe.metrics import Sample

ROOT = Path(__file__).parents[3]


def shown(metrics: Metrics) -> str:
    return metrics.render().decode()


def test_an_unknown_type_never_becomes_a_label() -> None:
    metrics = Metrics({"invoice.paid"})
    metrics.webhook(event_type="invoice.paid", outcome="stored")
    metrics.webhook(event_type="anything.at.all", outcome="unknown")
    text = shown(metrics)
    assert 'wescope_webhooks_total{outcome="stored",type="invoice.paid"} 1.0' in text
    assert 'wescope_webhooks_total{outcome="unknown",type="unknown"} 1.0' in text
    assert "anything" not in text


def test_an_unknown_fault_never_becomes_a_label() -> None:
    metrics = Metrics(known_faults={"6240"})
    for fault in ("6240", "31415", None):
        metrics.qbo_call(operation="create", entity="Invoice", outcome="refused", seconds=0.2, fault=fault)
    text = shown(metrics)
    assert 'wescope_qbo_faults_total{fault="6240",operation="create"} 1.0' in text
    assert 'wescope_qbo_faults_total{fault="other",operation="create"} 1.0' in text
    assert "31415" not in text


def test_what_a_process_counts() -> None:
    metrics = Metrics()
    metrics.qbo_call(operation="create", entity="Invoice", outcome="ok", seconds=0.2)
    metrics.posted(entity="Invoice", seconds=4)
    metrics.posted(entity="Invoice", seconds=-1)  # a clock that was set back
    metrics.stripe_call("ok")
    metrics.notice(target="webhook", outcome="sent")
    text = shown(metrics)
    for expected in (
        'wescope_qbo_calls_total{entity="Invoice",operation="create",outcome="ok"} 1.0',
        'wescope_qbo_call_seconds_count{operation="create"} 1.0',
        'wescope_webhook_to_posted_seconds_bucket{entity="Invoice",le="1.0"} 1.0',
        'wescope_webhook_to_posted_seconds_bucket{entity="Invoice",le="5.0"} 2.0',
        'wescope_webhook_to_posted_seconds_sum{entity="Invoice"} 4.0',
        'wescope_stripe_calls_total{outcome="ok"} 1.0',
        'wescope_notices_total{outcome="sent",target="webhook"} 1.0',
    ):
        assert expected in text


def test_what_is_not_known_is_no_number_and_an_old_label_goes() -> None:
    metrics = Metrics()
    assert "wescope_tieout_balanced NaN" in shown(metrics)
    metrics.show([Sample(name="backlog", value=3), Sample(name="drift", value=2, labels={"kind": "edited"})])
    text = shown(metrics)
    assert "wescope_backlog 3.0" in text
    assert 'wescope_drift{kind="edited"} 2.0' in text
    assert "wescope_parked NaN" in text
    metrics.show([])
    assert "edited" not in shown(metrics)


def test_a_state_that_cannot_be_read_stays_and_is_said_to_be_old() -> None:
    metrics = Metrics()
    metrics.show([Sample(name="backlog", value=3)])
    assert "wescope_database_up 1.0" in shown(metrics)
    metrics.stale()
    text = shown(metrics)
    assert "wescope_database_up 0.0" in text
    assert "wescope_backlog 3.0" in text


def test_two_processes_in_one_test_do_not_share() -> None:
    first, second = Metrics(), Metrics()
    first.webhook(event_type="invoice.paid", outcome="stored")
    assert 'outcome="stored"' not in shown(second)


@pytest.mark.parametrize("name", sorted(METRICS))
def test_the_table_says_what_bounds_every_label(name: str) -> None:
    one = METRICS[name]
    assert one.text.endswith(".")
    assert all(one.labels.values())
    assert one.scope is Scope.SYSTEM or one.kind is not MetricKind.GAUGE or name == "database_up"


def test_the_table_and_the_registry_are_the_same() -> None:
    exported = set(re.findall(r"^# HELP (\S+)", shown(Metrics()), re.MULTILINE))
    exported = {name for name in exported if not name.endswith("_created")}
    assert {one.sample for one in METRICS.values()} == exported


def test_the_page_and_the_table_are_the_same() -> None:
    page = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    assert {one.sample for one in METRICS.values()} == set(re.findall(r"^\| `(wescope_\w+)`", page, re.MULTILINE))
