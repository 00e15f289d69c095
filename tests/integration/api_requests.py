"""Requests that Schemathesis makes up of the published description, and what is wrong about a service's answers."""

import base64
import hashlib
import hmac
import json
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import requests
import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema
from schemathesis.engine.recorder import ScenarioRecorder

SEED = 7
REQUEST_TIMEOUT_S = 60


@dataclass
class Outcome:
    """What was asked, by operation, and every fault with the request that shows it."""

    asked: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Signer(requests.auth.AuthBase):
    """Signs the body that is really sent, as Stripe and Intuit do."""

    stripe_secret: str
    qbo_verifier: str

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        body = request.body
        raw = body.encode() if isinstance(body, str) else body if isinstance(body, bytes) else b""
        if "/webhooks/stripe" in str(request.url):
            now = str(int(time.time()))
            made = hmac.new(self.stripe_secret.encode(), f"{now}.".encode() + raw, hashlib.sha256).hexdigest()
            request.headers["Stripe-Signature"] = f"t={now},v1={made}"
        else:
            digest = hmac.digest(self.qbo_verifier.encode(), raw, "sha256")
            request.headers["intuit-signature"] = base64.b64encode(digest).decode()
        return request


def ask(url: str, description: Mapping[str, Any], signer: Signer, *, examples: int) -> Outcome:
    """Asks a service for everything that its description has: examples, every border of every schema, wrong types and
    methods, missing headers; and `examples` random requests for each operation."""
    schema = schemathesis.openapi.from_dict(_without_security(description), config=_config(url, examples))

    def before_call(context: Any, case: Any, kwargs: dict[str, Any]) -> None:
        if "/webhooks/" in case.path and case.meta and case.meta.generation.mode.is_positive:
            kwargs["auth"] = signer

    schemathesis.hook(before_call)
    try:
        return _outcome(from_schema(schema).execute())
    finally:
        schemathesis.hooks.unregister(before_call)


def _without_security(description: Mapping[str, Any]) -> dict[str, Any]:
    """The description for who asks on the service's own machine, and need not show who he is."""
    made: dict[str, Any] = json.loads(json.dumps(description))
    made["components"].pop("securitySchemes", None)
    for path in made["paths"].values():
        for operation in path.values():
            operation.pop("security", None)
    return made


def _outcome(stream: Iterable[events.EngineEvent]) -> Outcome:
    outcome = Outcome()
    for event in stream:
        if isinstance(event, events.ScenarioFinished):
            outcome.asked[event.recorder.label] += len(event.recorder.cases)
            outcome.faults += _faults(event.recorder)
        elif isinstance(event, events.NonFatalError):
            outcome.faults.append(f"{event.label}: {event.info}")
        elif isinstance(event, events.FatalError):
            outcome.faults.append(str(event.exception))
    return outcome


def _config(url: str, examples: int) -> SchemathesisConfig:
    return SchemathesisConfig.from_dict(
        {
            "base-url": url,
            "seed": SEED,
            "continue-on-failure": True,
            "request-timeout": REQUEST_TIMEOUT_S,
            "generation": {
                "max-examples": examples,
                "deterministic": True,
                "database": "none",
                "no-shrink": True,
            },
            "phases": {"stateful": {"enabled": False}},
            # A well-formed request may ask for what does not fit together: `_misread` tells both apart by their codes.
            "checks": {"positive_data_acceptance": {"expected-statuses": ["2xx", 303, 403, 404, 409, 422]}},
        }
    )


def _faults(recorder: ScenarioRecorder) -> Iterator[str]:
    for number, checks in recorder.checks.items():
        for check in checks:
            if check.failure_info is not None:
                yield f"{_told(recorder, number)}: {check.name}: {check.failure_info.failure.message}"
    for number, node in recorder.cases.items():
        response = recorder.find_response(case_id=number)
        meta = node.value.meta
        is_well_formed = meta is not None and meta.generation.mode.is_positive
        if response is not None and is_well_formed and response.status_code == 422 and _misread(response.content):
            yield f"{_told(recorder, number)}: what fits the schema is refused: {response.content!r}"


def _misread(content: bytes) -> bool:
    if not content.startswith(b"{"):
        return b"request_invalid" in content  # a page says it in words
    return bool(json.loads(content)["error"]["code"] == "request_invalid")


def _told(recorder: ScenarioRecorder, number: str) -> str:
    interaction = recorder.interactions.get(number)
    if interaction is None:
        return recorder.label
    request, response = interaction.request, interaction.response
    status = response.status_code if response else "no answer"
    return f"{request.method} {request.uri} {request.body!r:.300} -> {status}"
