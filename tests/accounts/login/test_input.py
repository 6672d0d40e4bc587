"""Input of the log-in: JSON or the OAuth 2.0 password form, validated strictly."""

import pytest
from django.contrib.auth.hashers import MD5PasswordHasher

from tests.support.api import Api
from tests.support.users import LOG_IN, build_credentials, count_sessions

pytestmark = pytest.mark.once

FORM = "application/x-www-form-urlencoded"


@pytest.fixture(autouse=True)
def _existing_user(cashier):
    """Create the user c1 in the shop green."""


@pytest.mark.parametrize("name", ["username", "password", "tenant"])
@pytest.mark.parametrize("value", [{"a": 1}, ["c1"], True, 123, 1.5])
def test_attack_015_credentials_of_another_type_are_rejected(name, value, anonymous, problem):
    problem(
        anonymous.post(LOG_IN, build_credentials(**{name: value})),
        400,
        "invalid",
        {name: "invalid"},
    )


@pytest.mark.parametrize("name", ["username", "password"])
def test_attack_015_missing_null_and_blank_credentials_are_rejected(name, anonymous, problem):
    missing = build_credentials(**{name: None})

    problem(anonymous.post(LOG_IN, missing), 400, "invalid", {name: "required"})
    problem(anonymous.post(LOG_IN, missing | {name: None}), 400, "invalid", {name: "null"})
    problem(anonymous.post(LOG_IN, missing | {name: ""}), 400, "invalid", {name: "blank"})


def test_attack_012_password_above_128_characters_is_rejected(anonymous, problem, cashier):
    cashier.set_password("x" * 128)
    cashier.save()

    assert anonymous.post(LOG_IN, build_credentials(password="x" * 128)).status_code == 200
    too_long = anonymous.post(LOG_IN, build_credentials(password="x" * 129))
    problem(too_long, 400, "invalid", {"password": "max_length"})


def test_attack_012_password_of_two_megabytes_is_not_hashed(anonymous, problem, monkeypatch):
    monkeypatch.setattr(MD5PasswordHasher, "encode", None)

    problem(
        anonymous.post(LOG_IN, build_credentials(password="x" * 2_000_000)), 413, "body_too_large"
    )


@pytest.mark.parametrize(
    ("text", "code"), [(r"\u0000", "nul_character"), (r"\ud800", "lone_surrogate")]
)
def test_attack_014_password_with_invalid_characters_is_rejected(text, code, anonymous, problem):
    body = f'{{"tenant": "green", "username": "c1", "password": "{text}"}}'

    problem(anonymous.post(LOG_IN, body), 400, code)


def test_attack_017_duplicate_key_is_rejected(anonymous, problem):
    body = '{"tenant": "green", "username": "c1", "username": "adm", "password": "x"}'

    problem(anonymous.post(LOG_IN, body), 400, "duplicate_key", {"username": "duplicate_key"})


def test_unknown_field_is_rejected(anonymous, problem):
    response = anonymous.post(LOG_IN, build_credentials(is_superuser=True))

    problem(response, 400, "invalid", {"is_superuser": "unknown_field"})
    assert count_sessions() == 0


def test_attack_030_credentials_in_the_query_string_are_ignored(anonymous, problem):
    path = f"{LOG_IN}?tenant=green&username=c1&password=seven+green+bottles"
    errors = {"username": "required", "password": "required"}

    problem(anonymous.post(path, {}), 400, "invalid", errors)


# --- the OAuth 2.0 password form --------------------------------------------------------------


def test_attack_029_form_login_returns_oauth_field_names(anonymous, cashier):
    form = "grant_type=password&username=c1&password=seven+green+bottles&scope=&client_id="

    response = anonymous.post(LOG_IN, form, content_type=FORM, X_Tenant_ID="green")

    answer = response.json()
    assert response.status_code == 200
    assert answer.keys() == {"access_token", "refresh_token", "token_type", "expires_in"}
    assert (answer["token_type"], answer["expires_in"]) == ("Bearer", 600)
    assert Api(answer["access_token"]).get("auth/me/").json()["id"] == str(cashier.pk)


def test_form_login_accepts_the_tenant_as_a_field(anonymous):
    form = "tenant=green&username=c1&password=seven%20green%20bottles"

    assert anonymous.post(LOG_IN, form, content_type=FORM).status_code == 200


@pytest.mark.parametrize("tenant", ["", "tenant=green&", "tenant=GREEN&"])
def test_form_login_accepts_the_tenant_in_the_username(tenant, anonymous, cashier):
    """Clients of OAuth, such as Swagger, have no field for it."""
    form = f"{tenant}username=green%2Fc1&password=seven+green+bottles"

    # Swagger sends the empty id and secret of its client.
    response = anonymous.post(LOG_IN, form, content_type=FORM, Authorization="Basic Og==")

    assert response.status_code == 200
    assert Api(response.json()["access_token"]).get("auth/me/").json()["id"] == str(cashier.pk)


@pytest.mark.parametrize(
    ("body", "content_type", "headers", "status", "code"),
    [
        ("tenant=red&username=green%2Fc1&password=x", FORM, {}, 400, "tenant_mismatch"),
        ("username=green%2Fc1&password=x", FORM, {"X_Tenant_ID": "red"}, 400, "tenant_mismatch"),
        ("username=%2Fc1&password=x", FORM, {}, 400, "tenant_required"),
        (
            {"username": "green/c1", "password": "seven green bottles"},
            "application/json",
            {},
            400,
            "tenant_required",
        ),
    ],
)
def test_tenant_in_the_username_must_be_the_only_one(  # noqa: PLR0913, PLR0917
    body, content_type, headers, status, code, anonymous, cashier, problem
):
    response = anonymous.post(LOG_IN, body, content_type=content_type, **headers)

    assert problem(response, status, code)
    assert count_sessions() == 0


@pytest.mark.parametrize(
    ("form", "status", "code", "errors"),
    [
        ("username=c1&password=wrong", 401, "invalid_credentials", {}),
        (
            "username=c1&username=adm&password=x",
            400,
            "duplicate_key",
            {"username": "duplicate_key"},
        ),
        ("username=c1&password=%00", 400, "nul_character", {}),
        ("username=c1&password=%ff", 400, "malformed_encoding", {}),
        ("username=c1", 400, "invalid", {"password": "required"}),
        (
            "grant_type=client_credentials&username=c1&password=x",
            400,
            "invalid",
            {"grant_type": "invalid_choice"},
        ),
        (
            "username=c1&password=x&is_superuser=1",
            400,
            "invalid",
            {"is_superuser": "unknown_field"},
        ),
    ],
)
def test_form_is_validated_as_strictly_as_json(form, status, code, errors, anonymous, problem):
    response = anonymous.post(LOG_IN, form, content_type=FORM, X_Tenant_ID="green")

    problem(response, status, code, errors)
    assert count_sessions() == 0


@pytest.mark.parametrize("content_type", ["text/plain", "application/xml", "multipart/form-data"])
def test_attack_029_other_media_types_are_rejected(content_type, anonymous, problem):
    response = anonymous.post(LOG_IN, "<c1/>", content_type=content_type)

    problem(response, 415, "unsupported_media_type")


@pytest.mark.parametrize("charset", ["utf-16", "nope", "bz2_codec"])
def test_attack_029_other_charsets_are_rejected(charset, anonymous, problem):
    content_type = f"application/json; charset={charset}"
    response = anonymous.post(LOG_IN, "{}", content_type=content_type)

    problem(response, 400, "unsupported_charset")
