"""Nothing real is ever reached: live keys, production addresses and half an environment are refused by name."""

import pytest

from tests.live.environment import (
    QBO_SANDBOX,
    STRIPE_API,
    QboKeys,
    Refused,
    StripeKeys,
    check_qbo,
    check_stripe,
    is_loopback,
    read_environment,
)

STRIPE = {"WESCOPE_LIVE_STRIPE_API_KEY": "sk_test_abc"}
QBO = {
    "WESCOPE_LIVE_QBO_CLIENT_ID": "app",
    "WESCOPE_LIVE_QBO_CLIENT_SECRET": "very-secret",
    "WESCOPE_LIVE_QBO_REALM_ID": "9341",
    "WESCOPE_LIVE_QBO_REFRESH_TOKEN": "refresh-secret",
}


def test_without_keys_both_sides_are_local() -> None:
    environment = read_environment({"WESCOPE_STRIPE_API_KEY": "sk_live_of_the_product", "PATH": "/bin"})
    assert (environment.stripe, environment.qbo) == (None, None)
    assert environment.folder.name == ".wescope-live"


def test_test_keys_lead_to_stripe_and_to_intuits_sandbox() -> None:
    environment = read_environment({**STRIPE, **QBO, "WESCOPE_LIVE_DIR": "kept/here"})
    assert environment.stripe is not None
    assert environment.stripe.api_base == STRIPE_API
    assert environment.qbo is not None
    assert environment.qbo.api_base == QBO_SANDBOX
    assert str(environment.folder) == "kept/here"


def test_one_side_may_be_real_alone() -> None:
    assert read_environment(STRIPE).qbo is None
    assert read_environment(QBO).stripe is None


@pytest.mark.parametrize("key", ["rk_test_abc", "sk_test_a1B2"])
def test_secret_and_restricted_test_keys_are_taken(key: str) -> None:
    assert read_environment({"WESCOPE_LIVE_STRIPE_API_KEY": f" {key} "}).stripe == StripeKeys(
        api_key=key, api_base=STRIPE_API
    )


@pytest.mark.parametrize(
    "key",
    ["sk_live_abc", "rk_live_abc", "pk_test_abc", "sk_test_", "sk_test", "whsec_abc", "xsk_test_abc", "sk_test_ab c"],
)
def test_other_keys_are_refused_and_not_repeated(key: str) -> None:
    with pytest.raises(Refused, match="must begin with sk_test_ or rk_test_") as refused:
        read_environment({"WESCOPE_LIVE_STRIPE_API_KEY": key})
    assert key not in str(refused.value).replace("sk_test_ or", "")


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("QBO_API_BASE", "https://quickbooks.api.intuit.com"),
        ("QBO_API_BASE", "https://sandbox-quickbooks.api.intuit.com.evil.test"),
        ("QBO_API_BASE", "http://sandbox-quickbooks.api.intuit.com"),
        ("QBO_API_BASE", "https://user@sandbox-quickbooks.api.intuit.com"),
        ("QBO_API_BASE", "https://sandbox-quickbooks.api.intuit.com:8443"),
        ("QBO_API_BASE", "https://[oops"),
        ("QBO_TOKEN_URL", "https://example.com/oauth2/v1/tokens/bearer"),
        ("STRIPE_API_BASE", "https://api.example.com"),
    ],
)
def test_other_addresses_are_refused_and_not_repeated(name: str, address: str) -> None:
    with pytest.raises(Refused, match=f"WESCOPE_LIVE_{name} must be") as refused:
        read_environment({**STRIPE, **QBO, f"WESCOPE_LIVE_{name}": address})
    assert address not in str(refused.value)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
def test_this_machine_is_loopback(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["10.0.0.1", "localhost.evil.test", "intuit.com", "", "0.0.0.0"])  # noqa: S104 - it is refused
def test_others_are_not(host: str) -> None:
    assert not is_loopback(host)


@pytest.mark.parametrize("missing", sorted(QBO))
def test_half_of_qbos_variables_are_refused_by_name(missing: str) -> None:
    with pytest.raises(Refused, match=missing) as refused:
        read_environment({name: value for name, value in QBO.items() if name != missing})
    assert "secret" not in str(refused.value)


def test_a_realm_is_digits() -> None:
    with pytest.raises(Refused, match="QBO_REALM_ID"):
        read_environment({**QBO, "WESCOPE_LIVE_QBO_REALM_ID": "../../x"})


def test_keys_are_checked_again_where_they_are_used() -> None:
    with pytest.raises(Refused):
        check_stripe(StripeKeys(api_key="sk_live_abc", api_base=STRIPE_API))
    keys = QboKeys(
        client_id="a", client_secret="s", realm_id="1", refresh_token="r", api_base="https://quickbooks.api.intuit.com",
        token_url="http://127.0.0.1/t",
    )  # fmt: skip
    with pytest.raises(Refused):
        check_qbo(keys)


def test_keys_show_no_secrets() -> None:
    environment = read_environment({**STRIPE, **QBO})
    shown = repr(environment)
    assert "sk_test_abc" not in shown
    assert "secret" not in shown.replace("client_secret", "")
