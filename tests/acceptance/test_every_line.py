"""The list of criteria is complete: each line of the source of truth that demands something has a test and a row."""

import importlib
import pkgutil
import re
from collections import Counter

import pytest

import tests.acceptance
from tests.acceptance import page
from tests.acceptance.source import DEMANDS_NOTHING, REGISTERED, SOURCE, Line, _read, lines


def _import_all() -> None:
    for module in pkgutil.iter_modules(tests.acceptance.__path__):
        if module.name.startswith("test_"):
            importlib.import_module(f"tests.acceptance.{module.name}")


def test_every_line_that_demands_something_has_a_test() -> None:
    _import_all()
    without = set(lines()) - set(REGISTERED) - set(DEMANDS_NOTHING)
    assert without == set(), "write a test for it, or say in DEMANDS_NOTHING why there is none"


def test_no_test_is_of_a_line_that_is_not_there() -> None:
    _import_all()
    assert set(REGISTERED) - set(lines()) == set()
    assert set(DEMANDS_NOTHING) - set(lines()) == set()
    assert set(REGISTERED) & set(DEMANDS_NOTHING) == set()


def test_a_section_and_a_line_are_one_place() -> None:
    headings = Counter(re.findall(r"^#+ (.+)$", SOURCE.read_text(encoding="utf-8"), re.MULTILINE))
    assert [name for name, count in headings.items() if count > 1] == []
    repeated = [line for line, count in Counter(lines()).items() if count > 1]
    assert set(repeated) <= {Line("Data Flow", "↓")}


def test_the_page_has_a_row_for_every_line_and_names_tests_that_are_there(request: pytest.FixtureRequest) -> None:
    if request.config.getoption("--write-acceptance"):
        return  # the page is written when this run is over
    _import_all()
    told = {line: test for line, (test, _, _) in page.read().items()}
    assert told == REGISTERED, "run `make acceptance`"
    assert {passed for _, _, passed in page.read().values()} == {"yes"}


def test_a_line_that_is_added_is_missed() -> None:
    (found,) = _read("# Title\n\n## Part\n\n- It flies\n```\n---\n")
    assert found == Line("Part", "- It flies")
    assert found not in REGISTERED
