"""What people are refused is written down, and nobody can fill the books with it."""

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
def test_what_is_not_for_this_role_is_written_down(method, path, till):
    assert till.send(method, path, {}, X_Request_ID="r-1").status_code == 403

    found = get_audit_event("permission_denied")
    assert assert_actor(found, till.user)
    assert found.facts == {"method": method, "path": f"/api/v1/{path}"}
    assert (found.session, found.request_id) == (till.session.pk, "r-1")


@pytest.mark.django_db(transaction=True)
def test_so_is_what_a_rule_forbids_though_the_work_is_rolled_back(manager, admin, client_of):
    path = f"users/{admin.pk}/reset-password/"
    assert client_of(manager).post(path).status_code == 403

    assert list_audit_names() == ["permission_denied"]
    assert assert_actor(get_audit_event("permission_denied"), manager)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "orders/01900000-0000-7000-8000-000000000000/", 404), ("POST", "orders/", 400)],
)
def test_other_refusals_are_not(method, path, status, till):
    assert till.send(method, path, {}).status_code == status

    assert list_audit_names() == []


def test_nor_is_who_has_to_change_the_password_first(till, cashier):
    cashier.must_change_password = True
    cashier.save()

    assert till.get("auth/me/").status_code == 403
    assert list_audit_names() == []


def test_of_a_hundred_in_a_minute_thirty_are_written_down_and_the_rest_logged(till, clock, caplog):
    statuses = {till.get("users/").status_code for _ in range(100)}

    assert statuses == {403}
    assert len(list_audit_events("permission_denied")) == 30
    lines = [each for each in caplog.records if each.name == "till.refusals"]
    assert len(lines) == 70
    clock.shift(60)
    till.get("users/")
    assert len(list_audit_events("permission_denied")) == 31


def test_another_session_has_its_own_measure(till, cashier, client_of, clock):
    for _ in range(31):
        till.get("users/")

    client_of(cashier).get("users/")

    assert len(list_audit_events("permission_denied")) == 31


def test_what_is_allowed_counts_nothing(till):
    till.get("auth/me/")

    assert not Throttle.objects.exists()


def test_a_refusal_that_cannot_be_written_down_is_one_all_the_same(till, broken_books, problem):
    problem(till.get("users/"), 403, "permission_denied")


@pytest.fixture
def broken_books(monkeypatch):
    def fail(*args, **kwargs):
        raise OperationalError("the disk is full")

    monkeypatch.setattr("tenants.audit._write", fail)


# --- tokens and headers that do not fit -------------------------------------------------------


def test_attack_056_a_request_for_another_shop_is_written_down_in_ones_own(till, other_shop):
    till.get("auth/me/", X_Tenant_ID=other_shop.slug)

    found = get_audit_event("tenant_mismatch")
    assert assert_actor(found, till.user)
    assert found.facts == {"named": other_shop.slug}


def test_attack_069_a_refresh_for_another_shop_too(till, other_shop):
    body = {"refresh": till.tokens.refresh}
    Api().post("auth/token/refresh/", body, X_Tenant_ID=str(other_shop.pk))

    assert assert_actor(get_audit_event("tenant_mismatch"), till.user)
    assert get_audit_event("tenant_mismatch").session == till.session.pk


@pytest.mark.parametrize("claim", ["sub", "tid"])
def test_attack_047_a_token_that_we_never_made_is_written_down_where_its_session_is(
    claim, till, manager, other_shop
):
    """Its signature is good: somebody has our key."""
    value = {"sub": str(manager.pk), "tid": str(other_shop.pk)}[claim]

    assert Api(sign_token(build_claims(till, **{claim: value}))).get("auth/me/").status_code == 401

    assert assert_actor(get_audit_event("token_mismatch"), till.user)


def test_and_so_is_a_refresh_token_of_that_kind(till, manager, anonymous):
    claims = build_claims(till, aud="till-auth", token_type="refresh", sub=str(manager.pk), tv=None)
    claims["jti"] = till.session.current_jti.hex
    body = {"refresh": sign_token(claims, typ=REFRESH)}

    assert anonymous.post("auth/token/refresh/", body).status_code == 401

    assert list_audit_names() == ["token_mismatch"]
    assert till.get("auth/me/").status_code == 200


def test_a_token_with_a_bad_signature_is_nobodys(till):
    claims = build_claims(till, sub="01900000-0000-7000-8000-000000000000")
    Api(sign_token(claims, "another-key-of-the-right-length-that-signs-nothing-here")).get(
        "auth/me/"
    )

    assert list_audit_names() == []
