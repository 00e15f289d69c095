"""The reference is complete: whatever the code has that people use by name stands on its page."""

import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.docs.command_line import commands
from tests.docs.test_documentation import generator
from wescope.books.parking import REASONS
from wescope.books.posting_table import POSTINGS
from wescope.config.settings import Settings, variable
from wescope.engine.drift_kinds import DRIFT
from wescope.engine.export_sheets import SHEETS
from wescope.errors import WescopeError
from wescope.observe.alert_rules import RULES
from wescope.observe.fields import GROUPS
from wescope.observe.metric_table import METRICS
from wescope.stripe.events import EVENTS
from wescope.web.app import published_openapi

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


GENERATOR = generator()


def text_of(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def missing(names: Iterable[str], page: str, form: str = "`{}`") -> list[str]:
    text = text_of(page)
    return [name for name in names if form.format(name) not in text]


@pytest.mark.parametrize("page", sorted(GENERATOR.PAGES))
def test_generated_pages_are_current(page: str) -> None:
    assert (DOCS / page).read_text(encoding="utf-8") == GENERATOR.PAGES[page](), "run `make docs`"


@pytest.mark.parametrize("file", sorted(GENERATOR.FILES))
def test_generated_files_are_current(file: str) -> None:
    assert text_of(file) == GENERATOR.FILES[file](), "run `make docs`"


def sections(page: str) -> dict[str, str]:
    parts = re.split(r"^#{2,3} (.*)$", text_of(page), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_every_command_and_option_is_in_the_reference() -> None:
    told = sections("docs/commands.md")
    for name, command in commands():
        assert name in told
        options = [option for one in command.params for option in one.opts if option.startswith("--")]
        assert [option for option in options if option not in told[name]] == [], name
        assert ("--json" in options) == ("`--json`" in told[name])


def test_what_json_has_is_linked_where_there_is_a_schema() -> None:
    told = sections("docs/commands.md")
    for schema in (ROOT / "artifacts" / "json" / "cli").glob("*.json"):
        assert f"(../artifacts/json/cli/{schema.name})" in told[schema.stem.replace("-", " ")]


def test_every_command_has_an_example_and_its_exit_codes() -> None:
    for name, command in commands():
        assert "Exit codes:" in (command.epilog or ""), name
        assert f"wescope {name}" in (command.epilog or "") or name == "parked list", name


def test_every_setting_is_in_the_reference_and_says_what_it_is() -> None:
    assert missing(map(variable, Settings.model_fields), "docs/environment.md") == []
    assert [name for name, one in Settings.model_fields.items() if not one.description] == []


def test_what_is_seen_from_outside_is_in_the_reference() -> None:
    assert missing((one.sample for one in METRICS.values()), "docs/metrics.md") == []
    assert missing((label for one in METRICS.values() for label in one.labels), "docs/metrics.md") == []
    assert missing(RULES, "docs/alerts.md", "[{0}](runbooks/{0}.md)") == []
    assert missing(EVENTS, "docs/events.md") == []
    assert missing((kind.value for kind in DRIFT), "docs/drift.md") == []
    assert missing((name for fields in GROUPS.values() for name in fields), "docs/logs.md") == []


def _errors(kind: type[WescopeError]) -> Iterable[type[WescopeError]]:
    for child in kind.__subclasses__():
        if child.__module__.startswith("wescope."):  # tests have errors of their own
            yield child
        yield from _errors(child)


def test_every_error_and_reason_for_parking_is_in_the_reference() -> None:
    assert missing((one.code for one in _errors(WescopeError)), "docs/errors.md") == []
    assert missing((code.value for code in REASONS), "docs/errors.md") == []


def test_every_export_column_is_in_the_reference() -> None:
    told = sections("docs/export.md")
    for what, sheet in SHEETS.items():
        assert [one.name for one in sheet.columns if f"`{one.name}`" not in told[what]] == [], what


def test_every_route_is_in_the_reference() -> None:
    told = sections("docs/http.md")
    described = published_openapi()["paths"]
    for path, methods in described.items():
        for method, one in methods.items():
            section = told[f"{method.upper()} {path}"]
            names = [each["name"] for each in one.get("parameters", [])]
            assert [name for name in names if f"`{name}`" not in section] == [], path
            assert [status for status in one["responses"] if f"| {status} |" not in section] == [], path


def test_every_posting_is_in_the_page_of_posting_rules() -> None:
    assert missing((row.key for row in POSTINGS), "docs/posting-rules.md", "| {} |") == []


def test_every_target_of_make_is_named() -> None:
    targets = re.findall(r"^([a-z-]+):.*##", text_of("Makefile"), re.MULTILINE)
    told = text_of("README.md") + text_of("CONTRIBUTING.md")
    assert [name for name in targets if f"make {name}" not in told] == []
