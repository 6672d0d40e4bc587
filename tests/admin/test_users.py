"""Create and edit users in the admin, limited by the own role."""

import pytest
from django.core import signing

from accounts.models import Role, User
from tenants.scope import tenant_scope
from tests.factories.accounts import PASSWORD
from tests.support.admin_browser import (
    build_form,
    read_errors,
    read_temporary_password,
    snapshot_database,
    submit_form,
)
from tests.support.secret_leaks import remember
from tests.support.user_pages import CASHIERS, STAFF, build_user_action_url, build_user_page_url
from tests.support.users import reload_user

pytestmark = pytest.mark.once

NEW_USER = {"username": "new", "display_name": "New", "email": "new@green.example"}
# Fields that Django's own user page would allow to set.
PRIVILEGES = {
    "is_superuser": "on",
    "is_staff": "on",
    "role": "admin",
    "tenant": "OTHER",
    "groups": "1",
    "user_permissions": "1",
    "token_version": "99",
    "must_change_password": "",
    "password": "x",
    "username": "renamed",
    "version": "77",
    "id": "00000000-0000-7000-8000-000000000001",
}


def find_user(username, tenant):
    with tenant_scope(tenant):
        return User.objects.filter(username_key=username).first()


# --- creating -------------------------------------------------------------------------------------


def test_manager_adds_a_cashier_and_sees_the_password_once(managers_browser, shop, caplog):
    response = submit_form(managers_browser, f"{CASHIERS}add/", **NEW_USER)

    secret = read_temporary_password(response)
    person = find_user("new", shop)
    assert (person.role, person.must_change_password) == (Role.CASHIER, True)
    assert person.check_password(secret)
    assert "no-store" in response["Cache-Control"]
    remember(secret)
    for page in (
        build_user_page_url(person),
        f"{CASHIERS}{person.pk}/history/",
        CASHIERS,
        "/admin/",
    ):
        assert secret not in managers_browser.get(page).content.decode()
    assert secret not in caplog.text
    assert secret not in signing.dumps(dict(managers_browser.session))
    assert not any(secret in cookie.value for cookie in managers_browser.cookies.values())


def test_user_forms_have_no_password_field(managers_browser, admins_browser, cashier):
    for browser, page in [
        (managers_browser, f"{CASHIERS}add/"),
        (managers_browser, build_user_page_url(cashier)),
        (admins_browser, f"{STAFF}add/"),
    ]:
        body = browser.get(page).content.decode()
        assert 'type="password"' not in body
    form = {**NEW_USER, "password": "nine purple herons", "password1": "x", "password2": "x"}
    secret = read_temporary_password(submit_form(managers_browser, f"{CASHIERS}add/", **form))
    assert not find_user("new", cashier.tenant).check_password("nine purple herons")
    remember(secret)


def test_attack_138_posted_privileges_are_ignored_at_creation(managers_browser, shop, foreign):
    posted = PRIVILEGES | NEW_USER | {"tenant": str(foreign.tenant.pk)}

    remember(read_temporary_password(submit_form(managers_browser, f"{CASHIERS}add/", **posted)))

    person = find_user("new", shop)
    assert (person.tenant, person.role, person.is_superuser) == (shop, Role.CASHIER, False)
    assert (person.version, person.token_version) == (1, 1)
    assert find_user("new", foreign.tenant) is None


@pytest.mark.parametrize("role", Role.values)
def test_admin_adds_users_of_every_role(role, admins_browser, shop):
    remember(
        read_temporary_password(submit_form(admins_browser, f"{STAFF}add/", **NEW_USER, role=role))
    )

    assert find_user("new", shop).role == role


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"username": "MGR"}, "This username is taken."),
        ({"email": "MGR@green.example"}, "This e-mail address is taken."),
        ({"username": "joe smith"}, "Use 2 to 32 of"),
        ({"username": ""}, "This field is required."),
        ({"email": "no address"}, "Enter an e-mail address such as"),
        ({"email": "a@b.co\nBcc: x@y.zz"}, "Control characters are not allowed"),
        ({"display_name": "x" * 101}, "at most 100 characters"),
    ],
    ids=str,
)
def test_invalid_user_field_is_rejected_with_a_message(form, words, managers_browser, manager):
    before = snapshot_database(User)

    response = submit_form(managers_browser, f"{CASHIERS}add/", **(NEW_USER | form))

    assert words in read_errors(response)
    assert "tenant" not in read_errors(response).lower()
    assert snapshot_database(User) == before


def test_username_of_another_shop_is_accepted(managers_browser, foreign, shop):
    remember(
        read_temporary_password(submit_form(managers_browser, f"{CASHIERS}add/", username="adm"))
    )

    assert find_user("adm", shop).role == Role.CASHIER


# --- editing -----------------------------------------------------------------------------------


def test_manager_edits_a_cashier_in_the_admin(managers_browser, cashier):
    response = submit_form(
        managers_browser,
        build_user_page_url(cashier),
        display_name="Lena",
        email="lena@green.example",
    )

    assert (response.status_code, response["Location"]) == (302, CASHIERS)
    after = reload_user(cashier)
    assert (after.display_name, after.email, after.version) == ("Lena", "lena@green.example", 2)
    assert (
        "changed the profile of"
        in managers_browser.get(f"{CASHIERS}{cashier.pk}/history/").content.decode()
    )


def test_attack_137_posted_privileges_are_ignored_at_edit(
    managers_browser, admins_browser, cashier, admin, foreign
):
    before = reload_user(cashier)
    privileges = PRIVILEGES | {"tenant": str(foreign.tenant.pk)}
    assert (
        submit_form(
            managers_browser, build_user_page_url(cashier), **privileges, display_name="Same"
        ).status_code
        == 302
    )
    own = build_user_page_url(admin, STAFF)
    assert submit_form(admins_browser, own, **privileges, display_name="Boss").status_code == 302

    for user, role in [(cashier, Role.CASHIER), (admin, Role.ADMIN)]:
        after = reload_user(user)
        assert (after.role, after.is_superuser, after.tenant) == (role, False, before.tenant)
        assert (after.username, after.token_version) == (user.username, 1)
        assert after.check_password(PASSWORD)
        assert after.version == 2
        assert not after.groups.exists()
        assert not after.user_permissions.exists()


def test_manager_has_pages_of_cashiers_only(managers_browser, manager, admin):
    before = snapshot_database(User)

    for user in (manager, admin):
        for page in (
            build_user_page_url(user),
            build_user_action_url(user, "reset-password"),
            build_user_action_url(user, "deactivate"),
        ):
            assert managers_browser.get(page).status_code in {302, 404}
            assert managers_browser.post(page, {"display_name": "x"}).status_code in {302, 404}
        for page in (
            build_user_page_url(user, STAFF),
            build_user_action_url(user, "reset-password", STAFF),
        ):
            assert managers_browser.get(page).status_code in {403, 404, 302}
            assert managers_browser.post(page, {"role": "cashier"}).status_code in {403, 404, 302}
    assert managers_browser.get(f"{CASHIERS}{admin.pk}/password/").status_code in {302, 404}
    assert snapshot_database(User) == before


def test_outdated_page_is_not_saved(managers_browser, admins_browser, cashier):
    stale = build_form(managers_browser.get(build_user_page_url(cashier)), display_name="Mine")
    submit_form(admins_browser, build_user_page_url(cashier, STAFF), display_name="Theirs")
    before = snapshot_database(User)

    response = managers_browser.post(build_user_page_url(cashier), stale)

    assert "Someone else has changed this since you opened the page" in read_errors(response)
    assert snapshot_database(User) == before


@pytest.mark.parametrize("version", [None, "", "x", "0", "99999999999"])
def test_edit_without_a_valid_version_is_rejected(version, managers_browser, cashier):
    before = snapshot_database(User)

    response = submit_form(
        managers_browser,
        build_user_page_url(cashier),
        display_name="Mine",
        expected_version=version,
    )

    assert read_errors(response)
    assert snapshot_database(User) == before


# --- email addresses and usernames -------------------------------------------------------------


@pytest.mark.parametrize(
    ("email", "words"),
    [
        ("root@localhost", "Enter an e-mail address"),
        ("a@[127.0.0.1]", "Enter an e-mail address"),
        ("jürgen@green.example", "only ASCII characters before the @"),
    ],
)
def test_forms_reject_the_email_addresses_that_the_api_rejects(
    email, words, managers_browser, cashier, shop
):
    created = submit_form(managers_browser, f"{CASHIERS}add/", **NEW_USER | {"email": email})
    edited = submit_form(managers_browser, build_user_page_url(cashier), email=email)

    assert words in read_errors(created)
    assert words in read_errors(edited)
    assert find_user("new", shop) is None
    assert find_user("c1", shop).email == cashier.email


def test_forms_normalize_emails_and_usernames_like_the_api(managers_browser, shop, settings):
    settings.EMAIL_SMTPUTF8 = True
    typed = {"username": "\uff2e\uff45\uff57", "email": "jürgen@Bücher.example"}

    submit_form(managers_browser, f"{CASHIERS}add/", **NEW_USER | typed)

    person = find_user("new", shop)
    assert (person.username, person.email) == ("New", "jürgen@xn--bcher-kva.example")


def test_stored_email_that_is_no_longer_valid_is_kept_until_changed(
    client_of, admin, cashier, shop
):
    with tenant_scope(shop):
        User.objects.filter(pk=cashier.pk).update(email="root@localhost")

    renamed = client_of(admin).patch(f"users/{cashier.pk}/", {"display_name": "Cora"}, If_Match="*")

    assert (renamed.status_code, renamed.json()["email"]) == (200, "root@localhost")
