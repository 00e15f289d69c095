"""The published schemas: sound, named, without personal data, and fitting real values, documents and plans."""

import re
from dataclasses import replace
from typing import Any, get_args

import jsonschema
import pytest

from tests.unit.books.builders import a_charge, a_credit_note, a_move, a_paid_invoice, a_payment, an_invoice
from tests.unit.books.money_builders import a_dispute, a_payout, a_refund, a_row, a_sale, a_transaction
from tests.unit.snapshots.paying import PAYING
from tests.unit.snapshots.selling import SELLING
from tests.unit.snapshots.situation import Answers, Situation
from tests.validation import check_format
from wescope.books.desired import desired_books
from wescope.books.policy import Policy
from wescope.books.subjects import Subject, SubjectKind
from wescope.books.values import Customer, CustomerBalance, Invoice, Reading, StripeObject
from wescope.cli.artifacts import json_schemas
from wescope.config.policy_model import PolicyModel
from wescope.engine.plan import plan
from wescope.engine.published import _VALUES
from wescope.engine.results import to_json
from wescope.stripe.reader import StripeReader

SCHEMAS = json_schemas()
ADDRESS = re.compile(r"[\w.]+@[\w.]+\.\w+")


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_is_one_and_says_what_it_is_of(name: str) -> None:
    schema = SCHEMAS[name]
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$schema"].endswith("2020-12/schema")
    assert schema["$id"] == f"urn:wescope:schema:{name}"
    assert schema["title"]
    assert schema["description"]
    assert ADDRESS.search(str(schema)) is None
    for example in schema.get("examples", ()):
        jsonschema.validate(example, schema)


@pytest.mark.parametrize("name", [name for name in SCHEMAS if name.startswith(("links/", "exports/", "webhooks/"))])
def test_every_column_has_a_meaning(name: str) -> None:
    for column, schema in SCHEMAS[name].get("properties", {}).items():
        assert schema["description"].endswith("."), column


def test_every_object_of_stripe_is_published() -> None:
    assert set(_VALUES.values()) == {*get_args(StripeObject), Reading}


@pytest.mark.parametrize("situation", [*SELLING, *PAYING], ids=lambda one: one.name)
async def test_real_invoices_and_what_becomes_of_them(situation: Situation) -> None:
    reader = StripeReader(Answers(situation))
    for invoice in situation.invoices[:2]:
        reading = await reader.read(Subject(kind=SubjectKind.INVOICE, id=invoice["id"]))
        check_format("values/reading", to_json(reading))
        check_format("values/invoice", to_json(reading.found))
        assert isinstance(reading.found, Invoice)
        desired = desired_books(reading.found, situation.policy)
        check_format("documents", to_json(desired))
        check_format("plan", to_json(plan(desired.documents, {})))


CUSTOMER = Customer(id="cus_1", name="Acme", email=None)
OTHERS: dict[str, Any] = {
    "charge": a_sale(),
    "refund": a_refund(),
    "dispute": a_dispute(a_transaction(-1000, "dispute")),
    "payout": a_payout(2900, a_row(3000, fee=100)),
    "customer-balance": CustomerBalance(customer=CUSTOMER, transactions=(a_move(-500, -500),)),
    "balance-row": a_row(500, "topup"),
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_values_and_what_becomes_of_them(name: str) -> None:
    check_format(f"values/{name}", to_json(OTHERS[name]))
    desired = desired_books(OTHERS[name], Policy())
    check_format("documents", to_json(desired))
    check_format("plan", to_json(plan(desired.documents, {})))


@pytest.mark.parametrize("changes", [{"total": "30.00"}, {"total": 30.5}, {"status": "lost"}, {"created": 5}])
def test_another_value_is_refused(changes: dict[str, Any]) -> None:
    invoice = to_json(a_paid_invoice(a_payment(charge=a_charge()), credit_notes=(a_credit_note(),)))
    check_format("values/invoice", invoice)
    with pytest.raises(jsonschema.ValidationError):
        check_format("values/invoice", {**invoice, **changes})


def test_an_invoice_may_have_companions() -> None:
    check_format("values/invoice", to_json(replace(an_invoice(), companions=(an_invoice(),))))


def test_the_policy_file_is_described_by_its_model() -> None:
    schema = SCHEMAS["policy"]
    assert set(schema["properties"]) == set(PolicyModel.model_fields)
    jsonschema.validate({"books": {"closed_period": "park"}, "accounts": {"bank": {"EUR": "Bank EUR"}}}, schema)
    refused: list[dict[str, Any]] = [{"bookz": {}}, {"books": {"closed_period": "never"}}, {"qbo": {"settle_s": 1}}]
    for wrong in refused:
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(wrong, schema)
