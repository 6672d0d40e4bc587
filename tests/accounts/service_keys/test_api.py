"""Service keys: created and revoked by admins, shown once, and what their users cannot do."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import AuthSession, ServiceKey, User
from accounts.models.service_key import PREFIX, build_checksum, parse_service_key
from accounts.security.rate_limits import policies
from accounts.security.rate_limits.limiter import Window
from accounts.service_scopes import SCOPES
from tenants.models import AuditEvent, IdempotencyKey
from tenants.scope import across_tenants, tenant_scope
from tests.architecture.test_schema import document
from tests.factories.accounts import AuthSessionFactory
from tests.factories.tenants import StoreFactory
from tests.support.api import Api, Person
from tests.support.discovery import ROOT
from tests.support.service_keys import KeyClient, create_key

PATH = "service-keys/"
BODY = {"name": "Web shop", "scopes": ["catalog:read", "orders:write"]}


@pytest.fixture
def snapshot():
    def load():
        with across_tenants():
            keys = list(ServiceKey.objects.order_by("pk").values())
            return keys, list(User._base_manager.order_by("pk").values("pk", "is_active"))

    return load


def test_admin_creates_a_key_that_is_shown_once(admin_client, shop, store):
    body = BODY | {"stores": [str(store.pk)], "scopes": [*BODY["scopes"], "catalog:read"]}

    made = admin_client.post(PATH, body, Idempotency_Key="once")

    assert made.status_code == 201, made.content
    assert made["Cache-Control"] == "no-store"
    key = made.json()
    assert (key["name"], key["scopes"], key["stores"]) == (
        "Web shop",
        BODY["scopes"],
        [str(store.pk)],
    )
    assert (key["expires_at"], key["last_used_at"], key["revoked_at"]) == (None, None, None)
    assert re.fullmatch(r"till_sk_[0-9a-f]{32}[0-9A-Za-z]{49}", key["secret"])
    assert key["secret"].endswith(key["hint"])
    again = admin_client.post(PATH, body, Idempotency_Key="once")
    assert again.json() == key | {"secret": None}
    shown = admin_client.get(f"{PATH}{key['id']}/").json()
    assert shown == {name: value for name, value in key.items() if name != "secret"}
    with tenant_scope(shop):
        stored = [*ServiceKey.objects.values(), *IdempotencyKey.objects.values()]
    assert key["secret"][len(PREFIX) + 32 :] not in str(stored)


def test_checksum_and_prefix_tell_a_key_from_other_texts(shop, admin):
    secret = create_key(shop, admin).secret

    assert parse_service_key(secret) is not None
    assert build_checksum(secret[:-6]) == secret[-6:]
    changed = secret[:-7] + ("a" if secret[-7] != "a" else "b") + secret[-6:]
    for text in (changed, secret[:-1], secret + "0", secret.upper(), "till_sk_", f"{secret}\n"):
        assert parse_service_key(text) is None


@pytest.mark.parametrize(
    ("change", "field", "code"),
    [
        ({"name": ""}, "name", "blank"),
        ({"scopes": []}, "scopes", "min_length"),
        ({"scopes": ["reports:write"]}, "scopes[0]", "invalid_choice"),
        ({"scopes": "orders:read"}, "scopes", "not_a_list"),
        ({"stores": ["0190163d-8694-739b-aea5-966c26f8ad91"]}, "stores[0]", "does_not_exist"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at", "past"),
        ({"role": "admin"}, "role", "unknown_field"),
        ({"user": None}, "user", "unknown_field"),
    ],
)
def test_invalid_key_is_refused(admin_client, change, field, code, snapshot):
    before = snapshot()

    refused = admin_client.post(PATH, BODY | change)

    assert refused.status_code == 400, refused.content
    errors = [(each["field"], each["code"]) for each in refused.json()["errors"]]
    assert errors == [(field, code)]
    assert snapshot() == before


def test_refused_scope_names_those_that_exist(admin_client):
    refused = admin_client.post(PATH, BODY | {"scopes": ["reports:write"]})

    (error,) = refused.json()["errors"]
    assert error["detail"].endswith("Reports can only be read.")
    assert [scope for scope in SCOPES if scope not in error["detail"]] == []


def test_guide_has_the_operations_of_every_scope():
    page = (ROOT / "docs/guide/service_keys.md").read_text("utf-8")
    rows = dict(re.findall(r"^\| `(\w+:\w+)` \|.*\| (.*) \|$", page, re.MULTILINE))
    expected = {scope: set() for scope in SCOPES}
    for operations in document()["paths"].values():
        for operation in operations.values():
            if "x-scope" in operation:
                expected[operation["x-scope"]].add(operation["operationId"])

    assert {scope: set(re.findall(r"`([\w.]+)`", row)) for scope, row in rows.items()} == expected


def test_store_of_another_shop_is_refused(admin_client, other_shop, snapshot):
    theirs = StoreFactory(tenant=other_shop)
    before = snapshot()

    refused = admin_client.post(PATH, BODY | {"stores": [str(theirs.pk)]})

    assert [each["code"] for each in refused.json()["errors"]] == ["does_not_exist"]
    assert snapshot() == before


def test_creation_needs_a_recent_authentication(admin, problem, snapshot):
    long_ago = timezone.now() - timedelta(minutes=6)
    client = Person(admin, AuthSessionFactory(user=admin, auth_time=long_ago))
    before = snapshot()

    problem(client.post(PATH, BODY), 401, "insufficient_user_authentication")
    assert snapshot() == before


def test_key_of_another_shop_is_not_visible(admin_client, other_shop, foreign, problem, snapshot):
    theirs = create_key(other_shop, foreign.admin)
    before = snapshot()

    problem(admin_client.get(f"{PATH}{theirs.pk}/"), 404, "not_found")
    problem(admin_client.delete(f"{PATH}{theirs.pk}/"), 404, "not_found")
    assert admin_client.get(PATH).json()["results"] == []
    assert snapshot() == before


# --- use --------------------------------------------------------------------------------------


def test_key_is_used_like_an_access_token_and_its_use_recorded_once_a_minute(
    admin_client, shop, admin
):
    key = create_key(shop, admin)
    client = KeyClient(key)

    def last_use():
        return admin_client.get(f"{PATH}{key.pk}/").json()["last_used_at"]

    assert client.get("products/").status_code == 200
    first = last_use()
    assert first is not None
    assert client.get("products/").status_code == 200
    assert last_use() == first
    with tenant_scope(shop):
        ServiceKey.objects.update(last_used_at=timezone.now() - timedelta(seconds=61))
    client.get("products/")
    assert last_use() > first
    with tenant_scope(shop):
        assert not AuthSession.objects.filter(user=key.user).exists()


def test_revoked_key_is_refused_from_the_next_request_on(admin_client, shop, admin, problem):
    key = create_key(shop, admin)
    client = KeyClient(key)
    assert client.get("products/").status_code == 200

    for _ in range(2):
        assert admin_client.delete(f"{PATH}{key.pk}/").status_code == 204

    problem(client.get("products/"), 401, "token_not_valid")
    shown = admin_client.get(f"{PATH}{key.pk}/").json()
    assert (shown["revoked_at"] is not None, shown["version"]) == (True, 2)
    assert [
        each["id"] for each in admin_client.get(PATH, {"is_revoked": "false"}).json()["results"]
    ] == []
    with tenant_scope(shop):
        assert AuditEvent.objects.filter(event="service_key_revoked").count() == 1


def expire(key):
    ServiceKey.objects.update(expires_at=timezone.now())


def deactivate_shop(key):
    key.tenant.is_active = False
    key.tenant.save_changes("is_active")


def deactivate_user(key):
    User._base_manager.filter(pk=key.user_id).update(is_active=False)


@pytest.mark.parametrize("change", [expire, deactivate_shop, deactivate_user])
def test_key_that_has_ended_is_refused_like_an_invalid_token(shop, admin, change, problem):
    key = create_key(shop, admin)
    client = KeyClient(key)
    assert client.get("products/").status_code == 200

    with across_tenants():
        change(key)

    refused = client.get("products/")
    problem(refused, 401, "token_not_valid")
    assert refused["WWW-Authenticate"].startswith("Bearer")


def with_another_secret(secret, shop):
    return ServiceKey(tenant=shop).make_secret()


def with_another_checksum(secret, shop):
    return secret[:-1] + ("0" if secret[-1] != "0" else "1")


def with_another_tenant(secret, shop):
    text = PREFIX + "0" * 32 + secret[len(PREFIX) + 32 : -6]
    return text + build_checksum(text)


@pytest.mark.parametrize(
    "change", [with_another_secret, with_another_checksum, with_another_tenant]
)
def test_changed_key_is_refused_like_an_invalid_token(shop, admin, change, problem):
    secret = change(create_key(shop, admin).secret, shop)

    problem(Api(Authorization=f"Bearer {secret}").get("products/"), 401, "token_not_valid")


def test_header_with_another_tenant_is_refused(shop, other_shop, admin, problem):
    client = KeyClient(create_key(shop, admin))

    assert client.get("products/", X_Tenant_ID=shop.slug).status_code == 200
    problem(client.get("products/", X_Tenant_ID=other_shop.slug), 403, "tenant_mismatch")


def test_requests_of_a_key_are_limited(shop, admin, monkeypatch, problem):
    monkeypatch.setattr(policies, "SERVICE_KEY", Window("service_key", limit=2, seconds=60))
    client, other = (KeyClient(create_key(shop, admin)) for _ in range(2))

    assert [client.get("products/").status_code for _ in range(2)] == [200, 200]
    refused = client.get("products/")
    problem(refused, 429, "too_many_attempts")
    assert int(refused["Retry-After"]) > 0
    assert other.get("products/").status_code == 200


# --- its user -----------------------------------------------------------------------------------


def test_user_of_a_key_is_not_listed_managed_or_logged_in(admin_client, shop, admin, problem):
    key = create_key(shop, admin)
    user = key.user

    listed = admin_client.get("users/").json()["results"]
    assert str(user.pk) not in [each["id"] for each in listed]
    path = f"users/{user.pk}/"
    problem(admin_client.get(path), 404, "not_found")
    for method, body in (
        ("PATCH", {"display_name": "Ann"}),
        ("PUT", None),
    ):
        action = path if method == "PATCH" else f"{path}activation/"
        problem(admin_client.send(method, action, body, If_Match="*"), 404, "not_found")
    problem(admin_client.post(f"{path}reset-password/"), 404, "not_found")
    role = admin_client.put(f"{path}role/", {"role": "admin"}, If_Match="*")
    problem(role, 404, "not_found")
    problem(admin_client.put(f"{path}pin/", {"pin": "482915"}, If_Match="*"), 404, "not_found")
    for password in ("", "!", user.password):
        body = {"tenant": shop.slug, "username": user.username, "password": password or "x"}
        problem(Api().post("auth/token/", body), 401, "invalid_credentials")
    counted = admin_client.get("auth/metrics/").json()["users"]
    assert sum(each["active"] for each in counted.values()) == len(listed)


def test_user_of_a_key_has_no_role_and_the_lowest_limits(shop, admin, cashier):
    user = create_key(shop, admin).user

    assert (user.role, user.is_platform, user.has_usable_password()) == ("", False, False)
    for name in ("refund_amount", "line_discount_percent", "deposit_return_amount"):
        assert user.own_limit(name) == cashier.own_limit(name)
    assert not any([user.may_approve(), user.may_void(), user.may_view_users()])


def test_scopes_are_nouns_with_read_or_write():
    assert all(re.fullmatch(r"[a-z]+:(read|write)", scope) for scope in SCOPES)
