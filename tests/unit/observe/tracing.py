"""Tracers and a collector for tests."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from wescope.observe.telemetry import Telemetry
from wescope.observe.traces import using


class Traced:
    """A tracer in memory."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        self._telemetry = Telemetry(self._exporter, role="test", version="1")

    @property
    def provider(self) -> TracerProvider:
        """What makes its spans."""
        return self._telemetry._provider

    def __enter__(self) -> Self:
        self._using = using(self._telemetry)
        self._using.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._using.__exit__(None, None, None)
        self._telemetry._provider.shutdown()

    def finished(self) -> list[ReadableSpan]:
        """Every span that has ended, when all is over."""
        return list(self._exporter.get_finished_spans())

    def all(self) -> list[ReadableSpan]:
        """Every span that has ended."""
        self._telemetry._provider.force_flush()
        return list(self._exporter.get_finished_spans())

    def spans(self) -> dict[str, ReadableSpan]:
        """The last span of each name."""
        return {one.name: one for one in self.all()}


class Collector:
    """A receiver of OTLP over HTTP."""

    def __init__(self) -> None:
        collector = self
        self.bodies: list[bytes] = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                collector.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def names(self) -> list[str]:
        found = []
        for body in self.bodies:
            request = ExportTraceServiceRequest.FromString(body)
            found += [s.name for r in request.resource_spans for scope in r.scope_spans for s in scope.spans]
        return sorted(found)

    def resources(self) -> set[tuple[str, str]]:
        requests = [ExportTraceServiceRequest.FromString(body) for body in self.bodies]
        return {
            (one.key, one.value.string_value)
            for request in requests
            for spans in request.resource_spans
            for one in spans.resource.attributes
        }


def trace_id_of(one: ReadableSpan) -> str:
    assert one.context is not None
    return f"{one.context.trace_id:032x}"
