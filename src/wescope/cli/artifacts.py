"""Artifacts: every generated file for others to use, by its path; and a folder of them, written or checked."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wescope.cli.outputs import OUTPUTS, REFUSALS
from wescope.engine.examples import EXAMPLES
from wescope.engine.json_schemas import Schema, any_of, documentation, published, schema_of
from wescope.engine.mirror_ddl import DEFAULT_DATASET, schema_sql
from wescope.engine.mirror_views import views_sql
from wescope.engine.published import published_schemas
from wescope.engine.results import to_json
from wescope.errors import WrongUse
from wescope.web.app import published_openapi

MARK = "README.md"
"""The file by whose beginning a folder is known as one of ours: whatever else is in such a folder may be removed."""

_BEGINNING = "# Artifacts\n\nGenerated from the code by `make docs`"
_SQL_HEAD = "-- Generated from the code by `wescope schema all`; see docs/bigquery.md. The dataset is `wescope`.\n\n"
_README = f"""\
{_BEGINNING} (`wescope schema all --out artifacts`), and checked by `make lint`. Change
nothing here by hand; files that the code no longer makes are removed. `docs/artifacts.md` says what is what.
"""


def json_schemas() -> dict[str, Schema]:
    """All JSON Schemas by name: those of the engine, and `cli/COMMAND` of what each command prints with `--json`."""
    return dict(sorted([*published_schemas(), *_command_schemas()]))


def bigquery_sql(dataset: str = DEFAULT_DATASET) -> str:
    """Statements that make all tables and views.

    Args:
        dataset: `dataset`, or `project.dataset`.
    """
    return f"{schema_sql(dataset)}\n{views_sql(dataset)}"


def artifacts() -> dict[str, str]:
    """The text of every file by its path within the folder."""
    return {
        MARK: _README,
        "openapi.json": as_text(published_openapi()),
        "bigquery/schema.sql": f"{_SQL_HEAD}{schema_sql()}",
        "bigquery/views.sql": f"{_SQL_HEAD}{views_sql()}",
        **{f"json/{name}.json": as_text(schema) for name, schema in json_schemas().items()},
    }


def as_text(value: Any) -> str:
    """A value of JSON as it stands in a file."""
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def _command_schemas() -> Iterator[tuple[str, Schema]]:
    for command, kinds in OUTPUTS.items():
        name = f"cli/{command.replace(' ', '-')}"
        told = " ".join(text for text in map(documentation, kinds) if text)
        text = f"{told} If the work could not be done, an `Error` in place of it."
        shown = [to_json(EXAMPLES[kind.__name__]) for kind in kinds if kind.__name__ in EXAMPLES]
        schema = any_of(map(schema_of, (*kinds, *REFUSALS)))
        yield name, published(name, schema, title=f"wescope {command} --json", description=text, examples=shown)


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """How a folder compares with what the code makes; paths are within it."""

    path: Path
    wanted: Mapping[str, str]

    @property
    def changed(self) -> tuple[str, ...]:
        """Files that are missing, or have another text."""
        return tuple(name for name, text in sorted(self.wanted.items()) if self._text(name) != text)

    @property
    def surplus(self) -> tuple[str, ...]:
        """Files that the code does not make."""
        if not self.path.is_dir():
            return ()
        found = (path.relative_to(self.path).as_posix() for path in self.path.rglob("*") if path.is_file())
        return tuple(sorted(name for name in found if name not in self.wanted))

    def write(self) -> None:
        """Make the folder what the code says.

        Raises:
            WrongUse: it has files and is not known as one of ours, or it cannot be written.
        """
        if self.surplus and not (self._text(MARK) or "").startswith(_BEGINNING):
            raise WrongUse("The folder that --out names holds other files, which would be removed: name an empty one.")
        try:
            for name in self.surplus:
                (self.path / name).unlink()
            for name in self.changed:
                target = self.path / name
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(self.wanted[name], encoding="utf-8")
            self._remove_empty()
        except OSError as error:
            raise WrongUse(f"The folder that --out names cannot be written ({error.strerror}).") from None

    def _text(self, name: str) -> str | None:
        try:
            return (self.path / name).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            return None

    def _remove_empty(self) -> None:
        folders = sorted((path for path in self.path.rglob("*") if path.is_dir()), reverse=True)
        for folder in folders:
            if not any(folder.iterdir()):
                folder.rmdir()
