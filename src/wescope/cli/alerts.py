"""The command `alerts`: what is on now, and a message that tests whether people are reached."""

import typer

from wescope.cli.options import Json, examples
from wescope.cli.output import perform

alerts_app = typer.Typer(
    help="Show what needs somebody now and whom it is sent to, or send a test.",
    epilog=examples("wescope alerts", "wescope alerts --json", "wescope alerts test"),
    invoke_without_command=True,
    rich_markup_mode=None,
)


@alerts_app.callback()
def alerts(context: typer.Context, *, as_json: Json = False) -> None:
    """Show what needs somebody now, with its remedy, and whom it is sent to.

    The exit code is 1 while something does, or while a message cannot be delivered.
    """
    if context.invoked_subcommand is None:
        from wescope.cli import alerts_work as work  # noqa: PLC0415 - see the module's docstring

        perform(lambda: work.show(as_json=as_json), as_json=as_json)
    elif as_json:
        raise typer.BadParameter(f"give options after `{context.invoked_subcommand}`")


@alerts_app.command("test", epilog=examples("wescope alerts test", "wescope alerts test --json"))
def send_test(*, as_json: Json = False) -> None:
    """Send a message to every target that the environment names, and say whether it was taken.

    The exit code is 1 if one was not, and 2 if there is none.
    """
    from wescope.cli import alerts_work as work  # noqa: PLC0415 - see the module's docstring

    perform(lambda: work.send_test(as_json=as_json), as_json=as_json)
