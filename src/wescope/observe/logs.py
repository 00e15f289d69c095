"""Logs: one line per event on stderr, and no personal data by construction.

Three rules make it so, in processors that every line passes, ours and those of the libraries:

1. only the fields of `ALLOWED_FIELDS` keep their values, and only plain ones; any other field becomes "withheld";
2. an event is a constant text of ours (`EVENT_TEXT`); what looks otherwise is withheld, and of a library's line only
   its logger, place and, for `TRUSTED_LIBRARIES`, the template without its arguments are kept;
3. an exception is shown as types, places and, for our own errors, codes: never as messages, which quote data.
"""

import logging
import re
import sys
import traceback
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from wescope.errors import WescopeError

ALLOWED_FIELDS = frozenset(
    {
        # which line
        "event", "level", "timestamp", "logger", "place", "exception", "run_id", "role", "version",
        # what it is about: external ids and types
        "event_id", "event_type", "api_version", "subject", "document_key", "entity", "qbo_id", "realm_id", "stripe_id",
        "request_id", "intuit_tid", "job_id", "task", "worker", "migration",
        # what happened
        "action", "code", "fault_code", "http_status", "operation", "outcome", "owner", "reason_code", "retry", "state",
        "status", "attempt", "generation", "dry_run", "signal",
        # how much and when
        "amount", "currency", "date", "as_of", "difference", "count", "backlog", "parked", "posted", "days_left",
        "milliseconds", "seconds", "wait_s", "age_s", "bytes",
        # our own surroundings
        "host", "port", "url", "pid",
    }
)  # fmt: skip
"""The only fields whose values reach the log. `url` is an address of our own, never one with a query."""

WITHHELD = "withheld"
EVENT_TEXT = re.compile(r"[A-Za-z][A-Za-z0-9 _.,:;()/-]{0,119}")
MAX_VALUE_CHARACTERS = 200
TRUSTED_LIBRARIES = ("uvicorn.error", "procrastinate", "alembic")
"""Their templates say what happens and hold no data once their arguments are left out."""

QUIET_LIBRARIES = (
    "stripe",
    "httpx",
    "httpx2",
    "httpcore",
    "httpcore2",
    "sqlalchemy",
    "psycopg",
    "asyncio",
    "uvicorn",
    "procrastinate",
    "alembic",
)
"""Only their warnings are of interest; below that they print addresses, queries or bodies."""


def configure_logs(level: str = "info", *, stream: TextIO | None = None, human: bool | None = None) -> None:
    """Send all logs, ours and the libraries', through the processors above to `stream` (stderr).

    Args:
        level: debug, info, warning or error; below it nothing is printed.
        stream: where to write; stderr unless told otherwise.
        human: coloured lines instead of JSON; unless told otherwise, if `stream` is a terminal.
    """
    target = stream or sys.stderr
    readable = target.isatty() if human is None else human
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(target)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, foreign_line],
            processors=[_without_meta, safe_exception, allow_list, _renderer(readable=readable)],
            use_get_message=False,
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    _quieten()


def _renderer(*, readable: bool) -> Processor:
    return structlog.dev.ConsoleRenderer() if readable else structlog.processors.JSONRenderer(ensure_ascii=False)


def _quieten() -> None:
    for name in QUIET_LIBRARIES:
        logging.getLogger(name).setLevel(logging.WARNING)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logging.getLogger(name).handlers = []
    access = logging.getLogger("uvicorn.access")
    access.propagate = False
    access.disabled = True


def foreign_line(_logger: WrappedLogger, _name: str, event_dict: EventDict) -> EventDict:
    """What is kept of a library's line: logger, place, and a trusted library's template without its arguments."""
    record: logging.LogRecord = event_dict["_record"]
    trusted = record.name.startswith(TRUSTED_LIBRARIES)
    text = str(record.msg).splitlines()[0].strip() if trusted and str(record.msg).strip() else "library message"
    event_dict["event"] = text.replace("%s", "..").replace("%d", "..").replace("%r", "..")
    event_dict["place"] = f"{record.module}:{record.funcName}:{record.lineno}"
    return event_dict


def _without_meta(_logger: WrappedLogger, _name: str, event_dict: EventDict) -> EventDict:
    event_dict.pop("_record", None)
    event_dict.pop("_from_structlog", None)
    return event_dict


def safe_exception(_logger: WrappedLogger, _name: str, event_dict: EventDict) -> EventDict:
    """Replace an exception by its types, codes and places."""
    raised = event_dict.pop("exc_info", None)
    event_dict.pop("stack_info", None)
    error = _exception_of(raised)
    if error is not None:
        event_dict["exception"] = describe_exception(error)
    return event_dict


def _exception_of(raised: object) -> BaseException | None:
    match raised:
        case BaseException():
            return raised
        case (_, BaseException() as error, _):
            return error
        case True:
            return sys.exc_info()[1]
        case _:
            return None


def describe_exception(error: BaseException, *, depth: int = 4) -> str:
    """`error` and its causes as `Type[code] at file:line < file:line`, without any message."""
    parts: list[str] = []
    current: BaseException | None = error
    while current is not None and len(parts) < depth:
        code = f"[{current.code}]" if isinstance(current, WescopeError) else ""
        parts.append(f"{type(current).__name__}{code} at {_frames(current.__traceback__)}")
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
    return " from ".join(parts)


def _frames(trace: TracebackType | None, *, depth: int = 8) -> str:
    frames = traceback.extract_tb(trace)[-depth:]
    return " < ".join(f"{_short(frame.filename)}:{frame.lineno}" for frame in reversed(frames)) or "nowhere"


def _short(filename: str, *, parts: int = 3) -> str:
    return "/".join(Path(filename).parts[-parts:])


def allow_list(_logger: WrappedLogger, _name: str, event_dict: EventDict) -> EventDict:
    """Keep the plain values of `ALLOWED_FIELDS`; withhold all others, so that a slip shows and nothing leaks."""
    for name, value in event_dict.items():
        event_dict[name] = _kept(name, value)
    return event_dict


def _kept(name: str, value: object) -> object:
    if name == "event":
        return value if isinstance(value, str) and EVENT_TEXT.fullmatch(value) else WITHHELD
    if name not in ALLOWED_FIELDS:
        return WITHHELD
    return _plain(name, value)


def _plain(name: str, value: object) -> object:
    match value:
        case None | bool() | int() | float():
            return value
        case date():
            return value.isoformat()
        case str() if name == "exception" or len(value) <= MAX_VALUE_CHARACTERS:
            return str(value)
        case _:
            return WITHHELD


def get_logger(name: str, **fields: Any) -> structlog.typing.FilteringBoundLogger:
    """A logger of ours: `get_logger(__name__).info("hint stored", event_id=...)`; events are constant texts."""
    logger: structlog.typing.FilteringBoundLogger = structlog.get_logger(name, **fields)
    return logger


def bind(**fields: str | int) -> None:
    """Give every further line of this task these fields (a request id, a run id)."""
    structlog.contextvars.bind_contextvars(**fields)


def unknown_fields(names: Sequence[str]) -> tuple[str, ...]:
    """Those of `names` that the log would withhold."""
    return tuple(name for name in names if name not in ALLOWED_FIELDS)
