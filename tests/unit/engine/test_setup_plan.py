"""What setup makes of what the policy names: of which kind, in which order, and what it leaves to people."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli.doctor_company import ACCOUNTS, ITEMS, Company, account, item
from wescope.books.policy import ItemRole
from wescope.config import PolicyFile
from wescope.config.policy_file import read_policy_file
from wescope.engine.policy_references import Lists
from wescope.engine.setup_plan import SetupAction, SetupPlan, identity, known_ids, payload, setup_plan
from wescope.qbo.directory import Directory
from wescope.qbo.preferences import read_preferences


def plan(tmp_path: Path, text: str, company: Company, incomes: Mapping[ItemRole, str] | None = None) -> SetupPlan:
    return setup_plan(lists(company), policy(tmp_path, text), incomes or {})


def policy(tmp_path: Path, text: str) -> PolicyFile:
    path = tmp_path / "wescope.toml"
    path.write_text(text, encoding="utf-8")
    return read_policy_file(path)


def lists(company: Company) -> Lists:
    return Lists(
        accounts=Directory(company.accounts),
        items=Directory(company.items),
        preferences=read_preferences(company.preferences, company.info),
    )


def rows(found: SetupPlan, action: SetupAction) -> dict[str, str]:
    return {row.name: row.remedy or row.type for row in found.rows if row.action is action}


def without(*names: str) -> Company:
    return Company(
        accounts=[one for one in ACCOUNTS if one["Name"] not in names],
        items=[one for one in ITEMS if one["Name"] not in names],
        multicurrency=True,
    )


def test_nothing_is_missing(tmp_path: Path) -> None:
    found = plan(tmp_path, "", Company())
    assert {row.action for row in found.rows} == {SetupAction.NOTHING}
    assert not found.needs_somebody
    assert next(row for row in found.rows if row.name == "Stripe Tax").income_account == "Tax Payable"


def test_one_account_for_two_roles_is_made_once_and_cannot_be_two_things(tmp_path: Path) -> None:
    text = '[accounts]\nfees = "Costs"\nfee_tax = "costs"\nreview = "Costs"\n'
    found = plan(tmp_path, text, Company())
    (row,) = [row for row in found.rows if row.name.lower() == "costs"]
    assert (row.action, row.remedy) == (SetupAction.REFUSE, "Name two accounts in wescope.toml.")
    (row,) = plan(tmp_path, text.replace("review", "disputes"), Company()).missing
    assert row.keys == ("accounts.fees", "accounts.fee_tax", "accounts.disputes")


def test_parents_come_first_and_are_of_the_same_type(tmp_path: Path) -> None:
    found = plan(tmp_path, '[accounts]\nclearing = "Assets: Stripe :USD"\n', Company())
    assert [(row.name, row.type) for row in found.missing] == [
        ("Assets", "Other Current Asset"),
        ("Assets:Stripe", "Other Current Asset"),
        ("Assets: Stripe :USD", "Other Current Asset"),
    ]
    ids = {identity("Account", "assets:stripe"): "7"}
    assert payload(found.missing[-1], ids, multicurrency=False) == {
        "Name": "USD",
        "AccountType": "Other Current Asset",
        "AccountSubType": "OtherCurrentAssets",
        "ParentRef": {"value": "7"},
    }
    with pytest.raises(KeyError):
        payload(found.missing[-1], {}, multicurrency=False)


@pytest.mark.parametrize(
    ("text", "name", "told"),
    [
        ('[accounts]\nfees = "4711"\n', "4711", "QBO has no such id"),
        ("[accounts]\nfees = 'The \"fees\"'\n", 'The "fees"', "Leave quotation marks"),
        ('[accounts]\nfees = "A:"\n', "A:", "Name or Parent:Child"),
        ('[accounts]\nfees = "A:B:C:D:E:F"\n', "A:B:C:D:E:F", "at most five levels"),
        ('[accounts]\nfees = "Sales:Fees"\n', "Sales:Fees", "Name a parent of type Expense"),
        ('[categories]\ntransfer = "Partners"\n', "Partners", "Create an account that is neither"),
        ('[accounts]\nclearing.EUR = "Clearing EUR"\n', "Clearing EUR", "Turn on Multicurrency"),
        ('[items]\nsales = "Web:Sales"\n', "Web:Sales", 'Create the category "Web" in QBO.'),
        ('[accounts]\nreview = "Receivable"\n', "Receivable", "Name an account of type Other Current Asset under"),
    ],
)
def test_what_a_person_must_do(tmp_path: Path, text: str, name: str, told: str) -> None:
    refused = rows(plan(tmp_path, text, Company()), SetupAction.REFUSE)
    assert list(refused) == [name]
    assert told in refused[name]


def test_a_bank_account_is_made_only_if_somebody_names_it(tmp_path: Path) -> None:
    company = without("Checking")
    company.accounts.append(account("Giro", "Bank"))
    found = plan(tmp_path, "", company)
    (row,) = [row for row in found.rows if row.action is SetupAction.REFUSE]
    assert row.name == "Checking"
    assert '(QBO has "Giro")' in row.remedy
    (row,) = plan(tmp_path, '[accounts]\nbank = "Giro 2"\n', company).missing
    assert (row.type, row.subtype, row.like) == ("Bank", "Checking", '"Giro"')


def test_accounts_in_other_currencies(tmp_path: Path) -> None:
    text = '[accounts]\nclearing.EUR = "Clearing EUR"\nbank.USD = "Dollars"\nbank.EUR = "Euros"\n'
    found = plan(tmp_path, text, without())
    assert {row.name: row.currency for row in found.missing} == {
        "Clearing EUR": "eur",
        "Dollars": "usd",
        "Euros": "eur",
    }
    assert payload(found.missing[0], {}, multicurrency=True)["CurrencyRef"] == {"value": "EUR"}


def test_items_and_what_they_post_to(tmp_path: Path) -> None:
    gone = ("Stripe Sales", "Stripe Tax", "Stripe Bad Debt", "Stripe Refunds")
    text = '[[items.rules]]\nproduct = "prod_1"\nitem = "Maps"\n'
    found = plan(tmp_path, text, without(*gone))
    assert {row.name: (row.entity, row.income_account) for row in found.missing if row.entity == "Item"} == {
        "Stripe Sales": ("Item", "Stripe Sales"),
        "Stripe Refunds": ("Item", "Stripe Refunds"),
        "Stripe Bad Debt": ("Item", "Bad Debts"),
        "Stripe Tax": ("Item", "Sales Tax Payable"),
        "Maps": ("Item", "Stripe Sales"),
    }
    assert [row.name for row in found.missing if row.entity == "Account"] == [
        "Stripe Sales",
        "Stripe Refunds",
        "Sales Tax Payable",
    ]
    assert [row.entity for row in found.missing] == sorted(row.entity for row in found.missing)
    company = without("Stripe Refunds")
    (maps, refunds) = plan(tmp_path, text, company, {ItemRole.REFUNDS: "id of Sales"}).missing[::-1]
    assert (maps.income_account, refunds.income_account) == ("Sales", "Sales"), "as the sales item, and as chosen"
    body = payload(maps, known_ids(lists(company)), multicurrency=True)
    assert body == {"Name": "Maps", "Type": "Service", "IncomeAccountRef": {"value": "id of Sales"}}


@pytest.mark.parametrize(
    ("accounts", "income", "told"),
    [
        ([account("Stripe Shipping", "Bank")], {}, "--income shipping=ACCOUNT"),
        ([{**account("Stripe Shipping", "Income"), "Active": False}], {}, "--income shipping=ACCOUNT"),
        ([], {ItemRole.SHIPPING: "Checking"}, "--income shipping=ACCOUNT"),
        ([], {ItemRole.SHIPPING: "Nowhere"}, "--income shipping=ACCOUNT"),
    ],
)
def test_income_accounts_that_will_not_do(
    tmp_path: Path, accounts: list[Mapping[str, Any]], income: Mapping[ItemRole, str], told: str
) -> None:
    company = without("Stripe Shipping")
    company.accounts += accounts
    found = plan(tmp_path, "", company, income)
    assert told in rows(found, SetupAction.REFUSE)["Stripe Shipping"]
    assert not found.missing


def test_an_item_below_a_category(tmp_path: Path) -> None:
    company = without("Stripe Sales")
    company.items.append(item("Web", kind="Category"))
    found = plan(tmp_path, '[items]\nsales = "Web:Sales"\n', company, {ItemRole.SALES: "Sales"})
    body = payload(found.missing[0], known_ids(lists(company)), multicurrency=False)
    assert (body["ParentRef"], body["SubItem"], body["Name"]) == ({"value": "id of Web"}, True, "Sales")
