"""Validates real outputs against the published schemas, and refuses what a schema does not name."""

import functools
import json
from collections.abc import Mapping
from typing import Any

import jsonschema

from wescope.cli.artifacts import json_schemas
from wescope.web.app import published_openapi


def check_format(name: str, value: object) -> None:
    """Fails if a value does not fit the published schema of this name (`cli/status`)."""
    _validator(name).validate(value)


def check_command(arguments: tuple[str, ...], stdout: str) -> None:
    """Fails if what a command has printed with `--json` does not fit its schema."""
    words = [word for word in arguments[:2] if not word.startswith("-")]
    names = ["-".join(words[:count]) for count in (2, 1) if len(words) >= count]
    name = next(f"cli/{name}" for name in names if f"cli/{name}" in _schemas())
    check_format(name, json.loads(stdout))


def answers(path: str, method: str, status: int) -> jsonschema.Draft202012Validator:
    """The validator of one answer in JSON of a route."""
    description = _description()
    answer = description["paths"][path][method]["responses"][str(status)]
    if "$ref" in answer:
        answer = description["components"]["responses"][answer["$ref"].rpartition("/")[2]]
    schema = {**answer["content"]["application/json"]["schema"], "components": description["components"]}
    return _strict_validator(schema)


@functools.cache
def _description() -> dict[str, Any]:
    return published_openapi()


@functools.cache
def _schemas() -> Mapping[str, Any]:
    return json_schemas()


@functools.cache
def _validator(name: str) -> jsonschema.Draft202012Validator:
    return _strict_validator(_schemas()[name])


def _strict_validator(schema: Any) -> jsonschema.Draft202012Validator:
    checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
    return jsonschema.Draft202012Validator(strict(schema), format_checker=checker)


def strict(node: Any) -> Any:
    """The same schema, in which objects have no properties but those that are named."""
    if isinstance(node, list):
        return [strict(value) for value in node]
    if not isinstance(node, dict):
        return node
    made = {name: value if name in {"examples", "example"} else strict(value) for name, value in node.items()}
    if made.get("type") == "object" and isinstance(made.get("properties"), dict):
        made.setdefault("additionalProperties", False)
    return made
