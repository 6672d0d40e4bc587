"""Revoke a session by one of its tokens, as OAuth 2.0 clients do (RFC 7009)."""

import pytest

from tests.architecture.test_schema import ensure_documented
from tests.support.api import Api
from tests.support.audit import assert_actor, get_audit_event, list_audit_names
from tests.support.forged_tokens import build_claims, sign_token
from tests.support.token_refresh import assert_refresh_refused, is_accepted, refresh_token

PATH = "auth/revoke/"
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def till(cashier, client_of):
    return client_of(cashier)


@pytest.mark.parametrize("kind", ["access", "refresh"])
def test_revoking_either_token_ends_the_session(kind, till):
    response = Api().post(PATH, {"token": getattr(till.tokens, kind)})

    assert (response.status_code, response.content) == (200, b"")
    ensure_documented(response, "post", "revoke")
    assert not is_accepted(till.tokens.access)
    assert assert_refresh_refused(Api(), till.tokens.refresh)
    assert assert_actor(get_audit_event("log_out"), till.user)
    assert (get_audit_event("log_out").session, get_audit_event("log_out").facts) == (
        till.session.pk,
        {"way": "revoked"},
    )


def test_revocation_accepts_a_form(till):
    form = f"token={till.tokens.refresh}&token_type_hint=refresh_token"

    assert Api().post(PATH, form, content_type=FORM).status_code == 200
    assert not is_accepted(till.tokens.access)


def test_revocation_keeps_other_sessions(till, cashier, client_of):
    other = client_of(cashier)

    Api().post(PATH, {"token": till.tokens.refresh})

    assert is_accepted(other.tokens.access)


def test_revocation_accepts_a_rotated_refresh_token(till, anonymous):
    child = refresh_token(anonymous, till.tokens.refresh)

    Api().post(PATH, {"token": till.tokens.refresh})

    assert not is_accepted(child["access"])


def test_unknown_token_gets_the_same_answer_and_ends_nothing(till, manager):
    unknown = sign_token(build_claims(till, sid="01900000-0000-7000-8000-000000000000"))
    forged = sign_token(build_claims(till, sub=str(manager.pk)))
    good = Api().post(PATH, {"token": till.tokens.access}, X_Request_ID="same")
    alive = Api(till.tokens.access).get("auth/me/").status_code

    for text in ("x", "a.b.c", till.tokens.access, till.tokens.access[:-4] + "AAAA", unknown):
        response = Api().post(PATH, {"token": text}, X_Request_ID="same")

        assert (response.status_code, response.content) == (200, b"")
        assert dict(response.headers) == dict(good.headers)
    assert alive == 401
    assert list_audit_names() == ["log_out"]
    assert Api().post(PATH, {"token": forged}).status_code == 200


def test_token_with_another_users_id_ends_nothing(till, manager):
    Api().post(PATH, {"token": sign_token(build_claims(till, sub=str(manager.pk)))})

    assert is_accepted(till.tokens.access)


@pytest.mark.usefixtures("db")
@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({}, {"token": "required"}),
        ({"token": None}, {"token": "null"}),
        ({"token": "x" * 2001}, {"token": "max_length"}),
        ({"token": "x", "user": "y"}, {"user": "unknown_field"}),
    ],
)
def test_missing_or_invalid_token_field_is_rejected(body, errors, problem):
    problem(Api().post(PATH, body), 400, "invalid", errors)
