"""Exceptions as logs may show them: types, places and codes. Messages quote data and are never shown."""

import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

from wescope.errors import WescopeError

_CAUSED = "\nThe above exception was the direct cause of the following exception:\n"
_DEPTH = 4
_FRAMES = 8


def exception_of(raised: object) -> BaseException | None:
    """The exception that a line was given as `exc_info`, if any."""
    match raised:
        case BaseException():
            return raised
        case (_, BaseException() as error, _):
            return error
        case True:
            return sys.exc_info()[1]
        case _:
            return None


def describe_exception(error: BaseException, *, depth: int = _DEPTH) -> str:
    """`error` and its causes as `Type[code] at file:line < file:line`, without any message."""
    return " from ".join(f"{_named(one)} at {_frames(one.__traceback__)}" for one in _chain(error, depth))


def stack_trace(error: BaseException) -> str:
    """`error` and its causes in the shape of Python's own traceback, without messages and without source lines.

    Google's Error Reporting groups by it: it wants what `traceback.format_exc()` returns.
    """
    parts = []
    for one in reversed(list(_chain(error, _DEPTH))):
        frames = traceback.extract_tb(one.__traceback__)[-_FRAMES:]
        places = [f'  File "{short_path(frame.filename)}", line {frame.lineno}, in {frame.name}' for frame in frames]
        parts.append("\n".join(["Traceback (most recent call last):", *places, _headline(one)]))
    return f"\n{_CAUSED}\n".join(parts)


def short_path(filename: str, *, parts: int = 3) -> str:
    """The last parts of a path: enough to find the file, nothing of the machine."""
    return "/".join(Path(filename).parts[-parts:])


def _chain(error: BaseException, depth: int) -> Iterator[BaseException]:
    """The error and its causes, the latest first."""
    current: BaseException | None = error
    while current is not None and depth:
        yield current
        depth -= 1
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)


def _named(error: BaseException) -> str:
    return f"{type(error).__name__}[{error.code}]" if isinstance(error, WescopeError) else type(error).__name__


def _headline(error: BaseException) -> str:
    kind = type(error)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    return f"{name}: {error.code}" if isinstance(error, WescopeError) else name


def _frames(trace: TracebackType | None) -> str:
    frames = traceback.extract_tb(trace)[-_FRAMES:]
    return " < ".join(f"{short_path(frame.filename)}:{frame.lineno}" for frame in reversed(frames)) or "nowhere"
