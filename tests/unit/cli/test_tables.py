"""Tables for people: what goes to a file keeps its ids whole, unless a width was asked for."""

import io

import pytest
from rich.console import Console

from wescope.cli.tables import show_rows

KEY = "in_1UevqVGJrWHpJ4FLPuPQhUgu:invoice"


def printed() -> str:
    file = io.StringIO()
    console = Console(file=file, width=60)
    show_rows(("Document", "Reason"), [(KEY, "The document's date lies in a closed period. " * 2)], console)
    return file.getvalue()


def test_an_id_in_a_file_is_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    assert KEY in printed()


def test_a_width_that_is_asked_for_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    assert max(map(len, printed().splitlines())) <= 60
