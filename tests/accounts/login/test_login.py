"""Log in with a password: user, shop and client address."""

import pytest
from django.contrib.auth.hashers import make_password

from accounts.models import AuthSession
from tenants.scope import across_tenants
from tests.factories.accounts import PASSWORD
from tests.factories.tenants import TenantFactory
from tests.support.api import Api
from tests.support.users import LOG_IN, build_credentials, count_sessions

pytestmark = pytest.mark.once


@pytest.fixture(autouse=True)
def _existing_user(cashier):
    """Create the user c1 in the shop green."""


def test_attack_001_correct_password_starts_a_session(anonymous, cashier):
    response = anonymous.post(LOG_IN, build_credentials(), User_Agent="Till 5")

    answer = response.json()
    assert response.status_code == 200
    assert response["Cache-Control"] == "no-store"
    assert answer.keys() == {"access", "refresh", "token_type", "expires_in", "user", "session"}
    assert (answer["token_type"], answer["expires_in"]) == ("Bearer", 600)
    assert answer["user"]["id"] == str(cashier.pk)
    assert answer["user"] == Api(answer["access"]).get("auth/me/").json()
    with across_tenants():
        session = AuthSession.objects.get()
    assert (session.user_id, session.user_agent, session.ip) == (cashier.pk, "Till 5", "127.0.0.1")


def test_login_sets_last_login(anonymous, cashier):
    anonymous.post(LOG_IN, build_credentials())

    cashier.refresh_from_db()
    assert cashier.last_login is not None


def test_each_login_starts_a_new_session(anonymous):
    first = anonymous.post(LOG_IN, build_credentials()).json()
    second = anonymous.post(LOG_IN, build_credentials()).json()

    assert count_sessions() == 2
    assert first["refresh"] != second["refresh"]


def test_logged_in_user_can_log_in_again(cashier, client_of):
    """Terminals are shared: the next user does not wait for a log-out."""
    assert client_of(cashier).post(LOG_IN, build_credentials()).status_code == 200


# --- source of the tenant ----------------------------------------------------------------------


@pytest.mark.parametrize("name", ["slug", "id", "slug in capitals"])
@pytest.mark.parametrize("place", ["body", "header", "both"])
def test_tenant_is_read_from_body_or_header_as_slug_or_id(place, name, anonymous, shop):
    tenant = {"slug": "green", "id": str(shop.pk), "slug in capitals": "GREEN"}[name]
    body = build_credentials(tenant=None if place == "header" else tenant)
    headers = {} if place == "body" else {"X_TENANT_id": tenant}

    assert anonymous.post(LOG_IN, body, **headers).status_code == 200


def test_attack_007_login_without_a_tenant_is_rejected(anonymous, problem):
    problem(anonymous.post(LOG_IN, build_credentials(tenant=None)), 400, "tenant_required")
    assert count_sessions() == 0


def test_attack_007_different_tenants_in_body_and_header_are_rejected(
    anonymous, problem, other_shop
):
    response = anonymous.post(LOG_IN, build_credentials(), X_Tenant_ID=other_shop.slug)

    problem(response, 400, "tenant_mismatch")


def test_slug_in_body_and_id_in_header_count_as_different(anonymous, problem, shop):
    response = anonymous.post(LOG_IN, build_credentials(), X_Tenant_ID=str(shop.pk))

    problem(response, 400, "tenant_mismatch")


@pytest.mark.parametrize(
    "name", ["green,blue", "green\x00", "../green", "g" * 10_000, "\U0001f34f", "green\n", "g", ""]
)
def test_attack_008_header_with_an_invalid_tenant_is_rejected(name, anonymous):
    # Set in the WSGI environment, because an HTTP header cannot contain a line feed.
    environ = {"HTTP_X_TENANT_ID": name.encode().decode("latin-1")}
    response = anonymous.client.post(
        "/api/v1/auth/token/",
        build_credentials(tenant=None),
        content_type="application/json",
        **environ,
    )

    assert response.status_code == 400
    assert response["Content-Type"] == "application/problem+json"
    assert count_sessions() == 0


def test_slug_that_looks_like_an_id_does_not_hide_the_tenant_with_that_id(anonymous, shop):
    """Such slugs are no longer accepted, but old ones may exist."""
    TenantFactory(slug=str(shop.pk))

    response = anonymous.post(LOG_IN, build_credentials(tenant=str(shop.pk)))

    assert response.json()["user"]["tenant"]["slug"] == "green"


# --- spelling of usernames and passwords ------------------------------------------------------


@pytest.mark.parametrize("username", ["c1", "C1", "ｃ１", "C¹"])  # noqa: RUF001
def test_username_ignores_case_and_width(username, anonymous):
    assert anonymous.post(LOG_IN, build_credentials(username=username)).status_code == 200


@pytest.mark.parametrize("username", [" c1", "c1 ", "с1"])  # noqa: RUF001  (a Cyrillic letter)
def test_username_with_blanks_or_look_alike_letters_is_unknown(username, anonymous, problem):
    problem(
        anonymous.post(LOG_IN, build_credentials(username=username)), 401, "invalid_credentials"
    )


def test_attack_011_blanks_around_a_password_are_significant(anonymous, problem, cashier):
    cashier.set_password("  seven green bottles ")
    cashier.save()

    exact = anonymous.post(LOG_IN, build_credentials(password="  seven green bottles "))
    trimmed = anonymous.post(LOG_IN, build_credentials(password="seven green bottles"))

    assert exact.status_code == 200
    problem(trimmed, 401, "invalid_credentials")


def test_password_of_blanks_is_accepted(anonymous, cashier):
    cashier.set_password(" " * 20)
    cashier.save()

    assert anonymous.post(LOG_IN, build_credentials(password=" " * 20)).status_code == 200


@pytest.mark.parametrize(("stored", "typed"), [("ｓｅｖｅｎ ﬁne", "seven fine"), ("ﬁ", "fi")])  # noqa: RUF001
def test_equivalent_unicode_passwords_match(stored, typed, anonymous, cashier, settings):
    settings.PASSWORD_HASHERS = ["accounts.security.hashers.LeanArgon2PasswordHasher"]
    cashier.set_password(stored)
    cashier.save()

    assert anonymous.post(LOG_IN, build_credentials(password=typed)).status_code == 200


def test_login_replaces_an_old_hash(anonymous, settings, cashier):
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


# --- client address ----------------------------------------------------------------------------


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
def test_attack_023_invalid_forwarded_address_does_not_prevent_the_login(
    header, ip, anonymous, settings
):
    settings.REST_FRAMEWORK = settings.REST_FRAMEWORK | {"NUM_PROXIES": 1}

    response = anonymous.post(LOG_IN, build_credentials(), X_Forwarded_For=header)

    assert response.status_code == 200
    with across_tenants():
        assert AuthSession.objects.get().ip == ip


def test_forwarded_header_is_ignored_without_a_proxy(anonymous):
    anonymous.post(LOG_IN, build_credentials(), X_Forwarded_For="192.0.2.7")

    with across_tenants():
        assert AuthSession.objects.get().ip == "127.0.0.1"


def test_long_user_agent_is_truncated(anonymous):
    assert anonymous.post(LOG_IN, build_credentials(), User_Agent="x" * 8000).status_code == 200

    with across_tenants():
        assert AuthSession.objects.get().user_agent == "x" * 200
