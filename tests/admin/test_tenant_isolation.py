"""The ways by which Django's admin tells or takes more than its pages show: all of them shut."""

import pytest
from django.contrib import admin as django_admin
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType

from accounts.admin.pages import parameter_of
from accounts.admin_site.site import SHUT, shop_site
from orders.models import Product
from tenants.models import Register, Store
from tests.support import admin_pages
from tests.support.admin_browser import errors_of, filled, row_values
from tests.support.admin_pages import FOREIGN, every_model, shows_nothing_foreign, url_of
from tests.support.platform_admin import rows_of

# On SQLite, where no policy of the database hides what a page forgets.
pytestmark = pytest.mark.once

ORACLES = [
    "password__startswith=m",
    "pin_hash__startswith=a",
    "pin__digits_hash__startswith=a",
    "token_version__gt=0",
    "tenant__slug=canary-b-slug",
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


@every_model
def test_h8_h9_attack_141_nobody_guesses_at_columns(model, head_office):
    for lookup in ORACLES:
        response = head_office.get(f"{url_of(model, 'changelist')}?{lookup}")
        assert response.status_code == 400, lookup


@every_model
def test_h8_the_filters_on_the_page_work(model, head_office, ours):
    for each in shop_site._registry[model].list_filter:
        for value in ("1", "open", "ended", "admin", ""):
            response = head_office.get(url_of(model, "changelist"), {parameter_of(each): value})
            # A value that the column cannot have leads back to the list.
            assert response.status_code in {200, 302}, each


@every_model
def test_h10_h20_no_page_is_a_window_of_another(model, head_office, ours):
    row = rows_of(model)[0]
    for url in (
        url_of(model, "changelist"),
        url_of(model, "add"),
        url_of(model, "change", row.pk),
    ):
        for field in ("password", "id", "pin", "username", "tenant"):
            assert head_office.get(url, {"_to_field": field}).status_code == 400
        assert head_office.get(url, {"_popup": "1"}).status_code == 400
        assert head_office.post(url, {"_popup": "1", "name": "x"}).status_code == 400


@every_model
def test_h11_attack_143_there_is_no_list_to_complete_from(model, head_office, ours):
    for field in model._meta.get_fields():
        query = {
            "app_label": model._meta.app_label,
            "model_name": model._meta.model_name,
            "field_name": field.name,
            "term": "",
        }
        assert head_office.get("/admin/autocomplete/", query).status_code == 404


def test_h12_lists_are_searched_by_their_own_columns():
    lookups = {"startswith", "exact", "icontains", "istartswith"}
    for model, page in shop_site._registry.items():
        for name in page.search_fields:
            column, _, lookup = name.partition("__")
            assert model._meta.get_field(column).remote_field is None, name
            assert lookup in lookups | {""}, name


@every_model
def test_h21_no_page_tells_whether_a_row_is_there(model, head_office, ours):
    kind = ContentType.objects.get_for_model(model, for_concrete_model=False)

    assert head_office.get(f"/admin/r/{kind.pk}/{rows_of(model)[0].pk}/").status_code == 404
    assert not hasattr(model, "get_absolute_url")
    assert not shop_site._registry[model].view_on_site


def test_the_windows_of_django_are_shut():
    assert not SHUT & set(admin_pages.pattern_names())


@every_model
@pytest.mark.usefixtures("ours", "canaries")
def test_h5_h7_choices_and_filters_are_of_this_shop(model, head_office, foreign):
    for page in (url_of(model, "changelist"), url_of(model, "add")):
        response = head_office.get(page)
        shows_nothing_foreign(response, page)
        assert str(foreign.store.pk) not in response.content.decode()


@pytest.mark.usefixtures("ours")
def test_h6_attack_144_a_posted_id_of_another_shop_is_no_choice(head_office, foreign, product):
    url = url_of(Product, "change", product.pk)
    before = row_values(Product, Register)
    page = head_office.get(url)

    for name, theirs in [("tax_class", foreign.tax_class), ("category", foreign.category)]:
        response = head_office.post(url, filled(page, **{name: theirs.pk}))
        assert "Select a valid choice" in errors_of(response)
    add = url_of(Register, "add")
    form = filled(head_office.get(add), name="New", store=foreign.store.pk)
    assert "Select a valid choice" in errors_of(head_office.post(add, form))
    assert row_values(Product, Register) == before


@pytest.mark.usefixtures("ours")
def test_h6_a_posted_tenant_is_not_read(head_office, foreign, store):
    url = url_of(Store, "change", store.pk)
    form = filled(head_office.get(url), name="Renamed", tenant=foreign.tenant.pk, id="x")

    assert head_office.post(url, form).status_code == 302

    (row,) = [each for each in rows_of(Store) if each.pk == store.pk]
    assert (row.name, row.tenant_id) == ("Renamed", store.tenant_id)


@pytest.mark.usefixtures("ours", "meddler")
def test_h15_history_tells_what_was_done_and_of_the_platform_nobodys_name(office, cashier):
    page = office.get(f"/admin/accounts/cashier/{cashier.pk}/history/").content.decode()

    assert "user_deactivated" in page
    assert "Platform" in page
    assert not FOREIGN.search(page)


def test_h16_what_is_done_here_leaves_nothing_in_djangos_log(office, cashier):
    url = f"/admin/accounts/cashier/{cashier.pk}/change/"
    form = filled(office.get(url), display_name="Renamed")

    assert office.post(url, form).status_code == 302
    assert not LogEntry.objects.exists()


def test_h18_rows_within_rows_are_to_look_at_on_pages_that_write_nothing():
    for page in shop_site._registry.values():
        assert page.written_by is None or not page.inlines


@every_model
def test_h13_h14_nothing_is_deleted(model, head_office, ours):
    row = rows_of(model)[0]
    before = len(rows_of(model))

    delete = url_of(model, "delete", row.pk)
    assert head_office.get(delete).status_code == 403
    assert head_office.post(delete, {"post": "yes"}).status_code == 403
    posted = {"action": "delete_selected", "_selected_action": [row.pk], "post": "yes"}
    head_office.post(url_of(model, "changelist"), posted)
    assert len(rows_of(model)) == before


def test_h13_no_page_has_an_action_that_is_not_its_own(rf, admin):
    request = rf.get("/admin/")
    request.user = admin
    for page in shop_site._registry.values():
        assert set(page.get_actions(request)) == set(page.actions)


def test_h19_lists_have_an_end():
    for page in shop_site._registry.values():
        assert page.list_per_page <= 50
        assert page.list_max_show_all <= 100
        assert not page.date_hierarchy
        assert not page.list_editable
        assert not page.show_full_result_count
        assert not page.autocomplete_fields
        assert not page.raw_id_fields


def test_the_platforms_pages_are_not_the_shops(db):
    assert not {type(page) for page in shop_site._registry.values()} & {
        type(page) for page in django_admin.site._registry.values()
    }
