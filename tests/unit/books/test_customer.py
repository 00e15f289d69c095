"""A QBO customer is lean: a name, a currency, and an e-mail only if the policy says so."""

from dataclasses import replace

import pytest

from tests.unit.books.builders import ACME, POLICY
from wescope.books.customer import customer_document
from wescope.books.documents import CustomerBody, Document, Entity, KeyDates
from wescope.books.policy import CustomerField
from wescope.books.subjects import DocumentKey
from wescope.books.values import Customer

WITH_EMAIL = replace(POLICY, customer_fields=frozenset({CustomerField.EMAIL}))


def test_a_customer_in_the_home_currency() -> None:
    assert customer_document(ACME, "usd", POLICY) == Document(
        key=DocumentKey("cus_1:customer:usd"),
        entity=Entity.CUSTOMER,
        currency="usd",
        amount=0,
        body=CustomerBody(display_names=("Acme", "Acme (cus_1)", "cus_1"), email=None),
        dates=KeyDates(),
        stripe_ids=("cus_1",),
        note="Stripe customer cus_1",
    )


def test_a_customer_in_another_currency_is_another_document() -> None:
    document = customer_document(ACME, "eur", POLICY)
    assert document.key == "cus_1:customer:eur"
    assert document.body == CustomerBody(display_names=("Acme EUR", "Acme EUR (cus_1)", "cus_1 EUR"))


def test_a_deleted_customer_is_called_by_its_id() -> None:
    gone = Customer(id="cus_1", name=None, email=None, deleted=True)
    assert customer_document(gone, "usd", POLICY).body == CustomerBody(display_names=("cus_1", "cus_1 (cus_1)"))


def test_an_email_never_stands_in_for_the_name() -> None:
    nameless = replace(ACME, name=None)
    assert "books" not in repr(customer_document(nameless, "usd", POLICY))


@pytest.mark.parametrize(
    ("email", "expected"),
    [
        ("books@acme.example", "books@acme.example"),
        (" books@acme.example\n", "books@acme.example"),
        (None, None),
        ("", None),
        ("no address", None),
        ("@", None),
        ("a@" + "b" * 99, None),
    ],
)
def test_an_email_goes_along_if_wanted_and_legal(email: str | None, expected: str | None) -> None:
    body = customer_document(replace(ACME, email=email), "usd", WITH_EMAIL).body
    assert isinstance(body, CustomerBody)
    assert body.email == expected
