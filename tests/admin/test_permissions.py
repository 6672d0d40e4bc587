"""Which role may do what on which page: one table, and the pages obey it."""

import pytest

from accounts.admin_site.site import shop_site
from tests.support.admin_browser import open_browser, snapshot_database
from tests.support.admin_pages import MODELS, build_page_url, for_each_model
from tests.support.platform_admin import snapshot_model

pytestmark = pytest.mark.once

LOOK, WRITE, NOTHING = {"view"}, {"view", "add", "change"}, set()
# What there is one of: changed, and never added.
CHANGE = {"view", "change"}
# What a manager may do with it, and an admin.
TABLE = {
    "Approval": (LOOK, LOOK),
    "AuditEvent": (LOOK, LOOK),
    "AuthSession": (LOOK, LOOK),
    "CashMovement": (LOOK, LOOK),
    "Cashier": (WRITE, WRITE),
    "Category": (WRITE, WRITE),
    "Order": (LOOK, LOOK),
    "Payment": (LOOK, LOOK),
    "Posting": (LOOK, LOOK),
    "Product": (WRITE, WRITE),
    "Receipt": (LOOK, LOOK),
    "Refund": (LOOK, LOOK),
    "Register": (LOOK, WRITE),
    "RegisterSeries": (LOOK, LOOK),
    "Shift": (LOOK, LOOK),
    "ShopSettings": (LOOK, CHANGE),
    "StaffMember": (NOTHING, WRITE),
    "StockLevel": (CHANGE, CHANGE),
    "StockMovement": (LOOK, LOOK),
    "Store": (LOOK, WRITE),
    "StoreCredit": (LOOK, LOOK),
    "TaxClass": (LOOK, WRITE),
    "Terminal": (LOOK, LOOK),
}
ROLES = ("cashier", "manager", "admin")
everybody = pytest.mark.parametrize("who", ROLES)


def allowed(model, who):
    return NOTHING if who == "cashier" else TABLE[model.__name__][who == "admin"]


def test_the_table_has_a_line_for_every_page_and_no_other():
    assert set(TABLE) == {model.__name__ for model in MODELS}


@everybody
@for_each_model
def test_permissions_are_what_the_table_says(model, who, rf, request):
    asked = rf.get("/admin/")
    asked.user = request.getfixturevalue(who)

    permissions = shop_site._registry[model].get_model_perms(asked)

    assert {name for name, given in permissions.items() if given} == allowed(model, who)


@everybody
@for_each_model
def test_nobody_may_do_anything_without_their_role(model, who, rf, request):
    asked = rf.get("/admin/")
    asked.user = request.getfixturevalue(who)
    asked.user.is_active = False

    assert not any(shop_site._registry[model].get_model_perms(asked).values())


def test_somebody_of_the_platform_may_do_nothing_in_a_shop(rf, root):
    asked = rf.get("/admin/")
    asked.user = root

    for model, page in shop_site._registry.items():
        assert not any(page.get_model_perms(asked).values()), model


@pytest.mark.parametrize("who", ["manager", "admin"])
@for_each_model
@pytest.mark.usefixtures("shop_rows")
def test_pages_answer_as_the_table_says(model, who, request):
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
    # An empty form is refused by a page that writes, and so is everything by one that does not.
    assert browser.post(change, {}).status_code == (200 if "change" in may else 403)
    assert browser.post(add, {}).status_code == (200 if "add" in may else 403)
    assert browser.post(build_page_url(model, "delete", row.pk), {"post": "yes"}).status_code == 403
    if model.__name__ not in {"AuthSession", "StaffMember", "Cashier"}:
        assert snapshot_database(model) == before


def test_tenant_people_have_none_of_djangos_permissions(admin, manager):
    for user in (admin, manager):
        assert not user.has_perm("accounts.change_user")
        assert not user.has_perm("accounts.change_cashier")
        assert not user.has_module_perms("accounts")
        assert not user.is_staff
