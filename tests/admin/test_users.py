"""Hiring and looking after people: each as far as the own role goes, and by services alone."""

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

NEWCOMER = {"username": "new", "display_name": "New", "email": "new@green.example"}
# What Django's own page about a user would let somebody set.
POWER = {
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


def named(username, tenant):
    with tenant_scope(tenant):
        return User.objects.filter(username_key=username).first()


# --- hiring -------------------------------------------------------------------------------------


def test_a_manager_hires_a_cashier_and_sees_the_password_once(managers_browser, shop, caplog):
    response = submit_form(managers_browser, f"{CASHIERS}add/", **NEWCOMER)

    secret = read_temporary_password(response)
    person = named("new", shop)
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


def test_h29_nobody_types_a_password_for_somebody_else(managers_browser, admins_browser, cashier):
    for browser, page in [
        (managers_browser, f"{CASHIERS}add/"),
        (managers_browser, build_user_page_url(cashier)),
        (admins_browser, f"{STAFF}add/"),
    ]:
        body = browser.get(page).content.decode()
        assert 'type="password"' not in body
    form = {**NEWCOMER, "password": "nine purple herons", "password1": "x", "password2": "x"}
    secret = read_temporary_password(submit_form(managers_browser, f"{CASHIERS}add/", **form))
    assert not named("new", cashier.tenant).check_password("nine purple herons")
    remember(secret)


def test_h4_attack_138_whoever_is_hired_is_a_cashier_of_this_shop(managers_browser, shop, foreign):
    posted = POWER | NEWCOMER | {"tenant": str(foreign.tenant.pk)}

    remember(read_temporary_password(submit_form(managers_browser, f"{CASHIERS}add/", **posted)))

    person = named("new", shop)
    assert (person.tenant, person.role, person.is_superuser) == (shop, Role.CASHIER, False)
    assert (person.version, person.token_version) == (1, 1)
    assert named("new", foreign.tenant) is None


@pytest.mark.parametrize("role", Role.values)
def test_an_admin_hires_anybody(role, admins_browser, shop):
    remember(
        read_temporary_password(submit_form(admins_browser, f"{STAFF}add/", **NEWCOMER, role=role))
    )

    assert named("new", shop).role == role


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
def test_h17_what_cannot_be_is_refused_beside_its_field(form, words, managers_browser, manager):
    before = snapshot_database(User)

    response = submit_form(managers_browser, f"{CASHIERS}add/", **(NEWCOMER | form))

    assert words in read_errors(response)
    assert "tenant" not in read_errors(response).lower()
    assert snapshot_database(User) == before


def test_h17_a_name_of_another_shop_is_free(managers_browser, foreign, shop):
    remember(
        read_temporary_password(submit_form(managers_browser, f"{CASHIERS}add/", username="adm"))
    )

    assert named("adm", shop).role == Role.CASHIER


# --- editing ------------------------------------------------------------------------------------


def test_a_manager_edits_a_cashier(managers_browser, cashier):
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
        "user_edited" in managers_browser.get(f"{CASHIERS}{cashier.pk}/history/").content.decode()
    )


def test_h1_attack_137_posted_power_is_not_read(
    managers_browser, admins_browser, cashier, admin, foreign
):
    before = reload_user(cashier)
    power = POWER | {"tenant": str(foreign.tenant.pk)}
    assert (
        submit_form(
            managers_browser, build_user_page_url(cashier), **power, display_name="Same"
        ).status_code
        == 302
    )
    own = build_user_page_url(admin, STAFF)
    assert submit_form(admins_browser, own, **power, display_name="Boss").status_code == 302

    for user, role in [(cashier, Role.CASHIER), (admin, Role.ADMIN)]:
        after = reload_user(user)
        assert (after.role, after.is_superuser, after.tenant) == (role, False, before.tenant)
        assert (after.username, after.token_version) == (user.username, 1)
        assert after.check_password(PASSWORD)
        assert after.version == 2
        assert not after.groups.exists()
        assert not after.user_permissions.exists()


def test_h2_a_manager_has_no_page_of_anybody_but_cashiers(managers_browser, manager, admin):
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


def test_h28_a_page_opened_before_somebody_elses_change_saves_nothing(
    managers_browser, admins_browser, cashier
):
    stale = build_form(managers_browser.get(build_user_page_url(cashier)), display_name="Mine")
    submit_form(admins_browser, build_user_page_url(cashier, STAFF), display_name="Theirs")
    before = snapshot_database(User)

    response = managers_browser.post(build_user_page_url(cashier), stale)

    assert "Someone else has changed this since you opened the page" in read_errors(response)
    assert snapshot_database(User) == before


@pytest.mark.parametrize("version", [None, "", "x", "0", "99999999999"])
def test_h28_a_change_says_from_which_version_it_starts(version, managers_browser, cashier):
    before = snapshot_database(User)

    response = submit_form(
        managers_browser,
        build_user_page_url(cashier),
        display_name="Mine",
        expected_version=version,
    )

    assert read_errors(response)
    assert snapshot_database(User) == before


# --- addresses and names ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("email", "words"),
    [
        ("root@localhost", "Enter an e-mail address"),
        ("a@[127.0.0.1]", "Enter an e-mail address"),
        ("jürgen@green.example", "only ASCII characters before the @"),
    ],
)
def test_forms_refuse_the_addresses_that_the_api_refuses(
    email, words, managers_browser, cashier, shop
):
    hired = submit_form(managers_browser, f"{CASHIERS}add/", **NEWCOMER | {"email": email})
    edited = submit_form(managers_browser, build_user_page_url(cashier), email=email)

    assert words in read_errors(hired)
    assert words in read_errors(edited)
    assert named("new", shop) is None
    assert named("c1", shop).email == cashier.email


def test_a_form_writes_addresses_and_usernames_as_the_api_does(managers_browser, shop, settings):
    settings.EMAIL_SMTPUTF8 = True
    typed = {"username": "\uff2e\uff45\uff57", "email": "jürgen@Bücher.example"}

    submit_form(managers_browser, f"{CASHIERS}add/", **NEWCOMER | typed)

    person = named("new", shop)
    assert (person.username, person.email) == ("New", "jürgen@xn--bcher-kva.example")


def test_an_address_from_before_the_rule_stays_until_it_is_changed(client_of, admin, cashier, shop):
    with tenant_scope(shop):
        User.objects.filter(pk=cashier.pk).update(email="root@localhost")

    renamed = client_of(admin).patch(f"users/{cashier.pk}/", {"display_name": "Cora"}, If_Match="*")

    assert (renamed.status_code, renamed.json()["email"]) == (200, "root@localhost")
