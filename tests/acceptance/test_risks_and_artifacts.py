"""The risks with their mitigations, and the artifacts."""

import json
import re
import subprocess
import sys

import jsonschema

from tests.acceptance.books_side import cents, on
from tests.acceptance.conftest import Measured
from tests.acceptance.findings import check_invoice, deposit_of, exported_links, payout_dates, share
from tests.acceptance.page import ROOT
from tests.acceptance.source import DEMANDS_NOTHING, REGISTERED, criterion, lines
from tests.acceptance.trouble import Redelivery, Restart
from tests.acceptance.world import World

RISKS, ARTIFACTS = "High Risk Items", "Artifacts to Generate"
GENERATED = ROOT / "artifacts"


@criterion(RISKS, "1. **AR Accuracy**: Incorrect mappings could affect financial reporting")
def test_what_is_reported_is_what_happened(world: World, measured: Measured) -> None:
    """Reports are right.

    Given two months of business,
    when receivable, bank, clearing and fees are read in QBO's ledger,
    then each equals what Stripe's own objects add up to, and debits equal credits.
    """
    stripe, books = world.stripe, world.books
    figures = {
        "receivable": (sum(stripe.owed().values()), cents(books.ledger["receivable_total"])),
        "bank": (stripe.at_the_bank(), books.balance("Checking")),
        "fees": (stripe.fees_paid_out(), books.balance("Stripe Fees")),
        "clearing": (stripe.held_gross(), books.balance("Stripe Clearing")),
    }
    assert {name: theirs for name, (theirs, _) in figures.items()} == {
        name: ours for name, (_, ours) in figures.items()
    }
    assert cents(books.ledger["trial_balance"]) == 0
    measured(", ".join(f"{name} {amount / 100:.2f}" for name, (amount, _) in figures.items()) + ": equal in both")


@criterion(RISKS, "- Mitigation: Comprehensive testing, validation rules")
def test_the_mapping_is_tested_and_validated(measured: Measured) -> None:
    """The mitigation is there.

    Given the posting rules,
    when their tests are counted,
    then each situation has one, with a page that an accountant can read, and each validation rule has a reason and
    a remedy on a page.
    """
    pages = list((ROOT / "tests" / "situations" / "pages").glob("*.md"))
    cases = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8").partition("## Parked")[2]
    rules = re.findall(r"^\| `(\w+)` \| .+ \| \w+ \| .+ \|$", cases, re.MULTILINE)
    assert len(pages) > 200
    assert {"total_mismatch", "looks_like", "period_closed"} <= set(rules)
    measured("more than 200 situations with a page; validation rules with reason and remedy in docs/errors.md")


@criterion(RISKS, "2. **Idempotency Failures**: Duplicate entries in QBO")
def test_no_duplicate_entry_whatever_happens(redelivery: Redelivery, restarted: Restart, measured: Measured) -> None:
    """Given duplicates and a killed service, when QBO's documents are counted, then no Stripe object has one twice."""
    assert redelivery.books.doubled() == []
    assert restarted.books.doubled() == []
    numbers = [one["DocNumber"] for one in restarted.books.objects["Invoice"]]
    assert len(numbers) == len(set(numbers))
    measured("0 documents doubled after duplicates and after a kill")


@criterion(RISKS, "- Mitigation: Robust link table design, transaction handling")
def test_a_link_stands_before_the_document(world: World, restarted: Restart, measured: Measured) -> None:
    """The link is there before QBO is called, so a death in between is known.

    Given every document and its link, also after a kill in the middle of work,
    when they are compared,
    then the link was made before QBO made the document, and none is left undecided.
    """
    made = world.bench.rows(
        "SELECT document_key, extract(epoch FROM created_at), state FROM links WHERE realm_id <> ''"
    )
    first = {str(key): float(moment) for key, moment, _ in made}
    late = [key for key, moment in world.posted_at.items() if first[key] > moment + 0.001]
    assert late == []
    assert {state for _, _, state in made} <= {"posted", "voided", "absent"}
    assert restarted.books.doubled() == []
    count = len(world.posted_at)
    measured(f"{share(count, count, 'links')} older than their document, 0 undecided after a kill")


@criterion(RISKS, "3. **Date Inaccuracies**: Wrong dates affect reporting periods")
def test_no_document_is_in_a_wrong_month(world: World, measured: Measured) -> None:
    """Given documents around midnight, when they are read, then each is in the month of the books' calendar."""
    stripe, wrong = world.stripe, []
    expected = {one["id"]: ("Invoice", stripe.invoice_date(one)) for one in stripe.finalized}
    expected |= {charge: ("Payment", stripe.received_on(charge)) for charge in stripe.paying()}
    for identifier, (entity, wanted) in expected.items():
        found = on(world.books.one(entity, identifier))
        wrong += [identifier] if (found.year, found.month, found.day) != (wanted.year, wanted.month, wanted.day) else []
    for payout in stripe.arrived:
        assert on(deposit_of(world, payout)) == payout_dates(payout)[1]
    assert wrong == []
    measured(f"{len(expected) + len(stripe.arrived)} documents, 0 on a wrong day")


@criterion(RISKS, "- Mitigation: Clear date mapping rules, validation")
def test_the_date_rules_are_written_down_and_hold(world: World, measured: Measured) -> None:
    """Dates have rules.

    Given the table of posting rules,
    when it is read, then each kind of document has its date;
    and an invoice of 23:30 in Los Angeles, which is the next day in UTC, has the day of Los Angeles.
    """
    table = (ROOT / "docs" / "posting-rules.md").read_text(encoding="utf-8")
    for words in ("effective_at", "finalized_at", "arrival_date", "its row of Stripe's balance", "voided_at"):
        assert words in table
    late = world.stripe.one(world.shop.ids["late in the evening"])
    assert str(on(world.books.one("Invoice", late["id"]))) == "2026-09-02"
    check_invoice(world, late)
    rows = [row for row in exported_links(world) if row["document_key"] == f"{late['id']}:invoice"]
    assert rows[0]["txn_date"] == "2026-09-02"
    measured("23:30 of 2026-09-02 in Los Angeles (2026-09-03 in UTC) is 2026-09-02 in QBO and in the link table")


# --- artifacts --------------------------------------------------------------------------------------------------------


@criterion(ARTIFACTS, "- OpenAPI specifications")
def test_there_is_an_openapi_file_of_what_the_service_answers(world: World, measured: Measured) -> None:
    """Given artifacts/openapi.json, when the running service is asked for its own, then it has all of its addresses."""
    written = json.loads((GENERATED / "openapi.json").read_text(encoding="utf-8"))
    running = world.bench.client.get(f"{world.service.url}/openapi.json").raise_for_status().json()
    assert written["openapi"].startswith("3.1")
    assert set(running["paths"]) - set(written["paths"]) == set()
    measured("OpenAPI 3.1, every address that the service answers")


@criterion(ARTIFACTS, "- JSON Schemas for data validation")
def test_there_are_json_schemas_and_data_fits_them(world: World, measured: Measured) -> None:
    """Given artifacts/json, when a status of the running service is validated with its schema, then it fits."""
    schemas = sorted((GENERATED / "json").rglob("*.json"))
    for path in schemas:
        jsonschema.Draft202012Validator.check_schema(json.loads(path.read_text(encoding="utf-8")))
    said = world.api("status")
    schema = json.loads((GENERATED / "json" / "cli" / "status.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(schema).validate(said)
    for folder in ("webhooks", "values", "links", "exports", "cli"):
        assert any((GENERATED / "json" / folder).iterdir()), folder
    for name in ("documents.json", "plan.json", "policy.json"):
        assert (GENERATED / "json" / name).is_file(), name
    measured(
        "schemas of webhooks, values, documents, plans, links, policy, exports and commands; a live status fits its own"
    )


@criterion(ARTIFACTS, "- BigQuery DDL for link tables")
def test_there_is_bigquery_ddl_of_the_link_table(world: World, measured: Measured) -> None:
    """Given artifacts/bigquery, when its link table is compared with the live one, then it has each date and id."""
    text = (GENERATED / "bigquery" / "schema.sql").read_text(encoding="utf-8")
    table = re.search(r"CREATE TABLE IF NOT EXISTS `?[\w.]*\.?links`?\s*\((.*?)\n\)", text, re.DOTALL | re.IGNORECASE)
    assert table
    columns = set(
        re.findall(r"^\s*`?(\w+)`? (?:STRING|INT64|DATE|TIMESTAMP|ARRAY|BOOL|NUMERIC)", table[1], re.MULTILINE)
    )
    exported = {name for name in exported_links(world)[0] if name not in {"settled_amount", "settled_currency"}}
    assert exported - {"stripe_ids"} <= columns | {"stripe_ids"}
    printed = subprocess.run(
        [sys.executable, "-m", "wescope.cli.main", "schema", "bigquery"],
        capture_output=True, text=True, check=True, cwd=ROOT,
    )  # fmt: skip
    assert "links" in printed.stdout
    measured("the link table with every column of the exported links; `wescope schema bigquery` prints it")


@criterion(ARTIFACTS, "- Acceptance test skeletons")
def test_every_line_has_its_acceptance_test(measured: Measured) -> None:
    """Given this document, when its lines are counted, then each that demands something has a test that ran."""
    demanding = [line for line in dict.fromkeys(lines()) if line not in DEMANDS_NOTHING]
    assert set(demanding) == set(REGISTERED)
    measured(f"{len(demanding)} lines, {len(REGISTERED)} tests, no skeletons: all of them run")


@criterion(ARTIFACTS, "- API discovery plans")
def test_there_is_an_api_discovery_plan(measured: Measured) -> None:
    """Given docs/api-discovery.md, when it is read, then it names what is used of both APIs, and what is in doubt."""
    page = (ROOT / "docs" / "api-discovery.md").read_text(encoding="utf-8")
    assert all(name in page for name in ("Stripe", "QuickBooks Online", "/v1/invoices", "requestid"))
    assert "make test-live" in page
    measured("both APIs, with how sure we are and the probe that settles it; `make test-live` runs the probes")
