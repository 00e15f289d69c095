"""What the command `schema` does: print what is generated from the code for others to use, or keep a folder of it."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from wescope.cli.artifacts import Folder, artifacts, as_text, bigquery_sql, json_schemas
from wescope.cli.output import ExitCode, print_json
from wescope.cli.outputs import SchemaPrinted, SchemasChecked, SchemasWritten
from wescope.cli.suggestions import meant
from wescope.config.policy_reference import example_toml
from wescope.engine.mirror_ddl import DEFAULT_DATASET
from wescope.errors import WrongUse
from wescope.web.app import published_openapi

_DATASET = re.compile(r"([A-Za-z0-9.:_-]+\.)?\w+", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaOptions:
    """As they were typed."""

    what: str
    name: str | None = None
    out: str | None = None
    check: bool = False
    dataset: str = DEFAULT_DATASET
    as_json: bool = False


async def schema(options: SchemaOptions) -> ExitCode:
    """Print a schema, or write or check a folder of all; somebody is needed if a file of it is not current.

    Raises:
        WrongUse: the options do not fit together, or there is no such schema.
    """
    if (options.what == "all") != bool(options.out) or (options.check and not options.out):
        raise WrongUse("`all` goes to a folder (--out DIR, and --check if you like); all else is printed.")
    if options.name and options.what != "json":
        raise WrongUse("Only `json` has schemas with names.")
    if options.out:
        return _keep(Folder(path=Path(options.out), wanted=artifacts()), options)
    return _print(options)


def _print(options: SchemaOptions) -> ExitCode:
    made = _made(options)
    if options.as_json:
        print_json(SchemaPrinted(what=options.what, schema=made))
    elif options.what == "json" and not options.name:
        for name, one in made.items():
            typer.echo(f"{name:<28}{one['title']}")
        typer.echo("`wescope schema json NAME` prints one of these.", err=True)
    else:
        typer.echo(made if isinstance(made, str) else as_text(made), nl=False)
    return ExitCode.GOOD


def _made(options: SchemaOptions) -> Any:
    if options.what == "openapi":
        return published_openapi()
    if options.what == "policy-example":
        return example_toml()
    if options.what == "bigquery":
        if not _DATASET.fullmatch(options.dataset):
            raise WrongUse("--dataset is a name of BigQuery: dataset, or project.dataset.")
        return bigquery_sql(options.dataset)
    schemas = json_schemas()
    if not options.name:
        return schemas
    if options.name not in schemas:
        raise WrongUse(f"There is no such schema; `wescope schema json` lists all.{meant(options.name, schemas)}")
    return schemas[options.name]


def _keep(folder: Folder, options: SchemaOptions) -> ExitCode:
    changed, surplus = folder.changed, folder.surplus
    if options.check:
        stale = (*changed, *surplus)
        if options.as_json:
            print_json(SchemasChecked(out=str(folder.path), current=not stale, stale=stale))
        elif stale:
            typer.echo(f"Not current in {folder.path}: {', '.join(stale)}. Write them anew with `make docs`.", err=True)
        return ExitCode.NEEDS_YOU if stale else ExitCode.GOOD
    folder.write()
    unchanged = len(folder.wanted) - len(changed)
    if options.as_json:
        print_json(SchemasWritten(out=str(folder.path), written=changed, removed=surplus, unchanged=unchanged))
    else:
        typer.echo(f"{len(changed)} written, {len(surplus)} removed, {unchanged} as they were.", err=True)
    return ExitCode.GOOD
