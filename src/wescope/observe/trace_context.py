"""The trace context: which trace the current work belongs to, by W3C's ids, whether or not traces are exported.

Formats: W3C Trace Context level 1 (`traceparent`), and Google's older `X-Cloud-Trace-Context`.
"""

import contextlib
import re
import secrets
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass

_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?", re.DOTALL)
_CLOUD = re.compile(r"([0-9a-f]{32})(?:/([0-9]{1,20}))?(?:;o=([01]))?")
_LARGEST_SPAN = 2**64 - 1
_LONGEST_HEADER = 512
_SAMPLED = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceContext:
    """A span of a trace: 32 and 16 hexadecimal digits, and whether the trace is recorded."""

    trace_id: str
    span_id: str
    sampled: bool = False

    @property
    def traceparent(self) -> str:
        """The context as the header `traceparent`, version 00."""
        return f"00-{self.trace_id}-{self.span_id}-{'01' if self.sampled else '00'}"


CURRENT: ContextVar[TraceContext | None] = ContextVar("wescope_trace", default=None)
"""The span that the current task works in; null outside of any."""


def new_context() -> TraceContext:
    """The first span of a new trace, which nobody records."""
    return TraceContext(trace_id=_random_id(16), span_id=_random_id(8))


def _random_id(size_bytes: int) -> str:
    """Lower-case hexadecimal digits; not all zero, which means "none"."""
    while not (drawn := secrets.token_bytes(size_bytes)).strip(b"\0"):
        pass
    return drawn.hex()


def parse_traceparent(text: str | None) -> TraceContext | None:
    """The context that a `traceparent` names, or null if it names none: it comes from outside and is never trusted."""
    found = _TRACEPARENT.fullmatch(text.strip()) if text and len(text) <= _LONGEST_HEADER else None
    if found is None:
        return None
    trace_id, span_id, flags = found.groups()
    return _valid(trace_id, span_id, sampled=bool(int(flags, 16) & _SAMPLED))


def parse_cloud_header(text: str | None) -> TraceContext | None:
    """The context that an `X-Cloud-Trace-Context` names (`TRACE/SPAN;o=1`, the span decimal), or null."""
    found = _CLOUD.fullmatch(text.strip().lower()) if text and len(text) <= _LONGEST_HEADER else None
    if found is None:
        return None
    trace_id, span, sampled = found.groups()
    number = int(span or 0)
    span_id = f"{number:016x}" if 0 < number <= _LARGEST_SPAN else _random_id(8)
    return _valid(trace_id, span_id, sampled=sampled == "1")


def of_headers(headers: Mapping[str, str]) -> TraceContext | None:
    """The context that a request came with, by the names of its headers in lower case; W3C's goes first."""
    return parse_traceparent(headers.get("traceparent")) or parse_cloud_header(headers.get("x-cloud-trace-context"))


def _valid(trace_id: str, span_id: str, *, sampled: bool) -> TraceContext | None:
    if not trace_id.strip("0") or not span_id.strip("0"):
        return None
    return TraceContext(trace_id=trace_id, span_id=span_id, sampled=sampled)


def current_traceparent() -> str | None:
    """The `traceparent` of the current work, to be stored with what it asks for."""
    context = CURRENT.get()
    return context.traceparent if context else None


@contextlib.contextmanager
def in_context(context: TraceContext) -> Iterator[TraceContext]:
    """Have the block belong to this span: its lines carry the ids, its hints are stored with them."""
    token = CURRENT.set(context)
    try:
        yield context
    finally:
        CURRENT.reset(token)
