"""The one list of fields: every field that the code uses is in it, and nothing else."""

import ast
import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from wescope.observe import configure_logs, get_logger
from wescope.observe.fields import CORRELATION, FACTS, FIELDS, GROUPS, LINE, SURROUNDINGS
from wescope.observe.traces import root

SOURCE = Path(__file__).parents[3] / "src" / "wescope"
LOGGERS = {"_log", "_LOG"}
SPEAKERS = {"bound", "root", "span", "told"}
NO_FIELDS = {"exc_info", "parent", "links"}


def _calls() -> Iterator[tuple[str, ast.Call]]:
    for path in sorted(SOURCE.rglob("*.py")):
        if "sandbox" in path.parts or "observe" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and _speaks(node.func):
                yield f"{path.relative_to(SOURCE)}:{node.lineno}", node


def _speaks(function: ast.expr) -> bool:
    match function:
        case ast.Attribute(value=ast.Name(id=name)) if name in LOGGERS:
            return True
        case ast.Name(id=name):
            return name in SPEAKERS
        case ast.IfExp(body=body):  # the level is chosen: (_log.info if ... else _log.debug)(...)
            return _speaks(body)
        case _:
            return False


def used() -> dict[str, str]:
    """Every field that the code names, and a place where it does."""
    return {
        keyword.arg: place
        for place, call in _calls()
        for keyword in call.keywords
        if keyword.arg and keyword.arg not in NO_FIELDS
    }


def test_every_field_that_is_used_is_listed() -> None:
    assert {name: place for name, place in used().items() if name not in FIELDS} == {}


def test_no_listed_field_is_unused() -> None:
    by_the_pipeline = {*LINE, "trace_id", "span_id", "trace_sampled"}
    assert FIELDS.keys() - used().keys() - by_the_pipeline == set()


def test_no_fields_are_given_in_a_way_that_this_test_does_not_see() -> None:
    assert [place for place, call in _calls() if any(keyword.arg is None for keyword in call.keywords)] == []


def test_messages_are_constant_texts() -> None:
    for place, call in _calls():
        if isinstance(call.func, ast.Attribute) and call.func.attr not in {"log", "bind"}:
            texts = [node for node in ast.walk(call.args[0]) if isinstance(node, ast.JoinedStr | ast.BinOp)]
            assert texts == [], place


def test_what_the_pipeline_adds_is_listed() -> None:
    target = io.StringIO()
    configure_logs("info", stream=target, human=False)
    try:
        with root("test"):
            get_logger("wescope.test").error("something", exc_info=ValueError())
    finally:
        structlog.reset_defaults()
    line = json.loads(target.getvalue())
    google = {"@type", "serviceContext", "context", "stack_trace"}
    added = {name for name in line if not name.startswith("logging.googleapis.com/")} - google
    assert added == {*LINE, "trace_id", "span_id", "trace_sampled"} - {"place"}


def test_every_field_says_what_it_means_and_is_in_one_group() -> None:
    assert sum(len(group) for group in GROUPS.values()) == len(FIELDS)
    assert len(LINE) + len(CORRELATION) + len(FACTS) + len(SURROUNDINGS) == len(FIELDS)
    for name, field in FIELDS.items():
        assert field.meaning, name
        assert field.example, name


@pytest.mark.parametrize("group", GROUPS)
def test_examples_would_pass_the_allow_list(group: str) -> None:
    for field in GROUPS[group].values():
        assert len(field.example) <= 200
