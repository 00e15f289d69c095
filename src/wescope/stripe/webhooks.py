"""Webhook verification: the signature over the raw body, its age, and the hint that the event is."""

import hmac
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from wescope.errors import BodyInvalid, BodyTooLarge, SignatureInvalid, SignatureMissing, TimestampOutsideTolerance
from wescope.stripe.hints import EventHint, hint_of

MAXIMUM_BODY_BYTES = 1024 * 1024
TOLERANCE_S = 300
MAXIMUM_HEADER_CHARACTERS = 4096
SCHEME = "v1"

_TIMESTAMP = re.compile(r"[0-9]{1,12}")
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """The header `Stripe-Signature`: when it was signed (Unix seconds), and the digests of the scheme v1."""

    timestamp: str
    digests: tuple[str, ...]


def verify(
    body: bytes,
    signature_header: str | None,
    secrets: Sequence[str],
    now: datetime,
    tolerance_s: int = TOLERANCE_S,
) -> EventHint:
    """Prove that a delivery comes from Stripe and is fresh, and reduce it to a hint.

    The SDK's `WebhookSignature` is not used: it reads the system clock itself, tolerates any time in the future, and
    decodes the body before it is verified, which fails on a body that is no UTF-8. The scheme is Stripe's
    (facts/stripe.md 3): HMAC-SHA256 of `{t}.{raw body}`, any `v1` digest by any secret, other schemes ignored.

    Args:
        body: The raw body, exactly as received.
        signature_header: The value of `Stripe-Signature`.
        secrets: Signing secrets (`whsec_...`) that are accepted; two while one is being rolled.
        now: The current time, with a zone.
        tolerance_s: How far the signature's time may lie from now, in either direction.

    Raises:
        BodyTooLarge: the body is over 1 MiB.
        SignatureMissing: there is no header.
        SignatureInvalid: the header is malformed, or no secret made one of its digests.
        TimestampOutsideTolerance: rightly signed, but too long ago (or in the future).
        BodyInvalid: rightly signed, but no event.
    """
    if len(body) > MAXIMUM_BODY_BYTES:
        raise BodyTooLarge(bytes=len(body))
    signature = parse_signature(signature_header)
    if not _made_by_any(secrets, signature, body):
        raise SignatureInvalid
    age_s = int(now.timestamp()) - int(signature.timestamp)
    if abs(age_s) > tolerance_s:
        raise TimestampOutsideTolerance(age_s=age_s)
    return hint_of(_json(body))


def parse_signature(header: str | None) -> Signature:
    """The parts of a `Stripe-Signature` header: `t=<unix>,v1=<hex>[,v1=<hex>][,v0=<hex>]`.

    Raises:
        SignatureMissing: the header is absent or empty.
        SignatureInvalid: it has no timestamp, or no well-formed v1 digest.
    """
    if not header:
        raise SignatureMissing
    if len(header) > MAXIMUM_HEADER_CHARACTERS:
        raise SignatureInvalid
    pairs = [part.strip().partition("=") for part in header.split(",")]
    timestamps = [value for name, _, value in pairs if name == "t" and _TIMESTAMP.fullmatch(value)]
    digests = tuple(value for name, _, value in pairs if name == SCHEME and _DIGEST.fullmatch(value))
    if not timestamps or not digests:
        raise SignatureInvalid
    return Signature(timestamp=timestamps[0], digests=digests)


def _made_by_any(secrets: Iterable[str], signature: Signature, body: bytes) -> bool:
    signed = signature.timestamp.encode() + b"." + body
    expected = [hmac.digest(secret.encode(), signed, "sha256").hex() for secret in map(str.strip, secrets) if secret]
    return any(hmac.compare_digest(own, given) for own in expected for given in signature.digests)


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise BodyInvalid from None
