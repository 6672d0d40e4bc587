"""Logging in: whose password, in which shop, from where."""

import pytest
from django.contrib.auth.hashers import make_password

from accounts.models import AuthSession
from tenants.scope import across_tenants
from tests.factories.accounts import PASSWORD
from tests.factories.tenants import TenantFactory
from tests.support.api import Api
from tests.support.users import LOG_IN, build_credentials, snapshot_sessions

pytestmark = pytest.mark.once


@pytest.fixture(autouse=True)
def _somebody(cashier):
    """There is c1 in the shop green."""


def test_attack_001_the_right_password_opens_a_session(anonymous, cashier, shop):
    response = anonymous.post(LOG_IN, build_credentials(), User_Agent="Till 5")

    answer = response.json()
    assert response.status_code == 200
    assert response["Cache-Control"] == "no-store"
    assert answer.keys() == {"access", "refresh", "token_type", "expires_in", "user", "session"}
    assert (answer["token_type"], answer["expires_in"]) == ("Bearer", 600)
    assert answer["user"] == {
        "id": str(cashier.pk),
        "username": "c1",
        "display_name": cashier.display_name,
        "email": "c1@green.example",
        "role": "cashier",
        "is_active": True,
        "must_change_password": False,
        "tenant": {"id": str(shop.pk), "slug": "green", "name": "Green Grocery"},
        "version": 1,
    }
    assert Api(answer["access"]).get("auth/me/").json()["id"] == str(cashier.pk)
    with across_tenants():
        session = AuthSession.objects.get()
    assert (session.user_id, session.user_agent, session.ip) == (cashier.pk, "Till 5", "127.0.0.1")


def test_a_log_in_is_remembered(anonymous, cashier):
    anonymous.post(LOG_IN, build_credentials())

    cashier.refresh_from_db()
    assert cashier.last_login is not None


def test_each_log_in_is_a_session_of_its_own(anonymous):
    first = anonymous.post(LOG_IN, build_credentials()).json()
    second = anonymous.post(LOG_IN, build_credentials()).json()

    assert snapshot_sessions() == 2
    assert first["refresh"] != second["refresh"]


def test_who_is_logged_in_may_log_in_again(cashier, client_of):
    """A till is shared: the next one does not wait for the last one's log-out."""
    assert client_of(cashier).post(LOG_IN, build_credentials()).status_code == 200


# --- where the tenant comes from --------------------------------------------------------------


@pytest.mark.parametrize("name", ["slug", "id", "slug in capitals"])
@pytest.mark.parametrize("place", ["body", "header", "both"])
def test_the_tenant_comes_by_body_or_header_as_slug_or_id(place, name, anonymous, shop):
    tenant = {"slug": "green", "id": str(shop.pk), "slug in capitals": "GREEN"}[name]
    body = build_credentials(tenant=None if place == "header" else tenant)
    headers = {} if place == "body" else {"X_TENANT_id": tenant}

    assert anonymous.post(LOG_IN, body, **headers).status_code == 200


def test_attack_007_without_a_tenant_nobody_knows_where_to_look(anonymous, problem):
    problem(anonymous.post(LOG_IN, build_credentials(tenant=None)), 400, "tenant_required")
    assert snapshot_sessions() == 0


def test_attack_007_body_and_header_must_agree(anonymous, problem, other_shop):
    response = anonymous.post(LOG_IN, build_credentials(), X_Tenant_ID=other_shop.slug)

    problem(response, 400, "tenant_mismatch")


def test_slug_and_id_of_one_shop_in_two_places_do_not_agree_by_letter(anonymous, problem, shop):
    response = anonymous.post(LOG_IN, build_credentials(), X_Tenant_ID=str(shop.pk))

    problem(response, 400, "tenant_mismatch")


@pytest.mark.parametrize(
    "name", ["green,blue", "green\x00", "../green", "g" * 10_000, "\U0001f34f", "green\n", "g", ""]
)
def test_attack_008_a_header_that_names_no_tenant_is_refused(name, anonymous):
    # As WSGI hands it over: a header of another request could not hold a line feed.
    environ = {"HTTP_X_TENANT_ID": name.encode().decode("latin-1")}
    response = anonymous.client.post(
        "/api/v1/auth/token/",
        build_credentials(tenant=None),
        content_type="application/json",
        **environ,
    )

    assert response.status_code == 400
    assert response["Content-Type"] == "application/problem+json"
    assert snapshot_sessions() == 0


def test_a_slug_that_looks_like_an_id_does_not_shadow_the_tenant_of_that_id(anonymous, shop):
    """No such slug can be chosen any more; one from before still belongs to the id's owner."""
    TenantFactory(slug=str(shop.pk))

    response = anonymous.post(LOG_IN, build_credentials(tenant=str(shop.pk)))

    assert response.json()["user"]["tenant"]["slug"] == "green"


# --- the spelling of names and passwords ------------------------------------------------------


@pytest.mark.parametrize("username", ["c1", "C1", "ｃ１", "C¹"])  # noqa: RUF001
def test_width_and_case_of_a_username_do_not_count(username, anonymous):
    assert anonymous.post(LOG_IN, build_credentials(username=username)).status_code == 200


@pytest.mark.parametrize("username", [" c1", "c1 ", "с1"])  # noqa: RUF001  (a Cyrillic letter)
def test_blanks_and_look_alikes_do(username, anonymous, problem):
    problem(
        anonymous.post(LOG_IN, build_credentials(username=username)), 401, "invalid_credentials"
    )


def test_attack_011_blanks_belong_to_the_password(anonymous, problem, cashier):
    cashier.set_password("  seven green bottles ")
    cashier.save()

    exact = anonymous.post(LOG_IN, build_credentials(password="  seven green bottles "))
    trimmed = anonymous.post(LOG_IN, build_credentials(password="seven green bottles"))

    assert exact.status_code == 200
    problem(trimmed, 401, "invalid_credentials")


def test_a_password_of_blanks_is_a_password(anonymous, cashier):
    cashier.set_password(" " * 20)
    cashier.save()

    assert anonymous.post(LOG_IN, build_credentials(password=" " * 20)).status_code == 200


@pytest.mark.parametrize(("stored", "typed"), [("ｓｅｖｅｎ ﬁne", "seven fine"), ("ﬁ", "fi")])  # noqa: RUF001
def test_what_looks_the_same_is_the_same_password(stored, typed, anonymous, cashier, settings):
    settings.PASSWORD_HASHERS = ["accounts.security.hashers.LeanArgon2PasswordHasher"]
    cashier.set_password(stored)
    cashier.save()

    assert anonymous.post(LOG_IN, build_credentials(password=typed)).status_code == 200


def test_an_old_hash_is_replaced_by_a_new_one_at_log_in(anonymous, settings, cashier):
    settings.PASSWORD_HASHERS = [
        "accounts.security.hashers.LeanArgon2PasswordHasher",
        "django.contrib.auth.hashers.PBKDF2PasswordHasher",
    ]
    cashier.password = make_password(PASSWORD, hasher="pbkdf2_sha256")
    cashier.save()

    first = anonymous.post(LOG_IN, build_credentials())
    second = anonymous.post(LOG_IN, build_credentials())

    cashier.refresh_from_db()
    assert (first.status_code, second.status_code) == (200, 200)
    assert cashier.password.startswith("argon2$")
    assert Api(first.json()["access"]).get("auth/me/").status_code == 200


# --- where the request comes from -------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "ip"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("203.0.113.1, 192.0.2.7", "192.0.2.7"),
        ("2001:db8::7", "2001:db8::7"),
        ("fe80::1%eth0", "fe80::1"),
        ("'; DROP TABLE accounts_user", None),
        (",,, ,", None),
        ("192.0.2.7:5000", None),
        ("9" * 8000, None),
    ],
)
def test_attack_023_whatever_a_proxy_says_the_log_in_goes_on(header, ip, anonymous, settings):
    settings.REST_FRAMEWORK = settings.REST_FRAMEWORK | {"NUM_PROXIES": 1}

    response = anonymous.post(LOG_IN, build_credentials(), X_Forwarded_For=header)

    assert response.status_code == 200
    with across_tenants():
        assert AuthSession.objects.get().ip == ip


def test_without_a_proxy_nobody_believes_the_header(anonymous):
    anonymous.post(LOG_IN, build_credentials(), X_Forwarded_For="192.0.2.7")

    with across_tenants():
        assert AuthSession.objects.get().ip == "127.0.0.1"


def test_a_long_user_agent_is_cut(anonymous):
    assert anonymous.post(LOG_IN, build_credentials(), User_Agent="x" * 8000).status_code == 200

    with across_tenants():
        assert AuthSession.objects.get().user_agent == "x" * 200
