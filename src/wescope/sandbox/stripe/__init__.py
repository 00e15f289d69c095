"""A local Stripe: read API, webhooks and a seeded business, faithful enough to test a mirror against."""

from wescope.sandbox.stripe.knobs import Knobs
from wescope.sandbox.stripe.server import Running, StripeSandbox

__all__ = ["Knobs", "Running", "StripeSandbox"]
