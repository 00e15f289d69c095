"""The command `parked` and what can be done about parked items; what they do is imported when they run."""

from typing import Annotated

import typer

from wescope.cli.completion import park_codes
from wescope.cli.options import Json, Yes, examples
from wescope.cli.output import perform

Codes = Annotated[
    list[str] | None,
    typer.Option("--code", help="Only this code; may be given several times.", autocompletion=park_codes),
]
Subjects = Annotated[
    list[str] | None, typer.Option("--subject", help="Only this Stripe object (in_1ABC); may be given several times.")
]
OlderThan = Annotated[
    str | None, typer.Option("--older-than", metavar="AGE", help="Only what is parked for longer: 90m, 36h, 7d, 2w.")
]
MinAmount = Annotated[
    str | None, typer.Option("--min-amount", metavar="AMOUNT", help="Only such amounts and larger: 100 or 99.50.")
]
Keys = Annotated[list[str], typer.Argument(metavar="KEY...", help="Document keys, as `wescope parked` lists them.")]

parked_app = typer.Typer(
    help="List the documents that must not be posted now, retry them, or ignore them with a reason.",
    epilog=examples(
        "wescope parked",
        "wescope parked --code looks_like --older-than 7d",
        "wescope parked retry --all",
        'wescope parked ignore in_1ABC:invoice --reason "test invoice, written off in Stripe"',
    ),
    invoke_without_command=True,
    rich_markup_mode=None,
)


@parked_app.callback()
def parked(
    context: typer.Context,
    *,
    code: Codes = None,
    subject: Subjects = None,
    older_than: OlderThan = None,
    min_amount: MinAmount = None,
    as_json: Json = False,
) -> None:
    """List the documents that must not be posted now; retry them, or ignore them with a reason.

    Each with its reason, the amount at stake, its age, who can mend it and how. The exit code is 1 if one of them
    waits for you (owner "operator") and is not ignored.
    """
    if context.invoked_subcommand is None:
        _list(code, subject, older_than, min_amount, as_json=as_json)
    elif code or subject or older_than or min_amount or as_json:
        # Never drop a condition: `parked --code X retry --all` would retry everything.
        raise typer.BadParameter(f"give options after `{context.invoked_subcommand}`")


@parked_app.command("list", epilog=examples("wescope parked list", "wescope parked list --min-amount 1000 --json"))
def list_items(
    *,
    code: Codes = None,
    subject: Subjects = None,
    older_than: OlderThan = None,
    min_amount: MinAmount = None,
    as_json: Json = False,
) -> None:
    """List them, as `wescope parked` alone does."""
    _list(code, subject, older_than, min_amount, as_json=as_json)


def _list(
    code: list[str] | None,
    subject: list[str] | None,
    older_than: str | None,
    min_amount: str | None,
    *,
    as_json: bool,
) -> None:
    from wescope.cli import parked_work as work  # noqa: PLC0415 - see the module's docstring

    options = work.Chosen(codes=code, subjects=subject, older_than=older_than, min_amount=min_amount)
    perform(lambda: work.show(options, as_json=as_json), as_json=as_json)


@parked_app.command(
    epilog=examples(
        "wescope parked retry in_1ABC:invoice",
        "wescope parked retry --code account_missing --yes",
        "wescope parked retry --all --older-than 2d --json --yes",
    )
)
def retry(
    keys: Annotated[list[str] | None, typer.Argument(metavar="KEY...", help="Document keys.")] = None,
    *,
    every: Annotated[bool, typer.Option("--all", help="All that is not ignored.")] = False,
    code: Codes = None,
    subject: Subjects = None,
    older_than: OlderThan = None,
    min_amount: MinAmount = None,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Look at parked documents again now, and wait for what becomes of them.

    What would be looked at is shown first, and you are asked. It can be stopped (Ctrl-C): what was not begun stays as
    it is. The exit code is 1 if something is left that waits for you.
    """
    from wescope.cli import parked_work as work  # noqa: PLC0415 - see the module's docstring

    options = work.Chosen(
        keys=keys, every=every, codes=code, subjects=subject, older_than=older_than, min_amount=min_amount
    )
    perform(lambda: work.retry(options, yes=yes, as_json=as_json), as_json=as_json)


@parked_app.command(epilog=examples('wescope parked ignore in_1ABC:invoice --reason "paid twice, refunded by hand"'))
def ignore(
    keys: Keys,
    *,
    reason: Annotated[str, typer.Option("--reason", help="Why; kept and shown with the item, so no personal data.")],
    as_json: Json = False,
) -> None:
    """Let parked documents be: they are listed with the reason, and not counted any more.

    It lapses when the item changes its code or its amount, and with `unignore`.
    """
    from wescope.cli import parked_work as work  # noqa: PLC0415 - see the module's docstring

    perform(lambda: work.ignore(keys, reason, as_json=as_json), as_json=as_json)


@parked_app.command(epilog=examples("wescope parked unignore in_1ABC:invoice"))
def unignore(keys: Keys, *, as_json: Json = False) -> None:
    """Count ignored documents again."""
    from wescope.cli import parked_work as work  # noqa: PLC0415 - see the module's docstring

    perform(lambda: work.unignore(keys, as_json=as_json), as_json=as_json)
