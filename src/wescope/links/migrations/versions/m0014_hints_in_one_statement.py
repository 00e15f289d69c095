"""Hints, their subjects and the jobs that those need, in one statement: three round trips less for each webhook."""

from alembic import op

revision = "m0014"
down_revision = "m0013"
branch_labels = None
depends_on = None

# One subject after the other: whoever takes several takes them in one order, that of the characters' codes.
_MAKE_DIRTY = """
CREATE FUNCTION wescope_make_dirty(given json)
    RETURNS TABLE (kind text, subject_id text, customer_id text, lane text)
    LANGUAGE plpgsql
AS $$
#variable_conflict use_column
DECLARE
    hinted record;
    before subjects%ROWTYPE;
    after subjects%ROWTYPE;
    waits boolean;
    needs_job boolean;
BEGIN
    FOR hinted IN
        SELECT
            hint.kind,
            hint.subject_id,
            count(*) AS hints,
            bool_or(hint.lane = 'live') AS is_live,
            (array_agg(hint.customer_id ORDER BY place) FILTER (WHERE hint.customer_id <> ''))[1] AS customer_id,
            (array_agg(hint.run_id ORDER BY place DESC) FILTER (WHERE hint.run_id IS NOT NULL))[1] AS run_id
        FROM ROWS FROM (
            json_to_recordset(given) AS (kind text, subject_id text, customer_id text, lane text, run_id bigint)
        ) WITH ORDINALITY AS hint (kind, subject_id, customer_id, lane, run_id, place)
        GROUP BY hint.kind, hint.subject_id
        ORDER BY hint.kind COLLATE "C", hint.subject_id COLLATE "C"
    LOOP
        INSERT INTO subjects (kind, id, customer_id, dirty, dirty_since, queued, lane, run_id)
        VALUES (
            hinted.kind, hinted.subject_id, hinted.customer_id, hinted.hints, now(), true,
            CASE WHEN hinted.is_live THEN 'live' ELSE 'backlog' END, hinted.run_id
        )
        ON CONFLICT (kind, id) DO NOTHING
        RETURNING * INTO after;
        needs_job := FOUND;
        IF NOT FOUND THEN
            SELECT * INTO before FROM subjects WHERE kind = hinted.kind AND id = hinted.subject_id FOR UPDATE;
            waits := before.dirty > before.clean;
            UPDATE subjects SET
                dirty = greatest(dirty, clean) + hinted.hints,
                dirty_since = CASE WHEN waits THEN dirty_since ELSE now() END,
                customer_id = coalesce(nullif(customer_id, ''), hinted.customer_id),
                queued = true,
                retry_at = NULL,
                -- What is live stays so until it is done, and what a run waits for stays its own.
                lane = CASE WHEN hinted.is_live OR (waits AND lane = 'live') THEN 'live' ELSE 'backlog' END,
                run_id = coalesce(hinted.run_id, CASE WHEN waits THEN run_id END)
            WHERE kind = hinted.kind AND id = hinted.subject_id
            RETURNING * INTO after;
            -- A job that waits in the backlog is overtaken by a live one; it then finds nothing to do.
            needs_job := NOT before.queued OR before.lane <> after.lane;
        END IF;
        IF needs_job THEN
            kind := after.kind;
            subject_id := after.id;
            customer_id := after.customer_id;
            lane := after.lane;
            RETURN NEXT;
        END IF;
    END LOOP;
END
$$
"""

_RECORD_HINTS = """
CREATE FUNCTION wescope_record_hints(given json, OUT stored bigint[], OUT jobs json)
    LANGUAGE plpgsql
AS $$
DECLARE
    fresh json;
BEGIN
    WITH
    hint AS MATERIALIZED (
        SELECT *, row_number() OVER (PARTITION BY event_id ORDER BY place) AS delivery
        FROM ROWS FROM (
            json_to_recordset(given) AS (
                event_id text, event_type text, kind text, subject_id text, source text, customer_id text, lane text,
                run_id bigint, event_created_at timestamptz, traceparent text
            )
        ) WITH ORDINALITY AS all_hints (
            event_id, event_type, kind, subject_id, source, customer_id, lane, run_id, event_created_at, traceparent,
            place
        )
    ),
    -- In one order for everybody, so that two transactions never wait for each other.
    inserted AS (
        INSERT INTO hints (event_id, event_type, kind, subject_id, source, run_id, event_created_at, traceparent)
        SELECT event_id, event_type, kind, subject_id, source, run_id, event_created_at, traceparent
        FROM hint
        WHERE event_id IS NULL OR delivery = 1
        ORDER BY event_id COLLATE "C" NULLS FIRST, place
        ON CONFLICT (event_id) WHERE event_id IS NOT NULL DO NOTHING
        RETURNING event_id
    ),
    new AS (
        SELECT * FROM hint
        WHERE event_id IS NULL OR (delivery = 1 AND event_id IN (SELECT event_id FROM inserted))
    )
    SELECT array_agg(new.place ORDER BY new.place), json_agg(new ORDER BY new.place)
    INTO stored, fresh
    FROM new;
    SELECT json_agg(job) INTO jobs FROM wescope_make_dirty(coalesce(fresh, '[]')) AS job;
END
$$
"""


def upgrade() -> None:
    """Add functions; older code goes on with statements of its own."""
    op.execute(_MAKE_DIRTY)
    op.execute(_RECORD_HINTS)
