"""Every probe, by name, in the order in which they are made."""

from collections.abc import Mapping

from tests.live.model import Probe
from tests.live.probes import (
    qbo_batch,
    qbo_changing,
    qbo_documents,
    qbo_reading,
    qbo_request_id,
    qbo_tax_and_currency,
    scenarios,
    stripe_money,
    stripe_reading,
)

_SHELVES = (
    stripe_reading.SHELF,
    stripe_money.SHELF,
    qbo_reading.SHELF,
    qbo_request_id.SHELF,
    qbo_batch.SHELF,
    qbo_changing.SHELF,
    qbo_documents.SHELF,
    qbo_tax_and_currency.SHELF,
    scenarios.SHELF,
)

PROBES: Mapping[str, Probe] = {probe.name: probe for shelf in _SHELVES for probe in shelf.probes}
