"""Denied access is recorded in the audit log, with a limit per session."""

import pytest
from django.db import OperationalError

from accounts.models import Throttle
from tests.support.api import Api
from tests.support.audit import assert_actor, get_audit_event, list_audit_events, list_audit_names
from tests.support.forged_tokens import REFRESH, build_claims, sign_token

pytestmark = pytest.mark.once


@pytest.fixture
def till(clock, cashier, client_of):
    return client_of(cashier)


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "users/"), ("POST", "stores/"), ("PATCH", "tenant/"), ("GET", "audit/")],
)
def test_request_denied_by_role_is_recorded(method, path, till):
    assert till.send(method, path, {}, X_Request_ID="r-1").status_code == 403

    found = get_audit_event("permission_denied")
    assert assert_actor(found, till.user)
    assert found.facts == {"method": method, "path": f"/api/v1/{path}"}
    assert (found.session, found.request_id) == (till.session.pk, "r-1")


@pytest.mark.django_db(transaction=True)
def test_request_denied_by_a_rule_is_recorded_despite_the_rollback(manager, admin, client_of):
    path = f"users/{admin.pk}/reset-password/"
    assert client_of(manager).post(path).status_code == 403

    assert list_audit_names() == ["permission_denied"]
    assert assert_actor(get_audit_event("permission_denied"), manager)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "orders/01900000-0000-7000-8000-000000000000/", 404), ("POST", "orders/", 400)],
)
def test_other_errors_are_not_recorded(method, path, status, till):
    assert till.send(method, path, {}).status_code == status

    assert list_audit_names() == []


def test_required_password_change_is_not_recorded(till, cashier):
    cashier.must_change_password = True
    cashier.save()

    assert till.get("auth/me/").status_code == 403
    assert list_audit_names() == []


def test_thirty_denials_a_minute_are_recorded_and_the_rest_are_logged(till, clock, caplog):
    statuses = {till.get("users/").status_code for _ in range(100)}

    assert statuses == {403}
    assert len(list_audit_events("permission_denied")) == 30
    lines = [each for each in caplog.records if each.name == "till.refusals"]
    assert len(lines) == 70
    clock.shift(60)
    till.get("users/")
    assert len(list_audit_events("permission_denied")) == 31


def test_limit_of_recorded_denials_is_per_session(till, cashier, client_of, clock):
    for _ in range(31):
        till.get("users/")

    client_of(cashier).get("users/")

    assert len(list_audit_events("permission_denied")) == 31


def test_allowed_request_writes_no_counter(till):
    till.get("auth/me/")

    assert not Throttle.objects.exists()


def test_request_is_denied_even_if_recording_fails(till, broken_audit_log, problem):
    problem(till.get("users/"), 403, "permission_denied")


@pytest.fixture
def broken_audit_log(monkeypatch):
    def fail(*args, **kwargs):
        raise OperationalError("the disk is full")

    monkeypatch.setattr("tenants.audit._write", fail)


# --- mismatched tokens and headers -------------------------------------------------------------


def test_attack_056_request_for_another_shop_is_recorded_in_the_own_shop(till, other_shop):
    till.get("auth/me/", X_Tenant_ID=other_shop.slug)

    found = get_audit_event("tenant_mismatch")
    assert assert_actor(found, till.user)
    assert found.facts == {"named": other_shop.slug}


def test_attack_069_refresh_for_another_shop_is_recorded_in_the_own_shop(till, other_shop):
    body = {"refresh": till.tokens.refresh}
    Api().post("auth/token/refresh/", body, X_Tenant_ID=str(other_shop.pk))

    assert assert_actor(get_audit_event("tenant_mismatch"), till.user)
    assert get_audit_event("tenant_mismatch").session == till.session.pk


@pytest.mark.parametrize("claim", ["sub", "tid"])
def test_attack_047_token_not_issued_by_us_is_recorded_with_its_session(
    claim, till, manager, other_shop
):
    """The signature is valid, so the signing key was stolen."""
    value = {"sub": str(manager.pk), "tid": str(other_shop.pk)}[claim]

    assert Api(sign_token(build_claims(till, **{claim: value}))).get("auth/me/").status_code == 401

    assert assert_actor(get_audit_event("token_mismatch"), till.user)


def test_refresh_token_not_issued_by_us_is_recorded(till, manager, anonymous):
    claims = build_claims(till, aud="till-auth", token_type="refresh", sub=str(manager.pk), tv=None)
    claims["jti"] = till.session.current_jti.hex
    body = {"refresh": sign_token(claims, typ=REFRESH)}

    assert anonymous.post("auth/token/refresh/", body).status_code == 401

    assert list_audit_names() == ["token_mismatch"]
    assert till.get("auth/me/").status_code == 200


def test_token_with_an_invalid_signature_is_not_recorded(till):
    claims = build_claims(till, sub="01900000-0000-7000-8000-000000000000")
    Api(sign_token(claims, "another-key-of-the-right-length-that-signs-nothing-here")).get(
        "auth/me/"
    )

    assert list_audit_names() == []
