"""The tables: links, hints, subjects, attempts, parked, runs, checkpoints, tokens (DESIGN.md section 5).

No names, e-mails, addresses or payloads: ids, amounts in minor units, dates, codes. Every time has a zone.
Dates are in the books' calendar. The queue's own tables come from procrastinate (see `migrations`).
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    Identity,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from wescope.links import console_tables  # noqa: F401 - they belong to the same set
from wescope.links.table_parts import json, moment, now
from wescope.links.table_parts import metadata as every_table

REVISION = "m0014"
"""The newest migration; a test compares it with the migrations."""

metadata = every_table
"""All tables."""


links = Table(
    "links",
    metadata,
    Column("realm_id", Text, nullable=False),
    Column("document_key", Text, nullable=False),
    Column("entity", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("operation", Text, nullable=False),
    Column("qbo_id", Text),
    Column("sync_token", Text),
    Column("fingerprint", Text),
    Column("intent_fingerprint", Text, nullable=False),
    Column("intent_amount", BigInteger),
    Column("intent_txn_date", Date),
    Column("request_id", Text, nullable=False),
    Column("generation", Integer, nullable=False, server_default=text("0")),
    Column("sends", Integer, nullable=False, server_default=text("0")),
    Column("variant", Integer, nullable=False, server_default=text("0")),
    moment("attempted_at"),
    moment("lost_at"),
    Column("subject", Text, nullable=False),
    Column("stripe_ids", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    Column("amount", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("txn_date", Date),
    Column("due_date", Date),
    Column("usage_start_date", Date),
    Column("usage_end_date", Date),
    Column("payment_received_date", Date),
    Column("credit_date", Date),
    Column("payout_date", Date),
    Column("arrival_date", Date),
    Column("available_date", Date),
    Column("stated_date", Date),
    Column("batch_id", Text),
    Column("batch_item", Text),
    moment("recheck_at"),
    Column("settled_amount", BigInteger),
    Column("settled_currency", Text),
    Column("exchange_rate", Text),
    Column("run_id", BigInteger),
    Column("content", Text),
    moment("posted_at"),
    now("created_at"),
    now("updated_at"),
    PrimaryKeyConstraint("realm_id", "document_key"),
    Index(None, "subject"),
    Index(None, "realm_id", "entity", "qbo_id"),
    Index("ix_links_stripe_ids", "stripe_ids", postgresql_using="gin"),
    Index(None, "realm_id", "txn_date", "updated_at"),
    Index("ix_links_recheck", "recheck_at", postgresql_where=text("recheck_at IS NOT NULL")),
    Index("ix_links_request_id", "realm_id", "request_id"),
    Index(
        "ix_links_run_id_document_key",
        "run_id",
        "document_key",
        postgresql_where=text("run_id IS NOT NULL"),
        postgresql_include=["entity", "state", "realm_id"],
    ),
    Index("ix_links_batch_id", "batch_id", postgresql_where=text("batch_id IS NOT NULL")),
    Index("ix_links_key_prefix", "document_key", postgresql_ops={"document_key": "text_pattern_ops"}),
    Index("ix_links_unsettled", "attempted_at", postgresql_where=text("state IN ('intended', 'unknown')")),
)

subjects = Table(
    "subjects",
    metadata,
    Column("kind", Text, nullable=False),
    Column("id", Text, nullable=False),
    Column("customer_id", Text),
    Column("dirty", BigInteger, nullable=False, server_default=text("0")),
    Column("clean", BigInteger, nullable=False, server_default=text("0")),
    Column("queued", Boolean, nullable=False, server_default=text("false")),
    Column("lane", Text, nullable=False, server_default=text("'live'")),
    Column("run_id", BigInteger),
    moment("dirty_since"),
    moment("retry_at"),
    Column("failures", Integer, nullable=False, server_default=text("0")),
    Column("last_code", Text),
    moment("last_run_at"),
    PrimaryKeyConstraint("kind", "id"),
    Index("ix_subjects_dirty", "dirty_since", postgresql_where=text("dirty > clean")),
    Index("ix_subjects_run_id", "run_id", postgresql_where=text("run_id IS NOT NULL")),
    Index("ix_subjects_retry", "retry_at", postgresql_where=text("retry_at IS NOT NULL")),
    Index(None, "customer_id"),
)

hints = Table(
    "hints",
    metadata,
    Column("id", BigInteger, Identity(always=True), nullable=False),
    Column("event_id", Text),
    Column("event_type", Text),
    Column("kind", Text, nullable=False),
    Column("subject_id", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("run_id", BigInteger),
    moment("event_created_at"),
    Column("traceparent", Text),
    now("received_at"),
    PrimaryKeyConstraint("id"),
    Index("ux_hints_event_id", "event_id", unique=True, postgresql_where=text("event_id IS NOT NULL")),
    Index("ix_hints_run_id", "run_id", postgresql_where=text("run_id IS NOT NULL")),
    Index(None, "kind", "subject_id"),
    Index(None, "received_at"),
    Index("ix_hints_webhook", "received_at", postgresql_where=text("source = 'webhook'")),
)

attempts = Table(
    "attempts",
    metadata,
    Column("id", BigInteger, Identity(always=True), nullable=False),
    Column("realm_id", Text, nullable=False),
    Column("operation", Text, nullable=False),
    Column("entity", Text),
    Column("document_key", Text),
    Column("request_id", Text),
    Column("batch_id", Text),
    Column("intuit_tid", Text),
    Column("status", Integer),
    Column("fault_code", Text),
    Column("outcome", Text, nullable=False),
    moment("started_at", nullable=False),
    Column("milliseconds", Integer, nullable=False),
    PrimaryKeyConstraint("id"),
    Index(None, "document_key"),
    Index(None, "started_at"),
    *(
        Index(f"ix_attempts_{name}", name, postgresql_where=text(f"{name} IS NOT NULL"))
        for name in ("request_id", "batch_id", "intuit_tid")
    ),
)

parked = Table(
    "parked",
    metadata,
    Column("document_key", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("code", Text, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("details", JSONB, nullable=False, server_default=text("'{}'")),
    Column("waiting_on", Text),
    Column("txn_date", Date),
    Column("advisory", Boolean, nullable=False, server_default=text("false")),
    moment("ignored_at"),
    Column("ignored_reason", Text),
    now("since"),
    now("updated_at"),
    PrimaryKeyConstraint("document_key"),
    Index(None, "subject"),
    Index(None, "waiting_on"),
    Index(None, "txn_date"),
    Index("ix_parked_dry_run", "subject", postgresql_where=text("code = 'dry_run'")),
)

runs = Table(
    "runs",
    metadata,
    Column("id", BigInteger, Identity(always=True), nullable=False),
    Column("kind", Text, nullable=False),
    Column("state", Text, nullable=False),
    json("options"),
    json("counts"),
    json("checkpoint"),
    Column("result", JSONB, nullable=False, server_default=text("'{}'")),
    Column("request", Text),
    Column("node", Text),
    moment("heartbeat_at"),
    now("started_at"),
    moment("finished_at"),
    PrimaryKeyConstraint("id"),
    Index(None, "kind", "started_at"),
)

payout_checks = Table(
    "payout_checks",
    metadata,
    Column("realm_id", Text, nullable=False),
    Column("payout_id", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("gross", BigInteger, nullable=False),
    Column("fee", BigInteger, nullable=False),
    Column("net", BigInteger, nullable=False),
    Column("foots", Boolean, nullable=False),
    Column("state", Text, nullable=False),
    Column("differs_by", BigInteger, nullable=False, server_default=text("0")),
    Column("waiting_on", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    Column("deposits", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    Column("shared_with", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    Column("payout_date", Date),
    Column("arrival_date", Date),
    Column("deposit_date", Date),
    Column("available_date", Date),
    now("checked_at"),
    PrimaryKeyConstraint("realm_id", "payout_id"),
    Index(None, "realm_id", "arrival_date"),
    Index("ix_payout_checks_state", "realm_id", "state", "arrival_date", "payout_id"),
)
"""One row per payout: whether it foots, and which QBO deposits (`Deposit/145`) cover it. Amounts are Stripe's."""

payout_rows = Table(
    "payout_rows",
    metadata,
    Column("realm_id", Text, nullable=False),
    Column("payout_id", Text, nullable=False),
    Column("position", Integer, nullable=False),
    Column("transaction_id", Text, nullable=False),
    Column("category", Text, nullable=False),
    Column("source", Text),
    Column("document_key", Text),
    Column("gross", BigInteger, nullable=False),
    Column("fee", BigInteger, nullable=False),
    Column("net", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    PrimaryKeyConstraint("realm_id", "payout_id", "position"),
    Index(None, "transaction_id"),
    Index("ix_payout_rows_source", "source", postgresql_where=text("source IS NOT NULL")),
    Index("ix_payout_rows_document_key", "document_key", postgresql_where=text("document_key IS NOT NULL")),
)

checkpoints = Table(
    "checkpoints",
    metadata,
    Column("name", Text, nullable=False),
    Column("value", JSONB, nullable=False),
    now("updated_at"),
    PrimaryKeyConstraint("name"),
)

tokens = Table(
    "tokens",
    metadata,
    Column("realm_id", Text, nullable=False),
    Column("access_token", LargeBinary),
    Column("refresh_token", LargeBinary),
    moment("access_expires_at"),
    moment("refresh_expires_at"),
    Column("generation", Integer, nullable=False, server_default=text("0")),
    now("updated_at"),
    PrimaryKeyConstraint("realm_id"),
)

qbo_reads = Table(
    "qbo_reads",
    metadata,
    Column("realm_id", Text, nullable=False),
    Column("month", Date, nullable=False),
    Column("reads", BigInteger, nullable=False, server_default=text("0")),
    moment("blocked_at"),
    PrimaryKeyConstraint("realm_id", "month"),
)
"""Metered reads (facts/qbo.md 1, CorePlus) per calendar month in UTC; when QBO began to refuse them, if it did."""

qbo_connections = Table(
    "qbo_connections",
    metadata,
    Column("realm_id", Text, nullable=False),
    moment("lost_at"),
    Column("code", Text),
    now("updated_at"),
    PrimaryKeyConstraint("realm_id"),
)
"""Whether a person must connect the company again, since when, and why; null while all is well."""

qbo_hints = Table(
    "qbo_hints",
    metadata,
    Column("id", BigInteger, Identity(always=True), nullable=False),
    Column("realm_id", Text, nullable=False),
    Column("entity", Text, nullable=False),
    Column("qbo_id", Text, nullable=False),
    Column("operation", Text, nullable=False),
    Column("other_id", Text),
    Column("event_id", Text, nullable=False),
    moment("changed_at"),
    now("received_at"),
    moment("looked_at"),
    PrimaryKeyConstraint("id"),
    Index("ux_qbo_hints_event_id", "event_id", unique=True),
    Index("ix_qbo_hints_open", "id", postgresql_where=text("looked_at IS NULL")),
)
"""What QBO's webhooks said has changed, until `verify` has looked at it. `other_id` is whom a merge has swallowed."""

drift = Table(
    "drift",
    metadata,
    Column("id", BigInteger, Identity(always=True), nullable=False),
    Column("realm_id", Text, nullable=False),
    Column("document_key", Text),
    Column("entity", Text, nullable=False),
    Column("qbo_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("amount", BigInteger, nullable=False, server_default=text("0")),
    Column("currency", Text),
    json("details"),
    Column("state", Text, nullable=False, server_default=text("'open'")),
    Column("run_id", BigInteger),
    now("found_at"),
    moment("resolved_at"),
    PrimaryKeyConstraint("id"),
    Index(None, "document_key"),
    Index(None, "entity", "qbo_id"),
    Index(
        "ux_drift_open",
        "realm_id",
        "entity",
        "qbo_id",
        "kind",
        unique=True,
        postgresql_where=text("state = 'open'"),
    ),
)
"""What `verify` found in QBO that is not as we wrote it. Details hold amounts, dates, ids and names of fields only."""

accepted_edits = Table(
    "accepted_edits",
    metadata,
    Column("realm_id", Text, nullable=False),
    Column("document_key", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("content", Text, nullable=False),
    Column("fingerprint", Text),
    now("accepted_at"),
    PrimaryKeyConstraint("realm_id", "document_key"),
)
"""Edits by people that stay: a digest of what QBO held when it was accepted, and of the document we wanted then."""

audit = Table(
    "audit",
    metadata,
    Column("id", BigInteger, Identity(always=True), nullable=False),
    Column("action", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("target", Text, nullable=False),
    json("details"),
    Column("run_id", BigInteger),
    now("at"),
    PrimaryKeyConstraint("id"),
    Index(None, "target"),
    Index("ix_audit_action", "action", "id"),
    Index("ix_audit_actor", "actor", "id"),
)
"""Who had what done: repairs, undone runs, ignored items, accepted edits. Actors are `cli`, `api` or a role."""

notices = Table(
    "notices",
    metadata,
    Column("realm_id", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("code", Text, nullable=False),
    now("began_at"),
    now("seen_at"),
    moment("told_at"),
    moment("ended_at"),
    PrimaryKeyConstraint("realm_id", "target", "code"),
)
"""Alerts that are on, or of whose end a target is to be told: when they began, were last seen, and were last told."""

notice_targets = Table(
    "notice_targets",
    metadata,
    Column("realm_id", Text, nullable=False),
    Column("target", Text, nullable=False),
    moment("not_before"),
    moment("claimed_until"),
    Column("failures", Integer, nullable=False, server_default=text("0")),
    Column("last_code", Text),
    moment("sent_at"),
    PrimaryKeyConstraint("realm_id", "target"),
)
"""Whom alerts are sent to (`webhook`, `email`): when the next message may go, and who is sending one just now."""
