"""ARCHITECTURE.md is true: the boxes of its drawing, the tests that guard its invariants, its places to start."""

import re
from pathlib import Path

from wescope.links.schema import metadata

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "wescope"
PAGE = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
DRAWING = PAGE.split("```text\n", 1)[1].split("```", 1)[0]
INVARIANTS = PAGE.split("## Invariants", 1)[1].split("\n## ", 1)[0]


def test_every_module_in_the_drawing_exists() -> None:
    modules = re.findall(r"\b\w+/\w+\.py\b", DRAWING)
    assert len(modules) > 15
    assert [one for one in modules if not (SOURCE / one).is_file()] == []


def test_the_drawing_has_every_table_and_no_other() -> None:
    assert sorted(re.findall(r"\[(\w+)\]", DRAWING)) == sorted(metadata.tables)


def test_every_invariant_is_guarded_by_a_test_that_exists() -> None:
    rows = [row for row in INVARIANTS.splitlines() if row.startswith("| ") and not row.startswith("| always")]
    assert len(rows) > 15
    for row in rows:
        guards = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", row)
        assert guards, row
        for path, test in guards:
            source = (ROOT / path).read_text(encoding="utf-8")
            assert not test or f"def {test}(" in source, f"{path} has no {test}"


def test_the_places_to_start_reading_exist() -> None:
    start = PAGE.split("## Where to start reading", 1)[1].split("\n## ", 1)[0]
    named = re.findall(r"`([\w/]+(?:\.py)?)`", start)
    assert named
    assert [one for one in named if not (SOURCE / one).exists() and not (ROOT / one).exists()] == []
