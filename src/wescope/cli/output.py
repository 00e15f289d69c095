"""Output: one JSON document or tables on stdout, all else on stderr; errors as code, message and remedy; exit codes."""

import asyncio
import json
import sys
from collections.abc import Callable, Coroutine
from enum import IntEnum
from pathlib import Path
from typing import Any

import typer

from wescope import collector
from wescope.engine.results import Error, ErrorBody, PolicyErrorBody, PolicyRefused, to_json
from wescope.errors import ConfigurationError, PolicyError, WescopeError, WrongUse

Work = Callable[[], Coroutine[Any, Any, "ExitCode"]]
Run = Callable[[Coroutine[Any, Any, "ExitCode"]], "ExitCode"]


class ExitCode(IntEnum):
    """What the command's exit says."""

    GOOD = 0
    NEEDS_YOU = 1
    WRONG_USE = 2


def perform(work: Work, *, as_json: bool, run: Run = asyncio.run) -> None:
    """Run one command to its exit code; an error becomes its code, message and remedy, never a traceback.

    Args:
        work: what the command does.
        as_json: whether its outcome is one JSON document on stdout.
        run: on which event loop; asyncio's own unless told otherwise.

    Raises:
        typer.Exit: always; carries the exit code.
    """
    collector.work()
    raise typer.Exit(_outcome(work, run, as_json=as_json))


def _outcome(work: Work, run: Run, *, as_json: bool) -> ExitCode:
    try:
        return run(work())
    except (ConfigurationError, WrongUse) as error:
        report(error, as_json=as_json)
        return ExitCode.WRONG_USE
    except WescopeError as error:
        report(error, as_json=as_json)
    except typer.Abort:
        _show_error("wrong_use", "Nobody answered the question.", "Add --yes to do it without asking.", as_json=as_json)
        return ExitCode.WRONG_USE
    except (KeyboardInterrupt, asyncio.CancelledError):
        _show_error("stopped", "Stopped before the end.", "Nothing is lost: run it again.", as_json=as_json)
    except Exception as error:  # noqa: BLE001 - a traceback would print values; the place is enough to report
        _show_error(
            "internal_error",
            f"Something unforeseen went wrong ({type(error).__name__} at {_place(error)}).",
            "Report this line.",
            as_json=as_json,
        )
    return ExitCode.NEEDS_YOU


def report(error: WescopeError, *, as_json: bool) -> None:
    """Show an error of ours on stderr, and with `as_json` as the one document on stdout.

    One about the policy file also lists its `faults` as data: file, line, column, key, message, did_you_mean.
    """
    told = (error.code, str(error), error.remedy)
    if isinstance(error, PolicyError) and error.faults and as_json:
        code, message, remedy = told
        body = PolicyErrorBody(code=code, message=message, remedy=remedy, faults=error.faults)
        print_json(PolicyRefused(error=body))
        as_json = False
    _show_error(*told, as_json=as_json)


def _show_error(code: str, message: str, remedy: str, *, as_json: bool) -> None:
    if as_json:
        print_json(Error(error=ErrorBody(code=code, message=message, remedy=remedy)))
    text = message if message.startswith("[") else f"[{code}] {message}"
    typer.echo(f"{text}\n{remedy}", err=True)


def _place(error: BaseException) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return "nowhere"
    return f"{'/'.join(Path(trace.tb_frame.f_code.co_filename).parts[-3:])}:{trace.tb_lineno}"


def print_json(value: object) -> None:
    """Write one JSON document to stdout, complete before anything else happens."""
    typer.echo(json.dumps(to_json(value), indent=2, ensure_ascii=False))
    sys.stdout.flush()


def print_json_line(value: object) -> None:
    """Write one JSON document in one line to stdout, for a program that reads while the command goes on."""
    typer.echo(json.dumps(to_json(value), ensure_ascii=False))
    sys.stdout.flush()
