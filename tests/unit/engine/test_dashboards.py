"""Dashboards: only of the real services, in the mode of the key."""

from typing import Any

import pytest
from pydantic import SecretStr

from wescope.config import Settings
from wescope.engine.dashboards import Dashboards


def of(key: str = "rk_test_51ABC", **settings: Any) -> Dashboards:
    return Dashboards.of(Settings(stripe_api_key=SecretStr(key), **settings))


@pytest.mark.parametrize(
    ("key", "stripe_id", "address"),
    [
        ("rk_test_51ABC", "in_1", "https://dashboard.stripe.com/test/invoices/in_1"),
        ("sk_live_51ABC", "in_1", "https://dashboard.stripe.com/invoices/in_1"),
        ("rk_live_51ABC", "ch_1", "https://dashboard.stripe.com/payments/ch_1"),
        ("rk_live_51ABC", "evt_1", "https://dashboard.stripe.com/events/evt_1"),
        ("rk_live_51ABC", "cn_1", "https://dashboard.stripe.com/search?query=cn_1"),
        ("odd", "in_1", None),
        ("rk_live_51ABC", "usd.2026-11-20", None),
    ],
)
def test_stripe(key: str, stripe_id: str, address: str | None) -> None:
    assert of(key).stripe(stripe_id) == address


@pytest.mark.parametrize(
    ("entity", "qbo_id", "address"),
    [
        ("Invoice", "145", "https://app.qbo.intuit.com/app/invoice?txnId=145"),
        ("Customer", "7", "https://app.qbo.intuit.com/app/customerdetail?nameId=7"),
        ("JournalEntry", "9", "https://app.qbo.intuit.com/app/journal?txnId=9"),
        ("Invoice", None, None),
        ("Vendor", "1", None),
    ],
)
def test_qbo(entity: str, qbo_id: str | None, address: str | None) -> None:
    assert of().qbo(entity, qbo_id) == address


def test_a_stand_in_has_no_dashboard() -> None:
    local = of(stripe_api_base="http://127.0.0.1:12111", qbo_api_base="http://127.0.0.1:12112")
    assert (local.stripe("in_1"), local.qbo("Invoice", "145")) == (None, None)
    sandbox = of(qbo_api_base="https://sandbox-quickbooks.api.intuit.com")
    assert sandbox.qbo("Invoice", "145") == "https://app.sandbox.qbo.intuit.com/app/invoice?txnId=145"
