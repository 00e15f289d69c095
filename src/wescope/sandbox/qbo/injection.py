"""Faults on demand: the next N matching requests are dropped, delayed, refused or answered wrongly."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from wescope.sandbox.qbo import faults
from wescope.sandbox.qbo.operations import Operation

BEFORE = frozenset({"drop_before", "delay_before", "error_before", "throttle", "unauthorized", "transient", "fault"})
DURING = frozenset({"drop_links", "hold"})
AFTER = frozenset(
    {
        "drop_after",
        "delay_after",
        "error_after",
        "cut_body",
        "wrong_format",
        "kill_after",
        "partial",
        "reorder",
        "lose_item",
    }
)
KINDS = BEFORE | DURING | AFTER
TOKEN = "Token"
ITEM_KINDS = frozenset({"transient", "fault"})
_LOOK_S = 0.01
TRANSIENT_TEXTS = {"save": faults.TRANSIENT_SAVE, "names": faults.TRANSIENT_NAMES}


@dataclass(slots=True, kw_only=True)
class Rule:
    """One armed fault. Empty match fields match everything; `ms`, `status`, `format`, `text` and `code` by kind.

    A batch is met by what matches itself (operation "batch") or one of its items; `ITEM_KINDS` fail that item only.
    `hold` works on the request for as long as the rule is armed (`release`), so that another one can meet it in flight.
    For batches there are `partial` (only the first `items` are done, then the connection drops), `reorder` (answers in
    another order) and `lose_item` (the answer lacks item number `items`, from 0).
    """

    kind: str
    count: int = 1
    skip: int = 0
    method: str = ""
    entity: str = ""
    operation: str = ""
    path: str = ""
    ms: int = 100
    status: int = 500
    format: str = "json"
    text: str = "save"
    code: str = "10000"
    detail: str = "Injected fault"
    items: int = 0
    fired: int = 0

    def matches(self, *, method: str, path: str, asked: Sequence[tuple[str, str]]) -> bool:
        """Tells whether a request is meant, by one of the entities and operations asked; counts skipped ones down."""
        meant = (
            self.count > 0
            and self.method.upper() in {"", method.upper()}
            and self.path in path
            and any(self._means(entity, operation) for entity, operation in asked)
        )
        if meant and self.skip > 0:
            self.skip -= 1
            return False
        return meant

    def _means(self, entity: str, operation: str) -> bool:
        return self.entity.lower() in {
            "" if entity != TOKEN else TOKEN.lower(),
            entity.lower(),
        } and self.operation.lower() in {"", operation.lower()}


@dataclass(slots=True)
class Injector:
    """The armed faults, first armed first."""

    rules: list[Rule] = field(default_factory=list)

    def arm(self, kind: str, **settings: Any) -> Rule:
        """Arms a fault.

        Args:
            kind: one of KINDS.
            settings: fields of `Rule`; count defaults to one request.

        Returns:
            The rule, whose `fired` counts.

        Raises:
            ValueError: no such kind or setting.
        """
        known = {one.name for one in fields(Rule)}
        if kind not in KINDS:
            raise ValueError(f"no such fault: {kind}; there are {', '.join(sorted(KINDS))}")
        for name in settings:
            if name not in known:
                raise ValueError(f"no such setting: {name}")
        rule = Rule(kind=kind, **settings)
        self.rules.append(rule)
        return rule

    def take(
        self, *, method: str, path: str, entity: str, operation: str, items: Sequence[tuple[str, str]] = ()
    ) -> tuple[Rule, ...]:
        """Uses up the rules that a request meets: the first of each phase.

        Args:
            method: of HTTP.
            path: of the address.
            entity: Intuit's name, empty for a batch.
            operation: its kind.
            items: entity and operation of a batch's items.

        Returns:
            The rules.
        """
        itself = ((entity, operation),)
        taken: list[Rule] = []
        for phase in (BEFORE, DURING, AFTER):
            for rule in self.rules:
                asked = itself if rule.kind in ITEM_KINDS else (*itself, *items)
                if rule.kind in phase and rule.matches(method=method, path=path, asked=asked):
                    rule.count -= 1
                    rule.fired += 1
                    taken.append(rule)
                    break
        return tuple(taken)

    def check_item(self, operation: Operation | faults.QboFault) -> None:
        """Fails an item of a batch if a rule for its entity is armed.

        Args:
            operation: the item.

        Raises:
            QboFault: the injected one.
        """
        if isinstance(operation, faults.QboFault):
            return
        for rule in self.rules:
            if rule.kind in ITEM_KINDS and rule.matches(
                method="POST", path="/batch", asked=((operation.entity, operation.kind),)
            ):
                rule.count -= 1
                rule.fired += 1
                raise refusal(rule)

    async def hold(self, rule: Rule) -> None:
        """Waits until a rule is disarmed.

        Args:
            rule: of kind "hold".
        """
        while any(one is rule for one in self.rules):  # noqa: ASYNC110 - tests disarm from another thread, too
            await asyncio.sleep(_LOOK_S)

    def release(self, rule: Rule) -> None:
        """Disarms one rule, so that what it holds goes on.

        Args:
            rule: armed.
        """
        self.rules = [one for one in self.rules if one is not rule]

    def clear(self) -> None:
        """Disarms everything."""
        self.rules.clear()

    def as_json(self) -> list[Mapping[str, Any]]:
        """Returns the armed rules."""
        return [{one.name: getattr(rule, one.name) for one in fields(rule)} for rule in self.rules]


def refusal(rule: Rule) -> faults.QboFault:
    """Returns the fault of a transient or freely chosen rule."""
    if rule.kind == "transient":
        return faults.business(TRANSIENT_TEXTS.get(rule.text, rule.text))
    entry = faults.FaultEntry(code=rule.code, message=rule.text, detail=rule.detail, element="")
    return faults.QboFault(entry, status=rule.status, kind="ValidationFault")
