"""Which event means: look at which object again. Tables, with the reason for what is left alone.

Every event type of API 2026-10-28.endive and older has a row; thin event notifications have the same names with `v1.`
before them.
"""

from collections.abc import Mapping
from typing import Final

from wescope.stripe.events.meanings import Acknowledged, Handled, Meaning
from wescope.stripe.events.money import BILLING, BUYERS, LEDGER, PAYMENTS
from wescope.stripe.events.others import OLDER, OTHERS

__all__ = ["EVENTS", "Acknowledged", "Handled", "Meaning", "handled_types"]

EVENTS: Final[Mapping[str, Meaning]] = {**BILLING, **PAYMENTS, **LEDGER, **BUYERS, **OTHERS, **OLDER}
"""Every event type that Stripe has or had; any other is unknown: acknowledged and counted."""


def handled_types() -> tuple[str, ...]:
    """The event types that a webhook end point has to be subscribed to, sorted."""
    return tuple(sorted(name for name, meaning in EVENTS.items() if isinstance(meaning, Handled)))
