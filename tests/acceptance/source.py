"""The source of truth: its lines as they are written, which of them demand something, and the test of each."""

import functools
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest

SHARED = Path(os.environ.get("WESCOPE_SHARED") or Path(__file__).parents[3] / "shared")
SOURCE = SHARED / "source-of-truth.md"

_Test = TypeVar("_Test", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True, order=True)
class Line:
    """One line of the source of truth: the nearest heading above it, and its text as it stands there."""

    section: str
    text: str


REGISTERED: dict[Line, str] = {}
"""The test of each line: `module::name`. Filled when the modules of this package are imported."""


def criterion(section: str, text: str) -> Callable[[_Test], _Test]:
    """Say which line of the source of truth a test answers.

    Args:
        section: the nearest heading above the line, without its number signs.
        text: the whole line, verbatim.
    """

    def register(test: _Test) -> _Test:
        place = f"tests/acceptance/{test.__module__.rpartition('.')[2]}.py::{test.__name__}"
        line = Line(section, text)
        assert REGISTERED.setdefault(line, place) == place, f"two tests for one line: {line}"
        marked: _Test = pytest.mark.criterion(line)(test)
        return marked

    return register


@functools.cache
def lines() -> tuple[Line, ...]:
    """Every line of the source of truth that is neither empty, a heading, a ruler nor the fence of a drawing.

    Raises:
        AssertionError: it is not there.
    """
    assert SOURCE.is_file(), f"{SOURCE} is not there: put the folder `shared` beside the checkout or set WESCOPE_SHARED"
    return tuple(_read(SOURCE.read_text(encoding="utf-8")))


def _read(text: str) -> Iterator[Line]:
    section = ""
    for raw in text.splitlines():
        line = raw.strip()
        if line.startswith("#"):
            section = line.lstrip("#").strip()
        elif line and line != "---" and not line.startswith("```"):
            yield Line(section, line)


DEMANDS_NOTHING: Mapping[Line, str] = {
    Line("Executive Summary", "**Key Principles**:"): "a title; the four lines below it demand",
    Line("Current Status", "**Phase**: SoT Finalization (taz collaboration phase)"): "state of the document",
    Line("Current Status", "**Next Phase**: Implementation planning and artifact generation"): "state of the document",
    Line("Data Flow", "↓"): "an arrow of the drawing; what it leads to is tested",
    Line("Artifacts to Generate", "**Document Status**: DRAFT - Under collaboration with taz"): "state of the document",
    Line("Artifacts to Generate", "**Last Updated**: November 1, 2025"): "state of the document",
    Line("Artifacts to Generate", "**Collaborators**: Frankie + taz"): "state of the document",
}
"""Lines without a test, and why."""
