"""Traces: spans where they are asked for, and in any case one trace from a webhook through the worker to QBO.

`WESCOPE_TRACES` asks for them. Without it a span costs a look at one name, OpenTelemetry is not imported, and log lines
still carry the ids of a trace that this module makes itself.
"""

import contextlib
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

from wescope.errors import ConfigurationError
from wescope.observe.allowed import Plain
from wescope.observe.trace_context import TraceContext, in_context, new_context


class Tracer(Protocol):
    """What makes and exports spans (`wescope.observe.telemetry`)."""

    def root(
        self, name: str, *, parent: TraceContext | None, links: Sequence[TraceContext], attributes: Mapping[str, Plain]
    ) -> AbstractContextManager[object]:
        """A span that begins the work of this process on something."""

    def span(self, name: str, attributes: Mapping[str, Plain]) -> AbstractContextManager[object]:
        """A span within the current one."""

    def told(self, name: str, started_at: datetime, seconds: float, attributes: Mapping[str, Plain]) -> None:
        """A span within the current one that has ended already."""

    async def aclose(self) -> None:
        """Export what is left, for a few seconds at most."""


class _State:
    """The process's tracer, if there is one."""

    tracer: Tracer | None = None


_NOTHING = contextlib.nullcontext()


def root(
    name: str, *, parent: TraceContext | None = None, links: Sequence[TraceContext] = (), **attributes: Plain
) -> AbstractContextManager[object]:
    """Begin the work of this process on something: a request, a job.

    Args:
        name: what is done.
        parent: the span that caused it, perhaps of another process; null begins a new trace.
        links: other spans that caused it, too.
        attributes: fields of `wescope.observe.fields`; null ones are left out.
    """
    if _State.tracer is None:
        return in_context(parent or new_context())
    return _State.tracer.root(name, parent=parent, links=links, attributes=attributes)


def span(name: str, **attributes: Plain) -> AbstractContextManager[object]:
    """A part of the current work. Attributes are fields of `wescope.observe.fields`; null ones are left out."""
    return _NOTHING if _State.tracer is None else _State.tracer.span(name, attributes)


def told(name: str, started_at: datetime, seconds: float, **attributes: Plain) -> None:
    """A part of the current work that is over; `started_at` with a zone."""
    if _State.tracer is not None:
        _State.tracer.told(name, started_at, seconds, attributes)


@contextlib.contextmanager
def using(tracer: Tracer) -> Iterator[None]:
    """Have spans made by this tracer, for the length of the block."""
    before, _State.tracer = _State.tracer, tracer
    try:
        yield
    finally:
        _State.tracer = before


@contextlib.asynccontextmanager
async def exporting(mode: str, *, role: str, version: str, project: str | None) -> AsyncIterator[None]:
    """Export traces as `WESCOPE_TRACES` says, for the length of the block.

    Args:
        mode: `off`; `otlp`, to where OpenTelemetry's own variables say; or `gcp`, to Cloud Trace.
        role: what this process does.
        version: of the program.
        project: where Cloud Trace keeps them; null asks the surroundings.

    Raises:
        ConfigurationError: OpenTelemetry is not installed, or cannot be used as it is told to.
    """
    if mode == "off":
        yield
        return
    tracer = _open(mode, role=role, version=version, project=project)
    with using(tracer):
        try:
            yield
        finally:
            await tracer.aclose()


def _open(mode: str, *, role: str, version: str, project: str | None) -> Tracer:
    try:
        from wescope.observe import telemetry  # noqa: PLC0415 - only who asks for traces pays for them
    except ImportError as error:
        raise ConfigurationError(
            "Traces need the extra `telemetry`: pip install 'wescope-sync[telemetry]'.", variable="WESCOPE_TRACES"
        ) from error
    try:
        exporter, own = (telemetry.otlp_exporter(), None) if mode == "otlp" else telemetry.google_exporter(project)
    except Exception as error:
        # OpenTelemetry and Google have many errors for what their variables say wrongly.
        raise ConfigurationError(
            f"Traces cannot be exported ({type(error).__name__}).", variable="WESCOPE_TRACES"
        ) from error
    return telemetry.Telemetry(exporter, role=role, version=version, project=own)
