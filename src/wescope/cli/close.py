"""The command `close`: names, options, help; what it does is imported when it runs."""

from typing import Annotated

import typer

from wescope.cli.options import Json, examples
from wescope.cli.output import perform

CLOSE_EXAMPLES = examples(
    "wescope close",
    "wescope close 2026-10",
    "wescope close 2026-10 --evidence 2026-10.zip",
    "wescope close 2026-10 --sign-off",
    'wescope close 2026-10 --sign-off --reason "0.10 of rounding, booked in November" --json',
    "wescope close 2026-10 --withdraw",
)


def close(
    month: Annotated[str | None, typer.Argument(metavar="[MONTH]", help="A month such as 2026-10.")] = None,
    *,
    sign_off: Annotated[bool, typer.Option("--sign-off", help="Sign the month off.")] = False,
    reason: Annotated[
        str | None,
        typer.Option(help="Why it may be signed off although it differs, or was written to since. No names."),
    ] = None,
    withdraw: Annotated[bool, typer.Option("--withdraw", help="Withdraw the sign-off; it is kept.")] = False,
    evidence: Annotated[
        str | None,
        typer.Option("--evidence", metavar="FILE", help="Write the month's evidence there, as a ZIP archive."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Close a month: what is dated in it and open, how it compares, its sign-off, the evidence.

    Without a month, all of them and how they stand. The comparison is the newest one as of the month's last day:
    `wescope tieout --as-of 2026-10-31` makes it. The exit code is 1 if the month is over and not signed off, or was
    changed since.
    """
    from wescope.cli import close_work as work  # noqa: PLC0415 - see the module's docstring

    options = work.CloseOptions(
        month=month, sign_off=sign_off, reason=reason, withdraw=withdraw, evidence=evidence, as_json=as_json
    )
    perform(lambda: work.close(options), as_json=as_json)
