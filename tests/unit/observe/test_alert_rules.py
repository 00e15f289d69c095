"""Alert rules: what fires and what does not, as Prometheus itself evaluates them (`promtool test rules`)."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import typer.main

from tests.docs.test_documentation import generator
from wescope.cli.main import app
from wescope.observe.alert_rules import RULES
from wescope.observe.metric_table import METRICS

ROOT = Path(__file__).parents[3]
PROMTOOL = ROOT / ".tools" / "prometheus" / "usr" / "bin" / "promtool"
RULE_FILE = ROOT / "deploy" / "alerts" / "prometheus.yml"
POLICIES = ROOT / "deploy" / "alerts" / "cloud-monitoring"
ALIVE = {'wescope_database_up{instance="a"}': "1x60", 'wescope_workers{instance="a"}': "1x60"}

Series = dict[str, str]


def threshold(code: str, value: float, currency: str = "") -> Series:
    return {
        f'wescope_alert_threshold{{alert="{code}",currency="{currency}",instance="{one}"}}': f"{value}x60"
        for one in "ab"
    }


def both(metric: str, value: str, **labels: str) -> Series:
    """The same number from two processes, as every metric of the system is shown."""
    # promtool repeats numbers, but not what is none.
    values = f"{value}x60" if value != "NaN" else " ".join(["NaN"] * 60)
    text = "".join(f',{name}="{label}"' for name, label in labels.items())
    return {f'{metric}{{instance="{one}"{text}}}': values for one in "ab"}


SWEEP = {"kind": "sweep"}
OPERATOR = {"owner": "operator", "code": "looks_like", "currency": "usd"}
OTHER_CODE = {**OPERATOR, "code": "account_missing"}

# By alert: series with which it is on, and others with which it is not.
ON: dict[str, list[Series]] = {
    "service_down": [
        {"wescope_database_up": "_x60"},
        both("wescope_database_up", "1") | both("wescope_workers", "0"),
        both("wescope_database_up", "0") | both("wescope_workers", "1"),
    ],
    "qbo_reconnect": [both("wescope_qbo_connected", "0")],
    "refresh_token_ends": [
        both("wescope_refresh_token_days_left", "9") | threshold("refresh_token_ends", 10),
    ],
    "sync_failing": [both("wescope_failing_age_s", "901") | threshold("sync_failing", 900)],
    "qbo_reads_blocked": [both("wescope_qbo_reads_blocked", "1")],
    "qbo_reads_high": [
        both("wescope_qbo_reads_this_month", "800")
        | both("wescope_qbo_reads_blocked", "0")
        | threshold("qbo_reads_high", 800)
    ],
    "oldest_hint": [both("wescope_oldest_hint_age_s", "3601") | threshold("oldest_hint", 3600)],
    "tieout_differs": [both("wescope_tieout_balanced", "0")],
    "parked_high": [
        both("wescope_parked_amount", "10000.01", **OPERATOR) | threshold("parked_high", 10_000, "usd"),
        # Two reasons of one currency add up; two processes do not.
        both("wescope_parked_amount", "6000", **OPERATOR)
        | both("wescope_parked_amount", "6000", **OTHER_CODE)
        | threshold("parked_high", 10_000, "usd"),
    ],
    "sweep_failing": [
        both("wescope_run_failing", "1", **SWEEP),
        both("wescope_run_failing", "0", **SWEEP)
        | both("wescope_run_success_age_s", "21601", **SWEEP)
        | threshold("sweep_failing", 21_600),
    ],
    "webhooks_silent": [both("wescope_webhook_age_s", "86401") | threshold("webhooks_silent", 86_400)],
    "drift_found": [
        both("wescope_drift", "1", kind="edited")
        | both("wescope_drift", "1", kind="deleted")
        | threshold("drift_found", 2)
    ],
}
OFF: dict[str, list[Series]] = {
    "service_down": [
        both("wescope_database_up", "1") | both("wescope_workers", "1"),
        {**ALIVE, 'wescope_database_up{instance="b"}': "0x60"},
    ],
    "qbo_reconnect": [both("wescope_qbo_connected", "1"), both("wescope_qbo_connected", "NaN")],
    "refresh_token_ends": [
        both("wescope_refresh_token_days_left", "10") | threshold("refresh_token_ends", 10),
        both("wescope_refresh_token_days_left", "NaN") | threshold("refresh_token_ends", 10),
        # A connection that is lost has an alert of its own.
        both("wescope_refresh_token_days_left", "9")
        | both("wescope_qbo_connected", "0")
        | threshold("refresh_token_ends", 10),
        both("wescope_refresh_token_days_left", "1"),
    ],
    "sync_failing": [
        both("wescope_failing_age_s", "900") | threshold("sync_failing", 900),
        both("wescope_failing_age_s", "90000"),
    ],
    "qbo_reads_blocked": [both("wescope_qbo_reads_blocked", "0")],
    "qbo_reads_high": [
        both("wescope_qbo_reads_this_month", "799") | threshold("qbo_reads_high", 800),
        both("wescope_qbo_reads_this_month", "1000")
        | both("wescope_qbo_reads_blocked", "1")
        | threshold("qbo_reads_high", 800),
        # Two processes that each show 700 are not 1400.
        both("wescope_qbo_reads_this_month", "700") | threshold("qbo_reads_high", 800),
    ],
    "oldest_hint": [
        both("wescope_oldest_hint_age_s", "3600") | threshold("oldest_hint", 3600),
        both("wescope_oldest_hint_age_s", "9999"),
    ],
    "tieout_differs": [both("wescope_tieout_balanced", "1"), both("wescope_tieout_balanced", "NaN")],
    "parked_high": [
        both("wescope_parked_amount", "10000", **OPERATOR) | threshold("parked_high", 10_000, "usd"),
        both("wescope_parked_amount", "99999", **{**OPERATOR, "owner": "stripe"}) | threshold("parked_high", 1, "usd"),
        both("wescope_parked_amount", "99999", **OPERATOR) | threshold("parked_high", 1, "eur"),
    ],
    "sweep_failing": [
        both("wescope_run_failing", "1", kind="verify"),
        both("wescope_run_success_age_s", "21600", **SWEEP) | threshold("sweep_failing", 21_600),
        both("wescope_run_success_age_s", "99999", **SWEEP),
    ],
    "webhooks_silent": [
        both("wescope_webhook_age_s", "86400") | threshold("webhooks_silent", 86_400),
        both("wescope_webhook_age_s", "NaN") | threshold("webhooks_silent", 86_400),
    ],
    "drift_found": [
        both("wescope_drift", "1", kind="edited") | threshold("drift_found", 2),
        both("wescope_drift", "5", kind="edited"),
    ],
}


def cases() -> list[dict[str, Any]]:
    """promtool's tests: each asks one alert after its time, and just before it."""
    made = []
    for expected, table in ((True, ON), (False, OFF)):
        for code, worlds in table.items():
            rule = RULES[code]
            for number, world in enumerate(worlds):
                series = world if code == "service_down" else ALIVE | world
                moments = [(rule.for_s + 30, expected), (rule.for_s - 30, False)]
                made.append(
                    {
                        "name": f"{code} {'on' if expected else 'off'} {number}",
                        "interval": "30s",
                        "input_series": [{"series": name, "values": values} for name, values in series.items()],
                        "promql_expr_test": [
                            {
                                "expr": f'count(ALERTS{{alertname="{rule.name}",alertstate="firing"}}) or vector(0)',
                                "eval_time": f"{second}s",
                                "exp_samples": [{"labels": "{}", "value": int(fires)}],
                            }
                            for second, fires in moments
                        ],
                    }
                )
    return made


def promtool(*arguments: str) -> str:
    """What promtool says.

    It is there after `make tools` (or `make test`), which takes it from Debian's package.
    """
    assert PROMTOOL.is_file(), f"{PROMTOOL} is missing: run `make tools`, or put Debian's promtool there"
    done = subprocess.run([PROMTOOL, *arguments], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_prometheus_reads_the_rules() -> None:
    assert f"{len(RULES)} rules found" in promtool("check", "rules", str(RULE_FILE))


def test_every_alert_fires_when_it_should_and_not_otherwise(tmp_path: Path) -> None:
    assert set(ON) == set(OFF) == set(RULES)
    file = tmp_path / "rules_test.yml"  # JSON is YAML
    content = {"rule_files": [str(RULE_FILE)], "evaluation_interval": "30s", "tests": cases()}
    file.write_text(json.dumps(content), encoding="utf-8")
    assert "SUCCESS" in promtool("test", "rules", str(file))


def test_rules_name_only_metrics_and_labels_that_there_are() -> None:
    samples = {one.sample: set(one.labels) for one in METRICS.values()}
    for rule in RULES.values():
        for name, matchers in re.findall(r"(wescope_\w+)(?:\{([^}]*)\})?", rule.condition):
            assert name in samples, f"{rule.code}: {name}"
            assert set(re.findall(r"(\w+)=", matchers)) <= samples[name], f"{rule.code}: {matchers}"


def test_generated_files_are_current_and_no_other_is_there() -> None:
    files = generator().alert_files()
    for path, content in files.items():
        assert (ROOT / path).read_text(encoding="utf-8") == content, "run `make docs`"
    assert {path.name for path in POLICIES.iterdir()} == {Path(path).name for path in files} - {RULE_FILE.name}


@pytest.mark.parametrize("code", sorted(RULES))
def test_a_policy_has_the_shape_of_the_monitoring_api(code: str) -> None:
    policy = json.loads((POLICIES / f"{code}.json").read_text(encoding="utf-8"))
    # The API's limits: documentation of 8,192 characters and 10,240 bytes; times in whole evaluation intervals.
    content = policy["documentation"]["content"]
    assert len(content) <= 8192
    assert len(content.encode()) <= 10_240
    assert "${" not in content, "it would be taken for a variable"
    (condition,) = policy["conditions"]
    language = condition["conditionPrometheusQueryLanguage"]
    assert language["query"] == RULES[code].condition
    seconds, every = (int(language[name].removesuffix("s")) for name in ("duration", "evaluationInterval"))
    assert every % 30 == 0
    assert seconds % every == 0
    assert policy["combiner"] == "OR"
    assert policy["severity"] in {"CRITICAL", "ERROR", "WARNING"}
    assert re.fullmatch(r"[a-zA-Z_][a-zA-Z0-9_]*", language["alertRule"])


@pytest.mark.parametrize("code", sorted(RULES))
def test_every_alert_has_a_runbook_with_the_same_chapters_and_commands_that_there_are(code: str) -> None:
    page = (ROOT / RULES[code].runbook).read_text(encoding="utf-8")
    assert page.startswith(f"# `{code}`: ")
    chapters = re.findall(r"^## (.*)$", page, re.MULTILINE)
    assert chapters == ["What it means", "How to look", "What to do", "When it is over"]
    group: Any = typer.main.get_command(app)
    for line in re.findall(r"wescope ([a-z][^`#\n]*)", page):
        words = line.split()
        if words[0] not in group.commands:
            pytest.fail(f"no command `wescope {words[0]}`")
        command = group.commands[words[0]]
        if len(words) > 1 and words[1] in getattr(command, "commands", {}):
            command = command.commands[words[1]]
        known = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= known, line


def test_there_is_no_runbook_without_an_alert() -> None:
    assert {path.stem for path in (ROOT / "docs" / "runbooks").glob("*.md")} == set(RULES)
