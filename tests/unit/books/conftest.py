"""Properties on a busy machine: bounded by their number of examples, not by the clock."""

from hypothesis import HealthCheck, settings

settings.register_profile("books", max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("books")
