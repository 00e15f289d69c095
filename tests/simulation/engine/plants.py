"""Planted bugs: what the product must never do, switched on by name, to prove that the simulator finds it.

Each is planted at a seam that any version of the product has, in a forked process only.
"""

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any

import sqlalchemy as sa

from tests.simulation.engine.clocks import replace_everywhere
from wescope.engine.tokens import StoredTokenRow
from wescope.errors import QboNotSent, QboOutcomeUnknown, StaleObject
from wescope.links import schema, subjects
from wescope.links.database import transaction
from wescope.links.store import LinkStore
from wescope.qbo import lookup, verify
from wescope.qbo.client import QboClient

_WRITES = ("create", "update", "void", "delete")


def install(name: str, world: Any) -> None:
    """Plants a bug; nothing without a name."""
    if name:
        PLANTS[name](world)


def apply_to_runtime(runtime: Any) -> None:
    """Lets planted bugs know the parts of a runtime that has just been built."""
    _ENGINES[runtime.client] = runtime.engine


_ENGINES: dict[Any, Any] = {}


def _around_writes(change: Callable[[Any, Callable[..., Any]], Callable[..., Any]]) -> None:
    for name in _WRITES:
        original = getattr(QboClient, name)
        setattr(QboClient, name, change(name, original))


def _no_intent_row(_: Any) -> None:
    """The link is stored only after the call, whatever came of it: who dies in between knows nothing of it."""
    meant: ContextVar[Any] = ContextVar("meant", default=None)
    intend = LinkStore.intend

    async def later(self: Any, connection: Any, intent: Any, *, at: Any) -> Any:
        async with connection.begin_nested() as savepoint:
            link = await intend(self, connection, intent, at=at)
            await savepoint.rollback()
        meant.set((self, intent, at))
        return link

    def change(_: str, original: Callable[..., Any]) -> Callable[..., Any]:
        async def write(self: Any, *arguments: Any, **options: Any) -> Any:
            try:
                return await original(self, *arguments, **options)
            finally:
                if meant.get() is not None:
                    store, intent, at = meant.get()
                    meant.set(None)
                    async with transaction(_ENGINES[self]) as connection:
                        await intend(store, connection, intent, at=at)

        return write

    LinkStore.intend = later  # type: ignore[method-assign]
    _around_writes(change)


def _new_request_id_per_attempt(_: Any) -> None:
    """Every try of the same intent has an id of its own."""
    count = iter(range(1 << 40))

    def change(_: str, original: Callable[..., Any]) -> Callable[..., Any]:
        async def write(self: Any, *arguments: Any, **options: Any) -> Any:
            fresh = {"request_id": f"{options['request_id'][:40]}{next(count):08d}", "batch": None}
            return await original(self, *arguments, **{**options, **fresh})

        return write

    _around_writes(change)


def _no_lookup(_: Any) -> None:
    """What was lost is taken for absent."""

    async def find(*_: Any, **__: Any) -> None:
        return None

    async def created_since(*_: Any, **__: Any) -> list[Any]:
        return []

    assert replace_everywhere(lookup.find, find)
    assert replace_everywhere(lookup.created_since, created_since)


def _blind_retry_on_5010(_: Any) -> None:
    """What somebody has changed meanwhile is written over with its new SyncToken."""

    def change(name: str, original: Callable[..., Any]) -> Callable[..., Any]:
        async def write(self: Any, entity: str, *arguments: Any, **options: Any) -> Any:
            try:
                return await original(self, entity, *arguments, **options)
            except StaleObject:
                if name == "create":
                    raise
            payload = arguments[0]
            qbo_id = payload["Id"] if isinstance(payload, Mapping) else payload
            record = await self.read(entity, qbo_id)
            options["request_id"] = f"{options['request_id'][:44]}again"
            if isinstance(payload, Mapping):
                return await original(self, entity, {**payload, "SyncToken": record["SyncToken"]}, **options)
            return await original(self, entity, qbo_id, record["SyncToken"], **options)

        return write

    _around_writes(change)


def _lost_refresh_token(_: Any) -> None:
    """A refreshed pair is used but not stored."""

    async def save(*_: Any, **__: Any) -> None:
        """Forgets it."""

    StoredTokenRow.save = save  # type: ignore[method-assign]


def _lost_is_not_sent(_: Any) -> None:
    """A write without an answer is taken for one that never left, and forgotten."""

    def change(_: str, original: Callable[..., Any]) -> Callable[..., Any]:
        async def write(self: Any, *arguments: Any, **options: Any) -> Any:
            try:
                return await original(self, *arguments, **options)
            except QboOutcomeUnknown as error:
                raise QboNotSent(reason="planted") from error

        return write

    _around_writes(change)


def _cleans_later_hints(_: Any) -> None:
    """A run cleans its subject of hints that came in while it ran."""
    original = subjects.finish

    async def finish(connection: Any, subject: Any, begun: Any, **options: Any) -> None:
        await original(connection, subject, begun, **options)
        table = schema.subjects
        mine = sa.and_(table.c.kind == subject.kind.value, table.c.id == subject.id)
        await connection.execute(sa.update(table).where(mine).values(clean=table.c.dirty, queued=False))

    assert replace_everywhere(original, finish)


def _believes_the_answer(_: Any) -> None:
    """What QBO has stored is not compared with what was meant."""
    assert replace_everywhere(verify.differences, lambda *_: ())


PLANTS: Mapping[str, Callable[[Any], None]] = {
    "no_intent_row": _no_intent_row,
    "new_request_id_per_attempt": _new_request_id_per_attempt,
    "no_lookup": _no_lookup,
    "blind_retry_on_5010": _blind_retry_on_5010,
    "lost_refresh_token": _lost_refresh_token,
    "lost_is_not_sent": _lost_is_not_sent,
    "cleans_later_hints": _cleans_later_hints,
    "believes_the_answer": _believes_the_answer,
}
