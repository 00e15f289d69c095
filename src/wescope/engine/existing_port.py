"""The port to documents that somebody else has entered in QBO: is this one there already?"""

from collections.abc import Collection, Mapping
from typing import Protocol

from wescope.books.documents import Document
from wescope.qbo.existing import Match
from wescope.qbo.references import References


class ExistingPort(Protocol):
    """Looks for what a document would double; `wescope.qbo.existing.ExistingDocuments` does."""

    def forget(self) -> None:
        """What was read before may be out of date."""

    async def match(
        self,
        document: Document,
        references: References,
        *,
        taken: Collection[tuple[str, str]] = (),
        names: Mapping[str, str] | None = None,
    ) -> Match | None:
        """The record that is the document, or looks like it most; null if there is none.

        `taken` are entity and id of records that stand for other documents; `names` are of customers that QBO does not
        have yet, by the ids that `references` has for them.

        Raises:
            QboError: QBO does not answer.
        """
