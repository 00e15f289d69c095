"""Traces: spans with listed attributes only, errors without messages, and a real export over OTLP's HTTP."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime

import google.auth
import pytest
from google.auth.credentials import AnonymousCredentials
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from tests.unit.observe.tracing import Collector, Traced, trace_id_of
from wescope.errors import ConfigurationError, QboRefused
from wescope.observe import telemetry
from wescope.observe.telemetry import Telemetry
from wescope.observe.trace_context import CURRENT, TraceContext, new_context
from wescope.observe.traces import exporting, root, span, told, using

PERSON = "jenny.rosen@example.com"
PARENT = TraceContext(trace_id="4bf92f3577b34da6a3ce929d0e0e4736", span_id="00f067aa0ba902b7", sampled=True)


@pytest.fixture
def traced() -> Iterator[Traced]:
    with Traced() as made:
        yield made


def test_without_a_tracer_there_is_a_trace_and_no_span() -> None:
    with root("job", parent=PARENT):
        assert CURRENT.get() == PARENT
        with span("part"):
            assert CURRENT.get() == PARENT
        told("call", datetime.now(UTC), 0.1)
    with root("job"):
        assert CURRENT.get() is not None
    assert CURRENT.get() is None


def test_a_span_continues_its_parent_and_names_its_links(traced: Traced) -> None:
    other = new_context()
    with root("job", parent=PARENT, links=[other], subject="invoice:in_1", run_id=None):
        inner = CURRENT.get()
        with span("part", count=2):
            told("call", datetime(2026, 11, 23, tzinfo=UTC), 0.25, outcome="unknown", operation="create")
    spans = traced.spans()
    assert {trace_id_of(one) for one in spans.values()} == {PARENT.trace_id}
    job = spans["job"]
    assert inner is not None
    assert inner.trace_id == PARENT.trace_id
    assert job.parent is not None
    assert f"{job.parent.span_id:016x}" == PARENT.span_id
    assert [f"{link.context.trace_id:032x}" for link in job.links] == [other.trace_id]
    assert dict(job.attributes or {}) == {"subject": "invoice:in_1"}
    assert spans["part"].parent == job.context
    call = spans["call"]
    assert (call.end_time or 0) - (call.start_time or 0) == 250_000_000
    assert (call.kind, call.status.status_code) == (SpanKind.CLIENT, StatusCode.ERROR)


def test_a_trace_that_nobody_records_is_continued_and_not_recorded(traced: Traced) -> None:
    unsampled = new_context()
    with root("job", parent=unsampled):
        now = CURRENT.get()
        assert now is not None
        assert (now.trace_id, now.sampled) == (unsampled.trace_id, False)
    assert traced.spans() == {}


def test_a_root_leaves_the_span_around_it(traced: Traced) -> None:
    with root("request"), root("job", parent=PARENT):
        pass
    spans = traced.spans()
    assert trace_id_of(spans["request"]) != trace_id_of(spans["job"])


def test_a_span_withholds_what_a_line_withholds(traced: Traced) -> None:
    with root("job", email=PERSON, subject="x" * 300):
        pass
    assert dict(traced.spans()["job"].attributes or {}) == {"email": "withheld", "subject": "withheld"}


def test_an_error_is_a_code_and_never_a_message(traced: Traced) -> None:
    def fail(error: Exception) -> None:
        with root("job"), span(type(error).__name__):
            raise error

    for error in (QboRefused(PERSON, fault_code="6000"), ValueError(PERSON)):
        with pytest.raises(type(error)):
            fail(error)
    spans = traced.spans()
    assert dict(spans["QboRefused"].attributes or {}) == {"code": "qbo_refused"}
    assert dict(spans["ValueError"].attributes or {}) == {"code": "ValueError"}
    for one in spans.values():
        assert one.status.status_code is StatusCode.ERROR
        assert not one.status.description
        assert not one.events
        assert PERSON not in one.to_json()


@pytest.fixture
def collector() -> Iterator[Collector]:
    made = Collector()
    yield made
    made.close()


async def test_spans_arrive_at_a_collector(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
    async with exporting("otlp", role="web", version="7", project=None):
        with root("receive webhook"), span("store hint"):
            pass
    assert collector.names() == ["receive webhook", "store hint"]
    assert {("service.name", "wescope"), ("service.version", "7"), ("wescope.role", "web")} <= collector.resources()
    with root("afterwards"):
        pass
    assert len(collector.names()) == 2


async def test_google_gets_them_with_its_project(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    credentials = AnonymousCredentials()  # type: ignore[no-untyped-call]  # it has no types
    monkeypatch.setattr(google.auth, "default", lambda scopes: (credentials, "found"))
    monkeypatch.setattr(telemetry, "GOOGLE_ENDPOINT", f"{collector.url}/v1/traces")
    async with exporting("gcp", role="worker", version="7", project="given"):
        with root("reconcile"):
            pass
    assert collector.names() == ["reconcile"]
    assert ("gcp.project_id", "given") in collector.resources()


async def test_without_credentials_the_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(scopes: list[str]) -> None:
        raise google.auth.exceptions.DefaultCredentialsError

    monkeypatch.setattr(google.auth, "default", none)
    with pytest.raises(ConfigurationError, match="WESCOPE_TRACES"):
        async with exporting("gcp", role="worker", version="7", project=None):
            pass


async def test_a_collector_that_hangs_does_not_hold_up_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telemetry, "_CLOSE_S", 0.05)
    released = threading.Event()

    class Hanging(InMemorySpanExporter):
        def export(self, spans: object) -> None:  # type: ignore[override]  # it never answers
            released.wait(30)

    made = Telemetry(Hanging(), role="web", version="7")
    with using(made), root("job"):
        pass
    await made.aclose()
    released.set()


def test_with_traces_off_opentelemetry_is_not_imported() -> None:
    """Its API may be: FastAPI takes that by itself if it is installed."""
    program = (
        "import sys, wescope.wiring, wescope.cli.commands, wescope.cli.main; "
        "print([name for name in sys.modules"
        " if name.startswith(('opentelemetry.sdk', 'opentelemetry.exporter', 'google.auth', 'wescope.observe.tele'))])"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert found.stdout.strip() == "[]"
