"""Writes the generated pages and the alert rules: `python docs/generate.py`. A test fails when one is out of date.

Artifacts (schemas, OpenAPI, SQL) are written by `wescope schema all`; `make docs` does both.
"""

import importlib
import pkgutil
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import wescope
from wescope.books.categories import CATEGORIES, TYPES
from wescope.books.parking import REASONS
from wescope.books.policy import ItemRole
from wescope.config.policy_reference import example_toml, reference_tables
from wescope.engine.doctor_checks import CHECKS
from wescope.engine.doctor_checks import REASONS as REASONS_WHY
from wescope.engine.drift_kinds import DRIFT
from wescope.engine.export_sheets import SHEETS
from wescope.engine.setup_rules import ACCOUNT_KINDS, INCOME_KINDS, INCOME_ROLES
from wescope.errors import WescopeError
from wescope.observe.alert_files import cloud_policy, prometheus_rules
from wescope.observe.alert_rules import RULES
from wescope.observe.fields import GROUPS
from wescope.observe.metric_table import METRICS
from wescope.stripe.events import EVENTS, Handled

HERE = Path(__file__).parent
ROOT = HERE.parent
sys.path.insert(0, str(ROOT))  # a script finds only what lies beside it

from docs.reference import commands_page, environment_page, http_page, posting_tables  # noqa: E402


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


def metrics_page() -> str:
    """The table of metrics, from the code, with how they are read."""
    rows = [
        f"| `{one.sample}` | {one.kind.value} | {one.scope.value} | {one.text} | {_labels(one.labels)} |"
        for one in METRICS.values()
    ]
    return "\n".join([*_METRICS_HEAD, *rows, ""])


def _labels(labels: Mapping[str, str]) -> str:
    return "; ".join(f"`{name}`: {values}" for name, values in labels.items())


_METRICS_HEAD = (
    "# Metrics",
    "",
    "Generated from the code by `make docs`. Every process shows its metrics at `/metrics` in Prometheus' text format:",
    "the roles `web` and `all` at their address, a worker on a small listener of its own with `/healthz`, `/readyz`",
    "and `/metrics` (WESCOPE_HOST, WESCOPE_PORT). Where the port is taken, as beside a web role on one machine, a",
    "worker takes any free one and says so in its log and when it is ready: give it a WESCOPE_PORT of its own.",
    "",
    "```yaml",
    "scrape_configs:",
    "  - job_name: wescope",
    "    scrape_interval: 30s",
    "    static_configs:",
    '      - targets: ["127.0.0.1:8080", "127.0.0.1:8081"]',
    "```",
    "",
    "On Google Cloud, Managed Service for Prometheus scrapes the same addresses (on Cloud Run by its sidecar). The",
    "alert rules of `deploy/alerts/` need nothing else; see [alerts.md](alerts.md).",
    "",
    "**How to add up.** A metric of the *process* counts what that process did: `sum(rate(...))` over all of them.",
    "One of the *system* is read from the database that all processes share, so each of them shows the same number:",
    "take `max(...)` (or `max by (label) (...)`), never the sum. What is not known is `NaN`, or missing if it has",
    "labels; while the database is away the numbers of the system stay as they were and `wescope_database_up` is 0.",
    "",
    "**Labels are bounded.** The last column says by what. Ids, names and amounts are never labels. Amounts are",
    "integers of minor units everywhere but in `wescope_parked_amount` and `wescope_tieout_difference`: Prometheus",
    "knows only floating-point numbers, and nothing is computed with these.",
    "",
    "**From webhook to books.** `wescope_webhook_to_posted_seconds` begins with the receipt of the first webhook",
    "since which its object has been waiting, and ends when a document of it stands in QBO, both by the database's",
    "clock. Backfills, sweeps and replays are not in it, nor is what was parked and posted later.",
    "",
    "| metric | kind | of the | what | labels |",
    "|---|---|---|---|---|",
)


def logs_page() -> str:
    """The page on logs with the table of fields, from the code; the rest is written by hand."""
    lines: list[str] = []
    for title, fields in GROUPS.items():
        lines += ["", f"### {title}", "", "| field | meaning | example |", "|---|---|---|"]
        lines += [f"| `{name}` | {field.meaning} | `{field.example}` |" for name, field in fields.items()]
    return _between_marks("logs.md", lines)


def policy_page() -> str:
    """The page on the policy file with the tables of its keys, from the code; the rest is written by hand."""
    return _between_marks("policy.md", ["", *reference_tables()[:-1]])


def doctor_page() -> str:
    """The page on doctor and setup with the tables of checks, reasons and kinds, from the code."""
    checks = [f"| `{code}` | {meaning} |" for code, meaning in CHECKS.items()]
    reasons = [f"| `..._{reason}` | {meaning} |" for reason, meaning in REASONS_WHY.items()]
    accounts = [
        f"| `accounts.{role}` | account | {kind.type} / {kind.subtype} |" for role, kind in ACCOUNT_KINDS.items()
    ]
    items = [
        f"| `items.{role}` | item | Service; posts to {_income(role)} ({kind.type} / {kind.subtype}) |"
        for role, kind in INCOME_KINDS.items()
    ]
    return _between_marks(
        "doctor.md",
        [
            *("", "### Checks", "", "| code | what is looked at |", "|---|---|", *checks),
            *("", "### Reasons", "", "| code | meaning |", "|---|---|", *reasons),
            *("", "### What setup makes", "", "| key | entity | kind |", "|---|---|---|", *accounts, *items),
        ],
    )


def _income(role: ItemRole) -> str:
    named = INCOME_ROLES.get(role)
    return f"`accounts.{named}`" if named else "an account of its own name"


def posting_rules_page() -> str:
    """The page on posting rules with the posting table, from the code."""
    return _between_marks("posting-rules.md", posting_tables())


def _between_marks(page: str, lines: list[str]) -> str:
    """A page with these lines between its two marks; the rest is written by hand."""
    before, _, rest = (HERE / page).read_text(encoding="utf-8").partition(GENERATED_BEGIN)
    _, _, after = rest.partition(GENERATED_END)
    return "\n".join([f"{before}{GENERATED_BEGIN}", *lines, "", f"{GENERATED_END}{after}"])


GENERATED_BEGIN = "<!-- The tables down to the next mark are generated from the code by `make docs`. -->"
GENERATED_END = "<!-- The end of what is generated. -->"


def discovery_page() -> str:
    """What is relied on at Stripe and QBO, from the table beside the probes."""
    sys.path.insert(0, str(ROOT))  # a script has only its own folder in there
    try:
        page, report = importlib.import_module("tests.live.page"), importlib.import_module("tests.live.report")
    finally:
        sys.path.remove(str(ROOT))
    return str(page.discovery_page(report.read_confidence()))


PAGES = {
    "api-discovery.md": discovery_page,
    "commands.md": commands_page,
    "drift.md": drift_page,
    "environment.md": environment_page,
    "errors.md": errors_page,
    "events.md": events_page,
    "categories.md": categories_page,
    "export.md": export_page,
    "metrics.md": metrics_page,
    "http.md": http_page,
    "logs.md": logs_page,
    "policy.md": policy_page,
    "doctor.md": doctor_page,
    "posting-rules.md": posting_rules_page,
}


def alert_files() -> dict[str, str]:
    """The alert rules and policies by their path in the repository, from the code and the runbooks."""
    policies = {
        f"deploy/alerts/cloud-monitoring/{code}.json": cloud_policy(rule, _unmarked(ROOT / rule.runbook))
        for code, rule in RULES.items()
    }
    return {"deploy/alerts/prometheus.yml": prometheus_rules(), **policies}


def _unmarked(page: Path) -> str:
    """A page without what it says to the runner of its code blocks."""
    return re.sub(r"^<!-- run: .* -->\n", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE)


FILES: Mapping[str, Callable[[], str]] = {"docs/wescope.example.toml": example_toml}
"""Generated files elsewhere, from the root of the repository."""


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
    for path, content in ({path: make() for path, make in FILES.items()} | dict(alert_files())).items():
        (ROOT / path).write_text(content, encoding="utf-8")
