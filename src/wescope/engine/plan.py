"""Plan: desired documents less links. Pure; one step per document, printable before it is applied."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

from wescope.books.documents import Document, Entity, Existence, fingerprint
from wescope.books.subjects import DocumentKey
from wescope.engine.closing import is_closed
from wescope.links.store import Link, LinkState

ADOPTED = "adopted"
"""How the fingerprint begins of what somebody else made and a link stands for."""

RESTORED = "restore"
"""The fingerprint of what somebody has edited in QBO, and somebody wants to be as Stripe says again."""


REBUILT = "rebuilt"
"""The fingerprint of what was found in QBO after the database was lost, and was not compared with anything yet."""


class Action(StrEnum):
    """What is to be done with one document."""

    NOTHING = "nothing"
    CREATE = "create"
    UPDATE = "update"
    VOID = "void"
    """Take it back: void it, or delete it where QBO has no void."""
    RESOLVE = "resolve"
    """An earlier write's outcome is not known: find out first, then plan again."""
    ADOPT = "adopt"
    """QBO has the document already, made by somebody else: it is linked and never touched. Only told, never planned."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One document, the link it has, and what follows from both.

    `fingerprint` is of the document as the books state it. `stated_date` is its own date there, if `document` carries
    another one because its period is closed.
    """

    document: Document
    link: Link | None
    action: Action
    fingerprint: str
    stated_date: date | None = None


def plan_step(document: Document, link: Link | None) -> Step:
    """What is to be done so that QBO holds `document` as it should be."""
    mark = fingerprint(document)
    return Step(document=document, link=link, action=_action(document, link, mark), fingerprint=mark)


def plan(
    documents: Iterable[Document], links: Mapping[DocumentKey, Link], closed_until: date | None = None
) -> tuple[Step, ...]:
    """One step per document, in posting order; of a document in closed books that is undone, its counters'.

    Args:
        documents: as they should be.
        links: those of them and of their counters.
        closed_until: the last closed day in the company's calendar.
    """
    return tuple(step for document in documents for step in plan_document(document, links, closed_until))


def plan_document(document: Document, links: Mapping[DocumentKey, Link], closed_until: date | None) -> tuple[Step, ...]:
    """The steps of one document: itself, or its counters while it stays as it is.

    A document is taken back unless it was posted and its date is closed by now, or it stands whatever its date: then
    its counters undo it. Counters that may be in QBO stay the way: a period that is opened again must not undo the same
    thing twice.
    """
    link = links.get(document.key)
    if document.existence is Existence.VOID and (document.counters or document.stands) and _may_stand(link):
        posted = link if link is not None and link.state is LinkState.POSTED else None
        stays = posted is not None and (document.stands or is_closed(posted.txn_date, closed_until))
        if stays or any(_may_stand(links.get(counter.key)) for counter in document.counters):
            counters = (plan_step(counter, links.get(counter.key)) for counter in document.counters)
            return (_left_standing(document, link), *counters)
    return (plan_step(document, link),)


def _left_standing(document: Document, link: Link | None) -> Step:
    """The step of a document that others undo: what is open is settled, and else nothing, whatever its content."""
    step = plan_step(replace(document, existence=Existence.PRESENT), link)
    return step if step.action is Action.RESOLVE else replace(step, action=Action.NOTHING)


def keys_of(documents: Iterable[Document]) -> list[DocumentKey]:
    """The keys of documents and of all their counters."""
    return [one.key for document in documents for one in (document, *document.counters)]


def adopted(entity: str, mark: str) -> str:
    """The fingerprint of a link to a record that somebody else made for the document with the fingerprint `mark`.

    `entity` is QBO's of the record: a deposit may have been entered as a transfer.
    """
    return f"{ADOPTED}:{entity}:{mark}"


def adopted_entity(link: Link | None) -> str | None:
    """The entity of what the link stands for, if somebody else made it; its content is never written.

    Null if we made it.
    """
    prefix, _, rest = (link.fingerprint or "").partition(":") if link else ("", "", "")
    return rest.partition(":")[0] if prefix == ADOPTED else None


def is_to_restore(link: Link | None) -> bool:
    """Whether a person, or the policy, has decided that what stands in QBO is written over."""
    return link is not None and link.fingerprint == RESTORED


def _may_stand(link: Link | None) -> bool:
    return link is not None and (link.unsettled or link.state is LinkState.POSTED)


def _action(document: Document, link: Link | None, mark: str) -> Action:
    if link is not None and link.unsettled:
        return Action.RESOLVE
    standing = link is not None and link.state is LinkState.POSTED
    if document.existence is Existence.VOID:
        return Action.VOID if standing else Action.NOTHING
    if not standing:
        return Action.CREATE
    # A customer is made when a document first needs it and is the company's from then on (DESIGN.md section 3).
    posted = (link.fingerprint or "").rpartition(":")[2] if link else ""
    settled = document.entity is Entity.CUSTOMER or posted == mark
    return Action.NOTHING if settled else Action.UPDATE
