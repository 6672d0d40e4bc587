"""Change the own password in the admin, which a temporary password requires first."""

import pytest

from accounts.models import Role, User
from accounts.services.users import change_role
from tenants.scope import tenant_scope
from tests.factories.accounts import PASSWORD, UserFactory
from tests.support.admin_browser import is_logged_in, open_browser, sign_in, snapshot_database
from tests.support.users import reload_user

OWN_PASSWORD = "/admin/password_change/"
NEW = "eight purple herons"


def change_own_password(browser, current=PASSWORD, new=NEW, repeated=None):
    form = {"current_password": current, "new_password": new, "new_again": repeated or new}
    return browser.post(OWN_PASSWORD, form)


@pytest.fixture
def new_manager(shop):
    return UserFactory(tenant=shop, username="new", manager=True, must_change_password=True)


def test_temporary_password_redirects_every_page_to_the_change(client, new_manager, cashier):
    sign_in(client, "new")
    before = snapshot_database(User)

    for page in ("/admin/", "/admin/accounts/cashier/", "/admin/accounts/cashier/add/"):
        response = client.get(page)
        assert (response.status_code, response["Location"]) == (302, OWN_PASSWORD)
    posted = {"action": "deactivate", "_selected_action": [cashier.pk]}
    assert client.post("/admin/accounts/cashier/", posted)["Location"] == OWN_PASSWORD
    assert snapshot_database(User) == before
    assert client.get(OWN_PASSWORD).status_code == 200


def test_password_change_keeps_this_browser_and_ends_others(client, new_manager):
    elsewhere = open_browser(new_manager)
    sign_in(client, "new")
    cookie = client.cookies["__Host-till_session"].value

    assert change_own_password(client)["Location"] == "/admin/"

    assert is_logged_in(client)
    assert client.cookies["__Host-till_session"].value != cookie
    assert not is_logged_in(elsewhere)
    after = reload_user(new_manager)
    assert after.check_password(NEW)
    assert (after.must_change_password, after.token_version) == (False, 2)


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"current": "wrong"}, "Wrong password."),
        ({"repeated": "something else"}, "The two passwords do not match."),
        ({"new": "short"}, "at least 15 characters"),
        ({"new": PASSWORD}, "Must differ from the current password."),
        ({"new": "green grocery"}, "at least 15 characters"),
        ({"new": ""}, "This field is required."),
    ],
    ids=str,
)
def test_invalid_new_password_is_rejected(form, words, managers_browser, manager):
    response = change_own_password(managers_browser, **form)

    assert words in response.content.decode()
    assert reload_user(manager).check_password(PASSWORD)
    assert is_logged_in(managers_browser)


def test_wrong_current_passwords_are_rate_limited(managers_browser, manager):
    statuses = [
        change_own_password(managers_browser, current="wrong").status_code for _ in range(6)
    ]

    assert statuses == [200] * 5 + [429]
    response = change_own_password(managers_browser)
    assert response.status_code == 429
    assert int(response["Retry-After"]) > 0
    assert reload_user(manager).check_password(PASSWORD)


def test_demoted_user_cannot_change_the_password_in_the_admin(client, new_manager):
    sign_in(client, "new")
    with tenant_scope(new_manager.tenant):
        other_admin = UserFactory(tenant=new_manager.tenant, admin=True)
        change_role(user_id=new_manager.pk, role=Role.CASHIER, by=other_admin)

    assert change_own_password(client).status_code == 302
    assert reload_user(new_manager).must_change_password
