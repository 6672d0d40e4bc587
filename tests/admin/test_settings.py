"""Settings of the shop in the admin: managers read, admins change."""

from decimal import Decimal

import pytest

from accounts.models import ShopSettings
from tenants.models import AuditEvent, Tenant
from tenants.scope import tenant_scope
from tests.factories.orders import OrderFactory
from tests.support.admin_browser import build_form, read_errors, snapshot_database, submit_form


@pytest.fixture
def page(shop):
    return f"/admin/accounts/shopsettings/{shop.pk}/change/"


def parse_limits(limits):
    return {name: each and Decimal(each) for name, each in limits.items()}


def test_empty_limit_means_unlimited(admins_browser, page, shop):
    saved = submit_form(
        admins_browser, page, limits_manager_refund_amount="", limits_manager_drop_amount="9"
    )

    assert saved.status_code == 302
    shop.refresh_from_db()
    assert shop.limit("manager", "refund_amount") is None
    assert shop.limit("manager", "drop_amount") == 9
    assert shop.limit("cashier", "drop_amount") == 500
    page = admins_browser.get(page)
    assert "limits_manager_refund_amount" not in build_form(page)
    assert "Empty means unlimited." in page.content.decode()


def test_admin_changes_settings_and_limits(admins_browser, page, shop, admin):
    changes = {
        "shifts_required": "on",
        "cash_rounding_increment": "0.05",
        "cash_rounding_mode": "down",
        "tax_rounding_level": "order",
        "limits_cashier_refund_amount": "20",
    }
    others = shop.limits["manager"]

    assert submit_form(admins_browser, page, **changes).status_code == 302

    shop.refresh_from_db()
    assert shop.shifts_required
    assert (shop.cash_rounding_increment, shop.cash_rounding_mode) == (Decimal("0.05"), "down")
    assert shop.tax_rounding_level == "order"
    assert shop.limit("cashier", "refund_amount") == 20
    assert parse_limits(shop.limits["manager"]) == parse_limits(others)
    with tenant_scope(shop):
        event = AuditEvent.objects.get(event="settings_changed")
    assert event.actor == admin.pk


def test_saving_without_changes_changes_nothing(admins_browser, page, shop):
    def rules():
        (row,) = snapshot_database(Tenant)["Tenant"]
        limits = {role: parse_limits(of_role) for role, of_role in row.pop("limits").items()}
        return {**row, "limits": limits, "version": 0, "updated_at": None}

    before = rules()

    assert submit_form(admins_browser, page).status_code == 302

    assert rules() == before


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"name": ""}, "required"),
        ({"currency": "XXX"}, "valid choice"),
        ({"timezone": "localtime"}, "valid choice"),
        ({"cash_rounding_increment": "0.001"}, "At most 2 decimal places"),
        ({"limits_manager_refund_amount": "-1"}, "Enter an amount such as"),
        ({"limits_cashier_line_discount_percent": "101"}, "Must be at most 100"),
    ],
    ids=str,
)
def test_invalid_setting_is_rejected_at_its_field(form, words, admins_browser, page):
    before = snapshot_database(Tenant)

    response = submit_form(admins_browser, page, **form)

    assert words in read_errors(response)
    (field,) = form
    assert response.context["adminform"].form.errors.keys() == {field}
    assert snapshot_database(Tenant) == before


def test_outdated_page_is_not_saved(admins_browser, page):
    stale = build_form(admins_browser.get(page), name="Mine")
    submit_form(admins_browser, page, name="Theirs")
    before = snapshot_database(Tenant)

    assert "Someone else has changed this" in read_errors(admins_browser.post(page, stale))
    assert snapshot_database(Tenant) == before


def test_currency_cannot_change_after_the_first_order(admins_browser, page, shop, cashier):
    shop.has_orders = True
    shop.save_changes("has_orders")
    OrderFactory(cashier=cashier)

    assert "currency" not in admins_browser.get(page).context["adminform"].form.fields
    assert submit_form(admins_browser, page, currency="USD").status_code == 302

    shop.refresh_from_db()
    assert shop.currency == "EUR"


def test_manager_can_read_but_not_change_settings(managers_browser, page, shop):
    body = managers_browser.get(page).content.decode()

    assert "Line discount (%): 10" in body
    assert (
        managers_browser.post(page, {"name": "Mine", "expected_version": shop.version}).status_code
        == 403
    )
    shop.refresh_from_db()
    assert shop.name == "Green Grocery"


def test_settings_of_another_shop_are_not_accessible(admins_browser, foreign):
    before = snapshot_database(ShopSettings)
    page = f"/admin/accounts/shopsettings/{foreign.tenant.pk}/change/"

    assert admins_browser.get(page).status_code == 302
    assert admins_browser.post(page, {"name": "Mine", "expected_version": 1}).status_code == 302
    assert snapshot_database(ShopSettings) == before
