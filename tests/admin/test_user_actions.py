"""What is done to people at the push of a button, and what only the shop's admins do."""

import re

import pytest

from accounts import services
from accounts.exceptions import LastAdmin
from accounts.models import Pin, Role, User
from tenants.models import AuditEvent
from tenants.scope import across_tenants, tenant_scope
from tests.factories.accounts import UserFactory
from tests.support.admin_browser import (
    browser_of,
    errors_of,
    is_in,
    row_values,
    save,
    secret_of,
    sign_in,
)
from tests.support.secret_leaks import remember
from tests.support.user_pages import CASHIERS, STAFF, deed_of, page_of
from tests.support.users import stored


def test_a_reset_password_is_shown_once_and_ends_every_log_in(office, cashier, client_of, problem):
    till = client_of(cashier)
    page = deed_of(cashier, "reset-password")
    assert "Make a temporary password?" in office.get(page).content.decode()
    assert till.get("auth/me/").status_code == 200

    response = office.post(page)

    secret = secret_of(response)
    assert "no-store" in response["Cache-Control"]
    assert stored(cashier).check_password(secret)
    assert stored(cashier).must_change_password
    problem(till.get("auth/me/"), 401, "token_not_valid")
    remember(secret)
    for other in (page, page_of(cashier), "/admin/"):
        assert secret not in office.get(other).content.decode()


def test_looking_at_the_question_does_nothing(office, cashier):
    before = row_values(User)

    for deed in ("reset-password", "pin", "end-sessions", "deactivate", "activate"):
        assert office.get(deed_of(cashier, deed)).status_code == 200
    assert row_values(User) == before


def test_a_cashier_is_kept_out_and_let_in(office, cashier, client_of, problem):
    till = client_of(cashier)

    assert office.post(deed_of(cashier, "deactivate"))["Location"] == page_of(cashier)
    problem(till.get("auth/me/"), 401, "token_not_valid")
    assert not stored(cashier).is_active
    body = office.get(page_of(cashier)).content.decode()
    assert "may not log in any more." in body
    assert "Let in again" in body

    office.post(deed_of(cashier, "activate"))
    assert stored(cashier).is_active


def test_log_ins_are_ended_and_may_begin_again(office, cashier, client_of, problem):
    till = client_of(cashier)

    office.post(deed_of(cashier, "end-sessions"))

    problem(till.get("auth/me/"), 401, "token_not_valid")
    assert (stored(cashier).is_active, stored(cashier).token_version) == (True, 1)


def test_a_pin_is_set_and_never_shown(office, cashier):
    page = deed_of(cashier, "pin")
    remember("739158")

    assert office.post(page, {"pin": "739158"})["Location"] == page_of(cashier)

    with across_tenants():
        assert Pin.objects.get(user=cashier).fits("739158")


@pytest.mark.parametrize(
    "pin", ["", "123456", "12", "73915x", "\uff17\uff13\uff19\uff11\uff15\uff18"]
)
def test_a_pin_that_is_none_is_refused(pin, office, cashier):
    assert errors_of(office.post(deed_of(cashier, "pin"), {"pin": pin}))

    with across_tenants():
        assert not Pin.objects.exists()


def test_several_at_once(office, cashier, other_cashier):
    posted = {"action": "keep_out", "_selected_action": [cashier.pk, other_cashier.pk]}

    response = office.post(CASHIERS, posted, follow=True)

    assert response.content.decode().count("may not log in any more.") == 2
    assert not stored(cashier).is_active
    assert not stored(other_cashier).is_active
    office.post(CASHIERS, posted | {"action": "let_in"})
    assert stored(cashier).is_active


# --- admins -------------------------------------------------------------------------------------


def test_an_admin_promotes_somebody_who_has_to_log_in_again(head_office, manager):
    theirs = browser_of(manager)

    assert save(head_office, page_of(manager, STAFF), role="admin").status_code == 302

    assert stored(manager).role == Role.ADMIN
    assert not is_in(theirs)


def test_a_refused_role_changes_nothing_else_either(head_office, manager, monkeypatch):
    def refuse(**_):
        raise LastAdmin

    monkeypatch.setattr(services, "change_role", refuse)
    before = row_values(User, AuditEvent)

    response = save(head_office, page_of(manager, STAFF), role="cashier", display_name="Changed")

    assert "A shop needs an active admin" in errors_of(response)
    assert row_values(User, AuditEvent) == before


def test_nobody_changes_their_own_role_or_keeps_themselves_out(head_office, admin):
    page = head_office.get(page_of(admin, STAFF)).content.decode()
    assert 'name="role"' not in page
    assert "Deactivate" not in page
    before = row_values(User)

    for deed in ("deactivate", "reset-password", "end-sessions", "pin"):
        assert head_office.post(deed_of(admin, deed, STAFF)).status_code == 403
    posted = {"action": "keep_out", "_selected_action": [admin.pk]}
    assert "You may not do this." in head_office.post(STAFF, posted, follow=True).content.decode()
    assert row_values(User) == before


def test_the_last_admin_stays(head_office, admin, shop, client):
    other = UserFactory(tenant=shop, username="adm2", admin=True)
    sign_in(client, "adm2")
    assert client.post(deed_of(admin, "deactivate", STAFF)).status_code == 302

    # The first admin is out; nobody is left who could keep the second one out.
    assert head_office.post(deed_of(other, "deactivate", STAFF)).status_code == 302
    assert stored(other).is_active


def test_the_list_says_who_is_here(office, cashier, other_cashier, client_of):
    client_of(cashier)

    body = office.get(CASHIERS).content.decode()

    assert re.findall(r'field-is_here">(.*?)</td>', body) == ["Now", "\N{EN DASH}"]


# --- names that are no names --------------------------------------------------------------------


def test_h30_attack_152_names_are_shown_and_not_run(office, head_office, shop, cashier, product):
    bomb = '<img src=x onerror="alert(1)">'
    with tenant_scope(shop):
        cashier.display_name, product.name = bomb, bomb
        cashier.save()
        product.save()
    shop.name = bomb
    shop.save()
    save(head_office, page_of(cashier, STAFF), email="x@green.example")

    pages = [
        CASHIERS,
        page_of(cashier),
        f"{CASHIERS}{cashier.pk}/history/",
        deed_of(cashier, "deactivate"),
        "/admin/orders/product/",
        f"/admin/orders/product/{product.pk}/change/",
        "/admin/tenants/auditevent/",
        "/admin/",
    ]
    for page in pages:
        response = office.get(page)
        body = response.content.decode()
        assert "<img src=x" not in body, page
        assert "&lt;img src=x" in body, page
        assert "default-src 'self'" in response["Content-Security-Policy"]
    told = office.post(deed_of(cashier, "deactivate"), follow=True).content.decode()
    assert "<img src=x" not in told
    assert "&lt;img src=x" in told
