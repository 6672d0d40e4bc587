"""What is done to people at the push of a button, and what only the shop's admins do."""

import re

import pytest

from accounts.admin import users as user_admin
from accounts.exceptions import LastAdmin
from accounts.models import Pin, Role, User
from tenants.models import AuditEvent
from tenants.scope import across_tenants, tenant_scope
from tests.factories.accounts import UserFactory
from tests.support.admin_browser import (
    is_logged_in,
    open_browser,
    read_errors,
    read_temporary_password,
    sign_in,
    snapshot_database,
    submit_form,
)
from tests.support.secret_leaks import remember
from tests.support.user_pages import CASHIERS, STAFF, build_user_action_url, build_user_page_url
from tests.support.users import reload_user


def test_a_reset_password_is_shown_once_and_ends_every_log_in(
    managers_browser, cashier, client_of, problem
):
    till = client_of(cashier)
    page = build_user_action_url(cashier, "reset-password")
    assert "Create a temporary password?" in managers_browser.get(page).content.decode()
    assert till.get("auth/me/").status_code == 200

    response = managers_browser.post(page)

    secret = read_temporary_password(response)
    assert "no-store" in response["Cache-Control"]
    assert reload_user(cashier).check_password(secret)
    assert reload_user(cashier).must_change_password
    problem(till.get("auth/me/"), 401, "token_not_valid")
    remember(secret)
    for other in (page, build_user_page_url(cashier), "/admin/"):
        assert secret not in managers_browser.get(other).content.decode()


def test_looking_at_the_question_does_nothing(managers_browser, cashier):
    before = snapshot_database(User)

    for deed in ("reset-password", "pin", "end-sessions", "deactivate", "activate"):
        assert managers_browser.get(build_user_action_url(cashier, deed)).status_code == 200
    assert snapshot_database(User) == before


def test_a_cashier_is_kept_out_and_let_in(managers_browser, cashier, client_of, problem):
    till = client_of(cashier)

    assert managers_browser.post(build_user_action_url(cashier, "deactivate"))[
        "Location"
    ] == build_user_page_url(cashier)
    problem(till.get("auth/me/"), 401, "token_not_valid")
    assert not reload_user(cashier).is_active
    body = managers_browser.get(build_user_page_url(cashier)).content.decode()
    assert "was deactivated." in body
    assert "Activate" in body

    managers_browser.post(build_user_action_url(cashier, "activate"))
    assert reload_user(cashier).is_active


def test_log_ins_are_ended_and_may_begin_again(managers_browser, cashier, client_of, problem):
    till = client_of(cashier)

    managers_browser.post(build_user_action_url(cashier, "end-sessions"))

    problem(till.get("auth/me/"), 401, "token_not_valid")
    assert (reload_user(cashier).is_active, reload_user(cashier).token_version) == (True, 1)


def test_a_pin_is_set_and_never_shown(managers_browser, cashier):
    page = build_user_action_url(cashier, "pin")
    remember("739158")

    assert managers_browser.post(page, {"pin": "739158"})["Location"] == build_user_page_url(
        cashier
    )

    with across_tenants():
        assert Pin.objects.get(user=cashier).check_digits("739158")


@pytest.mark.parametrize(
    "pin", ["", "123456", "12", "73915x", "\uff17\uff13\uff19\uff11\uff15\uff18"]
)
def test_a_pin_that_is_none_is_refused(pin, managers_browser, cashier):
    assert read_errors(managers_browser.post(build_user_action_url(cashier, "pin"), {"pin": pin}))

    with across_tenants():
        assert not Pin.objects.exists()


def test_several_at_once(managers_browser, cashier, other_cashier):
    posted = {"action": "deactivate", "_selected_action": [cashier.pk, other_cashier.pk]}

    response = managers_browser.post(CASHIERS, posted, follow=True)

    assert response.content.decode().count("was deactivated.") == 2
    assert not reload_user(cashier).is_active
    assert not reload_user(other_cashier).is_active
    managers_browser.post(CASHIERS, posted | {"action": "activate"})
    assert reload_user(cashier).is_active


# --- admins -------------------------------------------------------------------------------------


def test_an_admin_promotes_somebody_who_has_to_log_in_again(admins_browser, manager):
    theirs = open_browser(manager)

    assert (
        submit_form(admins_browser, build_user_page_url(manager, STAFF), role="admin").status_code
        == 302
    )

    assert reload_user(manager).role == Role.ADMIN
    assert not is_logged_in(theirs)


def test_a_refused_role_changes_nothing_else_either(admins_browser, manager, monkeypatch):
    def refuse(**_):
        raise LastAdmin

    monkeypatch.setattr(user_admin, "change_role", refuse)
    before = snapshot_database(User, AuditEvent)

    response = submit_form(
        admins_browser, build_user_page_url(manager, STAFF), role="cashier", display_name="Changed"
    )

    assert "This is the last active admin" in read_errors(response)
    assert snapshot_database(User, AuditEvent) == before


def test_nobody_changes_their_own_role_or_keeps_themselves_out(admins_browser, admin):
    page = admins_browser.get(build_user_page_url(admin, STAFF)).content.decode()
    assert 'name="role"' not in page
    assert "Deactivate" not in page
    before = snapshot_database(User)

    for deed in ("deactivate", "reset-password", "end-sessions", "pin"):
        assert admins_browser.post(build_user_action_url(admin, deed, STAFF)).status_code == 403
    posted = {"action": "deactivate", "_selected_action": [admin.pk]}
    assert (
        "You do not have permission for this action."
        in admins_browser.post(STAFF, posted, follow=True).content.decode()
    )
    assert snapshot_database(User) == before


def test_the_last_admin_stays(admins_browser, admin, shop, client):
    other = UserFactory(tenant=shop, username="adm2", admin=True)
    sign_in(client, "adm2")
    assert client.post(build_user_action_url(admin, "deactivate", STAFF)).status_code == 302

    # The first admin is out; nobody is left who could keep the second one out.
    assert admins_browser.post(build_user_action_url(other, "deactivate", STAFF)).status_code == 302
    assert reload_user(other).is_active


def test_the_list_says_who_is_here(managers_browser, cashier, other_cashier, client_of):
    client_of(cashier)

    body = managers_browser.get(CASHIERS).content.decode()

    assert re.findall(r'field-is_here">(.*?)</td>', body) == ["Now", "\N{EN DASH}"]


# --- names that are no names --------------------------------------------------------------------


def test_h30_attack_152_names_are_shown_and_not_run(
    managers_browser, admins_browser, shop, cashier, product
):
    bomb = '<img src=x onerror="alert(1)">'
    with tenant_scope(shop):
        cashier.display_name, product.name = bomb, bomb
        cashier.save()
        product.save()
    shop.name = bomb
    shop.save()
    submit_form(admins_browser, build_user_page_url(cashier, STAFF), email="x@green.example")

    pages = [
        CASHIERS,
        build_user_page_url(cashier),
        f"{CASHIERS}{cashier.pk}/history/",
        build_user_action_url(cashier, "deactivate"),
        "/admin/orders/product/",
        f"/admin/orders/product/{product.pk}/change/",
        "/admin/tenants/auditevent/",
        "/admin/",
    ]
    for page in pages:
        response = managers_browser.get(page)
        body = response.content.decode()
        assert "<img src=x" not in body, page
        assert "&lt;img src=x" in body, page
        assert "default-src 'self'" in response["Content-Security-Policy"]
    told = managers_browser.post(
        build_user_action_url(cashier, "deactivate"), follow=True
    ).content.decode()
    assert "<img src=x" not in told
    assert "&lt;img src=x" in told
