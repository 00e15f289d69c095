"""Reference pages written from the code: environment, commands, HTTP routes, and the posting table."""

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer.main
from typer._click.core import Command, Context, Parameter
from typer.core import TyperArgument, TyperGroup

from wescope.books import posting_table
from wescope.books.policy import AccountRole, ItemRole
from wescope.books.posting import Other, Posting, Side
from wescope.cli.main import app
from wescope.cli.options import EXIT_CODES
from wescope.config.secret_source import SECRET_SETTINGS
from wescope.config.settings import Settings, variable
from wescope.web.app import published_openapi

Json = dict[str, Any]
ROOT = Path(__file__).parents[1]


def environment_page() -> str:
    """Every environment variable, from the fields of the settings."""
    rows = []
    for name, setting in Settings.model_fields.items():
        secret = "secret" if name in SECRET_SETTINGS else ""
        default = "" if setting.default in (None, (), "") else f"`{_plain(setting.default)}`"
        rows.append(f"| `{variable(name)}` | {_one_line(setting.description or '')} | {default} | {secret} |")
    return "\n".join(
        [
            "# Environment",
            "",
            "Generated from the code by `make docs`. A variable that is empty is one that is not set. A value that",
            "cannot be right stops the start and is named, never shown; `wescope doctor` also names variables that",
            "begin with `WESCOPE_` and are none of these. A secret may come from Google Secret Manager",
            "([secrets.md](secrets.md)). What accounting needs to know stands in the [policy file](policy.md).",
            "",
            "| variable | what | default | |",
            "|---|---|---|---|",
            *rows,
            "",
        ]
    )


def _plain(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _one_line(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


# --- commands ---------------------------------------------------------------------------------------------------------


def commands_page() -> str:
    """Every command with its arguments, options and examples, from the command line itself."""
    lines = [
        "# Commands",
        "",
        "Generated from the command line by `make docs`; `wescope COMMAND --help` says the same.",
        f"{EXIT_CODES} With `--json` a command prints",
        'one JSON document on stdout, an error as `{"error": {"code", "message", "remedy"}}` ([errors.md](errors.md));',
        "logs and questions go to stderr. Commands need the [environment](environment.md) of the service.",
    ]
    root = typer.main.get_command(app)
    assert isinstance(root, TyperGroup)  # noqa: S101 - it has several commands
    for name, command in root.commands.items():
        lines += _command(name, command)
        if isinstance(command, TyperGroup):
            for below, one in command.commands.items():
                lines += _command(f"{name} {below}", one)
    return "\n".join([*lines, ""])


def _command(name: str, command: Command) -> Iterator[str]:
    yield from ("", f"{'##' if ' ' not in name else '###'} {name}", "")
    yield _one_line(command.help or "")
    yield from ("", "```text", _usage(name, command), "```", "")
    context = command.make_context(name, [], resilient_parsing=True)
    rows = [_parameter(one, context) for one in command.params]
    if rows:
        yield from ("| argument, option | what | default |", "|---|---|---|", *rows, "")
    schema = f"artifacts/json/cli/{name.replace(' ', '-')}.json"
    if (ROOT / schema).exists():
        asked = any("--json" in one.opts for one in command.params)
        yield from (f"{'What `--json` prints' if asked else 'What it prints'}: [{schema}](../{schema}).", "")
    shown = _examples(command)
    if shown:
        yield from (f"<!-- run: {'exit 1 or 0' if name in _RUN else 'wescope too'} -->", "```console", *shown, "```")
    else:
        yield "See the command above for examples."


_RUN = frozenset({"sync", "status", "explain", "payouts", "doctor"})
"""The commands whose examples are really run here; those of others are, on pages that say what they are for."""


def _usage(name: str, command: Command) -> str:
    parts = [_name(one) for one in command.params if isinstance(one, TyperArgument)]
    options = [] if all(isinstance(one, TyperArgument) for one in command.params) else ["[OPTIONS]"]
    below = ["[COMMAND]"] if isinstance(command, TyperGroup) else []
    return " ".join(["wescope", name, *options, *parts, *below])


def _name(one: TyperArgument) -> str:
    text = one.metavar or (one.name or "").upper()
    return text if one.required or text.startswith("[") else f"[{text}]"


def _parameter(one: Parameter, context: Context) -> str:
    """A row of the table, as `--help` tells of it."""
    name, told = one.get_help_record(context) or ("", "")
    text, _, remark = told.partition("  [")
    found = re.search(r"default: ([^;\]]*)", remark)
    required = "required" if one.required else ""
    return f"| `{_one_line(name)}` | {_one_line(text)} | {f'`{found[1]}`' if found else required} |"


def _examples(command: Command) -> list[str]:
    found = re.search(r"Examples:\n((?:  .*\n)+)", command.epilog or "")
    return [line.strip() for line in found[1].splitlines()] if found else []


# --- HTTP -------------------------------------------------------------------------------------------------------------


def http_page() -> str:
    """Every route, from the OpenAPI description of the service."""
    described = published_openapi()
    lines = [
        "# HTTP",
        "",
        "Generated from the service's own description, `/openapi.json`, by `make docs`; schemas and examples stand",
        "there. `/api/v1` and the console answer this machine only, unless people and programs sign in",
        "([access.md](access.md)); `WESCOPE_EXPOSE` says what the world can reach",
        '([environment.md](environment.md)). An error is `{"error": {"code", "message", "remedy"}}` with a code of',
        "[errors.md](errors.md).",
        "",
        "| route | what |",
        "|---|---|",
    ]
    routes = [(path, method, one) for path, methods in described["paths"].items() for method, one in methods.items()]
    lines += [
        f"| [`{m.upper()} {path}`](#{_anchor(m, path)}) | {_one_line(one['summary'])} |" for path, m, one in routes
    ]
    for path, method, one in routes:
        lines += _route(path, method, one, described)
    return "\n".join([*lines, ""])


def _anchor(method: str, path: str) -> str:
    """The anchor of a heading as GitHub makes it."""
    return re.sub(r"[^\w -]", "", f"{method} {path}".lower()).replace(" ", "-")


def _route(path: str, method: str, one: Json, described: Json) -> Iterator[str]:
    yield from ("", f"## {method.upper()} {path}", "", _one_line(one.get("description") or one["summary"]), "")
    rows = [
        f"| `{each['name']}` | {each['in']}{', required' if each.get('required') else ''} "
        f"| {_type(each['schema'], described)} | {_one_line(each.get('description', ''))} |"
        for each in one.get("parameters", [])
    ]
    body = one.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    if body:
        rows += _body(body, described)
    if rows:
        yield from ("| parameter | where | type | what |", "|---|---|---|---|", *rows, "")
    yield from ("| status | answer |", "|---|---|")
    for status, told in sorted(one["responses"].items()):
        answer = _resolved(told, described)
        yield f"| {status} | {_one_line(answer['description'])}{_answer_type(answer, described)} |"


def _body(schema: Json, described: Json) -> Iterator[str]:
    found = _resolved(schema, described)
    if "properties" not in found:
        yield f"| (body) | body | {_type(schema, described)} | {_one_line(found.get('description', ''))} |"
    for name, one in found.get("properties", {}).items():
        required = ", required" if name in found.get("required", []) else ""
        yield f"| `{name}` | body{required} | {_type(one, described)} | {_one_line(one.get('description', ''))} |"


def _resolved(schema: Json, described: Json) -> Json:
    """What a reference of the description leads to; anything else as it is."""
    reference = schema.get("$ref")
    if reference is None:
        return schema
    _, kind, name = reference.removeprefix("#/").split("/")
    found: Json = described["components"][kind][name]
    return found


def _type(schema: Json, described: Json) -> str:
    found = _resolved(schema, described)
    if options := found.get("anyOf"):
        return " or ".join(dict.fromkeys(_type(one, described) for one in options))
    if values := found.get("enum"):
        return ", ".join(f"`{value}`" for value in values)
    if found.get("type") == "array":
        return f"list of {_type(found.get('items', {}), described)}"
    named = found.get("title") if "properties" in found else found.get("format")
    return str(named or found.get("type", "any"))


def _answer_type(answer: Json, described: Json) -> str:
    parts = []
    for kind, content in answer.get("content", {}).items():
        schema = content.get("schema") or {}
        shown = _type(schema, described) if schema else ""
        parts.append(f"`{kind}`" + (f", {shown}" if shown not in ("", "any", "object") else ""))
    return f" ({'; '.join(parts)})" if parts else ""


# --- posting table ----------------------------------------------------------------------------------------------------


def posting_tables() -> list[str]:
    """The posting table in Markdown, from `books/posting_table.py`."""
    lines: list[str] = []
    for title, rows in posting_table.GROUPS.items():
        lines += ["", f"### {title}", "", *_POSTING_HEAD, *(_posting(row) for row in rows)]
    return lines


_POSTING_HEAD = (
    "| Stripe | QBO | debit | credit | date | document key | undone by | code |",
    "|---|---|---|---|---|---|---|---|",
)


def _posting(row: Posting) -> str:
    debits, credited = (", ".join(_side(one) for one in sides) for sides in (row.debits, row.credits))
    module, _, name = row.made_by.partition(".")
    undone = re.sub(r"`(\w+:)", r"`\1", row.reversal)
    return (
        f"| {row.situation} | {row.entity} | {debits} | {credited} | {row.date} | {row.key} | {undone} "
        f"| `books/{module}.py`: `{name}` |"
    )


def _side(side: Side) -> str:
    match side:
        case AccountRole.RECEIVABLE:
            return "A/R"
        case ItemRole():
            return f"*{side.value.replace('_', ' ')}*"
        case AccountRole() | Other():
            return side.value.replace("_", " ")


def function_named(made_by: str) -> Any:
    """The function or class that `made_by` of a row names.

    Raises:
        AttributeError: there is none.
    """
    module, _, name = made_by.partition(".")
    return inspect.getattr_static(__import__(f"wescope.books.{module}", fromlist=[name]), name)
