"""Permissions of every role on every admin page, in one table."""

import pytest

from accounts.admin_site.site import shop_site
from tests.support.admin_browser import open_browser, snapshot_database
from tests.support.admin_pages import MODELS, build_page_url, for_each_model
from tests.support.platform_admin import snapshot_model

pytestmark = pytest.mark.once

VIEW, WRITE, NONE = {"view"}, {"view", "add", "change"}, set()
# For models with a single row, which cannot be added.
CHANGE = {"view", "change"}
# Permissions of a manager and of an admin.
TABLE = {
    "Approval": (VIEW, VIEW),
    "AuditEvent": (VIEW, VIEW),
    "AuthSession": (VIEW, VIEW),
    "BarcodeRule": (WRITE, WRITE),
    "BookkeepingProfile": (WRITE, WRITE),
    "ModifierList": (WRITE, WRITE),
    "CardReader": (VIEW, WRITE),
    "CashMovement": (VIEW, VIEW),
    "Cashier": (WRITE, WRITE),
    "Category": (WRITE, WRITE),
    "Customer": (WRITE, WRITE),
    "CustomerGroup": (WRITE, WRITE),
    "Order": (VIEW, VIEW),
    "Payment": (VIEW, VIEW),
    "PaymentProvider": (NONE, WRITE),
    "Posting": (VIEW, VIEW),
    "Price": (WRITE, WRITE),
    "PriceList": (WRITE, WRITE),
    "Product": (WRITE, WRITE),
    "Receipt": (VIEW, VIEW),
    "ReceiptProfile": (WRITE, WRITE),
    "Refund": (VIEW, VIEW),
    "Register": (VIEW, WRITE),
    "RegisterSeries": (VIEW, VIEW),
    "ServiceKey": (NONE, {"view", "add"}),
    "Shift": (VIEW, VIEW),
    "ShopSettings": (VIEW, CHANGE),
    "StaffMember": (NONE, WRITE),
    "StockCount": (WRITE, WRITE),
    "StockCountLine": (VIEW, VIEW),
    "StockLevel": (WRITE, WRITE),
    "StockMovement": (VIEW, VIEW),
    "StockTransfer": (WRITE, WRITE),
    "StockTransferLine": (VIEW, VIEW),
    "Store": (VIEW, WRITE),
    "StoreCredit": (VIEW, VIEW),
    "TaxClass": (VIEW, WRITE),
    "Terminal": (VIEW, VIEW),
}
ROLES = ("cashier", "manager", "admin")
each_role = pytest.mark.parametrize("who", ROLES)


def allowed(model, who):
    return NONE if who == "cashier" else TABLE[model.__name__][who == "admin"]


def test_table_contains_exactly_the_registered_models():
    assert set(TABLE) == {model.__name__ for model in MODELS}


@each_role
@for_each_model
def test_model_permissions_match_the_table(model, who, rf, request):
    request_of_user = rf.get("/admin/")
    request_of_user.user = request.getfixturevalue(who)

    permissions = shop_site._registry[model].get_model_perms(request_of_user)

    assert {name for name, given in permissions.items() if given} == allowed(model, who)


@each_role
@for_each_model
def test_inactive_user_has_no_permissions(model, who, rf, request):
    request_of_user = rf.get("/admin/")
    request_of_user.user = request.getfixturevalue(who)
    request_of_user.user.is_active = False

    assert not any(shop_site._registry[model].get_model_perms(request_of_user).values())


def test_platform_user_has_no_permissions_in_a_shop(rf, root):
    request_of_user = rf.get("/admin/")
    request_of_user.user = root

    for model, page in shop_site._registry.items():
        assert not any(page.get_model_perms(request_of_user).values()), model


@pytest.mark.parametrize("who", ["manager", pytest.param("admin", marks=pytest.mark.slow)])
@for_each_model
@pytest.mark.usefixtures("shop_rows")
def test_page_status_codes_match_the_table(model, who, request):
    browser = open_browser(request.getfixturevalue(who))
    may = allowed(model, who)
    (row, *_) = [
        row for row in snapshot_model(model) if getattr(row, "role", "cashier") == "cashier"
    ]
    change, add = build_page_url(model, "change", row.pk), build_page_url(model, "add")
    before = snapshot_database(model)

    assert browser.get(build_page_url(model, "changelist")).status_code == (200 if may else 403)
    assert browser.get(change).status_code == (200 if may else 403)
    assert browser.get(add).status_code == (200 if "add" in may else 403)
    # A page that writes rejects an empty form with 200; other pages answer 403.
    assert browser.post(change, {}).status_code == (200 if "change" in may else 403)
    assert browser.post(add, {}).status_code == (200 if "add" in may else 403)
    assert browser.post(build_page_url(model, "delete", row.pk), {"post": "yes"}).status_code == 403
    if model.__name__ not in {"AuthSession", "StaffMember", "Cashier"}:
        assert snapshot_database(model) == before


def test_shop_users_have_no_django_permissions(admin, manager):
    for user in (admin, manager):
        assert not user.has_perm("accounts.change_user")
        assert not user.has_perm("accounts.change_cashier")
        assert not user.has_module_perms("accounts")
        assert not user.is_staff
