"""Metrics: names of the contract, and labels that cannot grow without bound."""

from wescope.observe import Metrics


def test_an_unknown_type_never_becomes_a_label() -> None:
    metrics = Metrics({"invoice.paid"})
    metrics.webhook(event_type="invoice.paid", outcome="stored")
    metrics.webhook(event_type="anything.at.all", outcome="unknown")
    text = metrics.render().decode()
    assert 'wescope_webhooks_total{outcome="stored",type="invoice.paid"} 1.0' in text
    assert 'wescope_webhooks_total{outcome="unknown",type="unknown"} 1.0' in text
    assert "anything" not in text


def test_all_metrics_have_their_names() -> None:
    metrics = Metrics()
    metrics.qbo_call(operation="create", entity="Invoice", outcome="ok", seconds=0.2)
    metrics.show(backlog=3, oldest_hint_age_s=None, in_flight=1, parked=2, posted=9, refresh_token_days_left=90)
    text = metrics.render().decode()
    for expected in (
        'wescope_qbo_calls_total{entity="Invoice",operation="create",outcome="ok"} 1.0',
        'wescope_qbo_call_seconds_count{operation="create"} 1.0',
        "wescope_backlog 3.0",
        "wescope_oldest_hint_age_s 0.0",
        "wescope_parked 2.0",
        "wescope_refresh_token_days_left 90.0",
    ):
        assert expected in text


def test_two_processes_in_one_test_do_not_share() -> None:
    first, second = Metrics(), Metrics()
    first.webhook(event_type="invoice.paid", outcome="stored")
    assert 'outcome="stored"' not in second.render().decode()
