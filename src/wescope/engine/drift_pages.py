"""Drift pages: findings a page at a time with both values of each field, and what a repair of them would write."""

from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncEngine

from wescope.books.documents import Entity
from wescope.engine.cursors import cursor_of, place_of
from wescope.engine.drift_desk import DriftItem, DriftNotFound, item_of
from wescope.engine.drift_kinds import DriftKind, DriftState
from wescope.engine.examine import Examiner
from wescope.engine.results import MONEY
from wescope.engine.sent_values import SentValue, sent_for
from wescope.engine.write_gate import WriteGate
from wescope.links.database import transaction
from wescope.links.drift import DriftRow
from wescope.links.drift_pages import DriftChoice, open_by_kind, page_of_drift
from wescope.links.runs import Run, RunKind, newest_of
from wescope.links.store import Link, LinkState
from wescope.links.verification import by_keys

MOST_REPAIRED = 200
"""Findings that one preview shows and one repair takes; the newest ones, if there are more."""

MOST_ASKED = 20
"""Findings of which Stripe is asked what exactly would be sent; the newest ones, if there are more."""

_SENT = frozenset({"update", "create"})
_UPDATED = frozenset({DriftKind.EDITED, DriftKind.MOVED, DriftKind.UNMARKED, DriftKind.UNAPPLIED})


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldDifference:
    """One field that differs. `stripe` and `qbo` are null where the finding keeps no values: texts are not kept."""

    name: str
    stripe: str | None
    qbo: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftFinding:
    """A finding with what differs field by field, and the run that found it last."""

    finding: DriftItem
    differences: tuple[FieldDifference, ...]
    run_id: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LastVerification:
    """The verification that began last; `finished_at` is null while it is not over."""

    run_id: int
    state: str
    mode: str
    started_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenDrift:
    """How many findings of a kind nobody has decided about."""

    kind: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftPage:
    """Some of the findings that a filter takes, the newest first.

    `next` names the page that follows, null if there is none. `open` counts all that is open, whatever the filter;
    `verified` is null if QBO was never compared.
    """

    items: tuple[DriftFinding, ...]
    next: str | None
    open: tuple[OpenDrift, ...]
    verified: LastVerification | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RepairWrite:
    """What a repair of one finding would write to QBO.

    `verb` is `update`, `create`, `delete`, `activate`, `link` (nothing is written to QBO) or `none`; `writes` are the
    fields that are sent over what QBO has (`stripe` is what is sent). `why_not` says why nothing would be written;
    `revertible` whether it can be taken back afterwards. `sends` is all that would be sent as Stripe says now, if that
    was asked for; else, and where it cannot be told, it is null.
    """

    drift_id: int
    kind: str
    verb: str
    entity: str
    qbo_id: str
    document_key: str | None
    amount: int = field(metadata=MONEY)
    currency: str
    text: str
    writes: tuple[FieldDifference, ...]
    revertible: bool
    why_not: str | None
    sends: tuple[SentValue, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RepairPreview:
    """What a repair would write, finding by finding. `more` says that there are findings beyond the most it takes."""

    writes: tuple[RepairWrite, ...]
    count: int
    more: bool

    @property
    def ids(self) -> tuple[int, ...]:
        """The findings that would be repaired."""
        return tuple(one.drift_id for one in self.writes if one.why_not is None)


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftPages:
    """What pages ask about edits in QBO; what is decided about them is in `DriftDesk`."""

    engine: AsyncEngine
    realm_id: str
    gate: WriteGate
    examiner: Examiner

    async def page(self, choice: DriftChoice, *, after: str | None = None, limit: int = 50) -> DriftPage:
        """A page of what a filter takes, after the one that named `after`.

        Raises:
            WrongUse: `after` names no place.
            DatabaseUnavailable: the tables cannot be read.
        """
        before = None if after is None else int(place_of(after, int)[0])
        async with transaction(self.engine) as connection:
            rows = await page_of_drift(connection, self.realm_id, choice, before=before, limit=limit + 1)
            counts = await open_by_kind(connection, self.realm_id)
            run = await newest_of(connection, RunKind.VERIFY)
        shown = rows[:limit]
        return DriftPage(
            items=tuple(
                DriftFinding(finding=(item := item_of(row)), differences=differences_of(item.fields), run_id=row.run_id)
                for row in shown
            ),
            next=cursor_of(shown[-1].id) if len(rows) > limit else None,
            open=tuple(OpenDrift(kind=one.kind, count=one.count) for one in counts),
            verified=_verification(run) if run else None,
        )

    async def preview(self, choice: DriftChoice, *, exact: bool = False) -> RepairPreview:
        """What a repair of open findings would write: of those with these ids, or of all that the filter takes.

        Args:
            choice: the findings.
            exact: ask Stripe what all would be sent for the first ones, too.

        Raises:
            DriftNotFound: an id is of none that is open.
            StripeError, QboError: they were to be asked, and do not answer.
            DatabaseUnavailable: the tables cannot be read.
        """
        async with transaction(self.engine) as connection:
            rows = await page_of_drift(connection, self.realm_id, choice, before=None, limit=MOST_REPAIRED + 1)
            links = await by_keys(connection, self.realm_id, [row.document_key or "" for row in rows])
        if choice.ids is not None and (missing := sorted(set(choice.ids) - {row.id for row in rows})):
            raise DriftNotFound(ids=" ".join(map(str, missing)))
        is_held = (await self.gate.state()).is_held
        shown = rows[:MOST_REPAIRED]
        writes = tuple(_write(row, links.get(row.document_key or ""), is_held=is_held) for row in shown)
        if exact:
            written = {one.drift_id for one in writes if one.verb in _SENT and one.entity != Entity.CUSTOMER.value}
            sent = await sent_for(self.examiner, [row for row in rows if row.id in written][:MOST_ASKED], links)
            writes = tuple(replace(one, sends=sent.get(one.drift_id)) for one in writes)
        count = sum(one.why_not is None for one in writes)
        return RepairPreview(writes=writes, count=count, more=len(rows) > MOST_REPAIRED)


def _write(row: DriftRow, link: Link | None, *, is_held: bool) -> RepairWrite:
    item = item_of(row)
    verb = _verb(row)
    why_not = None
    if row.state != DriftState.OPEN:
        why_not = "It is not open any more."
    elif item.repair is None:
        why_not = "Only a person in QBO can put this right."
    elif is_held:
        why_not = "Writing is held (dry run): nothing is written to QBO."
    elif verb in {*_SENT, "link"} and (link is None or link.state is not LinkState.POSTED):
        why_not = "Its document is just being written, or was taken back."
    return RepairWrite(
        drift_id=item.id,
        kind=item.kind,
        verb=verb if why_not is None else "none",
        entity=item.entity,
        qbo_id=item.qbo_id,
        document_key=item.document_key,
        amount=item.amount,
        currency=item.currency,
        text=item.repair or item.remedy,
        writes=differences_of(item.fields) if why_not is None and verb == "update" else (),
        revertible=item.revertible,
        why_not=why_not,
    )


def _verification(run: Run) -> LastVerification:
    return LastVerification(
        run_id=run.id,
        state=run.state,
        mode=str(run.checkpoint.get("mode") or run.options.get("mode", "auto")),
        started_at=run.started_at,
        finished_at=run.finished_at,
    )


def differences_of(fields: str) -> tuple[FieldDifference, ...]:
    """The codes of a finding, `TotalAmt:50.00/40.00 PrivateNote`, one by one."""
    return tuple(_difference(code) for code in fields.split())


def _difference(code: str) -> FieldDifference:
    name, separator, values = code.partition(":")
    if not separator:
        return FieldDifference(name=name, stripe=None, qbo=None)
    stripe, _, qbo = values.rpartition("/")
    return FieldDifference(name=name, stripe=stripe or None, qbo=qbo or None)


def _verb(row: DriftRow) -> str:
    kind = DriftKind(row.kind)
    if kind is DriftKind.DOUBLED:
        return "delete"
    if kind is DriftKind.MERGED:
        return "link"
    if kind is DriftKind.DELETED or kind is DriftKind.VOIDED:
        return "create"
    if kind is DriftKind.INACTIVE or (row.entity == Entity.CUSTOMER.value and kind in _UPDATED):
        return "activate"
    return "update" if kind in _UPDATED else "none"
