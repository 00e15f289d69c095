"""The one list of fields: what a log line and a span may say, what each means, and an example.

No field holds a name, an address, a text that a person has typed, a token or a payload.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of log lines and spans."""

    meaning: str
    example: str


CORRELATION: Mapping[str, Field] = MappingProxyType(
    {
        "event_id": Field(
            meaning="Stripe's event: of the webhook, or the newest one that a worker's run works on",
            example="evt_1SxA2bC3dE4fG5hI",
        ),
        "event_ids": Field(
            meaning="the newest events that a worker's run works on, if they are several, newest first",
            example="evt_1SxB evt_1SxA",
        ),
        "subject": Field(
            meaning="the Stripe object whose documents are computed together", example="invoice/in_1SxA2bC3dE4fG5hI"
        ),
        "document_key": Field(meaning="the document that should be in QBO", example="in_1SxA2bC3dE4fG5hI:invoice"),
        "request_id": Field(meaning="the request id of a write to QBO", example="w1c9f0b8a7d6e5f4a3b2c1d0e9f8a7b6"),
        "batch_id": Field(
            meaning="the request id of the batch that a call went in", example="9f8e7d6c5b4a39281706f5e4"
        ),
        "intuit_tid": Field(meaning="Intuit's own id of a request, for its support", example="1-6741f0a2-0d4f5b"),
        "run_id": Field(meaning="the backfill, replay, sweep or other run that asked for it", example="17"),
        "trace_id": Field(
            meaning="the trace (W3C) that leads from the webhook through the worker to QBO; with a project named in "
            "WESCOPE_GCP_PROJECT it is written as `logging.googleapis.com/trace`",
            example="4bf92f3577b34da6a3ce929d0e0e4736",
        ),
        "span_id": Field(
            meaning="the span within the trace; with a project, `logging.googleapis.com/spanId`",
            example="00f067aa0ba902b7",
        ),
        "trace_sampled": Field(
            meaning="whether the trace is exported; with a project, `logging.googleapis.com/trace_sampled`",
            example="true",
        ),
    }
)
"""Ids that lead from one line to the others about the same thing."""

LINE: Mapping[str, Field] = MappingProxyType(
    {
        "message": Field(meaning="what happened: a constant text", example="document applied"),
        "severity": Field(meaning="DEBUG, INFO, WARNING, ERROR or CRITICAL", example="INFO"),
        "time": Field(meaning="when, in UTC (RFC 3339)", example="2026-11-23T08:15:00.123456Z"),
        "logger": Field(meaning="the part of the program that says so", example="wescope.engine.reconcile"),
        "place": Field(meaning="where a library's line comes from", example="server:startup:102"),
        "exception": Field(
            meaning="an error and its causes: types, codes and places, never messages",
            example="QboRefused[qbo_refused] at wescope/qbo/client.py:240",
        ),
    }
)
"""What every line says of itself."""

FACTS: Mapping[str, Field] = MappingProxyType(
    {
        "actor": Field(
            meaning="who asked: `local`, `cli`, `api:` and a program's name, or `user:` and a digest",
            example="user:3f8a61c0d2b95e47",
        ),
        "amount": Field(meaning="minor units of `currency`", example="120000"),
        "attempt": Field(meaning="how often it was tried, with this time", example="3"),
        "code": Field(meaning="an error's code (docs/errors.md), or a class of errors", example="qbo_throttled"),
        "count": Field(meaning="how many", example="12"),
        "currency": Field(meaning="a lower-case ISO code", example="usd"),
        "days_left": Field(meaning="whole days", example="87"),
        "entity": Field(meaning="QBO's type of object", example="Invoice"),
        "event_type": Field(meaning="Stripe's event type", example="invoice.paid"),
        "field": Field(meaning="the field of a payload that cannot be read: its name", example="created"),
        "fault_code": Field(meaning="QBO's fault code", example="6140"),
        "http_status": Field(meaning="the status of an HTTP answer", example="503"),
        "milliseconds": Field(meaning="how long it took", example="231"),
        "operation": Field(meaning="what was done or asked for", example="create"),
        "parked": Field(meaning="documents that a run has parked", example="0"),
        "outcome": Field(meaning="what became of it", example="ok"),
        "reason_code": Field(meaning="why: a code of the other side, or a kind of exception", example="http_500"),
        "qbo_id": Field(meaning="QBO's id of an object", example="145"),
        "realm_id": Field(meaning="Intuit's id of the company", example="9341454816213001"),
        "schedule": Field(meaning="which of `[schedules]` began it", example="events"),
        "source": Field(meaning="what made a subject be looked at", example="webhook"),
        "state": Field(meaning="the state that something is in from now on", example="connected"),
        "wait_s": Field(meaning="seconds until it is tried again", example="4.0"),
    }
)
"""What happened, to what, how much."""

SURROUNDINGS: Mapping[str, Field] = MappingProxyType(
    {
        "database": Field(meaning="which database is used: `embedded` or `given`", example="given"),
        "dry_run": Field(meaning="whether nothing is written to QBO", example="false"),
        "host": Field(meaning="the address that is listened on", example="127.0.0.1"),
        "port": Field(meaning="the port that is listened on; 0 lets the system choose", example="8080"),
        "log_level": Field(meaning="WESCOPE_LOG_LEVEL", example="info"),
        "pid": Field(meaning="the process's id", example="41"),
        "policy": Field(meaning="whether there is a policy file: `file` or `defaults`", example="file"),
        "qbo_base": Field(meaning="where QBO's API is", example="https://quickbooks.api.intuit.com"),
        "role": Field(meaning="what the process does: all, web or worker", example="worker"),
        "secrets": Field(meaning="WESCOPE_SECRETS: where secrets come from", example="gcp"),
        "signal": Field(meaning="the signal that ends the process", example="SIGTERM"),
        "stripe_base": Field(meaning="where Stripe's API is", example="https://api.stripe.com"),
        "stripe_mode": Field(meaning="which mode the API key is of: `live` or `test`", example="live"),
        "traces": Field(meaning="WESCOPE_TRACES", example="gcp"),
        "version": Field(meaning="the program's version", example="0.1.0"),
        "url": Field(meaning="the service's own address, without a query", example="http://127.0.0.1:8080"),
        "uptime_s": Field(meaning="how long the process has worked, in seconds", example="86400"),
    }
)
"""What the process is and works with: in its first and last lines."""

FIELDS: Mapping[str, Field] = MappingProxyType({**LINE, **CORRELATION, **FACTS, **SURROUNDINGS})
"""The only fields whose values reach a log line or a span."""

GROUPS: Mapping[str, Mapping[str, Field]] = MappingProxyType(
    {"Every line": LINE, "Correlation": CORRELATION, "What happened": FACTS, "First and last lines": SURROUNDINGS}
)
"""The list as the documentation shows it."""
