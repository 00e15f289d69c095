"""The Terraform in deploy/: it names only what exists, grants only what the table says, and fits the code."""

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import hcl2
import pytest

from tests.deploy.provider_schema import SCHEMA, TERRAFORM, used
from wescope import wiring
from wescope.config.secret_manager import secret_id
from wescope.config.secret_source import SECRET_SETTINGS
from wescope.config.settings import IAP_SETTINGS, KNOWN_VARIABLES, OIDC_SETTINGS
from wescope.engine import queue

ROOT = Path(__file__).parents[2]
ALERTS = ROOT / "deploy" / "alerts" / "cloud-monitoring"
FILES = sorted(TERRAFORM.glob("*.tf"))
IAM = re.compile(r"google_\w+_iam_\w+")
ROW = re.compile(r"^\| `(\w+)` \| (.+?) \| `(roles/[\w.]+)` \| (.+?) \| (.+?) \|$", re.MULTILINE)
SLOTS_AND_COUNTERS, LOCKS = 2, 1
"""Connections of `qbo.limits.PostgresLimits` and of `engine.locks.ClusterLocks`, as their docstrings say."""


@cache
def parsed(path: Path) -> dict[str, Any]:
    return hcl2.loads(path.read_text(encoding="utf-8"))


def plain(text: str) -> str:
    return text.strip('"')


def resources() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Type, name and body of every resource."""
    for path in FILES:
        for entry in parsed(path).get("resource", []):
            for kind, named in entry.items():
                for name, body in named.items():
                    yield plain(kind), plain(name), body


def local(name: str) -> Any:
    (found,) = (one[name] for path in FILES for one in parsed(path).get("locals", []) if name in one)
    return found


def names(kind: str) -> set[str]:
    return {plain(name) for path in FILES for one in parsed(path).get(kind, []) for name in one}


# --- it names only what exists ----------------------------------------------------------------------------------------


def test_every_argument_is_one_of_the_providers_and_none_is_missing() -> None:
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    assert sorted(schema) == used(), "see tests/deploy/provider_schema.py"
    faults = [fault for kind, name, body in resources() for fault in unfit(body, schema[kind], f"{kind}.{name}")]
    assert faults == []


def unfit(body: Mapping[str, Any], fields: Mapping[str, Any], place: str) -> Iterator[str]:
    """What is wrong in one block."""
    meta = {"count", "for_each", "depends_on", "lifecycle", "provider"}
    given = {name: value for name, value in body.items() if not name.startswith("__") and name not in meta}
    for dynamic in given.pop("dynamic", []):
        for name, block in dynamic.items():
            if not name.startswith("__"):
                given[plain(name)] = block["content"]
    for name, value in given.items():
        if name not in fields:
            yield f"{place}: no argument {name}"
        elif isinstance(value, list) and "block" in fields[name] and any(isinstance(one, dict) for one in value):
            for one in value:
                yield from unfit(one, fields[name]["block"], f"{place}.{name}")
    for name, field in fields.items():
        if field["required"] and name not in given:
            yield f"{place}: {name} is missing"


def test_a_fault_is_found() -> None:
    fields = {"name": {"required": True}, "part": {"required": False, "block": {"size": {"required": True}}}}
    assert list(unfit({"nmae": 1}, fields, "x")) == ["x: no argument nmae", "x: name is missing"]
    assert list(unfit({"name": 1, "part": [{"__is_block__": True}]}, fields, "x")) == ["x.part: size is missing"]
    inside = {"dynamic": [{'"part"': {"content": [{"colour": 1, "size": 2}]}}], "name": 1}
    assert list(unfit(inside, fields, "x")) == ["x.part: no argument colour"]


def test_every_reference_names_something() -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in FILES)
    code = re.sub(r"#.*", "", text)
    known = {f"{kind}.{name}" for kind, name, _ in resources()}
    referred = set(re.findall(r"(?<![\w.\"/])(google_\w+\.\w+)", code))
    assert referred - known - {"google_project.this"} == set()
    assert set(re.findall(r"\bvar\.(\w+)", code)) == names("variable")
    local_names = {name for path in FILES for one in parsed(path).get("locals", []) for name in one if name[0] != "_"}
    assert set(re.findall(r"\blocal\.(\w+)", code)) == local_names


# --- who may do what --------------------------------------------------------------------------------------------------


def bindings() -> dict[str, tuple[str, str, str]]:
    """Every grant: its name, and the kind of its resource, role and member."""
    return {
        name: (kind, plain(body["role"]), plain(body["member"]))
        for kind, name, body in resources()
        if IAM.fullmatch(kind)
    }


def test_the_table_says_who_may_do_what() -> None:
    page = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
    told = {name: (who, role) for name, who, role, _, _ in ROW.findall(page)}
    granted = {name: (who_is(member), role) for name, (_, role, member) in bindings().items()}
    assert told == granted


def who_is(member: str) -> str:
    if found := re.fullmatch(r"\$\{google_service_account\.(\w+)\.member\}", member):
        return found[1]
    if found := re.fullmatch(r"\$\{var\.(\w+)\}", member):
        return found[1]
    return {"allUsers": "everybody"}[member]


def test_nobody_is_given_more_than_needed() -> None:
    project_wide = {
        "roles/logging.logWriter",
        "roles/telemetry.tracesWriter",
        "roles/monitoring.metricWriter",
        "roles/bigquery.jobUser",
    }
    for name, (kind, role, member) in bindings().items():
        assert kind.endswith("_iam_member"), f"{name} would take away what others have granted"
        assert role not in {"roles/owner", "roles/editor", "roles/viewer"}
        assert "admin" not in role.lower(), name
        if kind == "google_project_iam_member":
            assert role in project_wide, f"{name} is for the whole project"
        if member == "allUsers":
            assert name in {"web_everybody", "console_everybody"}
    members = {name: body for kind, name, body in resources() if kind == "google_service_account"}
    assert set(members) == {"web", "console", "worker", "command", "deployer"}


def test_the_receiver_that_the_world_reaches_has_no_key() -> None:
    assert set(map(plain, local("web_secrets"))) == {"database-url", "qbo-webhook-verifier", "stripe-webhook-secrets"}
    services = {name: body for kind, name, body in resources() if kind == "google_cloud_run_v2_service"}
    assert plain(services["worker"]["ingress"]) == "INGRESS_TRAFFIC_INTERNAL_ONLY"
    text = (TERRAFORM / "run.tf").read_text(encoding="utf-8")
    assert re.search(r'web_environment\s*= merge\(local\.environment, \{\s*WESCOPE_EXPOSE\s*= "webhooks"', text)


def test_who_comes_to_the_console_signs_in() -> None:
    text = (TERRAFORM / "console.tf").read_text(encoding="utf-8")
    assert re.search(r'WESCOPE_ACCESS\s*= local\.open_consoles == local\.consoles \? "oidc" : "iap"', text)
    (everybody,) = (body for _, name, body in resources() if name == "console_everybody")
    assert plain(everybody["count"]) == "${local.open_consoles}", "nobody comes around the proxy"
    named = {f"WESCOPE_{name.upper()}" for name in (*OIDC_SETTINGS, *IAP_SETTINGS) if name not in SECRET_SETTINGS}
    assert named <= set(re.findall(r"\bWESCOPE_\w+", text))
    secrets = set(map(plain, local("console_secrets")))
    assert {secret_id("", name) for name in OIDC_SETTINGS if name in SECRET_SETTINGS} <= secrets
    assert not secrets & {"smtp-url", "alert-webhook-url"}
    policy = (TERRAFORM / "console.tf").read_text(encoding="utf-8").count("/etc/wescope")
    assert policy == 2, "who may come in stands in the policy file"


# --- it fits the code -------------------------------------------------------------------------------------------------


def test_the_secrets_are_those_of_the_settings() -> None:
    named = {plain(one) for one in [*local("web_secrets"), *local("worker_secrets"), *local("console_secrets")]}
    assert named == {secret_id("", name) for name in SECRET_SETTINGS}


def test_the_variables_are_those_of_the_settings() -> None:
    for name in ("run.tf", "console.tf"):
        text = (TERRAFORM / name).read_text(encoding="utf-8")
        assert set(re.findall(r"\bWESCOPE_\w+", text)) <= KNOWN_VARIABLES


def test_no_value_of_a_secret_comes_into_the_state() -> None:
    versions = {name for kind, name, _ in resources() if kind == "google_secret_manager_secret_version"}
    assert versions == {"policy"}, "which is no secret"
    assert not {kind for kind, _, _ in resources()} & {
        "google_sql_user",
        "random_password",
        "google_service_account_key",
    }


def test_the_database_has_room_for_every_connection() -> None:
    receiver = wiring._CONNECTIONS + queue.CONNECTIONS
    assert local("connections_per_web") == receiver
    whole = receiver + wiring._JOB_CONNECTIONS + SLOTS_AND_COUNTERS + LOCKS
    assert local("connections_per_worker") == whole
    page = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
    assert f"{receiver} connections" in page
    assert f"{whole} connections" in page


def test_the_database_is_private_kept_and_hard_to_lose() -> None:
    ((_, _, body),) = [one for one in resources() if one[0] == "google_sql_database_instance"]
    (settings,) = body["settings"]
    (addresses,), (backup,) = settings["ip_configuration"], settings["backup_configuration"]
    assert body["deletion_protection"] is settings["deletion_protection_enabled"] is True
    assert addresses["ipv4_enabled"] is False
    assert backup["point_in_time_recovery_enabled"] is True


def test_the_alert_policies_have_the_shape_that_is_read() -> None:
    wanted = set(re.findall(r"conditionPrometheusQueryLanguage\.(\w+)", (TERRAFORM / "monitoring.tf").read_text()))
    for path in sorted(ALERTS.glob("*.json")):
        policy = json.loads(path.read_text(encoding="utf-8"))
        assert {"displayName", "combiner", "enabled", "severity", "userLabels", "documentation"} <= set(policy), path
        assert policy["alertStrategy"]["autoClose"]
        for condition in policy["conditions"]:
            assert wanted <= set(condition["conditionPrometheusQueryLanguage"]), path


# --- the image --------------------------------------------------------------------------------------------------------


def test_the_image_runs_as_nobody_and_hears_signals() -> None:
    text = (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8")
    final = text.rpartition("\nFROM ")[2]
    assert re.search(r"^USER 10001:10001$", final, re.MULTILINE)
    assert re.search(r'^ENTRYPOINT \["wescope"\]$', final, re.MULTILINE)
    assert "HEALTHCHECK" in final
    assert "--locked" in text
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    (version,) = re.findall(r"^UV_VERSION := (\S+)$", makefile, re.MULTILINE)
    assert f"uv=={version}" in text


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_exception_from_a_linter_says_why(path: Path) -> None:
    for line in path.read_text(encoding="utf-8").splitlines():
        if "checkov:skip" in line:
            assert re.search(r"checkov:skip=CKV2?_\w+: \w.{15,}", line), line
