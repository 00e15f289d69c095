"""Options that many commands share, and the examples at the end of their help. Light: every `--help` imports it."""

from typing import Annotated

import typer

EXIT_CODES = "Exit codes: 0 good, 1 something needs you, 2 wrong use or wrong settings."

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout; logs stay on stderr.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do it without asking.")]


def examples(*lines: str) -> str:
    """The examples at the end of a command's help, not to be wrapped."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines) + f"\n\n{EXIT_CODES}"
