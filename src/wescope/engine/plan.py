"""Plan: desired documents less links. Pure; one step per document, printable before it is applied."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from wescope.books.documents import Document, Entity, Existence, fingerprint
from wescope.books.subjects import DocumentKey
from wescope.links.store import Link, LinkState


class Action(StrEnum):
    """What is to be done with one document."""

    NOTHING = "nothing"
    CREATE = "create"
    UPDATE = "update"
    VOID = "void"
    RESOLVE = "resolve"
    """An earlier write's outcome is not known: find out first, then plan again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One document, the link it has, and what follows from both."""

    document: Document
    link: Link | None
    action: Action
    fingerprint: str


def plan_step(document: Document, link: Link | None) -> Step:
    """What is to be done so that QBO holds `document` as it should be."""
    mark = fingerprint(document)
    return Step(document=document, link=link, action=_action(document, link, mark), fingerprint=mark)


def plan(documents: tuple[Document, ...], links: Mapping[DocumentKey, Link]) -> tuple[Step, ...]:
    """One step per document, in posting order."""
    return tuple(plan_step(document, links.get(document.key)) for document in documents)


def _action(document: Document, link: Link | None, mark: str) -> Action:
    if link is not None and link.unsettled:
        return Action.RESOLVE
    standing = link is not None and link.state is LinkState.POSTED
    if document.existence is Existence.VOID:
        return Action.VOID if standing else Action.NOTHING
    if not standing:
        return Action.CREATE
    # A customer is made when a document first needs it and is the company's from then on (DESIGN.md section 3).
    settled = document.entity is Entity.CUSTOMER or (link is not None and link.fingerprint == mark)
    return Action.NOTHING if settled else Action.UPDATE
