"""Telemetry: spans by OpenTelemetry, exported by OTLP. Imported only when `WESCOPE_TRACES` asks for it.

Spans hold what log lines may hold (`wescope.observe.fields`) and no more: an exception is a code or a type, never its
message, and OpenTelemetry is not told of it in any other way.
"""

import asyncio
import contextlib
import threading
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace import NonRecordingSpan, Span, SpanContext, SpanKind, Status, StatusCode, TraceFlags

from wescope.errors import WescopeError
from wescope.observe.allowed import Plain, allowed
from wescope.observe.trace_context import TraceContext, in_context

GOOGLE_ENDPOINT = "https://telemetry.googleapis.com/v1/traces"
"""Google's Telemetry API, which feeds Cloud Trace; it wants the role `roles/telemetry.tracesWriter`."""

GOOGLE_SCOPE = "https://www.googleapis.com/auth/trace.append"
_CLOSE_S = 3.0
_NANOSECONDS = 1_000_000_000


def otlp_exporter() -> SpanExporter:
    """An exporter to where OpenTelemetry's own variables say (`OTEL_EXPORTER_OTLP_ENDPOINT` and its like)."""
    return OTLPSpanExporter()


def google_exporter(project: str | None) -> tuple[SpanExporter, str]:
    """An exporter to Cloud Trace with the credentials of the surroundings, and the project that it writes to.

    Raises:
        GoogleAuthError: there are no credentials.
        ValueError: no project is named anywhere.
    """
    import google.auth  # noqa: PLC0415 - not every user of telemetry is Google's
    from google.auth.transport.requests import AuthorizedSession  # noqa: PLC0415

    credentials, found = google.auth.default(scopes=[GOOGLE_SCOPE])
    if not (project or found):
        raise ValueError("no project")
    session = AuthorizedSession(credentials)  # type: ignore[no-untyped-call]  # it has no types
    return OTLPSpanExporter(endpoint=GOOGLE_ENDPOINT, session=session), str(project or found)


class Telemetry:
    """A tracer of `wescope.observe.traces`."""

    def __init__(self, exporter: SpanExporter, *, role: str, version: str, project: str | None = None) -> None:
        """Take where spans go, and what this process is."""
        attributes = {"service.name": "wescope", "service.version": version, "wescope.role": role}
        resource = Resource.create(attributes | ({"gcp.project_id": project} if project else {}))
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("wescope", version)

    @contextlib.contextmanager
    def root(
        self,
        name: str,
        *,
        parent: TraceContext | None,
        links: Sequence[TraceContext],
        attributes: Mapping[str, Plain],
    ) -> Iterator[None]:
        """A span that begins the work of this process on something."""
        made = self._tracer.start_span(
            name,
            context=trace.set_span_in_context(NonRecordingSpan(_foreign(parent)), Context()) if parent else Context(),
            kind=SpanKind.CONSUMER,
            attributes=_attributes(attributes),
            links=[trace.Link(_foreign(link)) for link in links],
            record_exception=False,
            set_status_on_exception=False,
        )
        with self._current(made):
            yield

    @contextlib.contextmanager
    def span(self, name: str, attributes: Mapping[str, Plain]) -> Iterator[None]:
        """A span within the current one."""
        made = self._tracer.start_span(
            name, attributes=_attributes(attributes), record_exception=False, set_status_on_exception=False
        )
        with self._current(made):
            yield

    def told(self, name: str, started_at: datetime, seconds: float, attributes: Mapping[str, Plain]) -> None:
        """A span within the current one that has ended already."""
        start = int(started_at.timestamp() * _NANOSECONDS)
        made = self._tracer.start_span(name, kind=SpanKind.CLIENT, start_time=start, attributes=_attributes(attributes))
        if attributes.get("outcome") not in {"ok", None}:
            made.set_status(Status(StatusCode.ERROR))
        made.end(start + int(seconds * _NANOSECONDS))

    async def aclose(self) -> None:
        """Export what is left, for a few seconds at most: the process is about to end."""
        done, loop = asyncio.Event(), asyncio.get_running_loop()

        def close() -> None:
            self._provider.shutdown()
            with contextlib.suppress(RuntimeError):  # the loop may have been closed meanwhile
                loop.call_soon_threadsafe(done.set)

        # A daemon: where spans go may hang, and nobody waits for that when the process ends.
        threading.Thread(target=close, name="telemetry", daemon=True).start()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(done.wait(), _CLOSE_S)

    @contextlib.contextmanager
    def _current(self, made: Span) -> Iterator[None]:
        own = made.get_span_context()
        context = TraceContext(
            trace_id=trace.format_trace_id(own.trace_id),
            span_id=trace.format_span_id(own.span_id),
            sampled=own.trace_flags.sampled,
        )
        with (
            in_context(context),
            trace.use_span(made, end_on_exit=True, record_exception=False, set_status_on_exception=False),
        ):
            try:
                yield
            except Exception as error:
                code = error.code if isinstance(error, WescopeError) else type(error).__name__
                made.set_attribute("code", code)
                made.set_status(Status(StatusCode.ERROR))
                raise


def _foreign(context: TraceContext) -> SpanContext:
    """A span that may be another process's, as OpenTelemetry knows it."""
    return SpanContext(
        trace_id=int(context.trace_id, 16),
        span_id=int(context.span_id, 16),
        is_remote=True,
        trace_flags=TraceFlags(TraceFlags.SAMPLED if context.sampled else TraceFlags.DEFAULT),
    )


def _attributes(given: Mapping[str, Plain]) -> dict[str, str | int | float | bool]:
    kept = {name: allowed(name, value) for name, value in given.items()}
    return {name: value for name, value in kept.items() if value is not None}
