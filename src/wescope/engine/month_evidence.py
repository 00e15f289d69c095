"""Evidence of a month: what its sign-off rests on, as CSV and JSON in one archive, row by row from the database.

The same data give the same bytes: nothing in it is of the moment at which it is made. `SHA256SUMS` names each file's
digest, and its own digest is the evidence's. Sign-offs lie beside it, since they quote that digest; so does what has no
known day, which comes and goes whatever the month.
"""

import hashlib
import io
import json
import zipfile
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from wescope.books.month import Month
from wescope.engine.export import cells, written
from wescope.engine.export_sheets import SHEETS, CsvColumn, What
from wescope.engine.month_results import SignedFigures, Signoff
from wescope.engine.results import to_json
from wescope.links.months import KeptTieOut, dated_links, in_month, open_rows, rows_of_tieout, waiting_rows
from wescope.links.schema import links, payout_checks

SUMS = "SHA256SUMS"
_BATCH = 1000
_README = """\
Evidence of a month's end, made by WeScope Sync.

summary.json    the comparison of Stripe with QuickBooks Online, and what was open
tieout.csv      every number of that comparison, on both sides
open.csv        what is dated in the month and open
payouts.csv     the payouts that arrived in the month
documents.csv   every document that is dated in the month
undated.csv     what is open now and of no known day; not among the data
signoffs.json   who signed the month off, and when; not among the data
SHA256SUMS      the digests of the data: sha256sum -c SHA256SUMS

A sign-off quotes the SHA-256 of SHA256SUMS as it was then.
"""
_AT = (1980, 1, 1, 0, 0, 0)
_OPEN = (
    *(CsvColumn(name=name, meaning="") for name in ("kind", "key", "subject", "code")),
    CsvColumn(name="amount", meaning="", currency="currency"),
    *(CsvColumn(name=name, meaning="") for name in ("currency", "date", "since", "entity", "qbo_id")),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """The evidence of one month as one transaction sees it; `compared` is its tie-out, `figures` are what is signed."""

    connection: AsyncConnection
    realm_id: str
    month: Month
    timezone: str
    compared: KeptTieOut | None
    figures: SignedFigures

    async def digest(self) -> str:
        """The SHA-256 of what would be its `SHA256SUMS`."""
        sums = []
        for name, pieces in self._files():
            found = hashlib.sha256()
            async for piece in pieces:
                found.update(piece.encode())
            sums.append((name, found.hexdigest()))
        return hashlib.sha256(_listed(sums).encode()).hexdigest()

    async def archive(self, signoffs: Sequence[Signoff]) -> AsyncIterator[bytes]:
        """The archive, piece by piece; its memory does not grow with the month."""
        sink, sums = _Sink(), []
        with zipfile.ZipFile(sink, "w") as archive:
            archive.writestr(_entry("README.txt"), _README)
            for name, pieces in self._files():
                found = hashlib.sha256()
                with archive.open(_entry(name), "w", force_zip64=True) as file:
                    async for piece in pieces:
                        data = piece.encode()
                        found.update(data)
                        file.write(data)
                        yield sink.taken()
                sums.append((name, found.hexdigest()))
            archive.writestr(_entry(SUMS), _listed(sums))
            with archive.open(_entry("undated.csv"), "w", force_zip64=True) as file:
                async for piece in self._open(None):
                    file.write(piece.encode())
                    yield sink.taken()
            archive.writestr(_entry("signoffs.json"), _json(signoffs))
        yield sink.taken()

    def _files(self) -> Sequence[tuple[str, AsyncIterator[str]]]:
        """The files that are summed, each with its pieces."""
        mine = [payout_checks.c.realm_id == self.realm_id]
        mine.append(payout_checks.c.arrival_date.between(self.month.first, self.month.last))
        payouts = (
            sa.select(payout_checks).where(*mine).order_by(payout_checks.c.arrival_date, payout_checks.c.payout_id)
        )
        documents = sa.select(links).where(*dated_links(self.realm_id, self.month))
        # When a payout was last looked at is no part of it: it is looked at again and again.
        looked = tuple(column for column in SHEETS[What.PAYOUTS].columns if column.name != "checked_at")
        return (
            ("summary.json", self._summary()),
            ("tieout.csv", self._tieout()),
            ("open.csv", self._open(self.month)),
            ("payouts.csv", self._sheet(looked, payouts)),
            (
                "documents.csv",
                self._sheet(SHEETS[What.LINKS].columns, documents.order_by(links.c.txn_date, links.c.document_key)),
            ),
        )

    async def _summary(self) -> AsyncIterator[str]:
        names = ("run_id", "as_of", "at", "difference", "total_difference", "unexplained")
        told = {name: getattr(self.compared, name) for name in names} if self.compared else None
        month = {"month": str(self.month), "first": self.month.first, "last": self.month.last}
        yield _json({**month, "timezone": self.timezone, "comparison": told, "figures": self.figures})

    async def _tieout(self) -> AsyncIterator[str]:
        columns = SHEETS[What.TIEOUTS].columns
        yield written([[column.name for column in columns]])
        if self.compared is None:
            return
        # All rows are in one value: whatever else is asked of it is asked for each of them, so nothing is.
        told = {"id": self.compared.run_id, "as_of": self.compared.as_of, "at": self.compared.at}
        told |= {name: getattr(self.compared, name) for name in ("difference", "total_difference", "unexplained")}
        async for piece in self._rows(columns, rows_of_tieout(self.compared.run_id), told):
            yield piece

    async def _sheet(self, columns: Sequence[CsvColumn], query: sa.Select[Any]) -> AsyncIterator[str]:
        yield written([[column.name for column in columns]])
        async for piece in self._rows(columns, query, {}):
            yield piece

    async def _open(self, month: Month | None) -> AsyncIterator[str]:
        yield written([[column.name for column in _OPEN]])
        sources = {**open_rows(self.realm_id), "waiting": waiting_rows(self.realm_id, self.month)}
        for kind, rows in sources.items():
            query = in_month(rows, month).order_by(sa.text("day"), sa.text("key"))
            async for piece in self._rows(_OPEN, query, {"kind": kind}):
                yield piece

    async def _rows(
        self, columns: Sequence[CsvColumn], query: sa.Select[Any], constant: Mapping[str, Any]
    ) -> AsyncIterator[str]:
        result = await self.connection.stream(query.execution_options(yield_per=_BATCH))
        async for rows in result.mappings().partitions():
            # "date" is the column "day" of the query, and what has no currency has no amount.
            full = [{**row, **constant, **_named(row)} for row in rows]
            yield written([cells(columns, row) for row in full])


def _named(row: Mapping[Any, Any]) -> Mapping[str, Any]:
    return {"date": row["day"], "currency": row["currency"] or "usd"} if "day" in row else {}


def _listed(sums: Sequence[tuple[str, str]]) -> str:
    """As `sha256sum` writes and reads it."""
    return "".join(f"{digest}  {name}\n" for name, digest in sums)


def _json(value: object) -> str:
    return json.dumps(to_json(value), indent=2, sort_keys=True) + "\n"


def _entry(name: str) -> zipfile.ZipInfo:
    """A file of the archive that says nothing of when and where it was made."""
    entry = zipfile.ZipInfo(name, _AT)
    entry.compress_type, entry.create_system, entry.external_attr = zipfile.ZIP_DEFLATED, 3, 0o644 << 16
    return entry


class _Sink(io.RawIOBase):
    """What the archive is written to, and taken from piece by piece; nobody can go back in it."""

    def __init__(self) -> None:
        super().__init__()
        self._pieces: list[bytes] = []

    def writable(self) -> bool:
        """It is."""
        return True

    def write(self, data: Any) -> int:
        """Keep some bytes until they are taken."""
        self._pieces.append(bytes(data))
        return len(self._pieces[-1])

    def taken(self) -> bytes:
        """All that was written since this was last asked."""
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces)
