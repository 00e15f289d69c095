"""The command `wescope`: names, options and help of every command; what they do is imported when they run."""

import os
import sys
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

import typer

from wescope import collector
from wescope.cli.alerts import alerts_app
from wescope.cli.close import CLOSE_EXAMPLES, close
from wescope.cli.completion import schema_names
from wescope.cli.drift import VERIFY_EXAMPLES, drift_app, verify
from wescope.cli.history import (
    BACKFILL_EXAMPLES,
    REPLAY_EXAMPLES,
    RUNS_EXAMPLES,
    SWEEP_EXAMPLES,
    UNDO_EXAMPLES,
    backfill,
    replay,
    runs,
    sweep,
    undo,
)
from wescope.cli.options import Json, Yes, examples
from wescope.cli.output import perform
from wescope.cli.parked import parked_app
from wescope.cli.suggestions import SuggestingGroup

app = typer.Typer(
    name="wescope",
    cls=SuggestingGroup,
    help="WeScope Sync: a one-way mirror from Stripe into QuickBooks Online.",
    epilog=examples("wescope demo --once", "wescope doctor", "wescope serve", "wescope status --json"),
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


class Role(StrEnum):
    """What a process of the service does."""

    ALL = "all"
    WEB = "web"
    WORKER = "worker"


class StandIn(StrEnum):
    """The services that have a local stand-in."""

    STRIPE = "stripe"
    QBO = "qbo"


class ExportWhat(StrEnum):
    """The tables that can be exported; the same as the engine's, which is not imported for `--help`."""

    LINKS = "links"
    PAYOUTS = "payouts"
    PAYOUT_ROWS = "payout-rows"
    TIEOUTS = "tieouts"
    PARKED = "parked"
    ATTEMPTS = "attempts"
    AUDIT = "audit"


@app.command(epilog=examples("wescope demo", "wescope demo --once --json", "wescope demo --customers 200 --months 6"))
def demo(
    once: Annotated[
        bool, typer.Option("--once", help="End when all is synced; good only if the difference is 0.00.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Which business; the same seed gives the same one.")] = 7,
    customers: Annotated[int, typer.Option(min=1, max=10_000, help="How many customers it has.")] = 50,
    months: Annotated[int, typer.Option(min=1, max=36, help="How many months of history it has.")] = 3,
    as_json: Json = False,
) -> None:
    """Play a whole business on this machine, and compare both sides.

    Local stand-ins of Stripe and QBO run beside the service. Nothing leaves this machine, and no account is needed.
    The history has every situation: refunds, credit notes, disputes, foreign currency, daily payouts. The state stays
    in WESCOPE_HOME: a second run writes nothing.
    """
    from wescope.cli import demo as work  # noqa: PLC0415 - see the module's docstring

    options = work.DemoOptions(once=once, seed=seed, customers=customers, months=months, as_json=as_json)
    perform(lambda: work.demo(options), as_json=as_json)


@app.command(epilog=examples("wescope serve", "wescope serve --role worker"))
def serve(
    role: Annotated[Role, typer.Option(help="Receive webhooks (web), work on them (worker), or both.")] = Role.ALL,
    as_json: Json = False,
) -> None:
    """Run the service: webhooks, workers, console.

    It stays until it is stopped, and is configured by environment variables (WESCOPE_...) and wescope.toml. With
    --json one line with the address is
    printed when it is ready.
    """
    import uvloop  # noqa: PLC0415 - see the module's docstring

    from wescope.cli import commands  # noqa: PLC0415 - see the module's docstring

    perform(lambda: commands.serve(role.value, as_json=as_json), as_json=as_json, run=uvloop.run)


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    epilog=examples(
        "wescope sandbox stripe --env-file stripe.env --deliver-to http://127.0.0.1:8080/webhooks/stripe",
        "wescope sandbox stripe --situations all --payouts daily --port 12111",
        "wescope sandbox qbo --env-file qbo.env --knob multicurrency=true",
        "wescope sandbox stripe -- --help",
    ),
)
def sandbox(
    context: typer.Context, service: Annotated[StandIn, typer.Argument(help="Which service to stand in for.")]
) -> None:
    """Run a local stand-in of Stripe or QBO.

    With both, `wescope serve` can be tried without accounts (docs/quickstart.md). It prints its address and keys as
    one line of JSON; with --env-file they also stand in a file for the shell: `. stripe.env`. All further options go
    to the stand-in (the last example lists them).
    """
    options = [option for option in context.args if option not in {"--json", "--yes"}]
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", f"wescope.sandbox.{service.value}", *options])  # noqa: S606 - no shell wanted


@app.command(epilog=examples("wescope sync in_1ABC", "wescope sync in_1ABC cus_2DEF --dry-run --json"))
def sync(
    ids: Annotated[
        list[str], typer.Argument(metavar="ID...", help="Stripe ids: in_..., ch_..., pi_..., cus_..., evt_....")
    ],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be done.")] = False,
    as_json: Json = False,
) -> None:
    """Reconcile these Stripe objects with QBO now; what `undo` took back of them is written again."""
    from wescope.cli import commands  # noqa: PLC0415 - see the module's docstring

    perform(lambda: commands.sync(ids, dry_run=dry_run, as_json=as_json), as_json=as_json)


@app.command(epilog=examples("wescope status", "wescope status --json"))
def status(as_json: Json = False) -> None:
    """Show what the service is doing.

    Backlog and its age, parked and posted documents, tokens, and the last tie-out.
    """
    from wescope.cli import commands  # noqa: PLC0415 - see the module's docstring

    perform(lambda: commands.status(as_json=as_json), as_json=as_json)


app.add_typer(parked_app, name="parked")
app.add_typer(alerts_app, name="alerts")
app.command("backfill", epilog=BACKFILL_EXAMPLES)(backfill)
app.command("replay", epilog=REPLAY_EXAMPLES)(replay)
app.command("sweep", epilog=SWEEP_EXAMPLES)(sweep)
app.command("undo", epilog=UNDO_EXAMPLES)(undo)
app.command("verify", epilog=VERIFY_EXAMPLES)(verify)
app.command("close", epilog=CLOSE_EXAMPLES)(close)
app.add_typer(drift_app, name="drift")
app.command("runs", epilog=RUNS_EXAMPLES)(runs)


@app.command(
    epilog=examples(
        "wescope explain in_1ABC",
        "wescope explain evt_2DEF --no-plan",
        "wescope explain Invoice/145",
        "wescope explain AB12CD-0003 --json",
    )
)
def explain(
    identifier: Annotated[
        str,
        typer.Argument(
            metavar="ID",
            help="A Stripe id, a QBO id (Invoice/145), a document number or key, a request id, an intuit_tid.",
        ),
    ],
    *,
    no_plan: Annotated[bool, typer.Option("--no-plan", help="Do not ask Stripe what would be done now.")] = False,
    as_json: Json = False,
) -> None:
    """Tell the whole story of an id, in time order.

    Events and other hints, runs, every call of QBO with its ids, documents with their dates, payouts that they stand
    in, what is parked and how that is mended, and what would be done now. The exit code is 1 if something about it
    needs somebody.
    """
    from wescope.cli import explain as work  # noqa: PLC0415 - see the module's docstring

    perform(lambda: work.explain(identifier, plan=not no_plan, as_json=as_json), as_json=as_json)


class ExportTo(StrEnum):
    """Where tables are exported to."""

    CSV = "csv"
    BIGQUERY = "bigquery"


class SchemaOf(StrEnum):
    """What there is a schema of."""

    OPENAPI = "openapi"
    JSON = "json"
    BIGQUERY = "bigquery"
    POLICY_EXAMPLE = "policy-example"
    ALL = "all"


@app.command(
    epilog=examples(
        "wescope export --what links --out links.csv",
        "wescope export --what payout-rows --since 2026-10-01 > rows.csv",
        "wescope export --what attempts --out attempts.csv --json",
        "wescope export bigquery --dry-run",
        "wescope export bigquery --json",
    )
)
def export(
    to: Annotated[
        ExportTo, typer.Argument(metavar="[csv|bigquery]", help="One table as CSV, or all tables to BigQuery.")
    ] = ExportTo.CSV,
    *,
    what: Annotated[ExportWhat, typer.Option("--what", help="Which table.")] = ExportWhat.LINKS,
    out: Annotated[str, typer.Option("--out", metavar="FILE|-", help="Where to; - is stdout.")] = "-",
    since: Annotated[
        datetime | None,
        typer.Option("--since", formats=["%Y-%m-%d"], help="Leave out what is older: a day in the books' calendar."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show what would be loaded into BigQuery; write nothing.")
    ] = False,
    full: Annotated[
        bool, typer.Option("--full", help="Everything to BigQuery from the beginning, not only what has changed.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Write a table as CSV, or bring all tables in BigQuery up to date.

    CSV: amounts are decimals of the currency in the same row, dates are ISO 8601. A file appears when it is complete.
    With --json (which needs a file) what was written is told on stdout.
    BigQuery: what has changed since the last time goes to the dataset of WESCOPE_BIGQUERY_DATASET. It may be stopped at
    any moment, also by force: the same command goes on. A service does this by itself ([schedules] bigquery_every).
    """
    if to is ExportTo.BIGQUERY:
        from wescope.cli import export_bigquery  # noqa: PLC0415 - see the module's docstring

        mirrored = export_bigquery.MirrorOptions(dry_run=dry_run, full=full, as_json=as_json)
        perform(lambda: export_bigquery.export(mirrored), as_json=as_json)
    if dry_run or full:
        raise typer.BadParameter("--dry-run and --full go with bigquery")
    from wescope.cli import export as work  # noqa: PLC0415 - see the module's docstring

    day = since.replace(tzinfo=UTC).date() if since else None
    perform(lambda: work.export(what.value, out, day, as_json=as_json), as_json=as_json)


@app.command(
    epilog=examples(
        "wescope schema openapi > openapi.json",
        "wescope schema json",
        "wescope schema json cli/status",
        "wescope schema bigquery --dataset books.stripe",
        "wescope schema all --out artifacts",
        "wescope schema all --out artifacts --check --json",
    )
)
def schema(
    what: Annotated[
        SchemaOf,
        typer.Argument(metavar="openapi|json|bigquery|policy-example|all", help="Of what; all goes to a folder."),
    ],
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[NAME]", help="json: which schema; without it all are listed.", autocompletion=schema_names
        ),
    ] = None,
    *,
    out: Annotated[str | None, typer.Option("--out", metavar="DIR", help="all: the folder to write.")] = None,
    check: Annotated[
        bool, typer.Option("--check", help="all: write nothing; the exit code is 1 if a file is not current.")
    ] = False,
    dataset: Annotated[
        str, typer.Option(help="bigquery: the dataset in which tables and views are made (or project.dataset).")
    ] = "wescope",
    as_json: Json = False,
) -> None:
    """Print OpenAPI, a JSON Schema or BigQuery's SQL, or keep all of them in a folder.

    OpenAPI describes the routes of `wescope serve`; JSON Schemas what webhooks, values, documents, plans, rows of
    tables and exports, the policy file, and what every command prints with --json look like. A folder is made equal
    to the code: files that it no longer makes are removed. Neither a database nor settings are needed.
    """
    from wescope.cli import schema as work  # noqa: PLC0415 - see the module's docstring

    options = work.SchemaOptions(what=what.value, name=name, out=out, check=check, dataset=dataset, as_json=as_json)
    perform(lambda: work.schema(options), as_json=as_json)


@app.command(epilog=examples("wescope payouts", "wescope payouts po_1ABC", "wescope payouts --json"))
def payouts(
    payout: Annotated[
        str | None, typer.Argument(metavar="[ID]", help="One payout (po_...), with every row that it pays out.")
    ] = None,
    as_json: Json = False,
) -> None:
    """List Stripe's payouts: which deposit each one is, and whether it foots.

    With an id every row of that payout is listed with its document. The exit code is 1 while a payout is not settled.
    """
    from wescope.cli import payouts as work  # noqa: PLC0415 - see the module's docstring

    perform(lambda: work.payouts(payout, as_json=as_json), as_json=as_json)


@app.command(
    epilog=examples(
        "wescope tieout",
        "wescope tieout --as-of 2026-10-31 --json",
        "wescope tieout --as-of 2026-10-31 --open clearing:usd",
        "wescope tieout --open revenue:2026-10:usd --open payout:po_1ABC --json",
    )
)
def tieout(
    *,
    as_of: Annotated[
        datetime | None,
        typer.Option("--as-of", formats=["%Y-%m-%d"], help="A day in the books' calendar; today if left out."),
    ] = None,
    opened: Annotated[
        list[str] | None,
        typer.Option("--open", metavar="ROW", help="List what makes this row up; may be given several times."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Compare Stripe and QBO; the difference must be 0.00.

    What every customer owes, what the clearing accounts hold, what came to the bank, revenue and fees by month, each
    payout; and which documents make up what differs. With --open one row is listed document by document.
    """
    from wescope.cli import tieout as work  # noqa: PLC0415 - see the module's docstring

    day = as_of.replace(tzinfo=UTC).date() if as_of else None
    perform(lambda: work.tieout(day, opened or [], as_json=as_json), as_json=as_json)


@app.command(
    epilog=examples(
        "wescope connect",
        "wescope connect --no-browser --port 8085",
        "wescope connect --paste --redirect-uri https://developer.intuit.com/v2/OAuth2Playground/RedirectUrl",
        "wescope connect --json",
    )
)
def connect(
    *,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Where on this machine the answer is received; 0 for any free port.")
    ] = 8085,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Only print the address to open.")] = False,
    paste: Annotated[
        bool, typer.Option("--paste", help="Read the answer's address from stdin, for a machine without a browser.")
    ] = False,
    redirect_uri: Annotated[
        str | None,
        typer.Option(help="The answer's address as registered at Intuit; http://localhost:PORT/callback if left out."),
    ] = None,
    timeout: Annotated[int, typer.Option(min=1, help="How long to wait for the answer, in seconds.")] = 600,
    as_json: Json = False,
) -> None:
    """Connect a company of QuickBooks Online, in the browser.

    You are asked by Intuit, and choose the company. The connection is stored encrypted and renews itself; a service
    that runs goes on within seconds. The answer's address must be registered for the app at developer.intuit.com
    (Intuit allows localhost for development keys only: production keys need an https address, and --paste).
    """
    from wescope.cli import connect as work  # noqa: PLC0415 - see the module's docstring

    options = work.ConnectOptions(
        port=port,
        browser=not no_browser,
        paste=paste,
        redirect_uri=redirect_uri,
        timeout_s=timeout,
        as_json=as_json,
    )
    perform(lambda: work.connect(options), as_json=as_json)


@app.command(
    epilog=examples(
        "wescope setup --dry-run",
        "wescope setup",
        'wescope setup --income "sales=Subscription revenue" --yes --json',
        "wescope setup --release --dry-run",
        "wescope setup --release",
        "wescope setup --hold --yes --json",
    )
)
def setup(
    *,
    income: Annotated[
        list[str] | None,
        typer.Option(
            "--income",
            metavar="ITEM=ACCOUNT",
            help="The account that a missing item posts to, if not one of its own name; may be given several times.",
        ),
    ] = None,
    release: Annotated[bool, typer.Option("--release", help="Have written what waits, and all that follows.")] = False,
    hold: Annotated[bool, typer.Option("--hold", help="Let no process write anything more to QBO.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be done; write nothing.")] = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Make the accounts and items in QBO that wescope.toml names and QBO lacks, after showing them.

    What exists is never changed. A name that is there already but inactive, of another type or in another currency
    needs you: it is listed with what to do (exit code 1), and so is a bank account that nobody has named. Running it
    again makes nothing twice, also after it was stopped in the middle.

    --release and --hold are the switch between planning and writing (docs/console.md), for all processes and without a
    restart: they show what waits to be written, then ask.
    """
    from wescope.cli import setup as work  # noqa: PLC0415 - see the module's docstring
    from wescope.cli import write_order  # noqa: PLC0415

    if order := write_order.order_of(release=release, hold=hold, has_incomes=bool(income)):
        ordered = write_order.OrderOptions(order=order, dry_run=dry_run, yes=yes, as_json=as_json)
        perform(lambda: write_order.give(ordered), as_json=as_json)
        return
    options = work.SetupOptions(incomes=work.incomes_of(income or []), dry_run=dry_run, yes=yes, as_json=as_json)
    perform(lambda: work.setup(options), as_json=as_json)


@app.command(epilog=examples("wescope doctor", "wescope doctor --json"))
def doctor(as_json: Json = False) -> None:
    """Check everything that the work needs.

    Settings, database, keys and what they may read, webhook end point, clock, and every account, item, class and tax
    code of wescope.toml against the company, with its preferences. Every failing check has a code, the place in
    wescope.toml and its remedy. Warnings stop nothing (exit code 0); errors do (exit code 1).
    """
    from wescope.cli import commands  # noqa: PLC0415 - see the module's docstring

    perform(lambda: commands.doctor(as_json=as_json), as_json=as_json)


def run() -> None:
    """The entry point of the command `wescope`."""
    collector.rest()  # until `perform`: by then what the command does is imported
    app()


if __name__ == "__main__":
    run()
