"""Verified: a check of a webhook's signature, once more with newer secrets if the ones in use were refused."""

from collections.abc import Callable
from typing import TypeVar

from wescope.config import SecretSource, Settings
from wescope.errors import SignatureInvalid
from wescope.qbo.webhooks import QboWebhooksOff

T = TypeVar("T")


async def verified(secrets: SecretSource, name: str, check: Callable[[Settings], T]) -> T:
    """What `check` makes of a webhook with the secrets as they are now.

    Args:
        secrets: where they are; asked for newer ones at most as often as it allows (nobody knows who sends forgeries).
        name: the setting that the check looks at.
        check: verifies, and raises if the signature is not of that setting's value.

    Raises:
        WebhookRejected: as `check`.
    """
    settings = secrets.current
    try:
        return check(settings)
    except (SignatureInvalid, QboWebhooksOff):
        if not await secrets.newer(name, getattr(settings, name)):
            raise
    return check(secrets.current)
