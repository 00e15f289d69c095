"""Directory: a list of QBO's (accounts, items, classes, tax codes), searched the way people name its entries."""

import difflib
from collections.abc import Iterable, Iterator

from wescope.qbo.records import Record

INACTIVE_SUFFIX = " (deleted)"
"""What QBO appends to the name of a list object that is made inactive (facts/qbo.md 7)."""


_CLOSE = 0.82
"""How alike names must be to be taken for misspelled, as `difflib` counts it: more than by a common first word."""


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

    def like(self, configured: str, *, most: int = 3) -> tuple[str, ...]:
        """What a setting without a record may have meant: all of its name, else the closest active full names."""
        wanted = configured.strip().casefold()
        same = [one for one in self._records if wanted in {_folded(one, "Name"), _folded(one, "FullyQualifiedName")}]
        if same:
            return tuple(f"{full_name(one)} (id {one.get('Id')})" for one in same[:most])
        names = {form: full_name(one) for one in self._records if is_active(one) for form in _forms(one)}
        close = difflib.get_close_matches(wanted, names, n=most, cutoff=_CLOSE)
        return tuple(dict.fromkeys(names[form] for form in close))

    def by_id(self, qbo_id: str | None) -> Record | None:
        """The record with this id, whether it is active or not."""
        return next((record for record in self._records if qbo_id and str(record.get("Id")) == qbo_id), None)

    def _absent(self, wanted: str) -> str:
        renamed = wanted + INACTIVE_SUFFIX
        names = {_folded(record, name) for record in self._records for name in ("FullyQualifiedName", "Name")}
        return "inactive" if renamed in names else "not_found"


def full_name(record: Record) -> str:
    """The name of a list object with its parents' (`Parent:Child`)."""
    return str(record.get("FullyQualifiedName") or record.get("Name") or "")


def is_active(record: Record) -> bool:
    """Whether a list object may be used in new transactions."""
    return bool(record.get("Active", True))


def _forms(record: Record) -> tuple[str, ...]:
    return tuple(form for name in ("FullyQualifiedName", "Name") if (form := _folded(record, name)))


def _folded(record: Record, name: str) -> str:
    return str(record.get(name) or "").casefold()
