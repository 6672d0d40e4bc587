"""Crawl every admin page and check that it shows nothing of other shops or the platform."""

from itertools import chain
from itertools import product as pairs

import pytest
import time_machine
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.models import Session
from django.urls import Resolver404, resolve
from django.utils import timezone

from accounts.admin.pages import ShopAdmin
from accounts.admin_site.site import shop_site
from accounts.models import AuthSession, Pin, User
from orders.models import Order, Product
from tenants.models import Register, Store, Tenant
from tenants.scope import has_scope
from tests.support import admin_pages
from tests.support.admin_browser import open_browser, snapshot_database
from tests.support.admin_pages import MODELS, assert_nothing_foreign, build_page_url
from tests.support.discovery import our_models
from tests.support.platform_admin import snapshot_model

# On SQLite, which has no row-level security that could hide a missing filter.
pytestmark = pytest.mark.once

CHECKED_MODELS = [User, Order, Product, Store, Register, AuthSession, Tenant]

each_user = pytest.mark.parametrize(
    "who", ["manager", pytest.param("admin", marks=pytest.mark.slow)]
)


# --- registration ------------------------------------------------------------------------------


def test_every_page_is_scoped_and_has_a_view_role():
    for model, page in shop_site._registry.items():
        assert isinstance(page, ShopAdmin), model
        assert page.view_role is not None, model
        assert page.fields, model


def test_page_without_a_view_role_has_no_permissions(rf, admin):
    request = rf.get("/admin/")
    request.user = admin

    page = ShopAdmin(Store, shop_site)

    assert not any(page.get_model_perms(request).values())
    assert not page.has_module_permission(request)


def test_platform_models_have_no_page():
    theirs = {LogEntry, Group, Permission, ContentType, Session, User, Tenant, Pin}

    assert not theirs & set(MODELS)
    for name in ("doc/", "import/", "export/", "__debug__/"):
        with pytest.raises(Resolver404):
            resolve(f"/{name}")


def test_token_models_have_no_page():
    assert all("token" not in model.__name__.lower() for model in MODELS)


def test_models_with_and_without_a_page_are_known():
    """A new model has no page until it is added here."""
    without_page = {model.__name__ for model in our_models()} - {model.__name__ for model in MODELS}

    assert {"Tenant", "User", "Pin", "Throttle", "ChainEntry", "IdempotencyKey"} <= without_page
    assert {model.__name__ for model in MODELS} == {
        "Approval",
        "AuditEvent",
        "AuthSession",
        "BarcodeRule",
        "BookkeepingProfile",
        "ModifierList",
        "CardReader",
        "CashMovement",
        "Cashier",
        "Category",
        "Customer",
        "CustomerGroup",
        "Order",
        "Payment",
        "PaymentProvider",
        "Posting",
        "Price",
        "PriceList",
        "Product",
        "Receipt",
        "ReceiptProfile",
        "Refund",
        "Register",
        "RegisterSeries",
        "ServiceKey",
        "Shift",
        "ShopSettings",
        "StaffMember",
        "StockCount",
        "StockCountLine",
        "StockLevel",
        "StockMovement",
        "StockTransfer",
        "StockTransferLine",
        "Store",
        "StoreCredit",
        "TaxClass",
        "Terminal",
    }


def test_crawl_covers_every_route():
    model_routes = {
        f"{model._meta.app_label}_{model._meta.model_name}_{page}"
        for model in MODELS
        for page in ("changelist", "add", "history", "delete", "change", "action")
    }
    known = {"index", "login", "logout", "password_change", "jsi18n", "app_list", ""}
    known |= {
        "orders_product_import",
        "orders_product_variants",
        "sales_report",
        "tenants_register_pairing_code",
    }
    known |= {f"orders_{name}_print" for name in ("cashmovement", "receipt", "refund", "shift")}
    known |= {"find", "goods_report", "waste_report"}
    known |= {f"orders_stockcount_{page}" for page in admin_pages.PAGES_OF_STOCK_COUNTS}
    known |= {f"orders_stocktransfer_{page}" for page in admin_pages.stock_transfer.PAGES}
    known |= {f"orders_{name}_mail" for name in ("receipt", "refund", "shift")}
    known |= {"price_labels", "z_reports", "bookkeeping"}
    known |= {"orders_product_bulk_edit", "orders_product_export"}

    assert set(admin_pages.pattern_names()) <= model_routes | known


# --- the crawl ---------------------------------------------------------------------------------


@pytest.fixture
def freeze_time():
    """Stop the clock, because a session stores its use once a minute."""
    with time_machine.travel(timezone.now(), tick=False):
        yield


@each_user
@pytest.mark.usefixtures("freeze_time", "shop_rows", "foreign_rows", "platform_visitor")
@pytest.mark.slow
def test_attack_145_no_list_shows_anything_of_another_shop_or_the_platform(who, request):
    browser = open_browser(request.getfixturevalue(who))
    before = snapshot_database(*CHECKED_MODELS)

    # Both roles have the same lists with other rows, so only one of them tries all queries.
    queries = admin_pages.QUERIES if who == "admin" else admin_pages.SEARCHES
    for page in chain.from_iterable(admin_pages.list_page_urls(model, queries) for model in MODELS):
        response = browser.get(page)
        assert response.status_code < 500, page
        assert_nothing_foreign(response, page)

    assert not has_scope()
    assert snapshot_database(*CHECKED_MODELS) == before


@pytest.mark.slow
@each_user
@pytest.mark.usefixtures("shop_rows", "foreign_rows", "platform_visitor")
def test_attack_145_no_other_page_shows_anything_of_another_shop_or_the_platform(who, request):
    browser = open_browser(request.getfixturevalue(who))

    for page in admin_pages.EVERYWHERE:
        response = browser.get(page)
        assert response.status_code == 200, page
        assert_nothing_foreign(response, page)


@each_user
@pytest.mark.usefixtures("shop_rows")
@pytest.mark.slow
def test_detail_pages_are_visible_to_their_view_role(who, request):
    user = request.getfixturevalue(who)
    browser = open_browser(user)

    for model in MODELS:
        # Cashiers are visible to everybody who may see users.
        (row, *_) = [
            row for row in snapshot_model(model) if getattr(row, "role", "cashier") == "cashier"
        ]
        pages = [
            build_page_url(model, "changelist"),
            *(build_page_url(model, p, row.pk) for p in ("change", "history")),
        ]
        statuses = {browser.get(page).status_code for page in pages}

        opens = user.is_at_least(shop_site._registry[model].view_role)
        assert statuses == {200 if opens else 403}, model


@pytest.mark.slow
@each_user
@pytest.mark.usefixtures("shop_rows", "foreign_rows")
def test_attack_144_row_of_another_shop_is_answered_like_an_unknown_one(who, foreign, request):
    browser = open_browser(request.getfixturevalue(who))
    unknown_id = "00000000-0000-7000-8000-000000000000"

    for model in MODELS:
        theirs = list_rows_of_shop(foreign, model)
        assert theirs, "the other shop needs a row of each model"
        for row, page in pairs(theirs, admin_pages.OF_ROWS):
            answer = browser.get(build_page_url(model, page, row.pk))
            other = browser.get(build_page_url(model, page, unknown_id))
            assert answer.status_code == other.status_code != 200
            assert answer.get("Location") == other.get("Location")
            assert (
                browser.post(build_page_url(model, page, row.pk), {"name": "x"}).status_code != 200
            )


def list_rows_of_shop(shop, model):
    return [row for row in snapshot_model(model) if row.tenant_id == shop.tenant.pk]


@each_user
@pytest.mark.usefixtures("shop_rows", "foreign_rows")
@pytest.mark.slow
def test_attack_140_actions_ignore_selected_rows_of_another_shop(who, foreign, request):
    browser = open_browser(request.getfixturevalue(who))
    before = [rows for rows in snapshot_database(User, AuthSession).items() if rows]

    actions = ("deactivate", "activate", "end_log_ins", "end", "delete_selected", "reset")
    for model, action in pairs(MODELS, actions):
        theirs = [row.pk for row in list_rows_of_shop(foreign, model)]
        posted = {"action": action, "_selected_action": theirs, "post": "yes", "index": "0"}
        response = browser.post(build_page_url(model, "changelist"), posted)
        assert response.status_code < 500
        assert_nothing_foreign(response, action)
    after = [rows for rows in snapshot_database(User, AuthSession).items() if rows]

    assert [filter_foreign(rows, foreign) for _, rows in after] == [
        filter_foreign(rows, foreign) for _, rows in before
    ]


def filter_foreign(rows, foreign):
    return [row for row in rows if row["tenant_id"] == foreign.tenant.pk]


@pytest.mark.usefixtures("shop_rows", "foreign_rows")
def test_attack_140_select_across_affects_only_this_shop(managers_browser, foreign, cashier):
    """`select_across` with ids of another shop acts on the rows of the list only."""
    theirs = snapshot_database(User)["User"]
    posted = {
        "action": "deactivate",
        "_selected_action": [foreign.cashier.pk],
        "select_across": "1",
    }

    assert managers_browser.post("/admin/accounts/cashier/", posted).status_code == 302

    after = snapshot_database(User)["User"]
    assert filter_foreign(after, foreign) == filter_foreign(theirs, foreign)
    assert {row["username"] for row in after if not row["is_active"]} == {"c1"}
