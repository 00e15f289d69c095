"""The policy file: defaults, every key, and refusals that name file, line and key."""

import re
from datetime import date, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from wescope.books.policy import AccountRole, CustomerField, ItemRole, ItemRule, Policy
from wescope.config import PolicyFile, load_policy_file, load_settings
from wescope.config.alerts import AlertThresholds
from wescope.config.policy_file import DEFAULT_ACCOUNTS, Schedules, TaxPolicy, read_policy_file
from wescope.errors import PolicyError


def read(tmp_path: Path, text: str) -> PolicyFile:
    path = tmp_path / "policy.toml"
    path.write_text(text, encoding="utf-8")
    return read_policy_file(path)


def refusal(tmp_path: Path, text: str) -> str:
    with pytest.raises(PolicyError) as raised:
        read(tmp_path, text)
    return str(raised.value)


def test_without_a_file_the_defaults_hold() -> None:
    policy_file = load_policy_file(load_settings())
    assert policy_file == PolicyFile()
    assert policy_file.policy == Policy()
    assert policy_file.account(AccountRole.CLEARING) == "Stripe Clearing"
    assert policy_file.account(AccountRole.REVIEW) is None
    assert policy_file.items[ItemRole.CUSTOMER_BALANCE] == "Stripe Customer Balance"
    assert (policy_file.settle_s, policy_file.concurrency, policy_file.dry_run) == (20, 64, False)


def test_a_file_here_is_found_and_a_named_one_must_exist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "wescope.toml").write_text("[books]\ndry_run = true\n", encoding="utf-8")
    assert load_policy_file(load_settings()).dry_run
    monkeypatch.setenv("WESCOPE_CONFIG", str(tmp_path / "nowhere.toml"))
    with pytest.raises(PolicyError, match=r"nowhere\.toml: cannot be read: there is no such file"):
        load_policy_file(load_settings())


def test_every_supported_key_is_taken(tmp_path: Path) -> None:
    policy_file = read(
        tmp_path,
        """
        [books]
        timezone = "Europe/Vienna"
        home_currency = "EUR"
        start_date = 2026-01-01
        closed_period = "next_open_day"
        reversals = "dated"
        doc_number_prefix = "ST-"
        dry_run = true
        [accounts]
        clearing = "35"
        bank.EUR = "Giro"
        bank.USD = "Checking"
        review = "To review"
        [items]
        sales = "Subscriptions"
        [[items.rules]]
        product = "prod_1"
        item = "Maps"
        class = "Retail"
        [[items.rules]]
        metadata = {team = "east"}
        class = "East"
        [tax]
        mode = "native"
        code = "California"
        codes.txr_1 = "20.0% S"
        [categories]
        topup = "Savings"
        [customers]
        fields = ["email"]
        [payouts]
        mode = "match"
        [drift]
        edited = "report"
        deleted = "restore"
        [qbo]
        settle_s = 5
        [engine]
        concurrency = 2
        """,
    )
    assert policy_file.policy.timezone == ZoneInfo("Europe/Vienna")
    assert policy_file.policy.home_currency == "eur"
    assert policy_file.policy.start_date == date(2026, 1, 1)
    assert policy_file.policy.customer_fields == {CustomerField.EMAIL}
    assert (policy_file.policy.closed_period, policy_file.policy.reversals) == ("next_open_day", "dated")
    assert (policy_file.policy.payouts, policy_file.policy.doc_number_prefix) == ("match", "ST-")
    assert policy_file.policy.item_rules == (
        ItemRule(product="prod_1", item="Maps", class_name="Retail"),
        ItemRule(metadata={"team": "east"}, class_name="East"),
    )
    assert policy_file.policy.categories == {"topup": "Savings"}
    assert policy_file.policy.review
    assert policy_file.tax == TaxPolicy(native=True, code="California", codes={"txr_1": "20.0% S"})
    assert policy_file.account(AccountRole.CLEARING, "eur") == "35"
    assert policy_file.account(AccountRole.BANK, "eur") == "Giro"
    assert policy_file.account(AccountRole.BANK, "gbp") == DEFAULT_ACCOUNTS[AccountRole.BANK]
    assert policy_file.account(AccountRole.REVIEW) == "To review"
    assert policy_file.items[ItemRole.SALES] == "Subscriptions"
    assert policy_file.items[ItemRole.TAX] == "Stripe Tax"
    assert (policy_file.dry_run, policy_file.settle_s, policy_file.concurrency) == (True, 5, 2)
    assert policy_file.restores == {"deleted"}


@pytest.mark.parametrize(
    ("text", "key", "allowed"),
    [
        ("[books]\n\ntimezone = 'Mars/Base'", "line 3, books.timezone", "IANA"),
        ("[books]\ntimezone = 5", "line 2, books.timezone", "IANA"),
        ("[books]\nhome_currency = 'euro'", "line 2, books.home_currency", "three-letter"),
        ("[books]\nstart_date = 'soon'", "line 2, books.start_date", "date"),
        ("[drift]\nedited = 'undo'", "line 2, drift.edited", "restore"),
        ("[books]\ndry_run = 'yes'", "line 2, books.dry_run", "boolean"),
        ("[books]\nreversals = 'never'", "line 2, books.reversals", "'month', 'dated' or 'void'"),
        ("[books]\nzone = 'UTC'", "line 2, books.zone", "timezone"),
        ("[bokos]\ntimezone = 'UTC'", "line 1, bokos", "books"),
        ("[accounts]\nbanc = 'x'", "line 2, accounts.banc", "bank"),
        ("[accounts]\nbank = ''", "line 2, accounts.bank", "at least 1 character"),
        ("[accounts]\nbank = 35", "line 2, accounts.bank", "string"),
        ("[accounts]\nbank.EURO = 'x'", "line 2, accounts.bank.EURO", "three-letter"),
        ("[accounts.bank]\nEURO = 'x'", "line 2, accounts.bank.EURO", "three-letter"),
        ("[items]\nsales = ''", "line 2, items.sales", "at least 1 character"),
        ("[[items.rules]]\nitem = 'x'", "line 1, items.rules[0]", "a product, a price or metadata"),
        ("[[items.rules]]\nprice = 'x'", "line 1, items.rules[0]", "an item or a class"),
        ("[[items.rules]]\nprize = 'x'", "line 2, items.rules[0].prize", "price"),
        ("[books]\ndoc_number_prefix = 'far-too-long'", "line 2, books.doc_number_prefix", "at most 8"),
        ("[customers]\nfields = ['phone']", "line 2, customers.fields", "'email'"),
        ("[qbo]\nsettle_s = -1", "line 2, qbo.settle_s", "greater than or equal to 5"),
        ("[engine]\nconcurrency = 1.5", "line 2, engine.concurrency", "integer"),
    ],
)
def test_a_wrong_key_is_refused_with_its_place_and_what_is_allowed(
    tmp_path: Path, text: str, key: str, allowed: str
) -> None:
    message = refusal(tmp_path, text)
    assert f"policy.toml, {key}" in re.sub(r", column \d+", "", message)
    assert allowed in message


def test_what_is_no_toml_is_refused_with_its_line(tmp_path: Path) -> None:
    assert "line 2" in refusal(tmp_path, "[books]\ntimezone = \n")


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(PolicyError, match="cannot be read"):
        read_policy_file(path)


def test_schedules_are_moved_or_switched_off(tmp_path: Path) -> None:
    text = '[schedules]\nsweep_every = "15m"\nnightly_at = "23:05"\nverify_at = 04:00:00\nbigquery_every = "30m"\n'
    text += 'tieout_at = "off"\n'
    moved = Schedules(
        sweep_every=timedelta(minutes=15),
        nightly_at=time(23, 5),
        verify_at=time(4),
        tieout_at=None,
        bigquery_every=timedelta(minutes=30),
    )
    assert read(tmp_path, text).schedules == moved
    assert read(tmp_path, "[schedules]\nenabled = false\n").schedules == Schedules(enabled=False)


@pytest.mark.parametrize(
    ("line", "allowed"),
    [
        ('sweep_every = "1s"', 'must be a time from "5m" to "24h"'),
        ('sweep_every = "2d"', 'must be a time from "5m" to "24h"'),
        ("sweep_every = 60", 'must be a time from "5m" to "24h"'),
        ('nightly_at = "2:30"', "must be a time of day in the books' time zone"),
        ('nightly_at = "24:00"', "must be a time of day in the books' time zone"),
        ('verify_at = "off"', "must be a time of day in the books' time zone"),
        ('tieout_at = "never"', "must be a time of day in the books' time zone"),
        ("verify_at = 3", "must be a time of day in the books' time zone"),
        ('nightly = "02:30"', "unknown key; allowed here: bigquery_every, enabled, nightly_at, sweep_every"),
    ],
)
def test_a_schedule_that_is_none_is_refused(tmp_path: Path, line: str, allowed: str) -> None:
    told = refusal(tmp_path, f"[schedules]\n{line}\n")
    assert "line 2" in told
    assert allowed in told


def test_thresholds_of_alerts(tmp_path: Path) -> None:
    text = (
        '[alerts]\nbacklog_age = "90m"\nwebhooks_silent = "off"\ntoken_days = 0\nparked_amounts.JPY = 1500000\n'
        'runbooks = "https://example.com/runbooks"\n'
    )
    found = read(tmp_path, text).alerts
    assert (found.backlog_age, found.webhooks_silent, found.token_days) == (timedelta(minutes=90), None, 0)
    assert (found.parked_limit("jpy"), found.parked_limit("usd")) == (1_500_000, 10_000)
    assert found.runbooks == "https://example.com/runbooks"
    assert read(tmp_path, "").alerts == AlertThresholds()


def test_a_sweep_is_never_late_before_the_next_is_due(tmp_path: Path) -> None:
    assert read(tmp_path, '[schedules]\nsweep_every = "12h"\n').alerts.sweep_age == timedelta(hours=24)
    text = '[schedules]\nsweep_every = "12h"\n[alerts]\nsweep_age = "off"\n'
    assert read(tmp_path, text).alerts.sweep_age is None


@pytest.mark.parametrize(
    ("line", "allowed"),
    [
        ('backlog_age = "0m"', 'must be a time from "1m" to "90d", such as "12h", or "off"'),
        ('backlog_age = "91d"', 'must be a time from "1m" to "90d"'),
        ("backlog_age = 60", 'must be a time from "1m" to "90d"'),
        ("reads_percent = 101", "less than or equal to 100"),
        ("parked_amounts.dollars = 1", "three-letter currency code"),
        ("parked_amount = 0.5", "valid integer"),
        ('runbooks = ""', "runbooks"),
    ],
)
def test_a_threshold_that_is_none_is_refused(tmp_path: Path, line: str, allowed: str) -> None:
    assert allowed in refusal(tmp_path, f"[alerts]\n{line}\n")


def test_who_may_do_what_is_read_with_addresses_in_lower_case(tmp_path: Path) -> None:
    path = tmp_path / "wescope.toml"
    path.write_text('[access]\nviewers = ["@Example.com", "Sub-1"]\noperator_groups = ["Finance"]\n', encoding="utf-8")
    roles = read_policy_file(path).access
    assert (roles.viewers, roles.operators, roles.operator_groups) == (("@example.com", "Sub-1"), (), ("Finance",))
    assert roles.groups_claim == "groups"


@pytest.mark.parametrize("entry", ["@", "boss@", "a b@example.com", "boss@example", "a@b@example.com", ""])
def test_who_is_nobody_is_a_fault(tmp_path: Path, entry: str) -> None:
    path = tmp_path / "wescope.toml"
    path.write_text(f'[access]\noperators = ["{entry}"]\n', encoding="utf-8")
    with pytest.raises(PolicyError, match=r"access\.operators"):
        read_policy_file(path)
