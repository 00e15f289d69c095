"""Directory: a list of QBO's (accounts, items, classes, tax codes), searched the way people name its entries."""

from collections.abc import Iterable, Iterator

from wescope.qbo.records import Record

INACTIVE_SUFFIX = " (deleted)"
"""What QBO appends to the name of a list object that is made inactive (facts/qbo.md 7)."""


class Directory:
    """Records by full name, name and id. Names differ by more than case in QBO, so case is ignored."""

    def __init__(self, records: Iterable[Record] = ()) -> None:
        """Take the records, the inactive ones among them."""
        self._records = list(records)

    def __iter__(self) -> Iterator[Record]:
        return iter(self._records)

    def search(self, configured: str) -> tuple[Record | None, str]:
        """The one active record that a setting means, or null and why there is none.

        Reasons: `not_configured`, `not_found`, `inactive`, `ambiguous`.
        """
        wanted = configured.strip().casefold()
        if not wanted:
            return None, "not_configured"
        for name in ("FullyQualifiedName", "Name", "Id"):
            found = [record for record in self._records if _folded(record, name) == wanted]
            active = [record for record in found if is_active(record)]
            if len(active) == 1:
                return active[0], ""
            if found:
                return None, "ambiguous" if active else "inactive"
        return None, self._absent(wanted)

    def _absent(self, wanted: str) -> str:
        renamed = wanted + INACTIVE_SUFFIX
        names = {_folded(record, name) for record in self._records for name in ("FullyQualifiedName", "Name")}
        return "inactive" if renamed in names else "not_found"


def is_active(record: Record) -> bool:
    """Whether a list object may be used in new transactions."""
    return bool(record.get("Active", True))


def _folded(record: Record, name: str) -> str:
    return str(record.get(name) or "").casefold()
