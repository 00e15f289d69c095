"""The command `wescope`: names, options and help of every command; what they do is imported when they run."""

import os
import sys
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

import typer

from wescope.cli.output import perform

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout; logs stay on stderr.")]

EXIT_CODES = "Exit codes: 0 good, 1 something needs you, 2 wrong use or wrong settings."


def examples(*lines: str) -> str:
    """The examples at the end of a command's help, not to be wrapped."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines) + f"\n\n{EXIT_CODES}"


app = typer.Typer(
    name="wescope",
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
    """Run the service: webhooks, workers, status page.

    It stays until it is stopped, and is configured by environment variables (WESCOPE_...) and wescope.toml. With
    --json one line with the address is
    printed when it is ready.
    """
    from wescope.cli import commands  # noqa: PLC0415 - see the module's docstring

    perform(lambda: commands.serve(role.value, as_json=as_json), as_json=as_json)


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    epilog=examples(
        "wescope sandbox stripe --port 12111 --seed 7",
        "wescope sandbox stripe --situations all --payouts daily",
        "wescope sandbox qbo --port 12112 --knob multicurrency=true",
        "wescope sandbox stripe -- --help",
    ),
)
def sandbox(
    context: typer.Context, service: Annotated[StandIn, typer.Argument(help="Which service to stand in for.")]
) -> None:
    """Run a local stand-in of Stripe or QBO.

    With both, `wescope serve` can be tried without accounts. All further options go to the stand-in (the last
    example lists them). It prints its address and keys as one line of
    JSON.
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
    """Reconcile these Stripe objects with QBO now."""
    from wescope.cli import commands  # noqa: PLC0415 - see the module's docstring

    perform(lambda: commands.sync(ids, dry_run=dry_run, as_json=as_json), as_json=as_json)


@app.command(epilog=examples("wescope status", "wescope status --json"))
def status(as_json: Json = False) -> None:
    """Show what the service is doing.

    Backlog and its age, parked and posted documents, tokens, and the last tie-out.
    """
    from wescope.cli import commands  # noqa: PLC0415 - see the module's docstring

    perform(lambda: commands.status(as_json=as_json), as_json=as_json)


@app.command(epilog=examples("wescope parked", "wescope parked --json"))
def parked(as_json: Json = False) -> None:
    """List the documents that must not be posted now.

    Each with its reason, the amount at stake, who can mend it and how. The exit code is 1 if one of them waits for
    you (owner "operator").
    """
    from wescope.cli import commands  # noqa: PLC0415 - see the module's docstring

    perform(lambda: commands.parked(as_json=as_json), as_json=as_json)


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


@app.command(epilog=examples("wescope tieout", "wescope tieout --as-of 2026-10-31 --json"))
def tieout(
    as_of: Annotated[
        datetime | None,
        typer.Option("--as-of", formats=["%Y-%m-%d"], help="A day in the books' calendar; today if left out."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Compare Stripe and QBO; the difference must be 0.00.

    What every customer owes, and what the clearing accounts hold.
    """
    from wescope.cli import commands  # noqa: PLC0415 - see the module's docstring

    day = as_of.replace(tzinfo=UTC).date() if as_of else None
    perform(lambda: commands.tieout(day, as_json=as_json), as_json=as_json)


@app.command(epilog=examples("wescope doctor", "wescope doctor --json"))
def doctor(as_json: Json = False) -> None:
    """Check everything that the work needs.

    Settings, database, keys and what they may read, clock, accounts, items, tax codes and preferences; every failing
    check names its remedy.
    """
    from wescope.cli import commands  # noqa: PLC0415 - see the module's docstring

    perform(lambda: commands.doctor(as_json=as_json), as_json=as_json)


def run() -> None:
    """The entry point of the command `wescope`."""
    app()


if __name__ == "__main__":
    run()
