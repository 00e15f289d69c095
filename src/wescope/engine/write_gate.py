"""Write gate: whether anything may be written to QBO now, the same for all processes, asked before every write.

The policy may ask for a review first (`[books] dry_run`); an operator then releases writing, and may hold it whenever.
Orders are rows of a table (`links/dry_run.py`): who plans looks at most a second late, and no request with a write
leaves without having asked the table (`before_write` of the client).
"""

import dataclasses
import hashlib
import json
import time
from collections.abc import Collection, Mapping
from datetime import datetime
from enum import Enum, StrEnum
from typing import Any, Self

from sqlalchemy.ext.asyncio import AsyncEngine

from wescope.config import PolicyFile
from wescope.errors import WritesHeld, WrongUse
from wescope.links.database import transaction
from wescope.links.dry_run import Order, StoredOrder, newest_orders

_LOOK_EVERY_S = 1.0


class Holding(StrEnum):
    """Why nothing is written, or that it is."""

    WRITING = "writing"
    REVIEW_FIRST = "review_first"
    """The policy asks for a review, and nobody has released writing."""
    POLICY_CHANGED = "policy_changed"
    """Writing was released, but the policy decides documents otherwise by now: it is to be reviewed again."""
    HELD = "held"
    """An operator has stopped writing."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class GateState:
    """Whether anything may be written, and the newest order, if there was any."""

    word: Holding
    order: StoredOrder | None = None

    @property
    def is_held(self) -> bool:
        """True if nothing may be written."""
        return self.word is not Holding.WRITING


class WriteGate:
    """The gate of one realm, as one process sees it."""

    def __init__(self, *, engine: AsyncEngine, realm_id: str, review_first: bool, policy: str) -> None:
        """Take the database, the policy's `dry_run`, and a digest of what decides documents (`policy_digest`)."""
        self._engine, self._realm_id = engine, realm_id
        self.review_first, self.policy = review_first, policy
        self._known, self._looked_at_s = True, float("-inf")

    @classmethod
    def of(cls, engine: AsyncEngine, realm_id: str, policy_file: PolicyFile) -> Self:
        """The gate under a policy."""
        digest = policy_digest(policy_file)
        return cls(engine=engine, realm_id=realm_id, review_first=policy_file.dry_run, policy=digest)

    async def state(self) -> GateState:
        """As it is now.

        Raises:
            DatabaseUnavailable: nobody knows.
        """
        async with transaction(self._engine) as connection:
            orders = await newest_orders(connection, self._realm_id)
        state = self.judge(orders[0] if orders else None)
        self._known, self._looked_at_s = state.is_held, time.monotonic()
        return state

    async def is_held(self) -> bool:
        """Whether nothing may be written; at most a second old.

        Raises:
            DatabaseUnavailable: nobody knows.
        """
        if time.monotonic() - self._looked_at_s < _LOOK_EVERY_S:
            return self._known
        return (await self.state()).is_held

    def forget(self) -> None:
        """Look anew when asked next: an order was given just now."""
        self._looked_at_s = float("-inf")

    async def check(self) -> None:
        """Let a write pass, if it may leave now.

        Raises:
            WritesHeld: it may not.
            DatabaseUnavailable: nobody knows.
        """
        if (await self.state()).is_held:
            raise WritesHeld

    async def require_writing(self) -> None:
        """Let pass what somebody wants written.

        Raises:
            WrongUse: nothing may be written; says why.
            DatabaseUnavailable: nobody knows.
        """
        match (await self.state()).word:
            case Holding.WRITING:
                return
            case Holding.HELD:
                raise WrongUse("Writing is held: nothing is written to QBO. `wescope setup --release` ends it.")
            case _:
                raise WrongUse(
                    "Dry run is switched on ([books] dry_run in wescope.toml) and not released "
                    "(`wescope setup --release`, or the page /setup/dry-run): nothing is written to QBO."
                )

    def judge(self, order: StoredOrder | None) -> GateState:
        """What the newest order means under this process's policy."""
        if order is not None and order.action is Order.HOLD:
            return GateState(word=Holding.HELD, order=order)
        if not self.review_first:
            return GateState(word=Holding.WRITING, order=order)
        if order is None:
            return GateState(word=Holding.REVIEW_FIRST)
        is_reviewed = order.policy == self.policy
        return GateState(word=Holding.WRITING if is_reviewed else Holding.POLICY_CHANGED, order=order)


def policy_digest(policy_file: PolicyFile) -> str:
    """A digest of all in the policy that decides what documents say; what is as by default does not count.

    So it stays the same when a new version has new keys, and when only a schedule or an alert is changed.
    """
    decides = ("policy", "accounts", "accounts_by_currency", "items", "tax")
    default = PolicyFile()
    told = {name: _plain(getattr(policy_file, name), getattr(default, name)) for name in decides}
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]


def _plain(value: Any, default: Any = None) -> Any:
    """The same in words that are written the same everywhere: no order of a set, no defaults of a dataclass."""
    if dataclasses.is_dataclass(value):
        names = [field.name for field in dataclasses.fields(value)]
        kept = {name: getattr(value, name) for name in names if getattr(value, name) != getattr(default, name, None)}
        return {name: _plain(one, getattr(default, name, None)) for name, one in kept.items()}
    match value:
        case Enum():
            return str(value.value)
        case Mapping():
            return sorted([str(_plain(key)), _plain(one)] for key, one in value.items())
        case frozenset() | set():
            return sorted(str(_plain(one)) for one in value)
        case str() | int() | None:
            return value
        case datetime():
            return value.isoformat()
        case Collection():
            return [_plain(one) for one in value]
        case _:
            return str(value)
