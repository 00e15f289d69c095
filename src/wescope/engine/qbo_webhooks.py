"""Receiving QBO's webhooks: verified, and stored durably as objects that a verification looks at first."""

from dataclasses import dataclass

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from wescope.config import SecretSource
from wescope.engine.verified import verified
from wescope.links.database import transaction
from wescope.links.qbo_hints import QboHint, record
from wescope.qbo.webhooks import QboChange, verify

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class QboWebhookOutcome:
    """What became of a delivery: `stored` hints, `duplicates`, and `ignored` ones.

    Ignored are those of other companies and of objects that are no documents of ours.
    """

    stored: int
    duplicates: int
    ignored: int


async def accept(
    engine: AsyncEngine, body: bytes, signature: str | None, *, secrets: SecretSource, realm_id: str
) -> QboWebhookOutcome:
    """Verify a delivery and store what it says.

    Args:
        engine: the database.
        body: the raw body.
        signature: the header `intuit-signature`.
        secrets: where the app's verifier token is, if there is one.
        realm_id: our company.

    Raises:
        WebhookRejected: it is refused, and nothing is stored.
        DatabaseUnavailable: nothing is stored; Intuit must send it again.
    """
    delivery = await verified(
        secrets, "qbo_webhook_verifier", lambda known: verify(body, signature, known.webhook_verifier, realm_id)
    )
    stored = 0
    if delivery.changes:
        async with transaction(engine) as connection:
            stored = await record(connection, realm_id, [_hint(change) for change in delivery.changes])
    outcome = QboWebhookOutcome(
        stored=stored, duplicates=len(delivery.changes) - stored, ignored=delivery.foreign + delivery.other
    )
    _log.info("QBO webhook", count=stored, outcome="stored" if stored else "nothing")
    return outcome


def _hint(change: QboChange) -> QboHint:
    return QboHint(
        entity=change.entity,
        qbo_id=change.qbo_id,
        operation=change.operation,
        event_id=change.event_id,
        changed_at=change.changed_at,
        other_id=change.other_id,
    )
