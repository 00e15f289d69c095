"""Tie-out reasons: why a document is not the same on both sides, from what we know of it. Pure."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, timedelta
from types import MappingProxyType

from wescope.engine.results import ParkedRow
from wescope.engine.tieout_entries import QboDocument
from wescope.engine.tieout_lines import BEYOND, OPENING, Pair
from wescope.engine.tieout_results import Reason
from wescope.links.tieout import Facts, LinkFact

Verdict = tuple[Reason, str | None]
"""The reason, and its detail: a code, a kind or a day."""

_JOURNAL_ENTRY = "JournalEntry"
_NEXT_DAY = timedelta(days=1)


class Reasons:
    """Decides about documents that differ."""

    def __init__(
        self,
        facts: Facts,
        parked: Iterable[ParkedRow],
        documents: Mapping[str, Sequence[QboDocument]],
        days: Mapping[str, Iterable[date]],
        *,
        elsewhere: Mapping[tuple[str, str], str] = MappingProxyType({}),
        by_bank: Collection[str] = (),
    ) -> None:
        """Take what is known.

        Args:
            facts: what the tables know of the documents and objects in question.
            parked: all that is parked.
            documents: QBO's documents by our key.
            days: the days on which Stripe's side has a document, by key.
            elsewhere: by row and key, the months in which QBO has what Stripe has in this one, or the other way round.
            by_bank: keys of documents that the bank feed makes.
        """
        self._elsewhere, self._by_bank = elsewhere, by_bank
        self._facts, self._documents, self._days = facts, documents, days
        self._parked = {row.key: row.code for row in parked}
        self._parked_about: defaultdict[str, str] = defaultdict(str)
        for row in parked:
            for one in (row.subject.partition("/")[2], row.key.partition(":")[0]):
                self._parked_about.setdefault(one, row.code)

    def record_of(self, pair: Pair) -> tuple[str, str | None] | None:
        """Entity and id of the record of QBO that a pair is: where it stands, or stood when it was posted."""
        documents, link = pair.documents or tuple(self._documents.get(pair.key, ())), self._facts.links.get(pair.key)
        if documents:
            return documents[0].entity, documents[0].id
        return (link.entity, link.qbo_id) if link and link.qbo_id else None

    def of(self, pair: Pair) -> Verdict:
        """Why a pair differs; `UNKNOWN` if nothing tells."""
        if pair.key in {OPENING, BEYOND}:
            return (Reason.OPENING if pair.key == OPENING else Reason.OTHER), None
        documents, link = pair.documents, self._facts.links.get(pair.key)
        if not pair.stripe and documents[0].key is None:
            return self._accepted(pair.key, ()) or (Reason.FOREIGN, self._facts.drift.get(documents[0].name))
        if code := self._parked.get(pair.key):
            return Reason.PARKED, code
        if kind := self._facts.drift.get(pair.key):
            return Reason.DRIFT, kind
        if accepted := self._accepted(pair.key, documents or self._documents.get(pair.key, ())):
            return accepted
        if len({document.key for document in documents}) < len(documents):
            return Reason.DOUBLED, " ".join(document.name for document in documents)
        return (
            self._by_document(pair, documents, link)
            or self._by_absence(pair, documents, link)
            or self._by_subject(pair, link)
        )

    def _accepted(self, key: str, documents: Sequence[QboDocument]) -> Verdict | None:
        """Somebody decided to keep what QBO has; null if it has changed since."""
        if key not in self._facts.accepted:
            return None
        kind, content = self._facts.accepted[key]
        is_same = not documents or documents[0].content in {None, content}
        return (Reason.ACCEPTED, kind) if is_same else None

    def _by_document(self, pair: Pair, documents: Sequence[QboDocument], link: LinkFact | None) -> Verdict | None:
        """What QBO's document itself tells: it stands elsewhere, or is not what we wrote."""
        found = documents or self._documents.get(pair.key, ())
        if not found:
            return None
        document = found[0]
        if document.is_adopted:
            return Reason.ADOPTED, None
        other = self._other_day(pair, document)
        if other is not None:
            return Reason.DATED, other.isoformat()
        if not documents and _is_void(document):
            return Reason.VOIDED, None
        return (Reason.EDITED, None) if self._is_edited(document, link, here=bool(documents)) else None

    def _other_day(self, pair: Pair, document: QboDocument) -> date | None:
        """The day on which the other side has it, if that is not the day of the side that the row has."""
        if pair.stripe and not pair.qbo:
            return document.day if document.day != pair.day and not _is_void(document) else None
        if pair.qbo and not pair.stripe:
            days = set(self._days.get(pair.key, ())) - {document.day}
            return min(days) if days else None
        return None

    @staticmethod
    def _is_edited(document: QboDocument, link: LinkFact | None, *, here: bool) -> bool:
        """Whether it is not what we wrote; of one that the row misses, unless it is known to be the same."""
        if link is None or link.state != "posted":
            return False
        if link.content and document.content:
            return link.content != document.content
        return not here or (document.total != link.amount and document.entity != _JOURNAL_ENTRY)

    def _by_absence(self, pair: Pair, documents: Sequence[QboDocument], link: LinkFact | None) -> Verdict | None:
        """It was posted, and is not there."""
        is_gone = not documents and pair.key not in self._documents
        return (Reason.MISSING, None) if is_gone and link is not None and link.state == "posted" else None

    def _by_subject(self, pair: Pair, link: LinkFact | None) -> Verdict:
        """What is known of the Stripe objects that it is about."""
        if not pair.qbo and link is None:
            for one in pair.ids:
                if one in self._parked_about:
                    return Reason.PARKED, self._parked_about[one]
        if self._facts.waiting & set(pair.ids) or (link is not None and link.state in {"intended", "unknown"}):
            return Reason.NOT_SYNCED, None
        if months := self._elsewhere.get((pair.row, pair.key)):
            return Reason.OTHER_MONTH, months
        if pair.key in self._by_bank and link is None:
            return Reason.BANK_FEED, None
        looked_at = [self._facts.seen[one] for one in pair.ids if one in self._facts.seen]
        if not looked_at or (pair.day and max(looked_at).date() <= pair.day + _NEXT_DAY):
            return Reason.NOT_SYNCED, None
        return Reason.UNKNOWN, None


def _is_void(document: QboDocument) -> bool:
    """Whether it was set to zero; a journal entry tells no total."""
    return document.total == 0 and document.entity != _JOURNAL_ENTRY
