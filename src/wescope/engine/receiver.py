"""The receiver: takes webhooks of both sides, with the database and the secrets that sign them, and nothing else."""

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy.ext.asyncio import AsyncEngine

from wescope.config import SecretSource
from wescope.engine.qbo_webhooks import QboWebhookOutcome
from wescope.engine.qbo_webhooks import accept as accept_qbo
from wescope.engine.queue import HintQueue
from wescope.engine.receiving import take_in
from wescope.engine.verified import verified
from wescope.links.database import schema_is_current
from wescope.stripe.webhooks import verify


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookOutcome:
    """What became of a webhook that was not refused: stored, duplicate, ignored, or unknown."""

    event_id: str
    event_type: str
    outcome: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """Verifies webhooks and stores their hints durably."""

    engine: AsyncEngine
    queue: HintQueue
    realm_id: str
    secrets: SecretSource

    async def accept(self, body: bytes, signature: str | None) -> WebhookOutcome:
        """Verify a webhook and store its hint durably.

        Raises:
            WebhookRejected: it is refused, and nothing is stored.
            DatabaseUnavailable: nothing is stored; Stripe must send it again.
        """
        now = datetime.now(UTC)
        event = await verified(
            self.secrets, "stripe_webhook_secrets", lambda known: verify(body, signature, known.webhook_secrets, now)
        )
        outcome = await take_in(self.queue, event, now)
        return WebhookOutcome(event_id=event.event_id, event_type=event.event_type, outcome=outcome)

    async def accept_qbo(self, body: bytes, signature: str | None) -> QboWebhookOutcome:
        """Verify a webhook of QBO's and store durably what it says was changed; see `qbo_webhooks.accept`."""
        return await accept_qbo(self.engine, body, signature, secrets=self.secrets, realm_id=self.realm_id)

    async def database_ready(self) -> bool:
        """Whether the database answers and has this version's schema.

        Raises:
            DatabaseUnavailable: it does not answer.
        """
        return await schema_is_current(self.engine)
