"""Acting: for whom what is done now is done; the audit log keeps it beside every start, pause and decision."""

from contextvars import ContextVar
from typing import Final

COMMAND_LINE: Final = "cli"
_ACTOR: ContextVar[str] = ContextVar("actor", default=COMMAND_LINE)


def acting_as(name: str) -> None:
    """From here on, in this task, everything is done for this actor (`local`, `api:<name>`, `user:` and a digest)."""
    _ACTOR.set(name)


def acting() -> str:
    """For whom it is done: the command line, unless somebody else has asked."""
    return _ACTOR.get()
