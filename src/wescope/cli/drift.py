"""The commands `verify` and `drift`: names, options, help; what they do is imported when they run."""

from typing import Annotated

import typer

from wescope.cli.completion import drift_kinds, drift_states
from wescope.cli.options import Json, Yes, examples
from wescope.cli.output import perform

VERIFY_EXAMPLES = examples(
    "wescope verify",
    "wescope verify --full",
    "wescope verify --repair",
    "wescope verify --repair --kind deleted --yes",
    "wescope verify --rebuild-links",
)

Kinds = Annotated[
    list[str] | None,
    typer.Option("--kind", help="Only this kind; may be given several times.", autocompletion=drift_kinds),
]
Ids = Annotated[list[int], typer.Argument(metavar="ID...", help="Findings, as `wescope drift` lists them.")]


def verify(
    *,
    full: Annotated[
        bool, typer.Option("--full", help="Read every document, not only what has changed since the last look.")
    ] = False,
    stripe: Annotated[
        bool, typer.Option("--stripe", help="Also read every known object from Stripe, and post what is missing.")
    ] = False,
    rebuild_links: Annotated[
        bool,
        typer.Option("--rebuild-links", help="First link what QBO holds of ours: the database was lost or restored."),
    ] = False,
    repair: Annotated[
        bool, typer.Option("--repair", help="Then put right what can be, after showing what that does.")
    ] = False,
    kind: Kinds = None,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Compare QBO with the links and with Stripe, and name what people have changed.

    Edited, moved, voided, deleted and doubled documents, merged customers, payments applied or deposited by hand, and
    what stands in the clearing account: each with the fields and both values. The exit code is 1 while something is
    open. Nothing is changed in QBO but by --repair, or by what [drift] in wescope.toml restores.
    """
    from wescope.cli import drift_work as work  # noqa: PLC0415 - see the module's docstring

    options = work.VerifyOptions(
        full=full,
        stripe=stripe,
        rebuild_links=rebuild_links,
        repair=repair,
        kinds=kind or [],
        yes=yes,
        as_json=as_json,
    )
    perform(lambda: work.verify(options), as_json=as_json)


drift_app = typer.Typer(
    help="List what people have changed in QBO; repair it, or let it stay.",
    epilog=examples("wescope drift", "wescope drift --kind edited --json", "wescope drift accept 12 13"),
    invoke_without_command=True,
    rich_markup_mode=None,
)


@drift_app.callback()
def drift(
    context: typer.Context,
    *,
    kind: Kinds = None,
    state: Annotated[
        list[str] | None,
        typer.Option("--state", help="open (default), accepted, repaired, gone, failed.", autocompletion=drift_states),
    ] = None,
    as_json: Json = False,
) -> None:
    """List what `verify` has found and nobody has decided about; the exit code is 1 if there is any."""
    if context.invoked_subcommand is not None:
        if kind or state or as_json:
            raise typer.BadParameter(f"give options after `{context.invoked_subcommand}`")
        return
    from wescope.cli import drift_work as work  # noqa: PLC0415 - see the module's docstring

    perform(lambda: work.show(kind or [], state or ["open"], as_json=as_json), as_json=as_json)


@drift_app.command(epilog=examples("wescope drift accept 12", "wescope drift accept 12 13 --json"))
def accept(ids: Ids, *, as_json: Json = False) -> None:
    """Let findings stay as they are; they are told again only if their record changes again."""
    from wescope.cli import drift_work as work  # noqa: PLC0415 - see the module's docstring

    perform(lambda: work.accept(ids, as_json=as_json), as_json=as_json)


@drift_app.command(epilog=examples("wescope drift repair 12", "wescope drift repair 12 13 --yes --json"))
def repair(ids: Ids, *, yes: Yes = False, as_json: Json = False) -> None:
    """Put findings right, after showing what that does."""
    from wescope.cli import drift_work as work  # noqa: PLC0415 - see the module's docstring

    perform(lambda: work.repair(ids, yes=yes, as_json=as_json), as_json=as_json)


@drift_app.command(epilog=examples("wescope drift revert 12", "wescope drift revert 12 13 --json"))
def revert(ids: Ids, *, as_json: Json = False) -> None:
    """Take repairs back: QBO has again what a person had made of it, and that may stay.

    Amounts, dates, customers, accounts, items and what payments are applied to can be brought back; texts cannot, and
    a repair that would lose one says so beforehand. `wescope drift --state repaired` lists what was repaired.
    """
    from wescope.cli import drift_work as work  # noqa: PLC0415 - see the module's docstring

    perform(lambda: work.revert(ids, as_json=as_json), as_json=as_json)
