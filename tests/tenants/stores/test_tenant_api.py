"""Settings of a shop: all roles read, admins write."""

import pytest

from tenants.models import Tenant
from tests.factories.accounts import UserFactory
from tests.factories.tenants import TenantFactory
from tests.support.api import Person

TENANT = "tenant/"
pytestmark = [pytest.mark.once, pytest.mark.django_db]


def read_row(tenant: Tenant) -> dict:
    return Tenant.objects.values().get(pk=tenant.pk)


def create_admin_client(**shop) -> Person:
    return Person(UserFactory(tenant=TenantFactory(**shop), admin=True))


@pytest.mark.parametrize("who", ["cashier", "manager", "admin"])
def test_all_roles_read_the_settings(who, shop, client_of, request):
    response = client_of(request.getfixturevalue(who)).get(TENANT)

    assert response.status_code == 200
    assert response["ETag"] == '"1"'
    assert response.json() == {
        "id": str(shop.pk),
        "slug": "green",
        "name": "Green Grocery",
        "country": "DE",
        "currency": "EUR",
        "currency_exponent": 2,
        "timezone": "Europe/Berlin",
        "prices_include_tax": True,
        "tax_rounding": {"level": "line", "mode": "half_up"},
        "cash_rounding_increment": None,
        "cash_rounding_mode": "half_up",
        "stock_policy": "block",
        "shifts_required": False,
        "limits": {
            "cashier": {
                "line_discount_percent": "10",
                "order_discount_percent": "10",
                "refund_amount": "0.00",
                "price_override_percent": "0",
                "paid_out_amount": "0.00",
                "drop_amount": "500.00",
                "deposit_return_amount": "30.00",
                "drawer_difference_amount": "5.00",
            },
            "manager": {
                "line_discount_percent": "100",
                "order_discount_percent": "100",
                "refund_amount": "1000.00",
                "price_override_percent": "100",
                "paid_out_amount": "500.00",
                "drop_amount": None,
                "deposit_return_amount": None,
                "drawer_difference_amount": "1000.00",
            },
        },
        "version": 1,
    }


@pytest.mark.parametrize("who", ["cashier", "manager"])
def test_only_admins_write_settings(who, shop, client_of, problem, request):
    before = read_row(shop)

    response = client_of(request.getfixturevalue(who)).patch(TENANT, {"name": "X"}, If_Match="*")

    problem(response, 403, "permission_denied")
    assert read_row(shop) == before


CHANGES = {
    "name": "Greener Grocery",
    "country": "AT",
    "currency": "CHF",
    "timezone": "Europe/Vienna",
    "prices_include_tax": False,
    "tax_rounding": {"level": "order", "mode": "half_even"},
    "cash_rounding_increment": "0.05",
    "cash_rounding_mode": "half_down",
    "stock_policy": "allow",
    "shifts_required": True,
}


@pytest.mark.parametrize("name", CHANGES)
def test_changing_one_setting_keeps_the_others(name, admin, client_of):
    admin_client = client_of(admin)
    before = admin_client.get(TENANT).json()

    response = admin_client.patch(TENANT, {name: CHANGES[name]}, If_Match='"1"')

    assert response.status_code == 200
    assert response["ETag"] == '"2"'
    assert response.json() == before | {name: CHANGES[name], "version": 2}
    assert admin_client.get(TENANT).json() == response.json()


def test_all_settings_can_change_together(admin, client_of):
    response = client_of(admin).patch(TENANT, CHANGES, If_Match='"1"')

    assert response.json().items() >= CHANGES.items()
    assert response.json()["version"] == 2


def test_change_needs_the_current_version(admin, shop, client_of, problem):
    admin_client = client_of(admin)

    problem(admin_client.patch(TENANT, {"name": "X"}), 428, "if_match_required")
    problem(admin_client.patch(TENANT, {"name": "X"}, If_Match='"2"'), 412, "version_conflict")
    assert read_row(shop)["name"] == "Green Grocery"


def test_version_conflict_names_the_current_version(admin, client_of, problem):
    refusal = problem(
        client_of(admin).patch(TENANT, {"name": "X"}, If_Match='"9"'), 412, "version_conflict"
    )

    assert refusal["current"] == 1


def test_part_of_the_tax_rounding_can_be_changed(admin, client_of):
    response = client_of(admin).patch(TENANT, {"tax_rounding": {"mode": "down"}}, If_Match="*")

    assert response.json()["tax_rounding"] == {"level": "line", "mode": "down"}


def test_cash_rounding_can_be_removed(client_of):
    admin_client = create_admin_client(cash_rounding_increment="0.05")

    response = admin_client.patch(TENANT, {"cash_rounding_increment": None}, If_Match="*")

    assert response.json()["cash_rounding_increment"] is None


# --- currency ---------------------------------------------------------------------------------


def test_currency_can_change_before_the_first_order(admin, client_of):
    response = client_of(admin).patch(TENANT, {"currency": "JPY"}, If_Match="*")

    answer = response.json()
    assert answer["currency"] == "JPY"
    assert answer["limits"]["manager"]["refund_amount"] == "1000"


def test_currency_cannot_change_after_the_first_order(problem):
    admin_client = create_admin_client(has_orders=True)
    before = read_row(admin_client.user.tenant)

    response = admin_client.patch(TENANT, {"currency": "CHF", "name": "New"}, If_Match="*")

    refusal = problem(response, 409, "currency_fixed")
    assert refusal["currency"] == "EUR"
    assert read_row(admin_client.user.tenant) == before


def test_unchanged_currency_is_accepted_after_the_first_order():
    response = create_admin_client(has_orders=True).patch(
        TENANT, {"currency": "EUR", "name": "New"}, If_Match="*"
    )

    assert (response.status_code, response.json()["name"]) == (200, "New")


@pytest.mark.parametrize(("currency", "step"), [("JPY", "1"), ("KWD", "0.005"), ("CHF", "0.05")])
def test_cash_rounding_increment_of_the_currency_is_accepted(currency, step):
    admin_client = create_admin_client(currency=currency)

    response = admin_client.patch(TENANT, {"cash_rounding_increment": step}, If_Match="*")

    assert response.json()["cash_rounding_increment"] == step


def test_currency_without_the_cash_rounding_increment_is_rejected(problem):
    admin_client = create_admin_client(currency="CHF", cash_rounding_increment="0.05")

    response = admin_client.patch(TENANT, {"currency": "JPY"}, If_Match="*")

    problem(response, 400, "invalid", {"cash_rounding_increment": "invalid"})
    assert read_row(admin_client.user.tenant)["currency"] == "CHF"


# --- refusals ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({"slug": "other"}, {"slug": "unknown_field"}),
        ({"is_active": False}, {"is_active": "unknown_field"}),
        ({"has_orders": False}, {"has_orders": "unknown_field"}),
        ({"version": 9}, {"version": "unknown_field"}),
        ({"id": "x"}, {"id": "unknown_field"}),
        ({"tax_rounding_level": "order"}, {"tax_rounding_level": "unknown_field"}),
        ({"name": ""}, {"name": "blank"}),
        ({"name": None}, {"name": "null"}),
        ({"name": "x" * 101}, {"name": "max_length"}),
        ({"country": "Germany"}, {"country": "max_length"}),
        ({"country": "de"}, {"country": "invalid"}),
        ({"currency": "XXX"}, {"currency": "invalid_choice"}),
        ({"currency": "eur"}, {"currency": "invalid_choice"}),
        ({"timezone": "Mars/Olympus"}, {"timezone": "unknown_timezone"}),
        ({"timezone": "../../etc/passwd"}, {"timezone": "unknown_timezone"}),
        ({"prices_include_tax": "yes"}, {"prices_include_tax": "invalid"}),
        ({"prices_include_tax": 1}, {"prices_include_tax": "invalid"}),
        ({"tax_rounding": {"level": "shop"}}, {"tax_rounding.level": "invalid_choice"}),
        ({"tax_rounding": {"x": 1}}, {"tax_rounding.x": "unknown_field"}),
        ({"tax_rounding": "line"}, {"tax_rounding": "invalid"}),
        ({"cash_rounding_increment": "0"}, {"cash_rounding_increment": "zero"}),
        ({"cash_rounding_increment": "-0.05"}, {"cash_rounding_increment": "invalid"}),
        ({"cash_rounding_increment": "0.005"}, {"cash_rounding_increment": "max_decimal_places"}),
        ({"cash_rounding_increment": 0.05}, {"cash_rounding_increment": "invalid"}),
        ({"cash_rounding_mode": "half_even"}, {"cash_rounding_mode": "invalid_choice"}),
        ({"cash_rounding_mode": None}, {"cash_rounding_mode": "null"}),
        ({"stock_policy": "never"}, {"stock_policy": "invalid_choice"}),
        ({"limits": {"admin": {}}}, {"limits.admin": "unknown_field"}),
        ({"limits": {"cashier": {"x": "1"}}}, {"limits.cashier.x": "unknown_field"}),
        (
            {"limits": {"cashier": {"line_discount_percent": "100.01"}}},
            {"limits.cashier.line_discount_percent": "max_value"},
        ),
        (
            {"limits": {"manager": {"refund_amount": "-1"}}},
            {"limits.manager.refund_amount": "invalid"},
        ),
        (
            {"limits": {"manager": {"refund_amount": "1e5"}}},
            {"limits.manager.refund_amount": "invalid"},
        ),
        ({"limits": {"manager": None}}, {"limits.manager": "null"}),
    ],
    ids=str,
)
def test_unknown_or_invalid_settings_are_rejected(body, errors, admin, shop, client_of, problem):
    before = read_row(shop)

    problem(client_of(admin).patch(TENANT, body, If_Match="*"), 400, "invalid", errors)
    assert read_row(shop) == before


def test_settings_of_another_shop_are_unchanged(admin, other_shop, client_of):
    before = read_row(other_shop)

    response = client_of(admin).patch(TENANT, {"name": "Ours"}, If_Match="*")

    assert response.json()["slug"] == "green"
    assert read_row(other_shop) == before


@pytest.mark.parametrize(
    "change",
    [{"cash_rounding_increment": "10.01"}, {"timezone": "localtime"}, {"timezone": "Factory"}],
)
def test_impossible_settings_are_rejected(change):
    admin_client = create_admin_client()
    before = read_row(admin_client.user.tenant)

    (field,) = change
    refused = admin_client.patch(TENANT, change, If_Match="*")

    assert refused.status_code == 400
    assert [error["field"] for error in refused.json()["errors"]] == [field]
    assert read_row(admin_client.user.tenant) == before
