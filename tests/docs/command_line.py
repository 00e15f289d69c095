"""Command line: every command of `wescope` as typer knows it, and whether a call would be taken."""

from collections.abc import Iterator, Sequence

import typer
import typer.main
from typer._click.core import Command
from typer._click.exceptions import ClickException
from typer.core import TyperGroup

from wescope.cli.main import app


def root() -> TyperGroup:
    """The command `wescope`."""
    found = typer.main.get_command(app)
    assert isinstance(found, TyperGroup)
    return found


def fault_of(arguments: Sequence[str]) -> str:
    """What is wrong with a call, empty if nothing; nothing is performed."""
    command: Command = root()
    try:
        context = command.make_context("wescope", list(arguments))
        while isinstance(command, TyperGroup) and (rest := [*context._protected_args, *context.args]):
            name, found, rest = command.resolve_command(context, rest)
            if found is None:
                return f"no command {name}"
            command = found
            context = command.make_context(name, list(rest), parent=context)
    except typer.Exit:
        return ""  # its help
    except ClickException as error:
        return error.format_message()
    return ""


def commands() -> Iterator[tuple[str, Command]]:
    """Every command that does something, by its name with those above it (`parked retry`)."""

    def below(path: tuple[str, ...], command: Command) -> Iterator[tuple[str, Command]]:
        if not isinstance(command, TyperGroup) or command.invoke_without_command:
            yield " ".join(path), command
        if isinstance(command, TyperGroup):
            for name, one in command.commands.items():
                yield from below((*path, name), one)

    yield from below((), root())
