"""Logs: one line per event on stderr, and no personal data by construction.

Three rules make it so, in processors that every line passes, ours and those of the libraries:

1. only the fields of `wescope.observe.fields` keep their values, and only plain ones; any other becomes "withheld";
2. a message is a constant text of ours; what looks otherwise is withheld, and of a library's line only its logger,
   place and, for `TRUSTED_LIBRARIES`, the template without its arguments are kept;
3. an exception is shown as types, places and, for our own errors, codes: never as messages, which quote data.

A terminal gets coloured lines, everything else JSON as Cloud Logging reads it (`wescope.observe.cloud_lines`).
"""

import logging
import sys
from contextlib import AbstractContextManager
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from wescope.observe.allowed import allowed
from wescope.observe.cloud_lines import ADDED, CloudLines
from wescope.observe.exceptions import describe_exception, exception_of
from wescope.observe.trace_context import CURRENT

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
    "opentelemetry",
    "google",
    "urllib3",
)
"""Only their warnings are of interest; below that they print addresses, queries or bodies."""


_STRUCTLOG_NAMES = {"event": "message", "level": "severity", "timestamp": "time"}
"""What structlog calls them until the line is written."""


def configure_logs(
    level: str = "info",
    *,
    stream: TextIO | None = None,
    human: bool | None = None,
    role: str = "",
    project: str | None = None,
) -> None:
    """Send all logs, ours and the libraries', through the processors above to `stream` (stderr).

    Args:
        level: debug, info, warning or error; below it nothing is printed.
        stream: where to write; stderr unless told otherwise.
        human: coloured lines instead of JSON; unless told otherwise, if `stream` is a terminal.
        role: what this process does.
        project: the Google Cloud project whose traces the lines belong to, if there is one.
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
    shown: list[Processor] = [
        _without_meta,
        _without_added,
        safe_exception,
        allow_list,
        structlog.dev.ConsoleRenderer(),
    ]
    if not readable:
        lines = CloudLines(role=role, project=project)
        written = structlog.processors.JSONRenderer(ensure_ascii=False)
        shown = [add_trace, lines.locate, _without_meta, lines.stack, safe_exception, allow_list, lines.shape, written]
    handler = logging.StreamHandler(target)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, foreign_line], processors=shown, use_get_message=False
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    _quieten()


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
    error = exception_of(raised)
    if error is not None:
        event_dict["exception"] = describe_exception(error)
    return event_dict


def _without_added(_logger: WrappedLogger, _name: str, event_dict: EventDict) -> EventDict:
    """A line for people has none of what is added for Google, nor anything that takes its name."""
    for name in ADDED:
        event_dict.pop(name, None)
    return event_dict


def add_trace(_logger: WrappedLogger, _name: str, event_dict: EventDict) -> EventDict:
    """Say which trace and span the line belongs to, if it does to any."""
    context = CURRENT.get()
    if context is not None:
        event_dict["trace_id"], event_dict["span_id"] = context.trace_id, context.span_id
        event_dict["trace_sampled"] = context.sampled
    return event_dict


def allow_list(_logger: WrappedLogger, _name: str, event_dict: EventDict) -> EventDict:
    """Keep the plain values of the listed fields; withhold all others, so that a slip shows and nothing leaks.

    A null field is left out.
    """
    return {
        name: value if name in ADDED else allowed(_STRUCTLOG_NAMES.get(name, name), value)
        for name, value in event_dict.items()
        if value is not None or name in ADDED
    }


def get_logger(name: str, **fields: Any) -> structlog.typing.FilteringBoundLogger:
    """A logger of ours: `get_logger(__name__).info("hint stored", event_id=...)`; messages are constant texts."""
    logger: structlog.typing.FilteringBoundLogger = structlog.get_logger(name, **fields)
    return logger


def bound(**fields: str | int | None) -> AbstractContextManager[None]:
    """Give every line of the block these fields (a subject, a run id); null ones are left out."""
    given = {name: value for name, value in fields.items() if value is not None}
    return structlog.contextvars.bound_contextvars(**given)
