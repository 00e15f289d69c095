-- Generated from the code by `wescope schema all`; see docs/bigquery.md. The dataset is `wescope`.

CREATE OR REPLACE VIEW `wescope.documents`
OPTIONS (description = 'Each document with its customer.')
AS
SELECT
  l.document_key, l.entity, l.state, l.qbo_id, l.subject, l.stripe_ids,
  COALESCE(s.customer_id, IF(s.kind = 'customer', s.id, NULL)) AS customer_id,
  l.txn_date, l.stated_date, l.due_date, l.usage_start_date, l.usage_end_date, l.payment_received_date,
  l.credit_date, l.payout_date, l.arrival_date, l.available_date, l.posted_at,
  l.currency, CAST(l.amount AS NUMERIC) / CASE WHEN l.currency IN ('bif', 'clp', 'djf', 'gnf', 'jpy', 'kmf', 'krw', 'mga', 'pyg', 'rwf', 'vnd', 'vuv', 'xaf', 'xof', 'xpf') THEN 1 WHEN l.currency IN ('bhd', 'jod', 'kwd', 'omr', 'tnd') THEN 1000 ELSE 100 END AS amount,
  l.settled_currency, CAST(l.settled_amount AS NUMERIC) / CASE WHEN l.settled_currency IN ('bif', 'clp', 'djf', 'gnf', 'jpy', 'kmf', 'krw', 'mga', 'pyg', 'rwf', 'vnd', 'vuv', 'xaf', 'xof', 'xpf') THEN 1 WHEN l.settled_currency IN ('bhd', 'jod', 'kwd', 'omr', 'tnd') THEN 1000 ELSE 100 END AS settled_amount,
  l.exchange_rate, l.run_id
FROM `wescope.links` AS l
LEFT JOIN `wescope.subjects` AS s ON l.subject = CONCAT(s.kind, '/', s.id);

CREATE OR REPLACE VIEW `wescope.payout_lines`
OPTIONS (description = 'The rows of each payout.')
AS
SELECT
  r.payout_id, r.arrival_date, r.position, r.transaction_id, r.category, r.source, r.document_key, r.state,
  r.currency, CAST(r.gross AS NUMERIC) / CASE WHEN r.currency IN ('bif', 'clp', 'djf', 'gnf', 'jpy', 'kmf', 'krw', 'mga', 'pyg', 'rwf', 'vnd', 'vuv', 'xaf', 'xof', 'xpf') THEN 1 WHEN r.currency IN ('bhd', 'jod', 'kwd', 'omr', 'tnd') THEN 1000 ELSE 100 END AS gross, CAST(r.fee AS NUMERIC) / CASE WHEN r.currency IN ('bif', 'clp', 'djf', 'gnf', 'jpy', 'kmf', 'krw', 'mga', 'pyg', 'rwf', 'vnd', 'vuv', 'xaf', 'xof', 'xpf') THEN 1 WHEN r.currency IN ('bhd', 'jod', 'kwd', 'omr', 'tnd') THEN 1000 ELSE 100 END AS fee, CAST(r.net AS NUMERIC) / CASE WHEN r.currency IN ('bif', 'clp', 'djf', 'gnf', 'jpy', 'kmf', 'krw', 'mga', 'pyg', 'rwf', 'vnd', 'vuv', 'xaf', 'xof', 'xpf') THEN 1 WHEN r.currency IN ('bhd', 'jod', 'kwd', 'omr', 'tnd') THEN 1000 ELSE 100 END AS net
FROM `wescope.payout_rows` AS r;

CREATE OR REPLACE VIEW `wescope.payout_reconciliation`
OPTIONS (description = 'Each payout with its deposits, all its dates, and whether its rows add up.')
AS
SELECT
  c.realm_id, c.payout_id, c.state, c.foots, c.currency, CAST(c.amount AS NUMERIC) / CASE WHEN c.currency IN ('bif', 'clp', 'djf', 'gnf', 'jpy', 'kmf', 'krw', 'mga', 'pyg', 'rwf', 'vnd', 'vuv', 'xaf', 'xof', 'xpf') THEN 1 WHEN c.currency IN ('bhd', 'jod', 'kwd', 'omr', 'tnd') THEN 1000 ELSE 100 END AS amount, CAST(c.gross AS NUMERIC) / CASE WHEN c.currency IN ('bif', 'clp', 'djf', 'gnf', 'jpy', 'kmf', 'krw', 'mga', 'pyg', 'rwf', 'vnd', 'vuv', 'xaf', 'xof', 'xpf') THEN 1 WHEN c.currency IN ('bhd', 'jod', 'kwd', 'omr', 'tnd') THEN 1000 ELSE 100 END AS gross, CAST(c.fee AS NUMERIC) / CASE WHEN c.currency IN ('bif', 'clp', 'djf', 'gnf', 'jpy', 'kmf', 'krw', 'mga', 'pyg', 'rwf', 'vnd', 'vuv', 'xaf', 'xof', 'xpf') THEN 1 WHEN c.currency IN ('bhd', 'jod', 'kwd', 'omr', 'tnd') THEN 1000 ELSE 100 END AS fee, CAST(c.net AS NUMERIC) / CASE WHEN c.currency IN ('bif', 'clp', 'djf', 'gnf', 'jpy', 'kmf', 'krw', 'mga', 'pyg', 'rwf', 'vnd', 'vuv', 'xaf', 'xof', 'xpf') THEN 1 WHEN c.currency IN ('bhd', 'jod', 'kwd', 'omr', 'tnd') THEN 1000 ELSE 100 END AS net, CAST(c.differs_by AS NUMERIC) / CASE WHEN c.currency IN ('bif', 'clp', 'djf', 'gnf', 'jpy', 'kmf', 'krw', 'mga', 'pyg', 'rwf', 'vnd', 'vuv', 'xaf', 'xof', 'xpf') THEN 1 WHEN c.currency IN ('bhd', 'jod', 'kwd', 'omr', 'tnd') THEN 1000 ELSE 100 END AS differs_by,
  COALESCE(r.line_count, 0) AS line_count, CAST(COALESCE(r.net, 0) AS NUMERIC) / CASE WHEN c.currency IN ('bif', 'clp', 'djf', 'gnf', 'jpy', 'kmf', 'krw', 'mga', 'pyg', 'rwf', 'vnd', 'vuv', 'xaf', 'xof', 'xpf') THEN 1 WHEN c.currency IN ('bhd', 'jod', 'kwd', 'omr', 'tnd') THEN 1000 ELSE 100 END AS lines_net,
  c.deposits, c.shared_with, c.waiting_on,
  c.payout_date, c.arrival_date, c.deposit_date, c.available_date,
  DATE_DIFF(c.deposit_date, c.arrival_date, DAY) AS deposit_days_after_arrival, c.checked_at
FROM `wescope.payout_checks` AS c
LEFT JOIN (
  SELECT realm_id, payout_id, COUNT(*) AS line_count, SUM(net) AS net
  FROM `wescope.payout_rows` GROUP BY realm_id, payout_id
) AS r ON r.realm_id = c.realm_id AND r.payout_id = c.payout_id;

CREATE OR REPLACE VIEW `wescope.tieouts`
OPTIONS (description = 'The rows of the last tie-out of each day: Stripe beside QBO.')
AS
SELECT
  t.as_of, t.compared_at, t.run_id, t.row_id,
  SPLIT(t.row_id, ':')[SAFE_OFFSET(0)] AS kind,
  IF(STARTS_WITH(t.row_id, 'receivable:'), SPLIT(t.row_id, ':')[SAFE_OFFSET(1)], NULL) AS customer_id,
  t.currency, CAST(t.stripe AS NUMERIC) / CASE WHEN t.currency IN ('bif', 'clp', 'djf', 'gnf', 'jpy', 'kmf', 'krw', 'mga', 'pyg', 'rwf', 'vnd', 'vuv', 'xaf', 'xof', 'xpf') THEN 1 WHEN t.currency IN ('bhd', 'jod', 'kwd', 'omr', 'tnd') THEN 1000 ELSE 100 END AS stripe, CAST(t.qbo AS NUMERIC) / CASE WHEN t.currency IN ('bif', 'clp', 'djf', 'gnf', 'jpy', 'kmf', 'krw', 'mga', 'pyg', 'rwf', 'vnd', 'vuv', 'xaf', 'xof', 'xpf') THEN 1 WHEN t.currency IN ('bhd', 'jod', 'kwd', 'omr', 'tnd') THEN 1000 ELSE 100 END AS qbo, CAST(t.stripe - t.qbo AS NUMERIC) / CASE WHEN t.currency IN ('bif', 'clp', 'djf', 'gnf', 'jpy', 'kmf', 'krw', 'mga', 'pyg', 'rwf', 'vnd', 'vuv', 'xaf', 'xof', 'xpf') THEN 1 WHEN t.currency IN ('bhd', 'jod', 'kwd', 'omr', 'tnd') THEN 1000 ELSE 100 END AS difference
FROM `wescope.tieout_rows` AS t
JOIN (SELECT as_of, MAX(compared_at) AS compared_at FROM `wescope.tieout_rows` GROUP BY as_of) AS newest
  ON t.as_of = newest.as_of AND t.compared_at = newest.compared_at;

CREATE OR REPLACE VIEW `wescope.ar_ageing`
OPTIONS (description = 'Open receivables by age: see docs/bigquery.md for how payments are applied. Each month\'s end, and today.')
AS
WITH entries AS (
  SELECT
    COALESCE(s.customer_id, IF(s.kind = 'customer', s.id, ''), '') AS customer_id, l.currency, l.subject,
    l.txn_date, COALESCE(l.due_date, l.txn_date) AS due_date,
    IF(l.entity IN ('Payment', 'CreditMemo'), -l.amount, l.amount) AS amount
  FROM `wescope.links` AS l
  LEFT JOIN `wescope.subjects` AS s ON l.subject = CONCAT(s.kind, '/', s.id)
  WHERE l.state = 'posted' AND l.amount != 0 AND (
    l.entity IN ('Invoice', 'Payment', 'CreditMemo')
    OR (l.entity = 'JournalEntry' AND ENDS_WITH(l.document_key, ':reversal') AND STARTS_WITH(l.subject, 'invoice/'))
  )
),
days AS (
  SELECT LAST_DAY(first_day, MONTH) AS as_of FROM UNNEST(GENERATE_DATE_ARRAY(DATE_TRUNC((SELECT MIN(txn_date) FROM `wescope.links`), MONTH), CURRENT_DATE(), INTERVAL 1 MONTH)) AS first_day WHERE LAST_DAY(first_day, MONTH) < CURRENT_DATE() UNION ALL SELECT CURRENT_DATE()
),
items AS (
  SELECT d.as_of, e.customer_id, e.currency, e.subject, SUM(e.amount) AS net,
    MIN(IF(e.amount > 0, e.due_date, NULL)) AS due_date
  FROM entries AS e CROSS JOIN days AS d WHERE e.txn_date <= d.as_of GROUP BY 1, 2, 3, 4
),
balances AS (
  SELECT as_of, customer_id, currency, SUM(net) AS balance, SUM(IF(net < 0, -net, 0)) AS credit
  FROM items GROUP BY 1, 2, 3
),
charges AS (
  SELECT as_of, customer_id, currency, due_date, net, SUM(net) OVER (
    PARTITION BY as_of, customer_id, currency ORDER BY due_date, subject ROWS UNBOUNDED PRECEDING
  ) AS running
  FROM items WHERE net > 0
),
aged AS (
  SELECT b.as_of, b.customer_id, b.currency, b.balance, DATE_DIFF(b.as_of, c.due_date, DAY) AS age,
    GREATEST(0, LEAST(COALESCE(c.net, 0), COALESCE(c.running, 0) - b.credit)) AS open_amount
  FROM balances AS b
  LEFT JOIN charges AS c
    ON c.as_of = b.as_of AND c.customer_id = b.customer_id AND c.currency = b.currency
),
summed AS (
  SELECT as_of, customer_id, currency, balance, SUM(open_amount) AS all_open,
    SUM(IF(age <= 0, open_amount, 0)) AS not_due,
    SUM(IF(age BETWEEN 1 AND 30, open_amount, 0)) AS days_1_to_30,
    SUM(IF(age BETWEEN 31 AND 60, open_amount, 0)) AS days_31_to_60,
    SUM(IF(age BETWEEN 61 AND 90, open_amount, 0)) AS days_61_to_90,
    SUM(IF(age > 90, open_amount, 0)) AS days_over_90
  FROM aged GROUP BY 1, 2, 3, 4
)
SELECT
  as_of, NULLIF(customer_id, '') AS customer_id, currency,
  CAST(not_due AS NUMERIC) / CASE WHEN currency IN ('bif', 'clp', 'djf', 'gnf', 'jpy', 'kmf', 'krw', 'mga', 'pyg', 'rwf', 'vnd', 'vuv', 'xaf', 'xof', 'xpf') THEN 1 WHEN currency IN ('bhd', 'jod', 'kwd', 'omr', 'tnd') THEN 1000 ELSE 100 END AS not_due,
  CAST(days_1_to_30 AS NUMERIC) / CASE WHEN currency IN ('bif', 'clp', 'djf', 'gnf', 'jpy', 'kmf', 'krw', 'mga', 'pyg', 'rwf', 'vnd', 'vuv', 'xaf', 'xof', 'xpf') THEN 1 WHEN currency IN ('bhd', 'jod', 'kwd', 'omr', 'tnd') THEN 1000 ELSE 100 END AS days_1_to_30,
  CAST(days_31_to_60 AS NUMERIC) / CASE WHEN currency IN ('bif', 'clp', 'djf', 'gnf', 'jpy', 'kmf', 'krw', 'mga', 'pyg', 'rwf', 'vnd', 'vuv', 'xaf', 'xof', 'xpf') THEN 1 WHEN currency IN ('bhd', 'jod', 'kwd', 'omr', 'tnd') THEN 1000 ELSE 100 END AS days_31_to_60,
  CAST(days_61_to_90 AS NUMERIC) / CASE WHEN currency IN ('bif', 'clp', 'djf', 'gnf', 'jpy', 'kmf', 'krw', 'mga', 'pyg', 'rwf', 'vnd', 'vuv', 'xaf', 'xof', 'xpf') THEN 1 WHEN currency IN ('bhd', 'jod', 'kwd', 'omr', 'tnd') THEN 1000 ELSE 100 END AS days_61_to_90,
  CAST(days_over_90 AS NUMERIC) / CASE WHEN currency IN ('bif', 'clp', 'djf', 'gnf', 'jpy', 'kmf', 'krw', 'mga', 'pyg', 'rwf', 'vnd', 'vuv', 'xaf', 'xof', 'xpf') THEN 1 WHEN currency IN ('bhd', 'jod', 'kwd', 'omr', 'tnd') THEN 1000 ELSE 100 END AS days_over_90,
  CAST(balance - all_open AS NUMERIC) / CASE WHEN currency IN ('bif', 'clp', 'djf', 'gnf', 'jpy', 'kmf', 'krw', 'mga', 'pyg', 'rwf', 'vnd', 'vuv', 'xaf', 'xof', 'xpf') THEN 1 WHEN currency IN ('bhd', 'jod', 'kwd', 'omr', 'tnd') THEN 1000 ELSE 100 END AS unapplied_credit,
  CAST(balance AS NUMERIC) / CASE WHEN currency IN ('bif', 'clp', 'djf', 'gnf', 'jpy', 'kmf', 'krw', 'mga', 'pyg', 'rwf', 'vnd', 'vuv', 'xaf', 'xof', 'xpf') THEN 1 WHEN currency IN ('bhd', 'jod', 'kwd', 'omr', 'tnd') THEN 1000 ELSE 100 END AS balance
FROM summed WHERE balance != 0 OR all_open != 0;

CREATE OR REPLACE TABLE FUNCTION `wescope.ar_ageing_on`(on_day DATE)
AS (
WITH entries AS (
  SELECT
    COALESCE(s.customer_id, IF(s.kind = 'customer', s.id, ''), '') AS customer_id, l.currency, l.subject,
    l.txn_date, COALESCE(l.due_date, l.txn_date) AS due_date,
    IF(l.entity IN ('Payment', 'CreditMemo'), -l.amount, l.amount) AS amount
  FROM `wescope.links` AS l
  LEFT JOIN `wescope.subjects` AS s ON l.subject = CONCAT(s.kind, '/', s.id)
  WHERE l.state = 'posted' AND l.amount != 0 AND (
    l.entity IN ('Invoice', 'Payment', 'CreditMemo')
    OR (l.entity = 'JournalEntry' AND ENDS_WITH(l.document_key, ':reversal') AND STARTS_WITH(l.subject, 'invoice/'))
  )
),
days AS (
  SELECT on_day AS as_of
),
items AS (
  SELECT d.as_of, e.customer_id, e.currency, e.subject, SUM(e.amount) AS net,
    MIN(IF(e.amount > 0, e.due_date, NULL)) AS due_date
  FROM entries AS e CROSS JOIN days AS d WHERE e.txn_date <= d.as_of GROUP BY 1, 2, 3, 4
),
balances AS (
  SELECT as_of, customer_id, currency, SUM(net) AS balance, SUM(IF(net < 0, -net, 0)) AS credit
  FROM items GROUP BY 1, 2, 3
),
charges AS (
  SELECT as_of, customer_id, currency, due_date, net, SUM(net) OVER (
    PARTITION BY as_of, customer_id, currency ORDER BY due_date, subject ROWS UNBOUNDED PRECEDING
  ) AS running
  FROM items WHERE net > 0
),
aged AS (
  SELECT b.as_of, b.customer_id, b.currency, b.balance, DATE_DIFF(b.as_of, c.due_date, DAY) AS age,
    GREATEST(0, LEAST(COALESCE(c.net, 0), COALESCE(c.running, 0) - b.credit)) AS open_amount
  FROM balances AS b
  LEFT JOIN charges AS c
    ON c.as_of = b.as_of AND c.customer_id = b.customer_id AND c.currency = b.currency
),
summed AS (
  SELECT as_of, customer_id, currency, balance, SUM(open_amount) AS all_open,
    SUM(IF(age <= 0, open_amount, 0)) AS not_due,
    SUM(IF(age BETWEEN 1 AND 30, open_amount, 0)) AS days_1_to_30,
    SUM(IF(age BETWEEN 31 AND 60, open_amount, 0)) AS days_31_to_60,
    SUM(IF(age BETWEEN 61 AND 90, open_amount, 0)) AS days_61_to_90,
    SUM(IF(age > 90, open_amount, 0)) AS days_over_90
  FROM aged GROUP BY 1, 2, 3, 4
)
SELECT
  as_of, NULLIF(customer_id, '') AS customer_id, currency,
  CAST(not_due AS NUMERIC) / CASE WHEN currency IN ('bif', 'clp', 'djf', 'gnf', 'jpy', 'kmf', 'krw', 'mga', 'pyg', 'rwf', 'vnd', 'vuv', 'xaf', 'xof', 'xpf') THEN 1 WHEN currency IN ('bhd', 'jod', 'kwd', 'omr', 'tnd') THEN 1000 ELSE 100 END AS not_due,
  CAST(days_1_to_30 AS NUMERIC) / CASE WHEN currency IN ('bif', 'clp', 'djf', 'gnf', 'jpy', 'kmf', 'krw', 'mga', 'pyg', 'rwf', 'vnd', 'vuv', 'xaf', 'xof', 'xpf') THEN 1 WHEN currency IN ('bhd', 'jod', 'kwd', 'omr', 'tnd') THEN 1000 ELSE 100 END AS days_1_to_30,
  CAST(days_31_to_60 AS NUMERIC) / CASE WHEN currency IN ('bif', 'clp', 'djf', 'gnf', 'jpy', 'kmf', 'krw', 'mga', 'pyg', 'rwf', 'vnd', 'vuv', 'xaf', 'xof', 'xpf') THEN 1 WHEN currency IN ('bhd', 'jod', 'kwd', 'omr', 'tnd') THEN 1000 ELSE 100 END AS days_31_to_60,
  CAST(days_61_to_90 AS NUMERIC) / CASE WHEN currency IN ('bif', 'clp', 'djf', 'gnf', 'jpy', 'kmf', 'krw', 'mga', 'pyg', 'rwf', 'vnd', 'vuv', 'xaf', 'xof', 'xpf') THEN 1 WHEN currency IN ('bhd', 'jod', 'kwd', 'omr', 'tnd') THEN 1000 ELSE 100 END AS days_61_to_90,
  CAST(days_over_90 AS NUMERIC) / CASE WHEN currency IN ('bif', 'clp', 'djf', 'gnf', 'jpy', 'kmf', 'krw', 'mga', 'pyg', 'rwf', 'vnd', 'vuv', 'xaf', 'xof', 'xpf') THEN 1 WHEN currency IN ('bhd', 'jod', 'kwd', 'omr', 'tnd') THEN 1000 ELSE 100 END AS days_over_90,
  CAST(balance - all_open AS NUMERIC) / CASE WHEN currency IN ('bif', 'clp', 'djf', 'gnf', 'jpy', 'kmf', 'krw', 'mga', 'pyg', 'rwf', 'vnd', 'vuv', 'xaf', 'xof', 'xpf') THEN 1 WHEN currency IN ('bhd', 'jod', 'kwd', 'omr', 'tnd') THEN 1000 ELSE 100 END AS unapplied_credit,
  CAST(balance AS NUMERIC) / CASE WHEN currency IN ('bif', 'clp', 'djf', 'gnf', 'jpy', 'kmf', 'krw', 'mga', 'pyg', 'rwf', 'vnd', 'vuv', 'xaf', 'xof', 'xpf') THEN 1 WHEN currency IN ('bhd', 'jod', 'kwd', 'omr', 'tnd') THEN 1000 ELSE 100 END AS balance
FROM summed WHERE balance != 0 OR all_open != 0
);

CREATE OR REPLACE VIEW `wescope.close_documents`
OPTIONS (description = 'Documents that stand in QBO: how many and how much per month, entity and currency.')
AS
SELECT
  LAST_DAY(txn_date, MONTH) AS month_end, entity, currency, COUNT(*) AS documents,
  SUM(CAST(amount AS NUMERIC) / CASE WHEN currency IN ('bif', 'clp', 'djf', 'gnf', 'jpy', 'kmf', 'krw', 'mga', 'pyg', 'rwf', 'vnd', 'vuv', 'xaf', 'xof', 'xpf') THEN 1 WHEN currency IN ('bhd', 'jod', 'kwd', 'omr', 'tnd') THEN 1000 ELSE 100 END) AS amount
FROM `wescope.links`
WHERE state = 'posted' AND txn_date IS NOT NULL
GROUP BY 1, 2, 3;

CREATE OR REPLACE VIEW `wescope.month_close`
OPTIONS (description = 'Per month and currency what stands against closing it: see docs/bigquery.md.')
AS
WITH of_links AS (
  SELECT LAST_DAY(txn_date, MONTH) AS month_end, currency, COUNTIF(state = 'posted') AS documents,
    COUNTIF(state IN ('intended', 'unknown')) AS under_way
  FROM `wescope.links` WHERE txn_date IS NOT NULL GROUP BY 1, 2
),
of_parked AS (
  SELECT LAST_DAY(COALESCE(l.txn_date, DATE(p.since)), MONTH) AS month_end, p.currency, COUNT(*) AS parked,
    SUM(ABS(p.amount)) AS amount
  FROM `wescope.parked` AS p LEFT JOIN `wescope.links` AS l ON l.document_key = p.document_key
  WHERE NOT p.advisory AND p.ignored_at IS NULL GROUP BY 1, 2
),
of_drift AS (
  SELECT LAST_DAY(COALESCE(l.txn_date, DATE(d.found_at)), MONTH) AS month_end,
    COALESCE(d.currency, l.currency) AS currency, COUNT(*) AS drift
  FROM `wescope.drift` AS d
  LEFT JOIN `wescope.links` AS l ON l.document_key = d.document_key AND l.realm_id = d.realm_id
  WHERE d.state = 'open' GROUP BY 1, 2
),
of_tieouts AS (
  SELECT t.as_of AS month_end, t.currency, MAX(t.compared_at) AS compared_at, SUM(ABS(t.stripe - t.qbo)) AS difference
  FROM `wescope.tieout_rows` AS t
  JOIN (SELECT as_of, MAX(compared_at) AS compared_at FROM `wescope.tieout_rows` GROUP BY as_of) AS newest
    ON t.as_of = newest.as_of AND t.compared_at = newest.compared_at
  WHERE t.as_of = LAST_DAY(t.as_of, MONTH) GROUP BY 1, 2
),
months AS (
  SELECT month_end, currency FROM of_links
  UNION DISTINCT SELECT month_end, currency FROM of_parked
  UNION DISTINCT SELECT month_end, currency FROM of_drift
)
SELECT
  m.month_end, m.currency, COALESCE(l.documents, 0) AS documents, COALESCE(l.under_way, 0) AS under_way,
  COALESCE(p.parked, 0) AS parked, CAST(COALESCE(p.amount, 0) AS NUMERIC) / CASE WHEN m.currency IN ('bif', 'clp', 'djf', 'gnf', 'jpy', 'kmf', 'krw', 'mga', 'pyg', 'rwf', 'vnd', 'vuv', 'xaf', 'xof', 'xpf') THEN 1 WHEN m.currency IN ('bhd', 'jod', 'kwd', 'omr', 'tnd') THEN 1000 ELSE 100 END AS parked_amount,
  COALESCE(d.drift, 0) AS drift,
  t.compared_at AS tied_out_at, CAST(t.difference AS NUMERIC) / CASE WHEN m.currency IN ('bif', 'clp', 'djf', 'gnf', 'jpy', 'kmf', 'krw', 'mga', 'pyg', 'rwf', 'vnd', 'vuv', 'xaf', 'xof', 'xpf') THEN 1 WHEN m.currency IN ('bhd', 'jod', 'kwd', 'omr', 'tnd') THEN 1000 ELSE 100 END AS tieout_difference,
  COALESCE(l.under_way, 0) = 0 AND COALESCE(p.parked, 0) = 0 AND COALESCE(d.drift, 0) = 0
    AND COALESCE(t.difference = 0, FALSE) AS can_be_closed
FROM months AS m
LEFT JOIN of_links AS l ON l.month_end = m.month_end AND l.currency = m.currency
LEFT JOIN of_parked AS p ON p.month_end = m.month_end AND p.currency = m.currency
LEFT JOIN of_drift AS d ON d.month_end = m.month_end AND d.currency = m.currency
LEFT JOIN of_tieouts AS t ON t.month_end = m.month_end AND t.currency = m.currency;
