"""The rules of a shop: everybody reads them, admins write them."""

import pytest

from tenants.models import Tenant
from tests.factories.accounts import UserFactory
from tests.factories.tenants import TenantFactory
from tests.support.api import Person

TENANT = "tenant/"
pytestmark = [pytest.mark.once, pytest.mark.django_db]


def stored(tenant: Tenant) -> dict:
    return Tenant.objects.values().get(pk=tenant.pk)


def admin_of(**shop) -> Person:
    return Person(UserFactory(tenant=TenantFactory(**shop), admin=True))


@pytest.mark.parametrize("who", ["cashier", "manager", "admin"])
def test_everybody_reads_the_rules(who, shop, client_of, request):
    response = client_of(request.getfixturevalue(who)).get(TENANT)

    assert response.status_code == 200
    assert response["ETag"] == '"1"'
    assert response.json() == {
        "id": str(shop.pk),
        "slug": "green",
        "name": "Green Grocery",
        "country": "DE",
        "currency": "EUR",
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
                "drawer_difference_amount": "5.00",
            },
            "manager": {
                "line_discount_percent": "100",
                "order_discount_percent": "100",
                "refund_amount": "1000.00",
                "price_override_percent": "100",
                "paid_out_amount": "500.00",
                "drop_amount": None,
                "drawer_difference_amount": "1000.00",
            },
        },
        "version": 1,
    }


@pytest.mark.parametrize("who", ["cashier", "manager"])
def test_only_admins_write_them(who, shop, client_of, problem, request):
    before = stored(shop)

    response = client_of(request.getfixturevalue(who)).patch(TENANT, {"name": "X"}, If_Match="*")

    problem(response, 403, "permission_denied")
    assert stored(shop) == before


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
def test_one_rule_changes_and_the_others_stay(name, admin, client_of):
    admin_client = client_of(admin)
    before = admin_client.get(TENANT).json()

    response = admin_client.patch(TENANT, {name: CHANGES[name]}, If_Match='"1"')

    assert response.status_code == 200
    assert response["ETag"] == '"2"'
    assert response.json() == before | {name: CHANGES[name], "version": 2}
    assert admin_client.get(TENANT).json() == response.json()


def test_all_rules_change_together(admin, client_of):
    response = client_of(admin).patch(TENANT, CHANGES, If_Match='"1"')

    assert response.json().items() >= CHANGES.items()
    assert response.json()["version"] == 2


def test_a_change_says_from_which_version_it_starts(admin, shop, client_of, problem):
    admin_client = client_of(admin)

    problem(admin_client.patch(TENANT, {"name": "X"}), 428, "if_match_required")
    problem(admin_client.patch(TENANT, {"name": "X"}, If_Match='"2"'), 412, "version_conflict")
    assert stored(shop)["name"] == "Green Grocery"


def test_the_refusal_names_the_present_version(admin, client_of, problem):
    refusal = problem(
        client_of(admin).patch(TENANT, {"name": "X"}, If_Match='"9"'), 412, "version_conflict"
    )

    assert refusal["current"] == 1


def test_half_of_the_rounding_may_be_named(admin, client_of):
    response = client_of(admin).patch(TENANT, {"tax_rounding": {"mode": "down"}}, If_Match="*")

    assert response.json()["tax_rounding"] == {"level": "line", "mode": "down"}


def test_cash_rounding_may_be_given_up(client_of):
    admin_client = admin_of(cash_rounding_increment="0.05")

    response = admin_client.patch(TENANT, {"cash_rounding_increment": None}, If_Match="*")

    assert response.json()["cash_rounding_increment"] is None


# --- currency ---------------------------------------------------------------------------------


def test_before_the_first_sale_the_currency_may_change(admin, client_of):
    response = client_of(admin).patch(TENANT, {"currency": "JPY"}, If_Match="*")

    answer = response.json()
    assert answer["currency"] == "JPY"
    assert answer["limits"]["manager"]["refund_amount"] == "1000"


def test_after_it_the_currency_stays(problem):
    admin_client = admin_of(has_orders=True)
    before = stored(admin_client.user.tenant)

    response = admin_client.patch(TENANT, {"currency": "CHF", "name": "New"}, If_Match="*")

    refusal = problem(response, 409, "currency_fixed")
    assert refusal["currency"] == "EUR"
    assert stored(admin_client.user.tenant) == before


def test_naming_the_same_currency_changes_nothing_and_is_allowed():
    response = admin_of(has_orders=True).patch(
        TENANT, {"currency": "EUR", "name": "New"}, If_Match="*"
    )

    assert (response.status_code, response.json()["name"]) == (200, "New")


@pytest.mark.parametrize(("currency", "step"), [("JPY", "1"), ("KWD", "0.005"), ("CHF", "0.05")])
def test_cash_is_rounded_to_what_the_currency_has(currency, step):
    admin_client = admin_of(currency=currency)

    response = admin_client.patch(TENANT, {"cash_rounding_increment": step}, If_Match="*")

    assert response.json()["cash_rounding_increment"] == step


def test_a_currency_must_have_the_step_to_which_cash_is_rounded(problem):
    admin_client = admin_of(currency="CHF", cash_rounding_increment="0.05")

    response = admin_client.patch(TENANT, {"currency": "JPY"}, If_Match="*")

    problem(response, 400, "invalid", {"cash_rounding_increment": "invalid"})
    assert stored(admin_client.user.tenant)["currency"] == "CHF"


# --- what is refused --------------------------------------------------------------------------


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
def test_what_is_no_rule_changes_nothing(body, errors, admin, shop, client_of, problem):
    before = stored(shop)

    problem(client_of(admin).patch(TENANT, body, If_Match="*"), 400, "invalid", errors)
    assert stored(shop) == before


def test_the_rules_of_another_shop_are_out_of_reach(admin, other_shop, client_of):
    before = stored(other_shop)

    response = client_of(admin).patch(TENANT, {"name": "Ours"}, If_Match="*")

    assert response.json()["slug"] == "green"
    assert stored(other_shop) == before


@pytest.mark.parametrize(
    "change",
    [{"cash_rounding_increment": "10.01"}, {"timezone": "localtime"}, {"timezone": "Factory"}],
)
def test_rules_that_no_shop_has_are_refused(change):
    admin_client = admin_of()
    before = stored(admin_client.user.tenant)

    (field,) = change
    refused = admin_client.patch(TENANT, change, If_Match="*")

    assert refused.status_code == 400
    assert [error["field"] for error in refused.json()["errors"]] == [field]
    assert stored(admin_client.user.tenant) == before
