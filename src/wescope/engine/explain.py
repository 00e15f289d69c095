"""Explain: from any id of Stripe or QBO, document number, key, request id or intuit_tid to the whole story.

The id is looked for wherever it may stand. QBO is asked only for a document number that is stored nowhere here, and
Stripe for what would be done now; whoever of them does not answer is named, and the rest is told.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from wescope.books.documents import Entity
from wescope.books.parking import REASONS, Owner, ParkCode
from wescope.books.subjects import Subject, SubjectKind
from wescope.engine.attempts import AttemptLog
from wescope.engine.dashboards import Dashboards
from wescope.engine.explanation import (
    Explanation,
    Meaning,
    PayoutPlace,
    Problem,
    audit_results,
    drift_results,
    link_result,
    stripe_objects,
    timeline,
)
from wescope.engine.parked_items import parked_row
from wescope.engine.payout_results import payout_results
from wescope.engine.reconcile import Reconciler
from wescope.engine.results import PARKED, SyncResult
from wescope.errors import MalformedId, Retry, StripeError, WescopeError, WrongUse
from wescope.links.database import transaction
from wescope.links.story import (
    Anchors,
    Story,
    anchors_of_documents,
    anchors_of_event,
    anchors_of_qbo,
    anchors_of_request,
    anchors_of_stripe,
    read_story,
)
from wescope.qbo import queries
from wescope.qbo.client import QboClient
from wescope.stripe.identity import BALANCE_DAY, identify, is_id
from wescope.stripe.reader import StripeReader

_LONGEST = 255
_PLANS_AT_MOST = 10
_NUMBERED: Final = (
    (Entity.INVOICE, "DocNumber"),
    (Entity.CREDIT_MEMO, "DocNumber"),
    (Entity.JOURNAL_ENTRY, "DocNumber"),
    (Entity.REFUND_RECEIPT, "DocNumber"),
    (Entity.SALES_RECEIPT, "DocNumber"),
    (Entity.PAYMENT, "PaymentRefNum"),
)
"""Where QBO keeps the number of a document; deposits have none."""

_SEARCHED = "events, subjects, documents, QBO ids, request ids, intuit_tids, payouts and parked items"


class NothingKnown(WescopeError):
    """Nothing is known about this id."""

    code = "nothing_known"
    owner = Owner.OPERATOR
    retry = Retry.NEVER
    remedy = (
        "Check the id, and that it belongs to this account and company. What Stripe has and no event has told yet: "
        "`wescope sync ID`. Events and calls are kept for 90 days."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Explainer:
    """Tells the story of an id. Nothing is changed anywhere."""

    engine: AsyncEngine
    realm_id: str
    reader: StripeReader
    reconciler: Reconciler
    client: QboClient
    attempts: AttemptLog
    dashboards: Dashboards

    async def explain(self, identifier: str, *, plan: bool = True, elsewhere: bool = True) -> Explanation:
        """The whole story of an id.

        Args:
            identifier: a Stripe id of an object or event, `Invoice/145` or `145` of QBO, a document number, a document
                key (`in_1:invoice`), a subject (`invoice/in_1`), a request id, or an intuit_tid.
            plan: ask Stripe what would be done now.
            elsewhere: look for what is stored nowhere here: an event at Stripe, a document number in QBO.

        Raises:
            WrongUse: this cannot be an id.
            NothingKnown: it is found nowhere; says where it was looked for.
            DatabaseUnavailable: the tables cannot be read.
        """
        asked = identifier.strip()
        if not asked or len(asked) > _LONGEST or not asked.isprintable():
            raise WrongUse(f"An id has 1 to {_LONGEST} printable characters.")
        await self.attempts.flush()
        async with transaction(self.engine) as connection:
            anchors = await self._anchors(connection, asked)
        problems: list[Problem] = []
        notes: dict[str, str] = {}
        if not anchors.meanings and elsewhere:
            anchors, notes = await self._elsewhere(asked, problems)
        planned = await self._plan(asked, anchors, problems) if plan else None
        if not anchors.meanings and not planned:
            raise NothingKnown(_searched(problems, elsewhere=elsewhere))
        if not anchors.meanings:
            anchors |= Anchors(meanings=(("stripe_object", asked),))
            notes[asked] = "Stripe has it; nothing of it is stored here yet"
        return await self._told(asked, anchors, notes, planned, problems)

    # --- where the id leads -----------------------------------------------------------------------------------------

    async def _anchors(self, connection: AsyncConnection, asked: str) -> Anchors:
        found = await anchors_of_event(connection, asked)
        found |= await anchors_of_documents(connection, self.realm_id, keys=[asked], subject=_subject_text(asked))
        head, _, tail = asked.partition("/")
        if asked.isdecimal():
            found |= await anchors_of_qbo(connection, self.realm_id, asked, None)
        elif tail.isdecimal() and head.isalpha():
            found |= await anchors_of_qbo(connection, self.realm_id, tail, _entity(head))
        stripe_id = tail if _subject_text(asked) and tail else asked
        if is_id(stripe_id) or BALANCE_DAY.fullmatch(stripe_id):
            found |= await anchors_of_stripe(connection, self.realm_id, stripe_id)
        found |= await anchors_of_request(connection, self.realm_id, asked)
        for subject in sorted(found.subjects):
            # An event's or object's own subject tells all its documents; those of a document's subject are its own.
            if subject in _own_subjects(asked, found):
                found |= await anchors_of_documents(connection, self.realm_id, subject=subject)
        return found

    async def _elsewhere(self, asked: str, problems: list[Problem]) -> tuple[Anchors, dict[str, str]]:
        """What is stored nowhere here: an event that never arrived, or the number of a document in QBO."""
        if asked.startswith("evt_"):
            return await self._event(asked, problems), {}
        if _is_subject(asked):
            return Anchors(), {}
        return await self._numbered(asked, problems)

    async def _event(self, event_id: str, problems: list[Problem]) -> Anchors:
        try:
            event = await self.reader.event(event_id)
        except StripeError as error:
            problems.append(_problem(error))
            return Anchors()
        if event.subject is None:
            return Anchors(meanings=(("event", event_id),))
        async with transaction(self.engine) as connection:
            found = await anchors_of_documents(connection, self.realm_id, subject=str(event.subject))
        return Anchors(subjects=frozenset({str(event.subject)}), meanings=(("event", event_id),)) | found

    async def _numbered(self, number: str, problems: list[Problem]) -> tuple[Anchors, dict[str, str]]:
        """The documents that QBO knows under this number, ours or not."""
        found = Anchors()
        notes: dict[str, str] = {}
        for entity, name in _NUMBERED:
            try:
                records = await self.client.query(queries.select(entity.value, queries.where_equals(name, number)))
            except WescopeError as error:
                problems.append(_problem(error))
                return found, notes
            for qbo_id in sorted(str(record.get("Id")) for record in records):
                async with transaction(self.engine) as connection:
                    ours = await anchors_of_qbo(connection, self.realm_id, qbo_id, entity.value)
                meaning = ("qbo_document", f"{entity.value}/{qbo_id}")
                notes[meaning[1]] = f"its {name} in QBO" + ("" if ours.keys else "; it was not made by WeScope")
                found |= ours | Anchors(meanings=(meaning,))
        return found, notes

    # --- what would be done -----------------------------------------------------------------------------------------

    async def _plan(self, asked: str, anchors: Anchors, problems: list[Problem]) -> tuple[SyncResult, ...] | None:
        """The plan of each subject that the id leads to; null if Stripe or QBO cannot be read."""
        wanted = [identify(asked)] if _is_subject(asked) else [Subject.parse(text) for text in sorted(anchors.subjects)]
        try:
            owners = [owner for subject in wanted[:_PLANS_AT_MOST] for owner in await self.reconciler.owners(subject)]
            results = [await self.reconciler.preview(owner) for owner in dict.fromkeys(owners)]
        except WescopeError as error:
            problems.append(_problem(error))
            return None
        finally:
            await self.attempts.flush()
        return tuple(result for result in results if anchors.meanings or result.actions)

    # --- the telling ------------------------------------------------------------------------------------------------

    async def _told(
        self,
        asked: str,
        anchors: Anchors,
        notes: dict[str, str],
        planned: tuple[SyncResult, ...] | None,
        problems: list[Problem],
    ) -> Explanation:
        now = datetime.now(UTC)
        async with transaction(self.engine) as connection:
            story = await read_story(connection, self.realm_id, anchors, asked)
            ids = anchors.payouts | {row.payout_id for row in story.payout_rows}
            payouts = await payout_results(connection, self.realm_id, payout_ids=ids) if ids else ()
        rows = tuple(parked_row(item, now) for item in story.parked)
        drift = drift_results(story)
        ignored = {row.key for row in rows if row.ignored_at}
        return Explanation(
            identifier=asked,
            needs_somebody=any(row.needs_somebody for row in rows)
            or any(one.state == "open" for one in drift)
            or _is_stuck(story)
            or _would_need_somebody(planned or (), ignored),
            meanings=self._meanings(anchors, notes),
            stripe=stripe_objects(story, [asked] if _is_stripe(asked) else [], self.dashboards),
            links=tuple(link_result(link, self.dashboards) for link in story.links),
            parked=rows,
            awaited_by=tuple(parked_row(item, now) for item in story.awaited_by),
            subjects=story.subjects,
            hints=story.hints,
            attempts=story.attempts,
            payouts=payouts,
            payout_rows=tuple(
                PayoutPlace(**{name: getattr(row, name) for name in PayoutPlace.__dataclass_fields__})
                for row in story.payout_rows
            ),
            drift=drift,
            audit=audit_results(story),
            timeline=timeline(story, payouts, now),
            plan=planned,
            problems=tuple(problems),
        )

    def _meanings(self, anchors: Anchors, notes: dict[str, str]) -> tuple[Meaning, ...]:
        return tuple(
            Meaning(kind=kind, id=one, url=self._url(kind, one), note=notes.get(one)) for kind, one in anchors.meanings
        )

    def _url(self, kind: str, one: str) -> str | None:
        if kind == "qbo_document":
            entity, _, qbo_id = one.partition("/")
            return self.dashboards.qbo(entity, qbo_id)
        return self.dashboards.stripe(one) if kind in {"event", "stripe_object"} else None


def _subject_text(asked: str) -> str | None:
    """The subject as text that an id is or names: `in_1` and `invoice/in_1` are both `invoice/in_1`."""
    kind, separator, one = asked.partition("/")
    if separator and one and kind in set(SubjectKind):
        return asked
    return str(identify(asked)) if _is_subject(asked) else None


def _is_subject(asked: str) -> bool:
    try:
        identify(asked)
    except MalformedId:
        return False
    return True


def _is_stripe(asked: str) -> bool:
    return _is_subject(asked) or asked.startswith("evt_")


def _own_subjects(asked: str, found: Anchors) -> set[str]:
    """The subjects whose documents all belong to the story: the id's own, or the one that its event points at."""
    own = {_subject_text(asked)} - {None}
    if any(kind == "event" for kind, _ in found.meanings):
        own |= found.subjects
    return {text for text in own if text}


def _entity(word: str) -> str:
    """QBO's name of an entity, however its letters are written."""
    return next((one.value for one in Entity if one.value.lower() == word.lower()), word)


def _problem(error: WescopeError) -> Problem:
    return Problem(code=error.code, message=str(error), remedy=error.remedy)


def _searched(problems: Iterable[Problem], *, elsewhere: bool) -> str:
    asked = f"Looked for among {_SEARCHED}" + (", and in QBO by document number." if elsewhere else ".")
    return " ".join([asked, *(problem.message for problem in problems)])


def _is_stuck(story: Story) -> bool:
    """Whether a run failed for a cause that an operator must mend. A run that only parked has done its work."""
    codes = {one.last_code for one in story.subjects if one.waiting and one.failures and one.last_code}
    return any(kind.owner is Owner.OPERATOR and kind.code in codes for kind in _kinds(WescopeError))


def _kinds(kind: type[WescopeError]) -> Iterable[type[WescopeError]]:
    for child in kind.__subclasses__():
        yield child
        yield from _kinds(child)


def _would_need_somebody(planned: Iterable[SyncResult], ignored: set[str]) -> bool:
    """Whether the plan parks a document for an operator who has not decided to let it be."""
    parked = (
        action
        for result in planned
        for action in result.actions
        if action.action == PARKED and action.document_key not in ignored
    )
    return any(REASONS[ParkCode(action.reason)].owner is Owner.OPERATOR for action in parked if action.reason)
