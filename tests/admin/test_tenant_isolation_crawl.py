"""Default deny: every page, as everybody who may log in, without a word of anybody else's."""

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

# On SQLite, where no policy of the database hides what a page forgets.
pytestmark = pytest.mark.once

EVERYTHING = [User, Order, Product, Store, Register, AuthSession, Tenant]

people = pytest.mark.parametrize("who", ["manager", "admin"])


# --- the rule -----------------------------------------------------------------------------------


def test_every_page_is_scoped_and_says_who_may_see_it():
    for model, page in shop_site._registry.items():
        assert isinstance(page, ShopAdmin), model
        assert page.view_role is not None, model
        assert page.fields, model


def test_a_page_that_says_nothing_is_shut(rf, admin):
    request = rf.get("/admin/")
    request.user = admin

    page = ShopAdmin(Store, shop_site)

    assert not any(page.get_model_perms(request).values())
    assert not page.has_module_permission(request)


def test_h16_h26_what_belongs_to_the_platform_has_no_page():
    theirs = {LogEntry, Group, Permission, ContentType, Session, User, Tenant, Pin}

    assert not theirs & set(MODELS)
    for name in ("doc/", "import/", "export/", "__debug__/"):
        with pytest.raises(Resolver404):
            resolve(f"/{name}")


def test_h22_no_tokens_have_a_page():
    assert all("token" not in model.__name__.lower() for model in MODELS)


def test_what_has_a_page_and_what_has_none():
    """A new model is shut until somebody decides."""
    shut = {model.__name__ for model in our_models()} - {model.__name__ for model in MODELS}

    assert {"Tenant", "User", "Pin", "Throttle", "ChainEntry", "IdempotencyKey"} <= shut
    assert {model.__name__ for model in MODELS} == {
        "Approval",
        "AuditEvent",
        "AuthSession",
        "CashMovement",
        "Cashier",
        "Category",
        "Order",
        "Payment",
        "Posting",
        "Product",
        "Receipt",
        "Refund",
        "Register",
        "RegisterSeries",
        "Shift",
        "ShopSettings",
        "StaffMember",
        "StockLevel",
        "StockMovement",
        "Store",
        "StoreCredit",
        "TaxClass",
        "Terminal",
    }


def test_the_crawl_leaves_no_route_out():
    of_models = {
        f"{model._meta.app_label}_{model._meta.model_name}_{page}"
        for model in MODELS
        for page in ("changelist", "add", "history", "delete", "change", "action")
    }
    known = {"index", "login", "logout", "password_change", "jsi18n", "app_list", ""}

    assert set(admin_pages.pattern_names()) <= of_models | known


# --- the crawl -----------------------------------------------------------------------------------


@pytest.fixture
def freeze_time():
    """A session notes its use once a minute."""
    with time_machine.travel(timezone.now(), tick=False):
        yield


@people
@pytest.mark.usefixtures("freeze_time", "shop_rows", "foreign_rows", "platform_visitor")
def test_attack_145_no_page_shows_anything_of_another_shop_or_of_the_platform(who, request):
    browser = open_browser(request.getfixturevalue(who))
    before = snapshot_database(*EVERYTHING)

    # Lists are the same for both, but for whom they show; so one of them asks everything.
    queries = admin_pages.QUERIES if who == "admin" else admin_pages.SEARCHES
    for page in chain.from_iterable(admin_pages.list_page_urls(model, queries) for model in MODELS):
        response = browser.get(page)
        assert response.status_code < 500, page
        assert_nothing_foreign(response, page)

    assert not has_scope()
    assert snapshot_database(*EVERYTHING) == before


@people
@pytest.mark.usefixtures("shop_rows", "foreign_rows", "platform_visitor")
def test_attack_145_nor_do_the_pages_that_belong_to_no_model(who, request):
    browser = open_browser(request.getfixturevalue(who))

    for page in admin_pages.EVERYWHERE:
        response = browser.get(page)
        assert response.status_code == 200, page
        assert_nothing_foreign(response, page)


@people
@pytest.mark.usefixtures("shop_rows")
def test_every_page_about_a_row_opens_to_whom_it_is_for(who, request):
    user = request.getfixturevalue(who)
    browser = open_browser(user)

    for model in MODELS:
        # Whom everybody who sees people at all may see.
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


@people
@pytest.mark.usefixtures("shop_rows", "foreign_rows")
def test_h3_attack_144_a_row_of_another_shop_is_answered_like_one_that_nobody_has(
    who, foreign, request
):
    browser = open_browser(request.getfixturevalue(who))
    nobodys = "00000000-0000-7000-8000-000000000000"

    for model in MODELS:
        theirs = of_shop(foreign, model)
        assert theirs, "a model without a row over there proves nothing"
        for row, page in pairs(theirs, admin_pages.OF_ROWS):
            answer = browser.get(build_page_url(model, page, row.pk))
            other = browser.get(build_page_url(model, page, nobodys))
            assert answer.status_code == other.status_code != 200
            assert answer.get("Location") == other.get("Location")
            assert (
                browser.post(build_page_url(model, page, row.pk), {"name": "x"}).status_code != 200
            )


def of_shop(shop, model):
    return [row for row in snapshot_model(model) if row.tenant_id == shop.tenant.pk]


@people
@pytest.mark.usefixtures("shop_rows", "foreign_rows")
def test_attack_140_chosen_rows_of_another_shop_are_not_touched(who, foreign, request):
    browser = open_browser(request.getfixturevalue(who))
    before = [rows for rows in snapshot_database(User, AuthSession).items() if rows]

    actions = ("deactivate", "activate", "end_log_ins", "end", "delete_selected", "reset")
    for model, action in pairs(MODELS, actions):
        theirs = [row.pk for row in of_shop(foreign, model)]
        posted = {"action": action, "_selected_action": theirs, "post": "yes", "index": "0"}
        response = browser.post(build_page_url(model, "changelist"), posted)
        assert response.status_code < 500
        assert_nothing_foreign(response, action)
    after = [rows for rows in snapshot_database(User, AuthSession).items() if rows]

    assert [foreign_of(rows, foreign) for _, rows in after] == [
        foreign_of(rows, foreign) for _, rows in before
    ]


def foreign_of(rows, foreign):
    return [row for row in rows if row["tenant_id"] == foreign.tenant.pk]


@pytest.mark.usefixtures("shop_rows", "foreign_rows")
def test_attack_140_all_across_the_pages_are_all_of_this_shop(managers_browser, foreign, cashier):
    """`select_across` with ids of another shop takes what the list shows, and no more."""
    theirs = snapshot_database(User)["User"]
    posted = {
        "action": "deactivate",
        "_selected_action": [foreign.cashier.pk],
        "select_across": "1",
    }

    assert managers_browser.post("/admin/accounts/cashier/", posted).status_code == 302

    after = snapshot_database(User)["User"]
    assert foreign_of(after, foreign) == foreign_of(theirs, foreign)
    assert {row["username"] for row in after if not row["is_active"]} == {"c1"}
