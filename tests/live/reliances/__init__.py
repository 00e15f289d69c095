"""Everything that the product relies on at Stripe and QBO. `docs/api-discovery.md` is written from here."""

from tests.live.model import Reliance
from tests.live.reliances import (
    qbo_changing,
    qbo_documents,
    qbo_end_points,
    qbo_general,
    stripe_behaviours,
    stripe_end_points,
    stripe_fields,
)

RELIANCES: tuple[Reliance, ...] = (
    *stripe_end_points.END_POINTS,
    *stripe_fields.FIELDS,
    *stripe_behaviours.EVENTS,
    *stripe_behaviours.OTHERS,
    *qbo_end_points.END_POINTS,
    *qbo_end_points.FIELDS,
    *qbo_general.GENERAL,
    *qbo_changing.CHANGING,
    *qbo_documents.DOCUMENTS,
)
