"""Mirror views: what reporters ask of the mirror, with amounts in major units, in BigQuery's SQL. Pure.

A customer is a Stripe id; amounts are NUMERIC with the decimals that Stripe counts in (`wescope.books.money`).
"""

from collections.abc import Mapping

from wescope.books.money import THREE_DECIMAL_CURRENCIES, ZERO_DECIMAL_CURRENCIES
from wescope.engine.mirror_ddl import DEFAULT_DATASET, quoted

# ruff: noqa: S608 - statements are made of names of ours and of the operator's dataset


def views(dataset: str = DEFAULT_DATASET) -> Mapping[str, str]:
    """The statement that makes each view or table function, by its name, in an order in which they can be made.

    Args:
        dataset: `dataset`, or `project.dataset`.
    """
    ageing = "Open receivables by age: see docs/bigquery.md for how payments are applied."
    days = (
        "SELECT LAST_DAY(first_day, MONTH) AS as_of FROM UNNEST(GENERATE_DATE_ARRAY(DATE_TRUNC((SELECT MIN(txn_date)"
        f" FROM `{dataset}.links`), MONTH), CURRENT_DATE(), INTERVAL 1 MONTH)) AS first_day"
        " WHERE LAST_DAY(first_day, MONTH) < CURRENT_DATE() UNION ALL SELECT CURRENT_DATE()"
    )
    return {
        "documents": _view(dataset, "documents", "Each document with its customer.", _documents(dataset)),
        "payout_lines": _view(dataset, "payout_lines", "The rows of each payout.", _payout_lines(dataset)),
        "payout_reconciliation": _view(
            dataset,
            "payout_reconciliation",
            "Each payout with its deposits, all its dates, and whether its rows add up.",
            _payout_reconciliation(dataset),
        ),
        "tieouts": _view(
            dataset, "tieouts", "The rows of the last tie-out of each day: Stripe beside QBO.", _tieouts(dataset)
        ),
        "ar_ageing": _view(dataset, "ar_ageing", f"{ageing} Each month's end, and today.", _ageing(dataset, days)),
        "ar_ageing_on": _function(dataset, "ar_ageing_on", "on_day DATE", _ageing(dataset, "SELECT on_day AS as_of")),
        "close_documents": _view(
            dataset,
            "close_documents",
            "Documents that stand in QBO: how many and how much per month, entity and currency.",
            _close_documents(dataset),
        ),
        "month_close": _view(
            dataset,
            "month_close",
            "Per month and currency what stands against closing it: see docs/bigquery.md.",
            _month_close(dataset),
        ),
    }


def views_sql(dataset: str = DEFAULT_DATASET) -> str:
    """All those statements, one after another."""
    return "\n\n".join(f"{sql};" for sql in views(dataset).values()) + "\n"


def _view(dataset: str, name: str, meaning: str, query: str) -> str:
    return f"CREATE OR REPLACE VIEW `{dataset}.{name}`\nOPTIONS (description = {quoted(meaning)})\nAS\n{query}"


def _function(dataset: str, name: str, parameters: str, query: str) -> str:
    return f"CREATE OR REPLACE TABLE FUNCTION `{dataset}.{name}`({parameters})\nAS (\n{query}\n)"


def _major(amount: str, currency: str) -> str:
    """Minor units as a decimal number of major units."""
    none, three = (
        ", ".join(quoted(one) for one in sorted(some)) for some in (ZERO_DECIMAL_CURRENCIES, THREE_DECIMAL_CURRENCIES)
    )
    return (
        f"CAST({amount} AS NUMERIC) / CASE WHEN {currency} IN ({none}) THEN 1"
        f" WHEN {currency} IN ({three}) THEN 1000 ELSE 100 END"
    )


def _documents(dataset: str) -> str:
    return f"""SELECT
  l.document_key, l.entity, l.state, l.qbo_id, l.subject, l.stripe_ids,
  COALESCE(s.customer_id, IF(s.kind = 'customer', s.id, NULL)) AS customer_id,
  l.txn_date, l.stated_date, l.due_date, l.usage_start_date, l.usage_end_date, l.payment_received_date,
  l.credit_date, l.payout_date, l.arrival_date, l.available_date, l.posted_at,
  l.currency, {_major("l.amount", "l.currency")} AS amount,
  l.settled_currency, {_major("l.settled_amount", "l.settled_currency")} AS settled_amount,
  l.exchange_rate, l.run_id
FROM `{dataset}.links` AS l
LEFT JOIN `{dataset}.subjects` AS s ON l.subject = CONCAT(s.kind, '/', s.id)"""


def _payout_lines(dataset: str) -> str:
    amounts = ", ".join(f"{_major(f'r.{name}', 'r.currency')} AS {name}" for name in ("gross", "fee", "net"))
    return f"""SELECT
  r.payout_id, r.arrival_date, r.position, r.transaction_id, r.category, r.source, r.document_key, r.state,
  r.currency, {amounts}
FROM `{dataset}.payout_rows` AS r"""


def _payout_reconciliation(dataset: str) -> str:
    def of_check(name: str) -> str:
        return f"{_major(f'c.{name}', 'c.currency')} AS {name}"

    amounts = ", ".join(of_check(name) for name in ("amount", "gross", "fee", "net", "differs_by"))
    rows_net = _major("COALESCE(r.net, 0)", "c.currency")
    return f"""SELECT
  c.realm_id, c.payout_id, c.state, c.foots, c.currency, {amounts},
  COALESCE(r.line_count, 0) AS line_count, {rows_net} AS lines_net,
  c.deposits, c.shared_with, c.waiting_on,
  c.payout_date, c.arrival_date, c.deposit_date, c.available_date,
  DATE_DIFF(c.deposit_date, c.arrival_date, DAY) AS deposit_days_after_arrival, c.checked_at
FROM `{dataset}.payout_checks` AS c
LEFT JOIN (
  SELECT realm_id, payout_id, COUNT(*) AS line_count, SUM(net) AS net
  FROM `{dataset}.payout_rows` GROUP BY realm_id, payout_id
) AS r ON r.realm_id = c.realm_id AND r.payout_id = c.payout_id"""


def _tieouts(dataset: str) -> str:
    stripe, qbo = (_major(f"t.{name}", "t.currency") for name in ("stripe", "qbo"))
    return f"""SELECT
  t.as_of, t.compared_at, t.run_id, t.row_id,
  SPLIT(t.row_id, ':')[SAFE_OFFSET(0)] AS kind,
  IF(STARTS_WITH(t.row_id, 'receivable:'), SPLIT(t.row_id, ':')[SAFE_OFFSET(1)], NULL) AS customer_id,
  t.currency, {stripe} AS stripe, {qbo} AS qbo, {_major("t.stripe - t.qbo", "t.currency")} AS difference
FROM `{dataset}.tieout_rows` AS t
JOIN (SELECT as_of, MAX(compared_at) AS compared_at FROM `{dataset}.tieout_rows` GROUP BY as_of) AS newest
  ON t.as_of = newest.as_of AND t.compared_at = newest.compared_at"""


def _receivable(dataset: str) -> str:
    """What each document adds to what its customer owes.

    As `engine.tieout_postings` reads it of QBO; of journal entries only those of payments that failed later are about
    receivables.
    """
    return f"""SELECT
    COALESCE(s.customer_id, IF(s.kind = 'customer', s.id, ''), '') AS customer_id, l.currency, l.subject,
    l.txn_date, COALESCE(l.due_date, l.txn_date) AS due_date,
    IF(l.entity IN ('Payment', 'CreditMemo'), -l.amount, l.amount) AS amount
  FROM `{dataset}.links` AS l
  LEFT JOIN `{dataset}.subjects` AS s ON l.subject = CONCAT(s.kind, '/', s.id)
  WHERE l.state = 'posted' AND l.amount != 0 AND (
    l.entity IN ('Invoice', 'Payment', 'CreditMemo')
    OR (l.entity = 'JournalEntry' AND ENDS_WITH(l.document_key, ':reversal') AND STARTS_WITH(l.subject, 'invoice/'))
  )"""


_BUCKETS = (
    ("not_due", "age <= 0"),
    ("days_1_to_30", "age BETWEEN 1 AND 30"),
    ("days_31_to_60", "age BETWEEN 31 AND 60"),
    ("days_61_to_90", "age BETWEEN 61 AND 90"),
    ("days_over_90", "age > 90"),
)


def _ageing(dataset: str, days: str) -> str:
    """The balance of each customer by age.

    What an invoice's own payments and credits leave open is as old as the invoice. Money that belongs to no single
    invoice (one payment for several, the customer's balance) goes to what was due first.
    """
    sums = ",\n    ".join(f"SUM(IF({condition}, open_amount, 0)) AS {name}" for name, condition in _BUCKETS)
    buckets = ",\n  ".join(f"{_major(name, 'currency')} AS {name}" for name, _ in _BUCKETS)
    return f"""WITH entries AS (
  {_receivable(dataset)}
),
days AS (
  {days}
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
    {sums}
  FROM aged GROUP BY 1, 2, 3, 4
)
SELECT
  as_of, NULLIF(customer_id, '') AS customer_id, currency,
  {buckets},
  {_major("balance - all_open", "currency")} AS unapplied_credit,
  {_major("balance", "currency")} AS balance
FROM summed WHERE balance != 0 OR all_open != 0"""


def _close_documents(dataset: str) -> str:
    return f"""SELECT
  LAST_DAY(txn_date, MONTH) AS month_end, entity, currency, COUNT(*) AS documents,
  SUM({_major("amount", "currency")}) AS amount
FROM `{dataset}.links`
WHERE state = 'posted' AND txn_date IS NOT NULL
GROUP BY 1, 2, 3"""


def _month_close(dataset: str) -> str:
    """What is parked or has drifted counts in the month of its document, else in that of its finding."""
    links = f"`{dataset}.links`"
    return f"""WITH of_links AS (
  SELECT LAST_DAY(txn_date, MONTH) AS month_end, currency, COUNTIF(state = 'posted') AS documents,
    COUNTIF(state IN ('intended', 'unknown')) AS under_way
  FROM {links} WHERE txn_date IS NOT NULL GROUP BY 1, 2
),
of_parked AS (
  SELECT LAST_DAY(COALESCE(l.txn_date, DATE(p.since)), MONTH) AS month_end, p.currency, COUNT(*) AS parked,
    SUM(ABS(p.amount)) AS amount
  FROM `{dataset}.parked` AS p LEFT JOIN {links} AS l ON l.document_key = p.document_key
  WHERE NOT p.advisory AND p.ignored_at IS NULL GROUP BY 1, 2
),
of_drift AS (
  SELECT LAST_DAY(COALESCE(l.txn_date, DATE(d.found_at)), MONTH) AS month_end,
    COALESCE(d.currency, l.currency) AS currency, COUNT(*) AS drift
  FROM `{dataset}.drift` AS d
  LEFT JOIN {links} AS l ON l.document_key = d.document_key AND l.realm_id = d.realm_id
  WHERE d.state = 'open' GROUP BY 1, 2
),
of_tieouts AS (
  SELECT t.as_of AS month_end, t.currency, MAX(t.compared_at) AS compared_at, SUM(ABS(t.stripe - t.qbo)) AS difference
  FROM `{dataset}.tieout_rows` AS t
  JOIN (SELECT as_of, MAX(compared_at) AS compared_at FROM `{dataset}.tieout_rows` GROUP BY as_of) AS newest
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
  COALESCE(p.parked, 0) AS parked, {_major("COALESCE(p.amount, 0)", "m.currency")} AS parked_amount,
  COALESCE(d.drift, 0) AS drift,
  t.compared_at AS tied_out_at, {_major("t.difference", "m.currency")} AS tieout_difference,
  COALESCE(l.under_way, 0) = 0 AND COALESCE(p.parked, 0) = 0 AND COALESCE(d.drift, 0) = 0
    AND COALESCE(t.difference = 0, FALSE) AS can_be_closed
FROM months AS m
LEFT JOIN of_links AS l ON l.month_end = m.month_end AND l.currency = m.currency
LEFT JOIN of_parked AS p ON p.month_end = m.month_end AND p.currency = m.currency
LEFT JOIN of_drift AS d ON d.month_end = m.month_end AND d.currency = m.currency
LEFT JOIN of_tieouts AS t ON t.month_end = m.month_end AND t.currency = m.currency"""
