"""What the command `schema` does: print what is generated from the code for others to use."""

import re
from collections.abc import Callable, Mapping

import typer

from wescope.cli.output import ExitCode, print_json
from wescope.engine.mirror_ddl import schema_sql
from wescope.engine.mirror_views import views_sql
from wescope.errors import WrongUse

_DATASET = re.compile(r"([A-Za-z0-9.:_-]+\.)?\w+", re.ASCII)


def _bigquery(dataset: str) -> str:
    if not _DATASET.fullmatch(dataset):
        raise WrongUse("--dataset is a name of BigQuery: dataset, or project.dataset.")
    return f"{schema_sql(dataset)}\n{views_sql(dataset)}"


SCHEMAS: Mapping[str, Callable[[str], str]] = {"bigquery": _bigquery}
"""What is printed, by name, for a dataset."""


async def schema(what: str, *, dataset: str, as_json: bool) -> ExitCode:
    """Print one schema.

    Raises:
        WrongUse: the dataset cannot be one.
    """
    text = SCHEMAS[what](dataset)
    if as_json:
        print_json({"what": what, "schema": text})
    else:
        typer.echo(text, nl=False)
    return ExitCode.GOOD
