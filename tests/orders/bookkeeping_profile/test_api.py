"""Bookkeeping profiles: permissions, validation and isolation of shops."""

import pytest

from orders.models import BookkeepingProfile
from tenants.scope import tenant_scope
from tests.factories.bookkeeping_profile import ACCOUNTS, BookkeepingProfileFactory
from tests.factories.tenants import StoreFactory

PATH = "bookkeeping-profiles/"
REVENUE = [{"percent": "19", "account": "8400", "tax_key": ""}]


@pytest.fixture
def body(store):
    return {"store": str(store.pk), "consultant_number": 29098, "client_number": 55003}


def list_profiles(shop):
    with tenant_scope(shop):
        return list(BookkeepingProfile.objects.order_by("pk").values())


def test_manager_adds_and_changes_a_profile(manager_client, body):
    accounts = [{"percent": "19.00", "account": "8400"}, {"percent": None, "account": "8200"}]
    made = manager_client.post(PATH, {**body, **ACCOUNTS, "revenue_accounts": accounts})

    assert made.status_code == 201, made.content
    stored = made.json()
    assert stored["revenue_accounts"] == [
        {"percent": "19", "account": "8400", "tax_key": ""},
        {"percent": None, "account": "8200", "tax_key": ""},
    ]
    assert {name: stored[name] for name in ACCOUNTS} == ACCOUNTS
    assert (stored["fiscal_year_month"], stored["account_length"], stored["chart"]) == (1, 4, "")
    path = f"{PATH}{stored['id']}/"
    changed = manager_client.patch(path, {"fiscal_year_month": 7}, If_Match='"1"').json()
    assert (changed["fiscal_year_month"], changed["version"]) == (7, 2)
    assert manager_client.get(PATH, {"store": body["store"]}).json()["results"] == [changed]


def test_store_has_one_profile(manager_client, body, shop, problem):
    assert manager_client.post(PATH, body).status_code == 201
    before = list_profiles(shop)

    problem(manager_client.post(PATH, body), 409, "already_exists", {"store": "unique"})
    assert list_profiles(shop) == before


@pytest.mark.parametrize(
    ("given", "field", "code"),
    [
        ({"consultant_number": 1000}, "consultant_number", "invalid"),
        ({"client_number": 0}, "client_number", "invalid"),
        ({"client_number": 100_000}, "client_number", "invalid"),
        ({"fiscal_year_month": 13}, "fiscal_year_month", "invalid"),
        ({"account_length": 9}, "account_length", "invalid"),
        ({"chart": "05"}, "chart", "invalid_choice"),
        ({"cash_account": "10000"}, "cash_account", "invalid_account"),
        ({"cash_account": "0100"}, "cash_account", "invalid_account"),
        ({"cash_account": "1x"}, "cash_account", "invalid_account"),
        ({"cash_account": "\u0661000"}, "cash_account", "invalid_account"),
        ({"cash_account": "1000", "drop": 1}, "drop", "unknown_field"),
        (
            {"cash_account": "1000", "card_account": "1000"},
            "cash_account",
            "account_shared",
        ),
        (
            {"clearing_account": "8400", "revenue_accounts": REVENUE},
            "clearing_account",
            "account_shared",
        ),
        ({"revenue_accounts": REVENUE * 2}, "revenue_accounts[1].percent", "duplicate"),
        (
            {"revenue_accounts": [{"percent": "7", "account": "83000"}]},
            "revenue_accounts[0].account",
            "invalid_account",
        ),
        (
            {"revenue_accounts": [{"percent": "101", "account": "8300"}]},
            "revenue_accounts[0].percent",
            "max_value",
        ),
        (
            {"revenue_accounts": [{"percent": "7", "account": "8300", "tax_key": "x"}]},
            "revenue_accounts[0].tax_key",
            "invalid",
        ),
    ],
)
def test_invalid_profile_is_rejected(given, field, code, manager_client, body, shop):
    answer = manager_client.post(PATH, {**body, **given})

    assert answer.status_code == 400
    assert [(each["field"], each["code"]) for each in answer.json()["errors"]] == [(field, code)]
    assert list_profiles(shop) == []


def test_longer_accounts_need_a_longer_length(manager_client, body, shop):
    made = manager_client.post(PATH, {**body, "account_length": 6, "cash_account": "100000"}).json()
    before = list_profiles(shop)

    refused = manager_client.patch(f"{PATH}{made['id']}/", {"account_length": 5}, If_Match='"1"')

    assert [each["field"] for each in refused.json()["errors"]] == ["cash_account"]
    assert list_profiles(shop) == before


def test_cashier_neither_reads_nor_adds_one(client_of, cashier, body, shop, problem):
    problem(client_of(cashier).post(PATH, body), 403, "permission_denied")
    problem(client_of(cashier).get(PATH), 403, "permission_denied")
    assert list_profiles(shop) == []


def test_profiles_of_another_shop_are_not_visible(manager_client, other_shop, body, shop, problem):
    theirs = BookkeepingProfileFactory(tenant=other_shop)

    problem(manager_client.get(f"{PATH}{theirs.pk}/"), 404, "not_found")
    assert manager_client.get(PATH).json()["results"] == []
    foreign = StoreFactory(tenant=other_shop)
    answer = manager_client.post(PATH, {**body, "store": str(foreign.pk)})
    assert [each["code"] for each in answer.json()["errors"]] == ["does_not_exist"]
    assert list_profiles(shop) == []


def test_revenue_accounts_are_changed(manager_client, body, shop):
    made = manager_client.post(PATH, body).json()
    accounts = [{"percent": "19", "account": "8400"}, {"percent": None, "account": "8200"}]

    change = {"fiscal_year_month": 1, "account_length": 4, "revenue_accounts": accounts}
    changed = manager_client.patch(f"{PATH}{made['id']}/", change, If_Match='"1"')

    assert changed.status_code == 200, changed.content
    assert [each["account"] for each in changed.json()["revenue_accounts"]] == ["8400", "8200"]


@pytest.mark.parametrize("missing", ["percent", "account"])
def test_changed_revenue_account_must_be_complete(manager_client, body, shop, problem, missing):
    made = manager_client.post(PATH, body).json()
    before = list_profiles(shop)
    row = {"percent": "19", "account": "8400"}
    del row[missing]

    refused = manager_client.patch(
        f"{PATH}{made['id']}/", {"revenue_accounts": [row]}, If_Match='"1"'
    )

    problem(refused, 400, "invalid", {f"revenue_accounts[0].{missing}": "required"})
    assert list_profiles(shop) == before
