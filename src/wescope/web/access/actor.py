"""Actors: who asks, as far as anybody may know it. No names and no e-mails: a word, or a digest of a subject."""

from dataclasses import dataclass
from enum import IntEnum


class Role(IntEnum):
    """What somebody may do: look, or also decide and start work. A higher one may all that a lower one may."""

    VIEWER = 1
    OPERATOR = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who asks. `name` is what the audit log keeps: `local`, `api`, or `user:` and a digest."""

    name: str
    role: Role

    @property
    def is_operator(self) -> bool:
        """True if decisions and work may be asked for."""
        return self.role >= Role.OPERATOR
