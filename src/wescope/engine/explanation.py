"""The explanation of an id as values: what it is, each fact about it, all of them in time order, and the plan. Pure.

Amounts are minor units of the currency beside them; every moment has a zone.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from datetime import date, datetime

from wescope.books.money import to_decimal
from wescope.engine.dashboards import Dashboards
from wescope.engine.parked_items import parked_row
from wescope.engine.results import MONEY, ParkedRow, PayoutResult, SyncResult
from wescope.links.audit import AuditRow
from wescope.links.story import Story, StoryAttempt, StoryAudit, StoryHint, StoryLink, StorySubject

SHORT = 12
"""Characters of a fingerprint that are shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """What an id is.

    `kind` is `event`, `stripe_object`, `subject`, `document`, `qbo_document`, `request` or `intuit_tid`. `note` says
    how it was found, if that is not plain; `url` is where a dashboard shows it.
    """

    kind: str
    id: str
    url: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkResult:
    """A document and its QBO object. Dates are in the books' calendar, but for Stripe's own payout dates (UTC).

    `settled_amount` is a decimal of `settled_currency`: what the document moves in clearing. `fingerprint` is of what
    QBO holds, `intent_fingerprint` of what was sent last, both shortened.
    """

    document_key: str
    entity: str
    qbo_id: str | None
    qbo_url: str | None
    state: str
    operation: str
    subject: str
    stripe_ids: tuple[str, ...]
    amount: int = field(metadata=MONEY)
    currency: str
    settled_amount: str | None
    settled_currency: str | None
    exchange_rate: str | None
    txn_date: date | None
    stated_date: date | None
    due_date: date | None
    usage_start_date: date | None
    usage_end_date: date | None
    payment_received_date: date | None
    credit_date: date | None
    payout_date: date | None
    arrival_date: date | None
    available_date: date | None
    request_id: str
    generation: int
    sends: int
    fingerprint: str | None
    intent_fingerprint: str
    attempted_at: datetime | None
    lost_at: datetime | None
    recheck_at: datetime | None
    posted_at: datetime | None
    run_id: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutPlace:
    """A row of a payout that pays out one of the documents; `state` is that of the row's check."""

    payout_id: str
    transaction_id: str
    category: str
    source: str | None
    document_key: str | None
    gross: int = field(metadata=MONEY)
    fee: int = field(metadata=MONEY)
    net: int = field(metadata=MONEY)
    currency: str
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftResult:
    """What `verify` found in QBO; `amount` is a decimal of `currency`, and `accepted_at` says that the edit stays."""

    document_key: str | None
    entity: str
    qbo_id: str
    kind: str
    state: str
    amount: str | None
    currency: str | None
    found_at: datetime
    resolved_at: datetime | None
    accepted_at: datetime | None
    details: Mapping[str, str]
    run_id: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditResult:
    """What somebody had done, and who: `cli`, `api` or a role."""

    at: datetime
    action: str
    actor: str
    target: str
    details: Mapping[str, str]
    run_id: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """One thing that happened, or will: `what` is a word, `about` a key, subject or id, `text` the rest for people."""

    at: datetime
    what: str
    about: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Why a part of the explanation is missing: an error's code, text and remedy."""

    code: str
    message: str
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """The whole story of an id. `plan` is what would be done now, null if it was not asked for or could not be made."""

    identifier: str
    needs_somebody: bool
    meanings: tuple[Meaning, ...]
    stripe: tuple[Meaning, ...]
    links: tuple[LinkResult, ...]
    parked: tuple[ParkedRow, ...]
    awaited_by: tuple[ParkedRow, ...]
    subjects: tuple[StorySubject, ...]
    hints: tuple[StoryHint, ...]
    attempts: tuple[StoryAttempt, ...]
    payouts: tuple[PayoutResult, ...]
    payout_rows: tuple[PayoutPlace, ...]
    drift: tuple[DriftResult, ...]
    audit: tuple[AuditResult, ...]
    timeline: tuple[Moment, ...]
    plan: tuple[SyncResult, ...] | None
    problems: tuple[Problem, ...] = ()


def link_result(link: StoryLink, dashboards: Dashboards) -> LinkResult:
    """A stored link as people are told of it."""
    same = {each.name: getattr(link, each.name) for each in fields(link)}
    changed = {
        "settled_amount": _decimal(link.settled_amount, link.settled_currency),
        "fingerprint": link.fingerprint and _short(link.fingerprint),
        "intent_fingerprint": _short(link.intent_fingerprint),
    }
    return LinkResult(qbo_url=dashboards.qbo(link.entity, link.qbo_id), **(same | changed))


def stripe_objects(story: Story, asked: Iterable[str], dashboards: Dashboards) -> tuple[Meaning, ...]:
    """Every Stripe object that the documents stand for, each once, with its address."""
    ids = dict.fromkeys([*asked, *(one for link in story.links for one in link.stripe_ids)])
    return tuple(Meaning(kind="stripe_object", id=one, url=dashboards.stripe(one)) for one in ids)


def drift_results(story: Story) -> tuple[DriftResult, ...]:
    """What was found about the documents in QBO."""
    return tuple(
        DriftResult(
            document_key=one.document_key,
            entity=one.entity,
            qbo_id=one.qbo_id,
            kind=one.kind,
            state=one.state,
            amount=_decimal(one.amount, one.currency),
            currency=one.currency,
            found_at=one.found_at,
            resolved_at=one.resolved_at,
            accepted_at=story.accepted.get(one.document_key or ""),
            details=_texts(one.details),
            run_id=one.run_id,
        )
        for one in story.drift
    )


def audit_results(story: Story) -> tuple[AuditResult, ...]:
    """What somebody had done about them."""
    return tuple(map(audit_result, story.audit))


def audit_result(one: StoryAudit | AuditRow) -> AuditResult:
    """One entry of the audit log as people are told of it."""
    return AuditResult(
        at=one.at,
        action=one.action,
        actor=one.actor,
        target=one.target,
        details=_texts(one.details),
        run_id=one.run_id,
    )


def timeline(story: Story, payouts: Iterable[PayoutResult], now: datetime) -> tuple[Moment, ...]:
    """Everything that has a moment, the oldest first; what is planned for later comes last."""
    moments = [
        *_of_hints(story),
        *_of_subjects(story),
        *_of_attempts(story),
        *_of_links(story),
        *_of_parked(story, now),
        *(_checked(payout) for payout in payouts),
        *_of_drift(story),
        *(
            Moment(at=one.at, what=one.action, about=one.target, text=f"by {one.actor}{_run(one.run_id)}")
            for one in story.audit
        ),
    ]
    return tuple(sorted(moments, key=lambda moment: moment.at))


def _of_hints(story: Story) -> Iterator[Moment]:
    for hint in story.hints:
        if hint.event_created_at:
            text = f"{hint.event_type} happened at Stripe"
            yield Moment(at=hint.event_created_at, what="event", about=hint.event_id or hint.subject, text=text)
        event = f" {hint.event_id} ({hint.event_type})" if hint.event_id else ""
        yield Moment(
            at=hint.received_at, what="hint", about=hint.subject, text=f"from {hint.source}{event}{_run(hint.run_id)}"
        )


def _of_subjects(story: Story) -> Iterator[Moment]:
    for one in story.subjects:
        if one.last_run_at:
            ended = f", ended with {one.last_code}" if one.last_code else ""
            again = f", tries without success: {one.failures}" if one.failures else ""
            waits = ", waits for another" if one.waiting else ""
            text = f"the last run{ended}{again}{waits}{_run(one.run_id)}"
            yield Moment(at=one.last_run_at, what="run", about=one.subject, text=text)
        if one.retry_at:
            yield Moment(at=one.retry_at, what="next run", about=one.subject, text="looked at again by itself")


def _of_attempts(story: Story) -> Iterator[Moment]:
    for one in story.attempts:
        fault = f", fault {one.fault_code}" if one.fault_code else ""
        status = f"HTTP {one.status}" if one.status else "no answer"
        ids = "".join(
            f", {name} {value}"
            for name, value in (("request", one.request_id), ("batch", one.batch_id), ("intuit_tid", one.intuit_tid))
            if value
        )
        text = f"{one.operation} {one.entity or ''}: {one.outcome}, {status}{fault}, {one.milliseconds} ms{ids}"
        yield Moment(at=one.started_at, what="QBO call", about=one.document_key or one.request_id or "", text=text)


def _of_links(story: Story) -> Iterator[Moment]:
    for link in story.links:
        name = f"{link.entity}/{link.qbo_id}" if link.qbo_id else link.entity
        if link.posted_at:
            text = f"is {name} in QBO ({link.state}){_run(link.run_id)}"
            yield Moment(at=link.posted_at, what="posted", about=link.document_key, text=text)
        elif link.attempted_at:
            text = f"{link.operation} of {name}: {link.state}, sent {link.sends} times, generation {link.generation}"
            yield Moment(at=link.attempted_at, what="intent", about=link.document_key, text=text)
        if link.lost_at:
            text = f"the outcome of the {link.operation} is not known; it is looked up"
            yield Moment(at=link.lost_at, what="lost", about=link.document_key, text=text)


def _of_parked(story: Story, now: datetime) -> Iterator[Moment]:
    for row in (parked_row(item, now) for item in story.parked):
        yield Moment(at=row.since, what="parked", about=row.key, text=f"{row.code}: {row.reason}")


def _of_drift(story: Story) -> Iterator[Moment]:
    for one in story.drift:
        about = one.document_key or f"{one.entity}/{one.qbo_id}"
        yield Moment(
            at=one.found_at, what="drift", about=about, text=f"{one.entity}/{one.qbo_id}: {one.kind}{_run(one.run_id)}"
        )
        if one.resolved_at:
            yield Moment(at=one.resolved_at, what="drift ended", about=about, text=f"{one.kind}: {one.state}")
    for key, at in story.accepted.items():
        yield Moment(at=at, what="accepted", about=key, text="the edit in QBO stays")


def _checked(payout: PayoutResult) -> Moment:
    deposits = f" with {' '.join(payout.deposits)}" if payout.deposits else ""
    return Moment(at=payout.checked_at, what="payout check", about=payout.payout_id, text=f"{payout.state}{deposits}")


def _run(run_id: int | None) -> str:
    return f" in run {run_id}" if run_id is not None else ""


def _short(mark: str) -> str:
    """A fingerprint's beginning; of one with a prefix (`adopted:Deposit:...`) that stays."""
    head, separator, digest = mark.rpartition(":")
    return f"{head}{separator}{digest[:SHORT]}"


def _texts(details: Mapping[str, object]) -> dict[str, str]:
    return {str(name): str(value) for name, value in details.items()}


def _decimal(amount: int | None, currency: str | None) -> str | None:
    return None if amount is None or currency is None else str(to_decimal(amount, currency))
