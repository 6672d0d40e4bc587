"""Features of Django's admin that could reveal or change more than its pages show."""

import pytest
from django.contrib import admin as django_admin
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType

from accounts.admin.pages import get_filter_parameters
from accounts.admin_site.site import REMOVED_VIEWS, shop_site
from orders.models import Product
from tenants.models import Register, Store
from tests.support import admin_pages
from tests.support.admin_browser import build_form, read_errors, snapshot_database
from tests.support.admin_pages import (
    FOREIGN,
    assert_nothing_foreign,
    build_page_url,
    for_each_model,
)
from tests.support.platform_admin import snapshot_model

# On SQLite, which has no row-level security that could hide a missing filter.
pytestmark = pytest.mark.once

PROBING_LOOKUPS = [
    "password__startswith=m",
    "pin_hash__startswith=a",
    "pin__digits_hash__startswith=a",
    "token_version__gt=0",
    "tenant__slug=leakmark-b-slug",
    "tenant=1",
    "username_key__startswith=a",
    "email__contains=a",
    "current_jti__startswith=0",
    "sessions__current_jti__startswith=0",
    "cashier__password__startswith=m",
    "user__password__startswith=m",
    "store__name__startswith=C",
    "totp__gt=1",
    "id__in=1",
    "is_active__in=0",
    "role__startswith=c",
    "is_superuser__exact=1",
    "actor_name__startswith=zz",
]


@for_each_model
@pytest.mark.slow
def test_attack_141_lookups_on_hidden_columns_are_rejected(model, admins_browser):
    for lookup in PROBING_LOOKUPS:
        response = admins_browser.get(f"{build_page_url(model, 'changelist')}?{lookup}")
        assert response.status_code == 400, lookup


@pytest.mark.slow
@for_each_model
def test_offered_filters_work(model, admins_browser, shop_rows):
    for each in shop_site._registry[model].list_filter:
        for value in ("1", "open", "ended", "admin", ""):
            response = admins_browser.get(
                build_page_url(model, "changelist"),
                dict.fromkeys(get_filter_parameters(each), value),
            )
            # An impossible value redirects to the list.
            assert response.status_code in {200, 302}, each


@pytest.mark.slow
@for_each_model
def test_popup_and_to_field_parameters_are_rejected(model, admins_browser, shop_rows):
    row = snapshot_model(model)[0]
    for url in (
        build_page_url(model, "changelist"),
        build_page_url(model, "add"),
        build_page_url(model, "change", row.pk),
    ):
        for field in ("password", "id", "pin", "username", "tenant"):
            assert admins_browser.get(url, {"_to_field": field}).status_code == 400
        assert admins_browser.get(url, {"_popup": "1"}).status_code == 400
        assert admins_browser.post(url, {"_popup": "1", "name": "x"}).status_code == 400


@for_each_model
@pytest.mark.slow
def test_attack_143_autocomplete_is_not_available(model, admins_browser, shop_rows):
    for field in model._meta.get_fields():
        query = {
            "app_label": model._meta.app_label,
            "model_name": model._meta.model_name,
            "field_name": field.name,
            "term": "",
        }
        assert admins_browser.get("/admin/autocomplete/", query).status_code == 404


def test_search_uses_only_columns_of_the_model():
    lookups = {"startswith", "exact", "icontains", "istartswith"}
    for model, page in shop_site._registry.items():
        for name in page.search_fields:
            column, _, lookup = name.partition("__")
            assert model._meta.get_field(column).remote_field is None, name
            assert lookup in lookups | {""}, name


@for_each_model
def test_view_on_site_is_not_available(model, admins_browser, shop_rows):
    kind = ContentType.objects.get_for_model(model, for_concrete_model=False)

    assert (
        admins_browser.get(f"/admin/r/{kind.pk}/{snapshot_model(model)[0].pk}/").status_code == 404
    )
    assert not hasattr(model, "get_absolute_url")
    assert not shop_site._registry[model].view_on_site


def test_removed_django_views_have_no_route():
    assert not REMOVED_VIEWS & set(admin_pages.pattern_names())


@pytest.mark.slow
@for_each_model
@pytest.mark.usefixtures("shop_rows", "foreign_rows")
def test_choices_and_filters_contain_only_rows_of_this_shop(model, admins_browser, foreign):
    for page in (build_page_url(model, "changelist"), build_page_url(model, "add")):
        response = admins_browser.get(page)
        assert_nothing_foreign(response, page)
        assert str(foreign.store.pk) not in response.content.decode()


@pytest.mark.usefixtures("shop_rows")
def test_attack_144_posted_id_of_another_shop_is_rejected(admins_browser, foreign, product):
    url = build_page_url(Product, "change", product.pk)
    before = snapshot_database(Product, Register)
    page = admins_browser.get(url)

    for name, theirs in [("tax_class", foreign.tax_class), ("category", foreign.category)]:
        response = admins_browser.post(url, build_form(page, **{name: theirs.pk}))
        assert "Select a valid choice" in read_errors(response)
    add = build_page_url(Register, "add")
    form = build_form(admins_browser.get(add), name="New", store=foreign.store.pk)
    assert "Select a valid choice" in read_errors(admins_browser.post(add, form))
    assert snapshot_database(Product, Register) == before


@pytest.mark.usefixtures("shop_rows")
def test_posted_tenant_is_ignored(admins_browser, foreign, store):
    url = build_page_url(Store, "change", store.pk)
    form = build_form(admins_browser.get(url), name="Renamed", tenant=foreign.tenant.pk, id="x")

    assert admins_browser.post(url, form).status_code == 302

    (row,) = [each for each in snapshot_model(Store) if each.pk == store.pk]
    assert (row.name, row.tenant_id) == ("Renamed", store.tenant_id)


@pytest.mark.usefixtures("shop_rows", "platform_visitor")
def test_history_shows_changes_without_names_of_platform_users(managers_browser, cashier):
    page = managers_browser.get(f"/admin/accounts/cashier/{cashier.pk}/history/").content.decode()

    assert "Platform deactivated" in page
    assert "Platform" in page
    assert not FOREIGN.search(page)


def test_changes_are_not_written_to_djangos_admin_log(managers_browser, cashier):
    url = f"/admin/accounts/cashier/{cashier.pk}/change/"
    form = build_form(managers_browser.get(url), display_name="Renamed")

    assert managers_browser.post(url, form).status_code == 302
    assert not LogEntry.objects.exists()


def test_inlines_exist_only_on_read_only_pages():
    for page in shop_site._registry.values():
        assert page.edit_role is None or not page.inlines


@for_each_model
def test_rows_cannot_be_deleted(model, admins_browser, shop_rows):
    row = snapshot_model(model)[0]
    before = len(snapshot_model(model))

    delete = build_page_url(model, "delete", row.pk)
    assert admins_browser.get(delete).status_code == 403
    assert admins_browser.post(delete, {"post": "yes"}).status_code == 403
    posted = {"action": "delete_selected", "_selected_action": [row.pk], "post": "yes"}
    admins_browser.post(build_page_url(model, "changelist"), posted)
    assert len(snapshot_model(model)) == before


def test_pages_have_only_their_own_actions(rf, admin):
    request = rf.get("/admin/")
    request.user = admin
    for page in shop_site._registry.values():
        assert set(page.get_actions(request)) == set(page.actions)


def test_list_pages_are_limited():
    for page in shop_site._registry.values():
        assert page.list_per_page <= 50
        assert page.list_max_show_all <= 100
        assert not page.date_hierarchy
        assert not page.list_editable
        assert not page.show_full_result_count
        assert not page.autocomplete_fields
        assert not page.raw_id_fields


def test_shop_and_platform_sites_share_no_page_class(db):
    assert not {type(page) for page in shop_site._registry.values()} & {
        type(page) for page in django_admin.site._registry.values()
    }
