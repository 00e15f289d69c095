"""The console's tables: tie-outs by parts, sign-offs, releases, counts and figures that pages show.

As everywhere no names and no payloads; the rules are those of `schema`.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    Identity,
    Index,
    PrimaryKeyConstraint,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from wescope.links.table_parts import json, metadata, moment, now

tieout_sums = Table(
    "tieout_sums",
    metadata,
    Column("run_id", BigInteger, nullable=False),
    Column("as_of", Date, nullable=False),
    moment("at", nullable=False),
    Column("difference", Text, nullable=False),
    Column("total_difference", Text, nullable=False),
    Column("unexplained", Text, nullable=False),
    Column("sums", JSONB, nullable=False, server_default=text("'[]'")),
    Column("digest", Text, nullable=False),
    PrimaryKeyConstraint("run_id"),
    Index(None, "as_of", "run_id"),
)
"""Each kept tie-out in a few sums: balances, and what the month of its day posts. The database itself writes it."""

month_signoffs = Table(
    "month_signoffs",
    metadata,
    Column("id", BigInteger, Identity(always=True), nullable=False),
    Column("realm_id", Text, nullable=False),
    Column("month", Date, nullable=False),
    Column("as_of", Date, nullable=False),
    Column("run_id", BigInteger, nullable=False),
    Column("tieout_digest", Text, nullable=False),
    Column("difference", Text, nullable=False),
    Column("reason", Text),
    json("figures"),
    Column("evidence", Text, nullable=False),
    Column("actor", Text, nullable=False),
    now("signed_at"),
    moment("withdrawn_at"),
    Column("withdrawn_by", Text),
    PrimaryKeyConstraint("id"),
    Index(None, "realm_id", "month"),
    Index(
        "ux_month_signoffs_standing",
        "realm_id",
        "month",
        unique=True,
        postgresql_where=text("withdrawn_at IS NULL"),
    ),
)
"""Who signed a month off, upon which tie-out, with what open; those that were withdrawn remain."""
dry_run_releases = Table(
    "dry_run_releases",
    metadata,
    Column("id", BigInteger, Identity(always=True), nullable=False),
    Column("realm_id", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("policy", Text, nullable=False),
    json("figures"),
    now("at"),
    PrimaryKeyConstraint("id"),
    Index(None, "realm_id", "id"),
)
"""Who has let documents be written after a review (`release`) or stopped that (`hold`); a realm's newest row holds.

`policy` is a digest of what decided the documents then, `figures` what waited: counts and amounts in minor units.
"""

connect_attempts = Table(
    "connect_attempts",
    metadata,
    Column("digest", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("redirect_uri", Text, nullable=False),
    now("at"),
    PrimaryKeyConstraint("digest"),
)
"""Attempts to connect QBO from the console that have no answer yet, by a digest of what only the browser knows."""
tallies = Table(
    "tallies",
    metadata,
    Column("id", BigInteger, Identity(always=True), nullable=False),
    *(Column(name, Text, nullable=False) for name in ("name", "realm_id", "part", "currency")),
    Column("ignored", Boolean, nullable=False),
    Column("count", BigInteger, nullable=False),
    Column("amount", BigInteger, nullable=False),
    PrimaryKeyConstraint("id"),
)
"""Changes of counts, written by triggers and folded by the worker: a count is the sum of its rows (`links.tallies`)."""

day_figures = Table(
    "day_figures",
    metadata,
    Column("realm_id", Text, nullable=False),
    Column("day", Date, nullable=False),
    *(Column(name, BigInteger, nullable=False) for name in ("events", "postings", "delays")),
    *(Column(name, BigInteger) for name in ("delay_p50_ms", "delay_p95_ms")),
    Column("final", Boolean, nullable=False),
    now("refreshed_at"),
    PrimaryKeyConstraint("realm_id", "day"),
)
"""Events, postings and delays of a day in the books' calendar; `final` when the day is over and was counted since."""

posting_delays = Table(
    "posting_delays",
    metadata,
    Column("id", BigInteger, Identity(always=True), nullable=False),
    Column("realm_id", Text, nullable=False),
    Column("entity", Text, nullable=False),
    Column("milliseconds", BigInteger, nullable=False),
    now("posted_at"),
    PrimaryKeyConstraint("id"),
    Index(None, "posted_at"),
)
"""From the receipt of a webhook until its document stood in QBO, one row per document that was written for one."""

tieout_heads = Table(
    "tieout_heads",
    metadata,
    Column("run_id", BigInteger, nullable=False),
    Column("as_of", Date, nullable=False),
    moment("compared_at", nullable=False),
    Column("head", JSONB, nullable=False),
    PrimaryKeyConstraint("run_id"),
    Index(None, "as_of", "compared_at"),
    Index(None, "compared_at"),
)
"""Each kept tie-out without its rows, written by a trigger on `runs`: what is read often must not read all rows."""

tieout_kept_rows = Table(
    "tieout_kept_rows",
    metadata,
    Column("run_id", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("position", BigInteger, nullable=False),
    *(Column(name, Text, nullable=False) for name in ("id", "currency")),
    *(Column(name, BigInteger, nullable=False) for name in ("stripe", "qbo")),
    PrimaryKeyConstraint("run_id", "kind", "position"),
    Index(None, "run_id", "id"),
)
"""The rows of the newest tie-outs by kind, written by the same trigger; `position` is a row's place among all."""
