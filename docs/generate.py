"""Writes the generated pages of the documentation: `python docs/generate.py`. A test fails when one is out of date."""

import importlib
import pkgutil
from collections.abc import Iterator
from pathlib import Path

import wescope
from wescope.books.categories import CATEGORIES, TYPES
from wescope.books.parking import REASONS
from wescope.engine.drift_kinds import DRIFT
from wescope.engine.export_sheets import SHEETS
from wescope.errors import WescopeError
from wescope.observe.fields import GROUPS
from wescope.stripe.events import EVENTS, Handled

HERE = Path(__file__).parent


def errors_page() -> str:
    """The table of errors and of reasons for parking, from the code."""
    _import_everything()
    rows = [
        f"| `{error.code}` | {_first_line(error)} | {error.owner.value} | {error.retry.value} | {error.remedy} |"
        for error in sorted(_all(WescopeError), key=lambda error: error.code)
    ]
    parks = [
        f"| `{code.value}` | {reason.text} | {reason.owner.value} | {reason.remedy} |"
        for code, reason in sorted(REASONS.items())
    ]
    return "\n".join(
        [
            "# Errors and reasons for parking",
            "",
            "Generated from the code by `make docs`. Every error has a code that does not change, an owner, when to do",
            "the same again, and the one action that mends it.",
            "",
            "| code | what | owner | again | remedy |",
            "|---|---|---|---|---|",
            *rows,
            "",
            "## Parked",
            "",
            "A parked document is not posted: it is listed with its amount, and posted once its cause is gone.",
            "",
            "| code | why | owner | remedy |",
            "|---|---|---|---|",
            *parks,
            "",
        ]
    )


def drift_page() -> str:
    """The table of kinds of drift, from the code."""
    rows = [
        f"| `{kind.value}` | {meaning.text} | {meaning.repair or '(a person must)'} | {meaning.remedy} "
        f"| {f'`{meaning.policy.value}`' if meaning.policy else ''} |"
        for kind, meaning in DRIFT.items()
    ]
    return "\n".join(
        [
            "# Kinds of drift",
            "",
            "Generated from the code by `make docs`. What `wescope verify` finds in QBO, and what is done about it;",
            '`policy` is the key of `[drift]` that has it repaired without being asked (`"restore"`).',
            "",
            "| kind | what | repair | or | policy |",
            "|---|---|---|---|---|",
            *rows,
            "",
        ]
    )


def events_page() -> str:
    """The table of event types, from the code."""
    rows = []
    for name, meaning in sorted(EVENTS.items()):
        what = f"look at the {meaning.kind.value}" if isinstance(meaning, Handled) else f"nothing: {meaning.reason}"
        rows.append(f"| `{name}` | {what} |")
    return "\n".join(
        [
            "# Stripe's event types",
            "",
            "Generated from the code by `make docs`. Other types are acknowledged and counted as unknown.",
            "Thin event notifications have the same names with `v1.` before them.",
            "",
            "| type | what it does |",
            "|---|---|",
            *rows,
            "",
        ]
    )


def categories_page() -> str:
    """The tables of reporting categories and of balance-transaction types, from the code."""
    categories = [
        f"| `{name}` | {one.reason} | {one.role.value if one.role else ''} |" for name, one in CATEGORIES.items()
    ]
    types = [f"| `{name}` | {one.reason} |" for name, one in TYPES.items()]
    return "\n".join(
        [
            "# Rows of Stripe's balance",
            "",
            "Generated from the code by `make docs`. Stripe's reporting category decides how a row is booked; its type",
            "only where a row names no category. `[categories]` in wescope.toml names another account for any of them.",
            "What has neither a default nor a name there goes to the `review` account and is listed by",
            "`wescope parked`; without such an account the row is parked and its payout waits.",
            "",
            "| category | what becomes of it | account |",
            "|---|---|---|",
            *categories,
            "",
            "## Types of rows without a category",
            "",
            "| type | what becomes of it |",
            "|---|---|",
            *types,
            "",
        ]
    )


def export_page() -> str:
    """The columns of every export, from the code."""
    lines = [
        "# Exports",
        "",
        "Generated from the code by `make docs`. `wescope export --what NAME --out FILE` and",
        "`GET /api/v1/export/NAME.csv` write these tables as CSV: UTF-8, a header, rows ended by CR LF. An amount is",
        "a decimal of the currency that its column names, with the decimals that Stripe counts in; dates are ISO 8601,",
        "and moments have their zone. `--since` (a day in the books' calendar) leaves out what is older. New columns",
        "come at the end of a table.",
    ]
    for what, sheet in SHEETS.items():
        lines += ["", f"## {what}", "", f"{sheet.meaning} `--since` compares with `{sheet.since}`.", ""]
        lines += ["| column | what it says |", "|---|---|"]
        lines += [f"| `{column.name}` | {column.meaning} |" for column in sheet.columns]
    return "\n".join([*lines, ""])


def logs_page() -> str:
    """The page on logs with the table of fields, from the code, between its two marks; the rest is written by hand."""
    before, _, rest = (HERE / "logs.md").read_text(encoding="utf-8").partition(FIELDS_BEGIN)
    _, _, after = rest.partition(FIELDS_END)
    lines: list[str] = []
    for title, fields in GROUPS.items():
        lines += ["", f"### {title}", "", "| field | meaning | example |", "|---|---|---|"]
        lines += [f"| `{name}` | {field.meaning} | `{field.example}` |" for name, field in fields.items()]
    return "\n".join([f"{before}{FIELDS_BEGIN}", *lines, "", f"{FIELDS_END}{after}"])


FIELDS_BEGIN = "<!-- The tables down to the next mark are generated from the code by `make docs`. -->"
FIELDS_END = "<!-- The end of what is generated. -->"

PAGES = {
    "drift.md": drift_page,
    "errors.md": errors_page,
    "events.md": events_page,
    "categories.md": categories_page,
    "export.md": export_page,
    "logs.md": logs_page,
}


def _all(kind: type[WescopeError]) -> Iterator[type[WescopeError]]:
    for child in kind.__subclasses__():
        yield child
        yield from _all(child)


def _import_everything() -> None:
    """An error class is known once its module is imported. The stand-ins and the migrations have none."""
    for module in pkgutil.walk_packages(wescope.__path__, "wescope."):
        if not module.name.startswith(("wescope.sandbox", "wescope.links.migrations")):
            importlib.import_module(module.name)


def _first_line(error: type[WescopeError]) -> str:
    return (error.__doc__ or "").strip().splitlines()[0]


if __name__ == "__main__":
    for name, page in PAGES.items():
        (HERE / name).write_text(page(), encoding="utf-8")
