"""Work: what one run has done so far, and how it is told."""

from dataclasses import dataclass, field
from datetime import datetime

from wescope.books.documents import Existence, Follow
from wescope.books.parking import Parked
from wescope.books.subjects import DocumentKey, Subject
from wescope.engine.plan import keys_of
from wescope.engine.results import ADVISED, PARKED, ActionRow, SyncResult
from wescope.engine.sending import NotSettled
from wescope.engine.writer import Applied


@dataclass(slots=True)
class Work:
    """What one run has done so far.

    `webhook_at` is when the webhook was received that asked for it, if one did. `follows` are other subjects that
    depend on this one, `covered` those that were read together with it. `delays` are pairs of an entity and the
    milliseconds from the webhook's receipt until the document stood in QBO. While `held` nothing is written to QBO.
    """

    subject: Subject
    webhook_at: datetime | None = None
    held: bool = False
    applied: list[Applied] = field(default_factory=list)
    parked: list[Parked] = field(default_factory=list)
    advisory: list[Parked] = field(default_factory=list)
    not_settled: list[NotSettled] = field(default_factory=list)
    follows: tuple[Follow, ...] = ()
    covered: tuple[Subject, ...] = ()
    delays: list[tuple[str, int]] = field(default_factory=list)

    def keys(self, existence: Existence) -> list[DocumentKey]:
        """The documents that are now as they should be: those that stand, or those that are taken back.

        Of the latter also their counters: both are done with.
        """
        documents = [applied.step.document for applied in self.applied]
        return keys_of(document for document in documents if document.existence is existence)

    def advised(self) -> list[Parked]:
        """The advisory items of documents that nothing else is said about."""
        blocked = {item.key for item in self.parked}
        return [item for item in self.advisory if item.key not in blocked]

    def result(self) -> SyncResult:
        """The run as people and programs are told of it."""
        rows = [_applied_row(applied) for applied in self.applied]
        rows += [_item_row(item, PARKED) for item in self.parked]
        rows += [_item_row(item, ADVISED) for item in self.advised()]
        return SyncResult(subject=str(self.subject), actions=tuple(rows))


def _applied_row(applied: Applied) -> ActionRow:
    document = applied.step.document
    return ActionRow(
        document_key=document.key,
        entity=document.entity.value,
        action=applied.action.value,
        qbo_id=applied.qbo_id,
        amount=document.amount,
        currency=document.currency,
        date=document.dates.txn,
    )


def _item_row(item: Parked, action: str) -> ActionRow:
    return ActionRow(
        document_key=item.key,
        entity="",
        action=action,
        qbo_id=None,
        amount=item.amount,
        currency=item.currency,
        date=None,
        reason=item.code.value,
    )
