"""The embedded PostgreSQL: a server of our own for a state folder, with nothing to install.

`embedded_postgres` is all that is needed; `acquire` and `release` are its two halves, and `revive` is for those who
stay long.
"""

from wescope.links.embedded.errors import (
    BinariesMissing,
    DataDirectoryUnusable,
    EmbeddedPostgresError,
    HomeRefused,
    InitialisationFailed,
    NoUsableAccount,
    PasswordRefused,
    StartFailed,
    StartTimeout,
    StopTimeout,
)
from wescope.links.embedded.server import EmbeddedServer, Use, acquire, embedded_postgres, release, revive, running

__all__ = [
    "BinariesMissing",
    "DataDirectoryUnusable",
    "EmbeddedPostgresError",
    "EmbeddedServer",
    "HomeRefused",
    "InitialisationFailed",
    "NoUsableAccount",
    "PasswordRefused",
    "StartFailed",
    "StartTimeout",
    "StopTimeout",
    "Use",
    "acquire",
    "embedded_postgres",
    "release",
    "revive",
    "running",
]
