"""The command `export`: a table as CSV to a file, which appears when it is complete, or to stdout."""

import contextlib
import os
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import date
from pathlib import Path

import typer

from wescope.cli.commands import open_runtime
from wescope.cli.output import ExitCode, print_json
from wescope.cli.outputs import CsvWritten
from wescope.cli.progress import Reporter
from wescope.engine.export_sheets import What
from wescope.errors import WrongUse

STDOUT = "-"


async def export(what: str, out: str, since: date | None, *, as_json: bool) -> ExitCode:
    """Write one table.

    Raises:
        WrongUse: stdout cannot take both the table and --json, or the file cannot be written.
    """
    wanted = What(what)
    if as_json and out == STDOUT:
        raise WrongUse("With --json the table needs a file: add --out FILE.")
    target = None if out == STDOUT else _writable(Path(out))
    async with open_runtime() as runtime:
        total = await runtime.support.export_size(wanted, since)
        with Reporter() as progress:
            written = await _copy(
                runtime.support.export(wanted, since), target, lambda rows: progress(what, rows, total)
            )
    if as_json:
        print_json(CsvWritten(what=what, rows=written, out=str(target), since=since))
    elif target:
        typer.echo(f"{written} rows in {target}", err=True)
    return ExitCode.GOOD


async def _copy(pieces: AsyncIterator[str], target: Path | None, tell: Callable[[int], None]) -> int:
    """Write all pieces; returns how many rows there were, without the header."""
    rows = -1
    with _opened(target) as write:
        async for piece in pieces:
            write(piece)
            # No cell has a line break: keys, ids and codes have none, and a reason is kept as one line.
            rows += piece.count("\r\n")
            tell(rows)
    return rows


@contextlib.contextmanager
def _opened(target: Path | None) -> Iterator[Callable[[str], object]]:
    if target is None:
        yield _to_stdout
        return
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with part.open("w", encoding="utf-8", newline="") as file:
            yield file.write
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def _to_stdout(piece: str) -> None:
    try:
        sys.stdout.write(piece)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever reads has seen enough (`| head`): that is no error, also not when the interpreter flushes at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit from None


def _writable(target: Path) -> Path:
    """The file, if its folder is there and it is no folder itself.

    Raises:
        WrongUse: it cannot be written there.
    """
    if target.is_dir() or not target.parent.is_dir() or not os.access(target.parent, os.W_OK):
        raise WrongUse("The file cannot be written there: check the folder that --out names.")
    return target
