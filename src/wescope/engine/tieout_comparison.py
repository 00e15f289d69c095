"""Tie-out comparison: the rows of both sides at the end of a day, and any of them opened into its documents."""

from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from wescope.books.calendar import local_date
from wescope.books.parking import Owner
from wescope.books.payout_match import BankEntry, ExpectedPayout, match_payouts
from wescope.books.policy import PayoutMode, Policy
from wescope.books.values import Payout
from wescope.engine.results import ParkedRow
from wescope.engine.tieout_clearing import stands
from wescope.engine.tieout_entries import QboEntries, QboEntry, StripeEntry
from wescope.engine.tieout_lines import Pair, by_payout, joined_payouts, pairs_of
from wescope.engine.tieout_qbo import Adopted, nothing_adopted
from wescope.engine.tieout_reasons import Reasons
from wescope.engine.tieout_results import (
    BankRow,
    ClearingRow,
    Kind,
    MonthRow,
    OpenedRow,
    PayoutRow,
    Reason,
    ReceivableRow,
    TieOut,
    TieOutLine,
    unexplained_of,
)
from wescope.errors import Retry, WescopeError
from wescope.links.payouts import DepositDay, StoredPayout
from wescope.links.tieout import Facts

FactsOf = Callable[[Collection[str], Collection[str]], Awaitable[Facts]]
"""What the tables know of documents (by key) and Stripe objects (by id)."""

UNCHECKED = "unchecked"
"""The state of a payout that was not looked at yet."""

_KINDS = list(Kind)
_ORDER = ("receivable", "clearing", "bank", *(kind.value for kind in Kind), "payout")


async def _no_facts(_: Collection[str], __: Collection[str]) -> Facts:
    return Facts()


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What only we know.

    `customers` maps QBO's customer id to the Stripe customer and currency. `deposited` says when a payout's
    deposit stands in QBO where that is not its arrival date, `payouts` counts payouts by state, `checks` are their
    results. `adopted` and `facts` are asked for what is to be explained, not for amounts.
    """

    customers: Mapping[str, tuple[str, str]]
    parked: Sequence[ParkedRow] = ()
    deposited: Mapping[str, DepositDay] = field(default_factory=dict)
    payouts: Mapping[str, int] = field(default_factory=dict)
    checks: Sequence[StoredPayout] = ()
    adopted: Adopted = nothing_adopted
    facts: FactsOf = _no_facts


class RowNotFound(WescopeError):
    """A tie-out has no row with this id on that day."""

    code = "row_not_found"
    owner = Owner.OPERATOR
    retry = Retry.NEVER
    remedy = "`wescope tieout --json` has the ids of all rows of a day."


class _Row:
    """The entries of one row until the end of the day, and their sums."""

    __slots__ = ("currency", "found", "qbo", "stated", "stripe")

    def __init__(self, currency: str) -> None:
        self.currency = currency
        self.stated: list[StripeEntry] = []
        self.found: list[QboEntry] = []
        self.stripe = self.qbo = 0

    def by_object(self) -> Iterator[tuple[str, int]]:
        """What each side has of the documents of an object: Stripe's as it is, QBO's negated."""
        for entry in self.stated:
            yield entry.key.partition(":")[0], entry.amount
        for found in self.found:
            if found.document and found.document.key:
                yield found.document.key.partition(":")[0], -found.amount


class Comparison:
    """Both sides at the end of a day. Make it with `tieout.compare`."""

    def __init__(
        self,
        *,
        as_of: date,
        at: datetime,
        policy: Policy,
        known: Known,
        payouts: Sequence[Payout],
        currencies: Sequence[str],
        qbo: QboEntries,
    ) -> None:
        self.as_of, self.at = as_of, at
        self._policy, self._known, self._currencies = policy, known, currencies
        self._payouts = {payout.id: payout for payout in payouts}
        self._documents = qbo.documents
        self._checks = {check.payout_id: check for check in known.checks}
        self._returns = {
            f"{payout.failure_balance_transaction.id}:journal_entry": payout.id
            for payout in payouts
            if payout.failure_balance_transaction
        }
        self._covers = _covers(payouts, known.checks, self._returns)
        self._joined = joined_payouts(known.checks)
        self._rows: dict[str, _Row] = {}
        self._entries: Sequence[StripeEntry] = ()
        for entry in qbo.entries:
            if entry.day <= as_of:
                self._row(entry.row, entry.currency).found.append(entry)
        self._result: TieOut | None = None

    @property
    def result(self) -> TieOut:
        """The rows, and what makes up those that differ."""
        if self._result is None:
            raise TypeError("nothing was compared yet")
        return self._result

    async def made_of(self, entries: Iterable[StripeEntry]) -> "Comparison":
        """Take Stripe's entries of every day, and compare."""
        self._entries = tuple(entries)
        for entry in self._entries:
            if entry.day <= self.as_of:
                self._row(entry.row, entry.currency).stated.append(entry)
                if entry.row.startswith("bank:") and entry.stripe_id in self._payouts:
                    self._row(f"payout:{entry.stripe_id}", entry.currency).stated.append(entry)
        self._match_returns()
        self._divide_deposits()
        for row in self._rows.values():
            row.stripe = sum(entry.amount for entry in row.stated)
            row.qbo = sum(entry.amount for entry in row.found)
        self._result = await self._compared()
        return self

    async def open(self, row_id: str) -> OpenedRow:
        """A row with everything that makes it up.

        Raises:
            RowNotFound: there is no such row on that day.
        """
        row = self._rows.get(row_id)
        if row is None:
            raise RowNotFound("This tie-out has no such row.", row=row_id, as_of=self.as_of.isoformat())
        lines = await self._lines({row_id: self._pairs(row_id)})
        return OpenedRow(
            id=row_id,
            as_of=self.as_of,
            at=self.at,
            currency=row.currency,
            stripe=row.stripe,
            qbo=row.qbo,
            difference=row.stripe - row.qbo,
            unexplained=unexplained_of(lines),
            lines=lines,
        )

    # --- rows -------------------------------------------------------------------------------------------------------

    def _row(self, row_id: str, currency: str) -> _Row:
        found = self._rows.get(row_id)
        if found is None:
            found = self._rows[row_id] = _Row(currency)
        return found

    def _match_returns(self) -> None:
        """Which entries of the bank feed are payouts that came back, where nobody else books them."""
        if self._policy.payouts is not PayoutMode.MATCH:
            return
        for currency in self._currencies:
            row = self._rows.get(f"bank:{currency}")
            names = {entry.document.name: entry for entry in row.found if entry.document} if row else {}
            free = [
                BankEntry(id=name, amount=entry.amount, day=entry.day)
                for name, entry in names.items()
                if name not in self._covers and entry.document and entry.document.key is None
            ]
            came_back = [
                ExpectedPayout(id=entry.key, amount=entry.amount, arrival=entry.day)
                for entry in (row.stated if row else ())
                if entry.key in self._returns
            ]
            for match in match_payouts(came_back, free).matches:
                keys = sorted(match.payouts)
                for name in match.entries:
                    self._covers[name] = tuple(self._returns[key] for key in keys)
                    self._joined[name] = keys[0]
                self._joined.update(dict.fromkeys(keys[1:], keys[0]))

    def _divide_deposits(self) -> None:
        """What QBO's entries in bank accounts are of each payout."""
        bank = [entry for row_id, row in self._rows.items() if row_id.startswith("bank:") for entry in row.found]
        amounts = {
            row_id.removeprefix("payout:"): sum(entry.amount for entry in row.stated)
            for row_id, row in self._rows.items()
            if row_id.startswith("payout:")
        }
        for payout_id, found in by_payout(bank, amounts, self._covers).items():
            row_id = f"payout:{payout_id}"
            row = self._row(row_id, found[0][0].currency)
            row.found += [replace(entry, row=row_id, amount=amount) for entry, amount in found]
        for payout in self._payouts.values():
            if self._is_due(payout):
                self._row(f"payout:{payout.id}", payout.currency)

    def _is_due(self, payout: Payout) -> bool:
        start = self._policy.start_date
        return payout.arrival_date <= self.as_of and not (start and payout.arrival_date < start)

    async def _compared(self) -> TieOut:
        for currency in self._currencies:
            self._row(f"clearing:{currency}", currency)
            self._row(f"bank:{currency}", currency)
        differing = {row_id: self._pairs(row_id) for row_id in sorted(self._rows, key=_place) if self._differs(row_id)}
        explained = [line for line in await self._lines(differing) if line.reason]
        return TieOut.of(
            as_of=self.as_of,
            at=self.at,
            receivable=self._receivable(),
            clearing=[self._clearing(currency) for currency in self._currencies],
            bank=[BankRow(currency=currency, **self._amounts(f"bank:{currency}")) for currency in self._currencies],
            months=sorted(self._months(), key=lambda row: (row.month, _KINDS.index(row.kind), row.currency)),
            deposits=sorted(self._deposits(), key=lambda row: (row.arrival_date or date.min, row.payout_id)),
            parked=self._known.parked,
            payouts=self._known.payouts,
            explained=explained,
        )

    def _differs(self, row_id: str) -> bool:
        return self._rows[row_id].stripe != self._rows[row_id].qbo

    def _amounts(self, row_id: str) -> dict[str, int]:
        row = self._rows[row_id]
        return {"stripe": row.stripe, "qbo": row.qbo, "difference": row.stripe - row.qbo}

    def _receivable(self) -> Iterable[ReceivableRow]:
        for row_id, row in sorted(self._rows.items()):
            kind, _, rest = row_id.partition(":")
            if kind == "receivable" and (row.stripe or row.qbo):
                customer = rest.rpartition(":")[0]
                yield ReceivableRow(customer_id=customer, currency=row.currency, **self._amounts(row_id))

    def _clearing(self, currency: str) -> ClearingRow:
        row_id, start = f"clearing:{currency}", self._policy.start_date
        old = [entry.amount for entry in self._rows[row_id].stated if start and entry.day < start]
        return ClearingRow(currency=currency, opening=sum(old), **self._amounts(row_id))

    def _months(self) -> Iterable[MonthRow]:
        for row_id, row in self._rows.items():
            name, _, rest = row_id.partition(":")
            if name in _KINDS and (row.stated or row.found):
                month = rest.partition(":")[0]
                yield MonthRow(kind=Kind(name), month=month, currency=row.currency, **self._amounts(row_id))

    def _deposits(self) -> Iterable[PayoutRow]:
        for row_id, row in self._rows.items():
            payout = self._payouts.get(row_id.removeprefix("payout:"))
            if payout is None:
                continue
            check, failure = self._checks.get(payout.id), payout.failure_balance_transaction
            known = dict.fromkeys(entry.document.name for entry in row.found if entry.document)
            came_back = stands(payout) and failure is not None
            yield PayoutRow(
                payout_id=payout.id,
                currency=payout.currency,
                amount=payout.amount,
                status=payout.status.value,
                state=check.state if check else UNCHECKED,
                deposits=tuple(known),
                shared_with=check.shared_with if check else (),
                payout_date=local_date(payout.created, self._policy.timezone),
                arrival_date=payout.arrival_date,
                deposit_date=min((entry.day for entry in row.found), default=None),
                available_date=check.available_date if check else None,
                returned_date=local_date(failure.created, self._policy.timezone) if failure and came_back else None,
                **self._amounts(row_id),
            )

    # --- lines ------------------------------------------------------------------------------------------------------

    def _pairs(self, row_id: str) -> tuple[Pair, ...]:
        row = self._rows[row_id]
        start = self._policy.start_date if row_id.startswith("clearing:") else None
        return pairs_of(row.stated, row.found, self._joined, start)

    async def _lines(self, pairs: Mapping[str, Sequence[Pair]]) -> tuple[TieOutLine, ...]:
        """The lines of rows, those that differ with their reason; nothing of what comes to zero on both sides."""
        open_pairs = [pair for found in pairs.values() for pair in found if not pair.settled]
        facts = Facts()
        if open_pairs:
            ids = {one for pair in open_pairs for one in pair.ids}
            facts = await self._known.facts({pair.key for pair in open_pairs}, ids)
        reasons = Reasons(
            facts,
            self._known.parked,
            self._documents,
            self._days(open_pairs),
            elsewhere=self._elsewhere(open_pairs, facts) if open_pairs else {},
            by_bank=self._returns if self._policy.payouts is PayoutMode.MATCH else (),
        )
        return tuple(
            self._line(row_id, pair, reasons)
            for row_id, found in pairs.items()
            for pair in found
            if pair.stripe_amount or pair.qbo_amount
        )

    def _days(self, pairs: Iterable[Pair]) -> dict[str, set[date]]:
        """The days on which Stripe's side has these documents."""
        found: dict[str, set[date]] = {pair.key: set() for pair in pairs}
        for entry in self._entries if found else ():
            if entry.key in found:
                found[entry.key].add(entry.day)
        return found

    def _elsewhere(self, pairs: Collection[Pair], facts: Facts) -> dict[tuple[str, str], str]:
        """By row and key, the months in which the documents of a subject differ, if not over all months together."""
        subjects = {pair.object: facts.links[pair.key].subject for pair in pairs if pair.key in facts.links}
        sums: defaultdict[tuple[str, str, str], Counter[str]] = defaultdict(Counter)
        wanted = {(pair.row.split(":")[0], pair.row.split(":")[-1], pair.object) for pair in pairs}
        for row_id, row in self._rows.items():
            kind, month, currency = row_id.split(":")[0], row_id.split(":")[1], row_id.split(":")[-1]
            for name, amount in row.by_object() if kind in _KINDS else ():
                if (kind, currency, name) in wanted:
                    sums[kind, currency, subjects.get(name, name)][month] += amount
        found: dict[tuple[str, str], str] = {}
        for pair in pairs:
            kind, month, currency = pair.row.split(":")[0], pair.row.split(":")[1], pair.row.split(":")[-1]
            by_month = sums.get((kind, currency, subjects.get(pair.object, pair.object)), Counter())
            if by_month and not sum(by_month.values()):
                others = (one for one, amount in sorted(by_month.items()) if amount and one != month)
                found[pair.row, pair.key] = " ".join(others)
        return found

    def _line(self, row_id: str, pair: Pair, reasons: Reasons) -> TieOutLine:
        reason: Reason | None = None
        detail: str | None = None
        if not pair.settled:
            reason, detail = reasons.of(pair)
        entity, qbo_id = reasons.record_of(pair) or (None, None)
        key = pair.key if ":" in pair.key else None
        return TieOutLine(
            row=row_id,
            date=pair.day,
            stripe_id=pair.stripe[0].stripe_id if pair.stripe else None,
            document_key=key,
            entity=entity,
            qbo_id=qbo_id,
            stripe=pair.stripe_amount,
            qbo=pair.qbo_amount,
            difference=pair.difference,
            currency=self._rows[row_id].currency,
            reason=reason,
            detail=detail,
        )


def _place(row_id: str) -> tuple[int, str]:
    """Where a row stands among all rows of a tie-out."""
    return _ORDER.index(row_id.partition(":")[0]), row_id


def _covers(
    payouts: Iterable[Payout], checks: Iterable[StoredPayout], returns: Mapping[str, str]
) -> dict[str, tuple[str, ...]]:
    """The payouts that a document covers, by its key or its name (`Deposit/145`)."""
    covers: dict[str, tuple[str, ...]] = {f"{payout.id}:deposit": (payout.id,) for payout in payouts}
    covers |= {key: (payout_id,) for key, payout_id in returns.items()}
    for check in checks:
        together = tuple(sorted({check.payout_id, *check.shared_with}))
        covers |= dict.fromkeys(check.deposits, together)
        if len(together) > 1:
            covers[f"{check.payout_id}:deposit"] = together
    return covers
