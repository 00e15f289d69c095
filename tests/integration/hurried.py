"""The command `wescope` with Intuit's minutes made short: for stand-ins that do not enforce limits."""

from collections.abc import Mapping
from types import MappingProxyType

from wescope.cli.main import run
from wescope.qbo.limits import PostgresLimits

SHORT: Mapping[str, float] = MappingProxyType({"second_s": 0.05, "minute_s": 3.0, "slack_s": 0.04})
"""What the limits take for a second and for a minute."""


def hurried_defaults() -> dict[str, object]:
    """The defaults of the limits with what is short in them."""
    return {**(PostgresLimits.__init__.__kwdefaults__ or {}), **SHORT}


if __name__ == "__main__":
    PostgresLimits.__init__.__kwdefaults__ = hurried_defaults()
    run()
