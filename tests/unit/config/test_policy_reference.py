"""The example file and the reference of the policy: every key is in both, and the example is the defaults."""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import jsonschema
import pytest
from pydantic import BaseModel

from wescope.config import PolicyFile
from wescope.config.policy_file import read_policy_file
from wescope.config.policy_model import PolicyModel
from wescope.config.policy_reference import example_toml, reference_tables


def keys(model: type[BaseModel], within: str = "") -> Iterator[tuple[str, str, str]]:
    """Table, key and description of every key."""
    for name, field in model.model_fields.items():
        inner: Any = field.annotation
        inner = get_args(inner)[0] if get_args(inner)[:1] and isinstance(get_args(inner)[0], type) else inner
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from keys(inner, f"[[{within}.{name}]]" if within else name)
        else:
            yield within, field.alias or name, field.description or ""


def test_every_key_is_described_and_in_the_reference_and_the_example() -> None:
    tables, example = "\n".join(reference_tables()), example_toml()
    found = list(keys(PolicyModel))
    assert len(found) > 50
    for table, key, description in found:
        assert description.endswith("."), f"{table}.{key}"
        assert description in tables
        assert not table or f"| `{key}` |" in tables
        assert not table or re.search(rf"^(# )?{key} = ", example, re.MULTILINE), key
    assert "| | " not in tables.replace("| |\n", ""), "something is not told"


def test_the_example_is_the_defaults(tmp_path: Path) -> None:
    path = tmp_path / "wescope.toml"
    path.write_text(example_toml(), encoding="utf-8")
    assert replace(read_policy_file(path), path=None) == PolicyFile()
    assert not PolicyModel.model_fields.keys() - tomllib.loads(example_toml()).keys()


def test_the_json_schema_of_the_model_takes_the_example_and_has_its_defaults() -> None:
    schema = PolicyModel.model_json_schema()
    jsonschema.validate(tomllib.loads(example_toml()), schema)
    schedules = schema["$defs"]["SchedulesTable"]["properties"]
    assert (schedules["sweep_every"]["default"], schedules["nightly_at"]["default"]) == ("1h", "02:30")
    for wrong in (
        {"schedules": {"sweep_every": "PT1H"}},
        {"alerts": {"sweep_age": 5}},
        {"books": {"home_currency": "x"}},
    ):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(wrong, schema)


def test_what_is_commented_is_right_too(tmp_path: Path) -> None:
    path = tmp_path / "wescope.toml"
    path.write_text(re.sub(r"^# (?=\w+ = |\[\[)", "", example_toml(), flags=re.MULTILINE), encoding="utf-8")
    found = read_policy_file(path)
    assert len(found.policy.item_rules) == 1
    assert (found.policy.review, found.policy.categories) == (True, {"transfer": "Due to Partners"})
    assert found.alerts.parked_limit("jpy") == 1_500_000
