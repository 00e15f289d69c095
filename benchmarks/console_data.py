"""Rows for the benchmark of the console: a database as it is after years of work, and one with a page of everything."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, LiteralString

import psycopg

from wescope.engine.tieout_kept import kept
from wescope.engine.tieout_results import ClearingRow, ReceivableRow, TieOut
from wescope.links.database import conninfo


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How many rows a database gets. Hints and attempts are pruned by the service, so they grow less than links."""

    links: int
    hints: int
    attempts: int
    parked: int
    payouts: int
    payout_rows: int
    runs: int
    drift: int
    audit: int


FULL = Size(
    links=1_000_000, hints=200_000, attempts=200_000, parked=5_000, payouts=2_000, payout_rows=20_000, runs=400,
    drift=3_000, audit=20_000,
)  # fmt: skip
"""A million documents. `payout_rows` are those of the largest payout."""

SMALL = Size(
    links=200, hints=200, attempts=200, parked=100, payouts=60, payout_rows=200, runs=60, drift=60, audit=120
)  # fmt: skip
"""One page of everything: what is compared is size, not whether there is anything to show."""

RUN_ID, BULK_ID = 1, 2
"""The run that has posted a tenth of all documents, and one that has ignored all that is parked."""

LARGE_PAYOUT = "po_bench00000001"

_LINKS: LiteralString = """
insert into links (realm_id, document_key, entity, state, operation, qbo_id, sync_token, fingerprint,
    intent_fingerprint, request_id, subject, stripe_ids, amount, currency, txn_date, run_id, content, posted_at,
    created_at, updated_at)
select %(realm)s, 'in_bench' || lpad(i::text, 8, '0') || ':' || kind, entity, 'posted', 'create', (2 * i + part)::text,
    '0', md5(i::text), md5(i::text), 'wsb-' || i || '-' || part, 'invoice/in_bench' || lpad(i::text, 8, '0'),
    array['in_bench' || lpad(i::text, 8, '0'), 'cus_bench' || lpad((i %% 20000)::text, 6, '0')],
    1000 + i %% 90000, 'usd', current_date - (i %% 700), case when i %% 10 = 0 then 1 end, md5('c' || i),
    now() - make_interval(mins => i), now() - make_interval(mins => i + 1), now() - make_interval(mins => i)
from generate_series(1, %(count)s / 2) i,
    (values ('invoice', 'Invoice', 0), ('payment', 'Payment', 1)) kinds (kind, entity, part)
"""
_SUBJECTS: LiteralString = """
insert into subjects (kind, id, customer_id, dirty, clean, last_run_at)
select 'invoice', 'in_bench' || lpad(i::text, 8, '0'), 'cus_bench' || lpad((i %% 20000)::text, 6, '0'), 1, 1, now()
from generate_series(1, %(count)s / 2) i
"""
_HINTS: LiteralString = """
insert into hints (event_id, event_type, kind, subject_id, source, event_created_at, received_at)
select 'evt_bench' || i, 'invoice.paid', 'invoice', 'in_bench' || lpad(i::text, 8, '0'), 'webhook',
    now() - make_interval(secs => i * 12 + 3), now() - make_interval(secs => i * 12)
from generate_series(1, %(count)s) i
"""
_ATTEMPTS: LiteralString = """
insert into attempts (realm_id, operation, entity, document_key, request_id, intuit_tid, status, outcome, started_at,
    milliseconds)
select %(realm)s, 'create', 'Invoice', 'in_bench' || lpad(i::text, 8, '0') || ':invoice', 'wsb-' || i || '-0',
    'tid-' || i, 200, 'ok', now() - make_interval(secs => i * 12 + 60), 150
from generate_series(1, %(count)s) i
"""
_PARKED: LiteralString = """
insert into parked (document_key, subject, code, amount, currency, details, since)
select 'in_late' || lpad(i::text, 6, '0') || ':invoice', 'invoice/in_late' || lpad(i::text, 6, '0'),
    (array['total_mismatch', 'account_missing', 'period_closed'])[1 + i %% 3], 1000 + i, 'usd', '{}',
    now() - make_interval(hours => i)
from generate_series(1, %(count)s) i
"""
_PAYOUTS: LiteralString = """
insert into payout_checks (realm_id, payout_id, currency, amount, gross, fee, net, foots, state, deposits, payout_date,
    arrival_date, deposit_date, available_date)
select %(realm)s, 'po_bench' || lpad(i::text, 8, '0'), 'usd', 97000, 100000, 3000, 97000, true,
    case when i %% 50 = 0 then 'waiting' else 'matched' end, array['Deposit/' || (9000000 + i)],
    current_date - i / 3, current_date - i / 3, current_date - i / 3, current_date - i / 3
from generate_series(1, %(count)s) i
"""
_ROWS: LiteralString = """
insert into payout_rows (realm_id, payout_id, position, transaction_id, category, source, document_key, gross, fee, net,
    state)
select %(realm)s, %(payout)s, i, 'txn_bench' || i, 'charge', 'ch_bench' || i,
    'in_bench' || lpad(i::text, 8, '0') || ':payment', 1000, 30, 970, 'matched'
from generate_series(1, %(count)s) i
"""
_FIRST_RUNS: LiteralString = """
insert into runs (kind, state, options, counts, checkpoint, result, started_at, finished_at)
values ('backfill', 'done', '{"since": "2026-01-01", "until": "2026-10-31"}', '{"queued": 10}', '{}', '{}',
        now() - interval '90 days', now() - interval '89 days'),
    ('bulk', 'done', jsonb_build_object('action', 'ignore', 'actor', 'cli', 'at', now()::text, 'count', %(count)s,
        'digest', '0123456789abcdef', 'reason', 'known', 'items', (select jsonb_agg(jsonb_build_array(
            'in_late' || lpad(i::text, 6, '0') || ':invoice', 'invoice/in_late' || lpad(i::text, 6, '0'),
            'total_mismatch', 1000 + i, 'usd')) from generate_series(1, %(count)s) i)),
        '{}', jsonb_build_object('done', %(count)s), '{}', now() - interval '80 days', now() - interval '80 days')
"""
_RUNS: LiteralString = """
insert into runs (kind, state, options, counts, result, started_at, finished_at)
select (array['replay', 'sweep', 'verify'])[1 + i %% 3], 'done', '{}', '{"queued": 10}', '{}',
    now() - make_interval(hours => %(count)s - i), now() - make_interval(hours => %(count)s - i)
from generate_series(1, %(count)s) i
"""
_DRIFT: LiteralString = """
insert into drift (realm_id, document_key, entity, qbo_id, kind, amount, currency, details, state, run_id, found_at)
select %(realm)s, 'in_bench' || lpad(i::text, 8, '0') || ':invoice', 'Invoice', (2 * i)::text, 'edited', 1000, 'usd',
    '{"fields": "TotalAmt:50.00/40.00", "subject": "invoice/in_bench1"}',
    case when i %% 3 = 0 then 'open' else 'gone' end,
    1, now() - make_interval(hours => i)
from generate_series(1, %(count)s) i
"""
_AUDIT: LiteralString = """
insert into audit (action, actor, target, details, at)
select 'ignore', 'cli', 'in_bench' || lpad(i::text, 8, '0') || ':invoice', '{}', now() - make_interval(mins => i)
from generate_series(1, %(count)s) i
"""
_TABLES: Sequence[LiteralString] = (
    "links", "subjects", "hints", "attempts", "parked", "payout_checks", "payout_rows", "runs", "drift", "audit",
)  # fmt: skip


def fill(url: str, realm_id: str, size: Size) -> dict[str, int]:
    """Put the rows into a database that the service has brought up to date; the bytes of each table, with indexes."""
    with psycopg.connect(conninfo(url), autocommit=True) as connection:
        for statement, count in (
            (_FIRST_RUNS, size.parked),
            (_RUNS, size.runs),
            (_LINKS, size.links),
            (_SUBJECTS, size.links),
            (_HINTS, size.hints),
            (_ATTEMPTS, size.attempts),
            (_PARKED, size.parked),
            (_PAYOUTS, size.payouts),
            (_ROWS, size.payout_rows),
            (_DRIFT, size.drift),
            (_AUDIT, size.audit),
        ):
            connection.execute(statement, {"realm": realm_id, "count": count, "payout": LARGE_PAYOUT})
        connection.execute(
            "insert into runs (kind, state, result, finished_at) values ('tieout', 'done', %s, now())",
            [json.dumps(_tieout(size.parked))],
        )
        connection.execute("vacuum (analyze)")
        return {table: _bytes(connection, table) for table in _TABLES}


def _tieout(customers: int) -> dict[str, Any]:
    """What is kept of a comparison with so many customers in it."""
    receivable = [
        ReceivableRow(customer_id=f"cus_bench{number:06}", currency="usd", stripe=1000, qbo=1000, difference=0)
        for number in range(customers)
    ]
    clearing = ClearingRow(currency="usd", stripe=5000, qbo=5000, difference=0)
    at = datetime(2026, 11, 1, 2, tzinfo=UTC)
    return kept(TieOut.of(as_of=date(2026, 10, 31), at=at, receivable=receivable, clearing=[clearing]))


def _bytes(connection: psycopg.Connection[Any], table: str) -> int:
    row = connection.execute("select pg_total_relation_size(%s::regclass)", [table]).fetchone()
    return int(row[0]) if row else 0
