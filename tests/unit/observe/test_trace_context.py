"""Trace contexts: what comes from outside is taken only if it is well-formed."""

import pytest

from wescope.observe.trace_context import (
    TraceContext,
    current_traceparent,
    in_context,
    new_context,
    of_headers,
    parse_cloud_header,
    parse_traceparent,
)

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.mark.parametrize(("flags", "sampled"), [("00", False), ("01", True), ("03", True)])
def test_a_traceparent_is_read(flags: str, sampled: bool) -> None:
    expected = TraceContext(trace_id=TRACE, span_id=SPAN, sampled=sampled)
    assert parse_traceparent(f"00-{TRACE}-{SPAN}-{flags}") == expected


def test_a_later_version_with_more_parts_is_read() -> None:
    found = parse_traceparent(f"01-{TRACE}-{SPAN}-01-what-else")
    assert found is not None
    assert found.traceparent == f"00-{TRACE}-{SPAN}-01"


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "jenny.rosen@example.com",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}",
        f"00-{TRACE}-{SPAN}-01" + "-x" * 300,
    ],
)
def test_what_is_no_traceparent_is_left(text: str | None) -> None:
    assert parse_traceparent(text) is None


def test_googles_header_is_read() -> None:
    number = int(SPAN, 16)
    assert parse_cloud_header(f"{TRACE}/{number};o=1") == TraceContext(trace_id=TRACE, span_id=SPAN, sampled=True)
    without = parse_cloud_header(TRACE)
    assert without is not None
    assert (without.trace_id, without.sampled, len(without.span_id)) == (TRACE, False, 16)
    assert parse_cloud_header(f"{TRACE}/x") is None
    assert parse_cloud_header(f"{TRACE}/{2**64};o=0") is not None


def test_w3cs_header_goes_first() -> None:
    other = "1" * 32
    headers = {"traceparent": f"00-{TRACE}-{SPAN}-00", "x-cloud-trace-context": f"{other}/1;o=1"}
    found = of_headers(headers)
    assert found is not None
    assert found.trace_id == TRACE
    found = of_headers({**headers, "traceparent": "nonsense"})
    assert found is not None
    assert found.trace_id == other
    assert of_headers({}) is None


def test_new_contexts_differ_and_are_well_formed() -> None:
    first, second = new_context(), new_context()
    assert first != second
    assert parse_traceparent(first.traceparent) == first


def test_the_block_belongs_to_the_context() -> None:
    assert current_traceparent() is None
    with in_context(new_context()) as context:
        assert current_traceparent() == context.traceparent
    assert current_traceparent() is None
