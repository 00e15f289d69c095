-- Generated from the code by `wescope schema all`; see docs/bigquery.md. The dataset is `wescope`.

CREATE TABLE IF NOT EXISTS `wescope.links` (
  realm_id STRING NOT NULL OPTIONS (description = 'The QBO company.'),
  document_key STRING NOT NULL OPTIONS (description = 'The document\'s key (in_1:invoice), for ever the same.'),
  entity STRING NOT NULL OPTIONS (description = 'QBO\'s entity (Invoice, Payment, ...).'),
  state STRING NOT NULL OPTIONS (description = 'posted, voided or absent; intended and unknown are under way.'),
  operation STRING NOT NULL OPTIONS (description = 'What was asked of QBO (create, update, void, ...).'),
  qbo_id STRING OPTIONS (description = 'QBO\'s id; null if it is not in QBO.'),
  request_id STRING NOT NULL OPTIONS (description = 'The request id that was sent to QBO.'),
  generation INT64 NOT NULL OPTIONS (description = 'How many writes of the document QBO has answered for.'),
  attempted_at TIMESTAMP OPTIONS (description = 'When it was last written to QBO (UTC).'),
  subject STRING NOT NULL OPTIONS (description = 'The Stripe object that it was last written for (invoice/in_1).'),
  stripe_ids ARRAY<STRING> OPTIONS (description = 'All Stripe objects that the document stands for.'),
  amount INT64 NOT NULL OPTIONS (description = 'Total of the document in minor units of currency, with Stripe\'s exponents.'),
  currency STRING NOT NULL OPTIONS (description = 'Currency of the amounts: Stripe\'s lower-case ISO code.'),
  txn_date DATE OPTIONS (description = 'Posting date in QBO, in the books\' calendar; null for customers.'),
  due_date DATE OPTIONS (description = 'Due date, in the books\' calendar.'),
  usage_start_date DATE OPTIONS (description = 'First day of service.'),
  usage_end_date DATE OPTIONS (description = 'Last day of service.'),
  payment_received_date DATE OPTIONS (description = 'Day on which the money came, in the books\' calendar.'),
  credit_date DATE OPTIONS (description = 'Day of the credit or refund, in the books\' calendar.'),
  payout_date DATE OPTIONS (description = 'Day on which Stripe made the payout, in the books\' calendar.'),
  arrival_date DATE OPTIONS (description = 'Stripe\'s arrival date (UTC): when the cash is at the bank.'),
  available_date DATE OPTIONS (description = 'Day on which Stripe\'s balance had the money (UTC).'),
  stated_date DATE OPTIONS (description = 'The document\'s own date, if it was moved out of a closed period.'),
  settled_amount INT64 OPTIONS (description = 'What the document moves in the clearing account, in minor units of settled_currency.'),
  settled_currency STRING OPTIONS (description = 'Currency of that clearing account: lower-case ISO code.'),
  exchange_rate STRING OPTIONS (description = 'Units of settled_currency for one of currency, as text.'),
  run_id INT64 OPTIONS (description = 'The run that did it; null if none did.'),
  posted_at TIMESTAMP OPTIONS (description = 'When it was last posted (UTC); null if it never was.'),
  created_at TIMESTAMP NOT NULL OPTIONS (description = 'When the row was made (UTC).'),
  updated_at TIMESTAMP NOT NULL OPTIONS (description = 'When the row last changed (UTC).'),
  PRIMARY KEY (realm_id, document_key) NOT ENFORCED
)
PARTITION BY DATE_TRUNC(txn_date, MONTH)
CLUSTER BY entity, currency, subject
OPTIONS (description = 'One row per document: the Stripe objects that it stands for, and the QBO object that it is.');

CREATE TABLE IF NOT EXISTS `wescope.subjects` (
  kind STRING NOT NULL OPTIONS (description = 'Kind of the Stripe object.'),
  id STRING NOT NULL OPTIONS (description = 'Stripe\'s id of the object.'),
  customer_id STRING OPTIONS (description = 'Stripe\'s id of the customer (cus_...); null for guests and for what has no customer.'),
  run_id INT64 OPTIONS (description = 'The run that did it; null if none did.'),
  dirty_since TIMESTAMP OPTIONS (description = 'Since when it waits to be looked at (UTC); null if it does not.'),
  retry_at TIMESTAMP OPTIONS (description = 'When it is tried again (UTC); null if it need not be.'),
  failures INT64 NOT NULL OPTIONS (description = 'How often in a row it could not be done.'),
  last_code STRING OPTIONS (description = 'Why it could not be done the last time; null if it could.'),
  last_run_at TIMESTAMP OPTIONS (description = 'When it was last looked at (UTC).'),
  is_dirty BOOL NOT NULL OPTIONS (description = 'Whether it is to be looked at again.'),
  PRIMARY KEY (kind, id) NOT ENFORCED
)
CLUSTER BY kind, id
OPTIONS (description = 'One row per Stripe object that documents are made of: its customer, and whether it is worked off.');

CREATE TABLE IF NOT EXISTS `wescope.hints` (
  id INT64 NOT NULL OPTIONS (description = 'Number of the row; unique together with the moment.'),
  event_id STRING OPTIONS (description = 'Stripe\'s id of the event; null for other hints.'),
  event_type STRING OPTIONS (description = 'Stripe\'s type of the event.'),
  kind STRING NOT NULL OPTIONS (description = 'Kind of the Stripe object.'),
  subject_id STRING NOT NULL OPTIONS (description = 'Stripe\'s id of the object.'),
  source STRING NOT NULL OPTIONS (description = 'Who said so: webhook, sweep, backfill, ...'),
  run_id INT64 OPTIONS (description = 'The run that did it; null if none did.'),
  event_created_at TIMESTAMP OPTIONS (description = 'When the event happened at Stripe (UTC).'),
  traceparent STRING OPTIONS (description = 'The trace (W3C) that the hint came with; null for most.'),
  received_at TIMESTAMP NOT NULL OPTIONS (description = 'When the hint was stored (UTC).'),
  PRIMARY KEY (received_at, id) NOT ENFORCED
)
PARTITION BY TIMESTAMP_TRUNC(received_at, MONTH)
CLUSTER BY kind
OPTIONS (description = 'Each time a Stripe object was to be looked at, and why.');

CREATE TABLE IF NOT EXISTS `wescope.attempts` (
  id INT64 NOT NULL OPTIONS (description = 'Number of the row; unique together with the moment.'),
  realm_id STRING NOT NULL OPTIONS (description = 'The QBO company.'),
  operation STRING NOT NULL OPTIONS (description = 'What was asked of QBO (create, update, void, ...).'),
  entity STRING OPTIONS (description = 'QBO\'s entity (Invoice, Payment, ...).'),
  document_key STRING OPTIONS (description = 'The document\'s key (in_1:invoice), for ever the same.'),
  request_id STRING OPTIONS (description = 'The request id that was sent to QBO.'),
  batch_id STRING OPTIONS (description = 'The batch in which it was sent; null if it was sent alone.'),
  intuit_tid STRING OPTIONS (description = 'Intuit\'s id of the call, for its support.'),
  status INT64 OPTIONS (description = 'HTTP status of the answer; null if there was none.'),
  fault_code STRING OPTIONS (description = 'QBO\'s fault code; null if there was none.'),
  outcome STRING NOT NULL OPTIONS (description = 'What became of the call.'),
  started_at TIMESTAMP NOT NULL OPTIONS (description = 'When it began (UTC).'),
  milliseconds INT64 NOT NULL OPTIONS (description = 'How long the call took.'),
  PRIMARY KEY (started_at, id) NOT ENFORCED
)
PARTITION BY TIMESTAMP_TRUNC(started_at, MONTH)
CLUSTER BY operation, document_key
OPTIONS (description = 'Each call of QBO; no bodies.');

CREATE TABLE IF NOT EXISTS `wescope.parked` (
  document_key STRING NOT NULL OPTIONS (description = 'The document\'s key (in_1:invoice), for ever the same.'),
  subject STRING NOT NULL OPTIONS (description = 'The Stripe object that it was last written for (invoice/in_1).'),
  code STRING NOT NULL OPTIONS (description = 'Why: docs/errors.md lists the codes.'),
  amount INT64 NOT NULL OPTIONS (description = 'Amount in minor units of currency, with Stripe\'s exponents.'),
  currency STRING NOT NULL OPTIONS (description = 'Currency of the amounts: Stripe\'s lower-case ISO code.'),
  details JSON NOT NULL OPTIONS (description = 'Ids, amounts, dates and codes that belong to it.'),
  waiting_on STRING OPTIONS (description = 'The document that it waits for; null if for none.'),
  txn_date DATE OPTIONS (description = 'Posting date in QBO, in the books\' calendar; null for customers.'),
  advisory BOOL NOT NULL OPTIONS (description = 'Whether the document is posted all the same, and this only to be known.'),
  ignored_at TIMESTAMP OPTIONS (description = 'When somebody decided to ignore it (UTC); null if nobody did.'),
  since TIMESTAMP NOT NULL OPTIONS (description = 'Since when it is parked for this reason (UTC).'),
  updated_at TIMESTAMP NOT NULL OPTIONS (description = 'When the row last changed (UTC).'),
  PRIMARY KEY (document_key) NOT ENFORCED
)
PARTITION BY TIMESTAMP_TRUNC(since, MONTH)
CLUSTER BY code, currency
OPTIONS (description = 'What must not be posted now, or is to be known, and why; gone when its cause is. Without reasons.');

CREATE TABLE IF NOT EXISTS `wescope.runs` (
  id INT64 NOT NULL OPTIONS (description = 'Number of the row; unique together with the moment.'),
  kind STRING NOT NULL OPTIONS (description = 'Which kind.'),
  state STRING NOT NULL OPTIONS (description = 'Where it stands.'),
  options JSON NOT NULL OPTIONS (description = 'What the run was begun with.'),
  counts JSON NOT NULL OPTIONS (description = 'Numbers by name.'),
  started_at TIMESTAMP NOT NULL OPTIONS (description = 'When it began (UTC).'),
  finished_at TIMESTAMP OPTIONS (description = 'When it ended (UTC); null while it has not.'),
  result JSON NOT NULL OPTIONS (description = 'What came of the run.'),
  PRIMARY KEY (started_at, id) NOT ENFORCED
)
PARTITION BY TIMESTAMP_TRUNC(started_at, MONTH)
CLUSTER BY kind
OPTIONS (description = 'Backfills, replays, sweeps, verifications, repairs, undos, bulk actions, tie-outs; no mirrorings.');

CREATE TABLE IF NOT EXISTS `wescope.payout_checks` (
  realm_id STRING NOT NULL OPTIONS (description = 'The QBO company.'),
  payout_id STRING NOT NULL OPTIONS (description = 'Stripe\'s id of the payout (po_...).'),
  currency STRING NOT NULL OPTIONS (description = 'Currency of the amounts: Stripe\'s lower-case ISO code.'),
  amount INT64 NOT NULL OPTIONS (description = 'Amount in minor units of currency, with Stripe\'s exponents.'),
  gross INT64 NOT NULL OPTIONS (description = 'Amount before fees in minor units.'),
  fee INT64 NOT NULL OPTIONS (description = 'Stripe\'s fees in minor units.'),
  net INT64 NOT NULL OPTIONS (description = 'Gross less fee in minor units.'),
  foots BOOL NOT NULL OPTIONS (description = 'Whether the rows add up to the amount.'),
  state STRING NOT NULL OPTIONS (description = 'matched, adopted, waiting, differs, ...: what became of the check.'),
  differs_by INT64 NOT NULL OPTIONS (description = 'Amount less net in minor units: 0 if the payout foots.'),
  waiting_on ARRAY<STRING> OPTIONS (description = 'The documents that it waits for.'),
  deposits ARRAY<STRING> OPTIONS (description = 'The deposits in QBO that cover it (Deposit/145).'),
  shared_with ARRAY<STRING> OPTIONS (description = 'Other payouts that the same deposit covers.'),
  payout_date DATE OPTIONS (description = 'Day on which Stripe made the payout, in the books\' calendar.'),
  arrival_date DATE OPTIONS (description = 'Stripe\'s arrival date (UTC): when the cash is at the bank.'),
  deposit_date DATE OPTIONS (description = 'Date of the deposit in QBO, in the books\' calendar.'),
  available_date DATE OPTIONS (description = 'Day on which Stripe\'s balance had the money (UTC).'),
  checked_at TIMESTAMP NOT NULL OPTIONS (description = 'When the payout was last checked (UTC).'),
  PRIMARY KEY (realm_id, payout_id) NOT ENFORCED
)
PARTITION BY DATE_TRUNC(arrival_date, MONTH)
CLUSTER BY currency, payout_id
OPTIONS (description = 'One row per payout: whether it foots, and which deposits of QBO are it.');

CREATE TABLE IF NOT EXISTS `wescope.payout_rows` (
  realm_id STRING NOT NULL OPTIONS (description = 'The QBO company.'),
  payout_id STRING NOT NULL OPTIONS (description = 'Stripe\'s id of the payout (po_...).'),
  position INT64 NOT NULL OPTIONS (description = 'Number of the row within its payout, from 0.'),
  transaction_id STRING NOT NULL OPTIONS (description = 'Stripe\'s id of the row (txn_...).'),
  category STRING NOT NULL OPTIONS (description = 'Stripe\'s reporting category of the row.'),
  source STRING OPTIONS (description = 'Stripe\'s id of what the row is about (ch_..., re_...).'),
  document_key STRING OPTIONS (description = 'The document\'s key (in_1:invoice), for ever the same.'),
  gross INT64 NOT NULL OPTIONS (description = 'Amount before fees in minor units.'),
  fee INT64 NOT NULL OPTIONS (description = 'Stripe\'s fees in minor units.'),
  net INT64 NOT NULL OPTIONS (description = 'Gross less fee in minor units.'),
  state STRING NOT NULL OPTIONS (description = 'What became of the row\'s document.'),
  currency STRING OPTIONS (description = 'Currency of the amounts: Stripe\'s lower-case ISO code.'),
  arrival_date DATE OPTIONS (description = 'Stripe\'s arrival date (UTC): when the cash is at the bank.'),
  PRIMARY KEY (realm_id, payout_id, position) NOT ENFORCED
)
PARTITION BY DATE_TRUNC(arrival_date, MONTH)
CLUSTER BY payout_id
OPTIONS (description = 'The rows of Stripe\'s balance that a payout pays out, with the document that each one is.');

CREATE TABLE IF NOT EXISTS `wescope.drift` (
  id INT64 NOT NULL OPTIONS (description = 'Number of the row; unique together with the moment.'),
  realm_id STRING NOT NULL OPTIONS (description = 'The QBO company.'),
  document_key STRING OPTIONS (description = 'The document\'s key (in_1:invoice), for ever the same.'),
  entity STRING NOT NULL OPTIONS (description = 'QBO\'s entity (Invoice, Payment, ...).'),
  qbo_id STRING NOT NULL OPTIONS (description = 'QBO\'s id; null if it is not in QBO.'),
  kind STRING NOT NULL OPTIONS (description = 'What is different: docs/drift.md lists the kinds.'),
  amount INT64 NOT NULL OPTIONS (description = 'Amount in minor units of currency, with Stripe\'s exponents.'),
  currency STRING OPTIONS (description = 'Currency of the amounts: Stripe\'s lower-case ISO code.'),
  details JSON NOT NULL OPTIONS (description = 'Ids, amounts, dates and codes that belong to it.'),
  state STRING NOT NULL OPTIONS (description = 'Where it stands.'),
  run_id INT64 OPTIONS (description = 'The run that did it; null if none did.'),
  found_at TIMESTAMP NOT NULL OPTIONS (description = 'When it was found (UTC).'),
  resolved_at TIMESTAMP OPTIONS (description = 'When it was settled (UTC); null while it is not.'),
  PRIMARY KEY (found_at, id) NOT ENFORCED
)
PARTITION BY TIMESTAMP_TRUNC(found_at, MONTH)
CLUSTER BY state, kind
OPTIONS (description = 'What `verify` found in QBO that is not as it was written, and what became of it.');

CREATE TABLE IF NOT EXISTS `wescope.audit` (
  id INT64 NOT NULL OPTIONS (description = 'Number of the row; unique together with the moment.'),
  action STRING NOT NULL OPTIONS (description = 'What was done.'),
  actor STRING NOT NULL OPTIONS (description = 'Who: cli, api or a role.'),
  target STRING NOT NULL OPTIONS (description = 'What it was done to.'),
  run_id INT64 OPTIONS (description = 'The run that did it; null if none did.'),
  done_at TIMESTAMP NOT NULL OPTIONS (description = 'When it was done (UTC).'),
  details JSON NOT NULL OPTIONS (description = 'Ids, amounts, dates and codes that belong to it.'),
  PRIMARY KEY (done_at, id) NOT ENFORCED
)
PARTITION BY TIMESTAMP_TRUNC(done_at, MONTH)
CLUSTER BY target
OPTIONS (description = 'Who had what done: repairs, undone runs, ignored items, accepted edits. Without people\'s reasons.');

CREATE TABLE IF NOT EXISTS `wescope.tieout_rows` (
  run_id INT64 NOT NULL OPTIONS (description = 'The run that did it; null if none did.'),
  compared_at TIMESTAMP NOT NULL OPTIONS (description = 'When both sides were compared (UTC).'),
  as_of DATE OPTIONS (description = 'The day at whose end both sides were compared, in the books\' calendar.'),
  row_id STRING NOT NULL OPTIONS (description = 'The row of the tie-out (receivable:cus_1:usd, clearing:usd, payout:po_1, ...).'),
  currency STRING NOT NULL OPTIONS (description = 'Currency of the amounts: Stripe\'s lower-case ISO code.'),
  stripe INT64 NOT NULL OPTIONS (description = 'What Stripe says, in minor units.'),
  qbo INT64 NOT NULL OPTIONS (description = 'What QBO holds, in minor units.'),
  PRIMARY KEY (compared_at, run_id, row_id) NOT ENFORCED
)
PARTITION BY TIMESTAMP_TRUNC(compared_at, MONTH)
CLUSTER BY row_id, currency
OPTIONS (description = 'Each row of each tie-out: what Stripe says and what QBO holds, at the end of a day.');

CREATE TABLE IF NOT EXISTS `wescope.qbo_reads` (
  realm_id STRING NOT NULL OPTIONS (description = 'The QBO company.'),
  month DATE NOT NULL OPTIONS (description = 'First day of the calendar month, in UTC.'),
  reads INT64 NOT NULL OPTIONS (description = 'How many metered reads.'),
  blocked_at TIMESTAMP OPTIONS (description = 'When QBO began to refuse reads (UTC); null if it did not.'),
  PRIMARY KEY (realm_id, month) NOT ENFORCED
)
OPTIONS (description = 'Metered reads of QBO per calendar month in UTC, and when QBO began to refuse them.');

CREATE TABLE IF NOT EXISTS `wescope.mirror_state` (
  table_name STRING NOT NULL OPTIONS (description = 'The table of the mirror.'),
  complete_until TIMESTAMP NOT NULL OPTIONS (description = 'Everything that was committed before this moment (UTC) is in the table.'),
  PRIMARY KEY (table_name) NOT ENFORCED
)
OPTIONS (description = 'Up to when each table of the mirror is complete.');
