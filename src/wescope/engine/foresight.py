"""Foresight: what creating a document would come to, if all that it refers to were posted. Nothing is written."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date

from wescope.books.documents import Document, Entity
from wescope.books.parking import ParkCode
from wescope.books.policy import ClosedPeriod
from wescope.books.subjects import DocumentKey
from wescope.engine.closing import first_open_day, moved
from wescope.engine.existing_port import ExistingPort
from wescope.engine.intents import display_name
from wescope.engine.parks import Park, parked
from wescope.engine.plan import Action
from wescope.engine.sending import Sending


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreseen:
    """What a create would come to: a new document on its day, or the adoption of `qbo_id`, somebody else's record."""

    action: Action
    document: Document
    entity: str
    qbo_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What is expected to be in QBO by then.

    `qbo_ids` of all documents that are referred to, real or made up; `names` of customers by such an id;
    `taken` are entity and id of others' records that stand for other documents.
    """

    qbo_ids: Mapping[DocumentKey, str]
    names: Mapping[str, str]
    taken: Collection[tuple[str, str]] = ()


class Foresight:
    """Does what the writer does before it creates a document, and stops there."""

    def __init__(self, sending: Sending, existing: ExistingPort | None, closed_period: ClosedPeriod) -> None:
        """Take the writer's parts."""
        self._sending, self._existing, self._closed_period = sending, existing, closed_period

    async def create(self, document: Document, expected: Expected) -> Foreseen:
        """What creating a document would come to.

        Raises:
            Park: it would be parked; says why.
            ConfigurationError: the company lacks what the document names.
            QboError: QBO does not answer.
        """
        company = self._sending.company
        references = await company.references(document, expected.qbo_ids, display_name(document, 0))
        if self._existing is not None and document.entity is not Entity.CUSTOMER:
            found = await self._existing.match(document, references, taken=expected.taken, names=expected.names)
            if found is not None and found.kind != "same":
                agreeing = " ".join(found.agrees)
                raise Park(parked(document, ParkCode.LOOKS_LIKE, qbo_id=found.qbo_id, agreeing=agreeing))
            if found is not None:
                return Foreseen(action=Action.ADOPT, document=document, entity=found.entity, qbo_id=found.qbo_id)
        closed_until = await self._closed_until(document.dates.txn)
        if closed_until is not None:
            if self._closed_period is not ClosedPeriod.NEXT_OPEN_DAY:
                raise Park(parked(document, ParkCode.PERIOD_CLOSED, closed_until=closed_until.isoformat()))
            document = moved(document, first_open_day(closed_until))
        return Foreseen(action=Action.CREATE, document=document, entity=document.entity.value)

    async def _closed_until(self, day: date | None) -> date | None:
        return await self._sending.closed_until(day)
