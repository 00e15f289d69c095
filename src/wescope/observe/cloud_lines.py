"""Lines as Google's Cloud Logging and Error Reporting read them from a container's output.

Documented under cloud.google.com/logging/docs/structured-logging (special fields of JSON lines) and
cloud.google.com/error-reporting/docs/formatting-error-messages (what makes a line an error event).
"""

import logging

from structlog.typing import EventDict, WrappedLogger

from wescope import __version__
from wescope.observe.exceptions import exception_of, short_path, stack_trace

SEVERITIES = {
    "debug": "DEBUG",
    "info": "INFO",
    "warning": "WARNING",
    "error": "ERROR",
    "exception": "ERROR",
    "critical": "CRITICAL",
}
ERROR_EVENT = "type.googleapis.com/google.devtools.clouderrorreporting.v1beta1.ReportedErrorEvent"
SERVICE = "wescope"
ADDED = frozenset({"_place", "_stack"})
"""What `locate` and `stack` have added: places in our code and names of types."""

_PREFIX = "logging.googleapis.com/"
_ERRORS = frozenset({"ERROR", "CRITICAL"})


class CloudLines:
    """Processors that give a line Google's names. Those that look at values run before the allow-list."""

    def __init__(self, *, role: str, project: str | None) -> None:
        """Take what the process does, and the project that its traces are in."""
        self._project = project
        self._labels = {"service": SERVICE, "version": __version__} | ({"role": role} if role else {})

    @staticmethod
    def locate(_logger: WrappedLogger, _name: str, event_dict: EventDict) -> EventDict:
        """Say where in the code the line was written; logging has found that out anyway."""
        record: logging.LogRecord = event_dict["_record"]
        event_dict["_place"] = (short_path(record.pathname), record.lineno, record.funcName)
        return event_dict

    @staticmethod
    def stack(_logger: WrappedLogger, _name: str, event_dict: EventDict) -> EventDict:
        """Keep an exception as Error Reporting reads it; without its message."""
        error = exception_of(event_dict.get("exc_info"))
        event_dict["_stack"] = stack_trace(error) if error is not None else None
        return event_dict

    def shape(self, _logger: WrappedLogger, _name: str, event_dict: EventDict) -> EventDict:
        """The line with Google's names, those that people read first."""
        path, number, function = event_dict.pop("_place")
        stack = event_dict.pop("_stack")
        severity = SEVERITIES.get(str(event_dict.pop("level", "")), "DEFAULT")
        line: dict[str, object] = {
            "severity": severity,
            "time": event_dict.pop("timestamp"),
            "message": event_dict.pop("event"),
            **self._trace(event_dict),
            **event_dict,
            f"{_PREFIX}labels": self._labels,
            f"{_PREFIX}sourceLocation": {"file": path, "line": str(number), "function": function},
        }
        if severity in _ERRORS:
            line |= {
                "@type": ERROR_EVENT,
                "serviceContext": {"service": SERVICE, "version": __version__},
                "context": {"reportLocation": {"filePath": path, "lineNumber": number, "functionName": function}},
            }
            if stack:
                line["stack_trace"] = stack
        return line

    def _trace(self, event_dict: EventDict) -> EventDict:
        """The trace by Google's names if its project is known, else by plain ones."""
        if self._project is None or "trace_id" not in event_dict:
            return {}
        return {
            f"{_PREFIX}trace": f"projects/{self._project}/traces/{event_dict.pop('trace_id')}",
            f"{_PREFIX}spanId": event_dict.pop("span_id"),
            f"{_PREFIX}trace_sampled": event_dict.pop("trace_sampled"),
        }
