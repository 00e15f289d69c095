import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from stripe import WebhookSignature

from tests.unit.stripe.payloads import event, thin_event
from wescope.books.subjects import Subject, SubjectKind
from wescope.errors import (
    BodyInvalid,
    BodyTooLarge,
    SignatureInvalid,
    SignatureMissing,
    TimestampOutsideTolerance,
    WebhookRejected,
)
from wescope.stripe.webhooks import MAXIMUM_BODY_BYTES, verify

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
SECRET = "whsec_one"
OTHER = "whsec_two"


def signed(body: bytes, *secrets: str, at: datetime = NOW) -> str:
    timestamp = str(int(at.timestamp()))
    digests = [hmac.digest(secret.encode(), timestamp.encode() + b"." + body, "sha256").hex() for secret in secrets]
    return ",".join([f"t={timestamp}", *(f"v1={digest}" for digest in digests), "v0=abc"])


def body_of(payload: Any) -> bytes:
    return json.dumps(payload).encode()


def test_a_snapshot_event() -> None:
    body = body_of(event(account="acct_1"))
    hint = verify(body, signed(body, SECRET), [SECRET], NOW)
    assert (hint.event_id, hint.event_type, hint.customer_id) == ("evt_1", "invoice.paid", "cus_1")
    assert hint.subject == Subject(kind=SubjectKind.INVOICE, id="in_1")
    assert (hint.thin, hint.known, hint.livemode, hint.account) == (False, True, False, "acct_1")


def test_a_thin_notification() -> None:
    body = body_of(thin_event(context="acct_1"))
    hint = verify(body, signed(body, SECRET), [SECRET], NOW)
    assert (hint.event_type, hint.subject) == ("invoice.paid", Subject(kind=SubjectKind.INVOICE, id="in_1"))
    assert (hint.thin, hint.account, hint.customer_id) == (True, "acct_1", None)
    assert hint.created == datetime(2026, 11, 22, 10, tzinfo=UTC)


def test_signed_as_the_sdk_signs() -> None:
    body = body_of(event())
    header = WebhookSignature.generate_signature_header(body.decode(), SECRET, int(NOW.timestamp()))
    assert verify(body, header, [SECRET], NOW).known


@pytest.mark.parametrize("secrets", [[SECRET, OTHER], [OTHER, SECRET], [" whsec_one "], ["", SECRET]])
def test_any_secret_may_have_signed(secrets: list[str]) -> None:
    body = body_of(event())
    assert verify(body, signed(body, SECRET), secrets, NOW).known


def test_while_rolling_any_digest_counts() -> None:
    body = body_of(event())
    assert verify(body, signed(body, "whsec_old", SECRET), [SECRET], NOW).known


@pytest.mark.parametrize("header", [None, ""])
def test_no_signature(header: str | None) -> None:
    with pytest.raises(SignatureMissing):
        verify(body_of(event()), header, [SECRET], NOW)


@pytest.mark.parametrize(
    "header",
    ["nonsense", "t=1", "v1=" + "0" * 64, "t=x,v1=" + "0" * 64, "t=1,v1=é", "t=1,v1=" + "0" * 64, "t=1," * 5000],
)
def test_a_wrong_signature(header: str) -> None:
    with pytest.raises(SignatureInvalid):
        verify(body_of(event()), header, [SECRET], NOW)


def test_neither_scheme_v0_nor_an_empty_secret_nor_no_secret_proves_anything() -> None:
    body = body_of(event())
    header = signed(body, SECRET).replace("v1=", "v0=")
    with pytest.raises(SignatureInvalid):
        verify(body, header, [SECRET], NOW)
    for secrets in ([], [""], [" "]):
        with pytest.raises(SignatureInvalid):
            verify(body, signed(body, "", " "), secrets, NOW)


def test_one_changed_byte() -> None:
    body = body_of(event())
    with pytest.raises(SignatureInvalid):
        verify(body.replace(b"in_1", b"in_2"), signed(body, SECRET), [SECRET], NOW)


def test_a_body_that_is_no_utf8_is_verified_first() -> None:
    body = b"\xff\xfe{}"
    with pytest.raises(SignatureInvalid):
        verify(body, signed(body, OTHER), [SECRET], NOW)
    with pytest.raises(BodyInvalid):
        verify(body, signed(body, SECRET), [SECRET], NOW)


@pytest.mark.parametrize(("seconds", "accepted"), [(-301, False), (-300, True), (300, True), (301, False)])
def test_tolerance_in_both_directions(seconds: int, accepted: bool) -> None:
    body = body_of(event())
    header = signed(body, SECRET, at=NOW + timedelta(seconds=seconds))
    if accepted:
        assert verify(body, header, [SECRET], NOW).known
        return
    with pytest.raises(TimestampOutsideTolerance) as raised:
        verify(body, header, [SECRET], NOW)
    assert raised.value.details == {"age_s": -seconds}


def test_size_limit() -> None:
    fits = body_of(event()).ljust(MAXIMUM_BODY_BYTES)
    assert verify(fits, signed(fits, SECRET), [SECRET], NOW).known
    with pytest.raises(BodyTooLarge):
        verify(fits + b" ", signed(fits + b" ", SECRET), [SECRET], NOW)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"[" * 100_000,
        b'{"a":' + b"9" * 10_000 + b"}",
        body_of({"object": "invoice"}),
        body_of(event(id=None)),
        body_of(event(id="evt_1; drop table")),
        body_of(event(id="x" * 256)),
        body_of(event(id="evt_1\n")),
        body_of(event(type=None)),
        body_of(event(type="invoice.päid")),
        body_of(event(created="yesterday")),
        body_of(event(created=10**30)),
        body_of(event(created=True)),
        body_of(event(livemode=None)),
        body_of(event(account={"id": "../x"})),
        body_of(event(data=None)),
        body_of(event(data={"object": []})),
        body_of(event(data={"object": {"id": None}})),
        body_of(event(data={"object": {"id": "../../v1/accounts"}})),
        body_of(event(data={"object": {"id": "in_1", "customer": "a@b.c"}})),
        body_of(event(data={"object": {"id": "in_1", "customer": 1}})),
        body_of(event(type="charge.updated", data={"object": {"id": "ch_1", "payment_intent": "../x"}})),
        body_of(thin_event(related_object=None)),
        body_of(thin_event(related_object={"id": "in_1", "type": "file"})),
        body_of(thin_event(related_object={"id": "in/1", "type": "invoice"})),
        body_of(thin_event(created="2026-11-22T10:00:00")),
        body_of(thin_event(created="0001-01-01T00:00:00+23:00")),
        body_of(thin_event(created=1)),
        body_of(thin_event(context="acct_1//")),
        body_of(thin_event(context=1)),
    ],
    ids=range(33),
)
def test_a_body_that_is_no_event(payload: bytes) -> None:
    with pytest.raises(BodyInvalid) as raised:
        verify(payload, signed(payload, SECRET), [SECRET], NOW)
    assert "drop table" not in str(raised.value)


def test_every_rejection_is_a_4xx() -> None:
    classes = (BodyInvalid, BodyTooLarge, SignatureInvalid, SignatureMissing, TimestampOutsideTolerance)
    assert all(issubclass(one, WebhookRejected) and 400 <= one.http_status < 500 for one in classes)
