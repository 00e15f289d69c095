"""One sandbox company: its books, knobs and what an operation does to them, once per request id."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wescope.sandbox.qbo import batch, cdc, documents, exchange_rates, faults, query, seed, tax_lists
from wescope.sandbox.qbo.answers import timed
from wescope.sandbox.qbo.books import Books, Unit
from wescope.sandbox.qbo.clock import Clock, system_clock
from wescope.sandbox.qbo.company_info import SINGLETONS
from wescope.sandbox.qbo.documents import Written
from wescope.sandbox.qbo.entity import Request
from wescope.sandbox.qbo.knobs import Knobs
from wescope.sandbox.qbo.operations import Operation
from wescope.sandbox.qbo.registry import rules_of
from wescope.sandbox.qbo.storage import MemoryStorage, Record, RememberedAnswer, SqliteStorage
from wescope.sandbox.qbo.webhooks import Change, Notifier
from wescope.sandbox.qbo.wire import Json

GOOD = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What an operation came to: HTTP status, body with its time, and what each write did ("created Invoice 12")."""

    status: int
    body: Json
    effects: tuple[tuple[str, str, str], ...] = ()
    code: str = ""


class Company:
    """The books behind the interface; also what tests look at directly."""

    def __init__(
        self,
        *,
        knobs: Knobs,
        number: int = 7,
        state: Path | None = None,
        bare: bool = False,
        clock: Clock = system_clock,
    ) -> None:
        self.realm_id = f"9341{number:015d}"
        self._bare = bare
        storage = SqliteStorage(state) if state else MemoryStorage()
        self.books = Books(storage, clock, knobs)
        self._first_knobs = knobs
        self.books.knobs = knobs.changed(self.books.settings.get("turned", {}))
        self.notifier = Notifier(self.realm_id, lambda: self.knobs)
        if self.books.is_new:
            seed.seed(self.books, bare=bare)

    @property
    def knobs(self) -> Knobs:
        """The switches as they stand."""
        return self.books.knobs

    def turn(self, **changes: Any) -> Knobs:
        """Turns knobs while running; a restart with the same state keeps them so.

        Args:
            changes: knob name to value.

        Returns:
            All knobs after that.

        Raises:
            ValueError: no such knob or position.
        """
        turned = self.books.knobs.changed(changes)
        unit = self.books.begin()
        unit.setting("turned", {**self.books.settings.get("turned", {}), **changes})
        unit.commit()
        self.books.knobs = turned
        seed.complete(self.books, bare=self._bare)
        return turned

    def execute(
        self, operation: Operation, request: Request | None = None, check: "ItemCheck | None" = None
    ) -> Outcome:
        """Does what an operation asks for and commits it.

        Args:
            operation: what to do.
            request: how it was asked for, beyond the operation's own options.
            check: raises a fault for items of a batch that are to fail (fault injection).

        Returns:
            The outcome; a refusal is one too.
        """
        asked = request or Request(include=operation.include)
        if operation.kind == "batch":
            return self._batch(operation, asked, check)
        if operation.is_write:
            return self.write_once(operation, asked)
        unit = self.books.begin()
        try:
            body = self._read(unit, operation)
        except faults.QboFault as problem:
            return self._refusal(problem, unit)
        return Outcome(status=GOOD, body=timed(body, unit.now))

    def write_once(self, operation: Operation, request: Request) -> Outcome:
        """Does a write unless its request id was answered before (facts/qbo.md 2.1, every variant a knob).

        Args:
            operation: a create, update, void or delete.
            request: how it was asked for.

        Returns:
            The first answer again, or a new one, stored together with what it changed.
        """
        unit = self.books.begin()
        remembered = self._remembered(operation, unit)
        if remembered is not None:
            return remembered
        try:
            written = perform(unit, operation, request)
        except faults.QboFault as problem:
            outcome = self._refusal(problem, unit)
            unit = self.books.begin()
        else:
            body = timed({operation.entity: written.answer} if written.wrapped else written.answer, unit.now)
            effect = (written.effect, operation.entity, written.id)
            outcome = Outcome(status=GOOD, body=body, effects=(effect,))
            if not written.changed:
                unit = self.books.begin()
        if operation.request_id and self.knobs.requestid == "replay":
            unit.remember(
                operation.request_id,
                RememberedAnswer(
                    fingerprint=operation.fingerprint, status=outcome.status, body=outcome.body, at_ms=unit.now_ms
                ),
            )
        unit.commit()
        for done, entity, record_id in outcome.effects:
            self.notifier.note(Change(operation=done, entity=entity, id=record_id))
        return outcome

    def human(self, entity: str, action: str, body: Mapping[str, Any]) -> Outcome:
        """Does what a person would do in the browser: no limits, no SyncToken needed, closed books overridden.

        Args:
            entity: Intuit's name.
            action: create, update, void or delete.
            body: the fields; an update changes only those given.

        Returns:
            The outcome.
        """
        fields = {**body, "sparse": True} if action == "update" else dict(body)
        operation = Operation(kind=action, entity=entity, body=fields, id=str(body.get("Id", "")))
        return self.write_once(operation, Request(human=True))

    def object(self, entity: str, record_id: str) -> Json | None:
        """Returns an object as an answer would show it, None if it is missing or deleted."""
        try:
            return documents.read(self.books.begin(), entity, record_id)
        except faults.QboFault:
            return None

    def objects(self, entity: str) -> list[Json]:
        """Returns all live objects of an entity, in order of id."""
        unit = self.books.begin()
        rules = rules_of(entity)
        return [rules.shown(unit, one) for one in sorted(self.books.all(entity), key=_by_id)]

    def reset(self) -> None:
        """Starts the company anew: seeded books, first knobs."""
        self.books.clear()
        self.books.knobs = self._first_knobs
        seed.seed(self.books, bare=self._bare)

    def _read(self, unit: Unit, operation: Operation) -> Json:
        if operation.kind == "read":
            return {operation.entity: documents.read(unit, operation.entity, operation.id)}
        if operation.kind == "singleton":
            return {operation.entity: SINGLETONS[operation.entity](unit)}
        if operation.kind == "rate":
            return {operation.entity: exchange_rates.read(unit, operation.text, operation.id)}
        if operation.kind == "query":
            return {"QueryResponse": query.run(unit, operation.text)}
        return cdc.changes(unit, operation.text, operation.id)

    def _batch(self, operation: Operation, request: Request, check: "ItemCheck | None") -> Outcome:
        unit = self.books.begin()
        known = self._remembered(operation, unit) if self.knobs.batch_requestid == "whole" else None
        if known is not None:
            return known
        try:
            items = batch.read(operation, self.knobs)
        except faults.QboFault as problem:
            return self._refusal(problem, unit)
        answers: list[Json] = []
        effects: list[tuple[str, str, str]] = []
        for item in items:
            outcome = self._item(item, request, check)
            effects.extend(outcome.effects)
            answers.append({**{name: one for name, one in outcome.body.items() if name != "time"}, "bId": item.b_id})
        whole = Outcome(status=GOOD, body=timed({"BatchItemResponse": answers}, unit.now), effects=tuple(effects))
        if operation.request_id and self.knobs.batch_requestid == "whole":
            self._remember(operation, whole)
        return whole

    def _remember(self, operation: Operation, outcome: Outcome) -> None:
        """Keeps the answer to a batch under its request id."""
        if self.knobs.requestid == "replay":
            unit = self.books.begin()
            answer = RememberedAnswer(
                fingerprint=operation.fingerprint, status=outcome.status, body=outcome.body, at_ms=unit.now_ms
            )
            unit.remember(operation.request_id, answer)
            unit.commit()

    def _item(self, item: batch.Item, request: Request, check: "ItemCheck | None") -> Outcome:
        try:
            if check is not None:
                check(item.operation)
            if isinstance(item.operation, faults.QboFault):
                raise item.operation
        except faults.QboFault as problem:
            return self._refusal(problem, self.books.begin())
        include = item.operation.include
        return self.execute(item.operation, Request(drop_links=request.drop_links, include=include))

    def _remembered(self, operation: Operation, unit: Unit) -> Outcome | None:
        """Returns what the request id was answered with, None if the request is to be done."""
        knobs = self.knobs
        known = self.books.answers.get(operation.request_id) if operation.request_id else None
        if known is None or knobs.requestid == "absent" or unit.now_ms - known.at_ms > knobs.requestid_ttl_s * 1000:
            return None
        if known.status != GOOD and knobs.requestid_failed_original == "execute":
            return None
        if known.fingerprint != operation.fingerprint and knobs.requestid_other_payload == "600":
            return self._refusal(faults.duplicate_request_id(), unit)
        return Outcome(
            status=known.status,
            body=known.body,
            effects=(("replayed", operation.entity, operation.id),),
            code=_code(known),
        )

    def _refusal(self, problem: faults.QboFault, unit: Unit) -> Outcome:
        body = timed({"Fault": problem.as_json()}, unit.now)
        return Outcome(status=problem.status, body=body, code=problem.code)


def perform(unit: Unit, operation: Operation, request: Request) -> Written:
    """Does a write in a unit of work, without committing it.

    Args:
        unit: the unit of work.
        operation: a create, update, void or delete.
        request: how it was asked for.

    Returns:
        What was written.

    Raises:
        QboFault: it is refused.
    """
    body = operation.body or {}
    if operation.entity == exchange_rates.ENTITY:
        return Written(answer=exchange_rates.write(unit, body), effect="updated", id="", changed=True)
    if operation.entity == tax_lists.SERVICE:
        answer, code_id = tax_lists.create_code(unit, body)
        return Written(answer=answer, effect="created", id=code_id, changed=True, wrapped=False)
    if operation.kind == "void":
        return documents.void(unit, operation.entity, body, request, by=operation.by)
    if operation.kind == "delete":
        return documents.delete(unit, operation.entity, body, request)
    if operation.kind == "update" and "Id" not in body:
        raise faults.required("Id")
    if operation.kind == "create" and "Id" in body:
        raise faults.conflicting("Id is not allowed in a create")
    return documents.write(unit, operation.entity, body, request)


def _by_id(record: Record) -> tuple[int, str]:
    return (int(record.id), "") if record.id.isdigit() else (0, record.id)


def _code(answer: RememberedAnswer) -> str:
    entries = answer.body.get("Fault", {}).get("Error", [])
    return str(entries[0]["code"]) if entries else ""


ItemCheck = Callable[[Operation | faults.QboFault], None]
