"""Sign-up: create a shop with its admin, if the installation allows it."""

import pytest

from accounts.models import AuthSession, User
from config import settings as production
from tenants import idempotency
from tenants.models import IdempotencyKey, Register, Store, Tenant
from tenants.scope import across_tenants, tenant_scope
from tests.factories.tenants import TenantFactory
from tests.support.api import Api
from tests.support.parallel import run_times, statuses

SIGNUP = "auth/signup/"
PASSWORD = "seven green bottles"


def signup_form(tenant=None, admin=None):
    return {
        "tenant": {"slug": "corner", "name": "Corner Shop", "currency": "EUR"} | (tenant or {}),
        "admin": {"username": "owner", "email": "o@corner.example", "password": PASSWORD}
        | (admin or {}),
    }


@pytest.fixture(autouse=True)
def enable_signup(settings, db):
    settings.SIGNUP_ENABLED = True


def count_all() -> list[int]:
    with across_tenants():
        return [model.objects.count() for model in (Tenant, User, Store, Register, AuthSession)]


def test_signup_creates_shop_admin_store_register_and_session(anonymous):
    response = anonymous.post(
        SIGNUP, signup_form({"timezone": "Europe/Berlin", "country": "DE"}, {"display_name": "Zoë"})
    )

    answer = response.json()
    assert response.status_code == 201
    assert answer.keys() == {
        "tenant",
        "user",
        "session",
        "access",
        "refresh",
        "token_type",
        "expires_in",
    }
    assert (answer["tenant"]["slug"], answer["tenant"]["name"]) == ("corner", "Corner Shop")
    assert answer["user"]["tenant"] == answer["tenant"]
    assert (answer["user"]["role"], answer["user"]["must_change_password"]) == ("admin", False)
    assert count_all() == [1, 1, 1, 1, 1]
    with tenant_scope(Tenant.objects.get()):
        register = Register.objects.select_related("store").get()
    assert (register.store.name, register.name, register.number) == ("Main", "Till 1", 1)


def test_new_admin_is_logged_in_and_can_log_in(anonymous):
    answer = anonymous.post(SIGNUP, signup_form()).json()

    owner = Api(answer["access"])
    assert owner.get("auth/me/").json()["username"] == "owner"
    assert owner.get("tenant/").json()["currency"] == "EUR"
    refresh = {"refresh": answer["refresh"]}
    assert anonymous.post("auth/token/refresh/", refresh).status_code == 200
    body = {"tenant": "corner", "username": "owner", "password": PASSWORD}
    assert anonymous.post("auth/token/", body).status_code == 200


def test_disabled_signup_is_refused(anonymous, problem, settings):
    settings.SIGNUP_ENABLED = False

    problem(anonymous.post(SIGNUP, signup_form()), 403, "signup_disabled")
    problem(anonymous.post(SIGNUP, {}), 403, "signup_disabled")
    assert count_all() == [0, 0, 0, 0, 0]


def test_signup_is_disabled_by_default():
    assert production.SIGNUP_ENABLED is False


def test_logged_in_user_cannot_sign_up(admin, client_of, problem):
    admin_client, before = client_of(admin), count_all()

    problem(admin_client.post(SIGNUP, signup_form()), 409, "already_authenticated")
    assert count_all() == before


@pytest.mark.parametrize(
    ("slug", "code"),
    [
        *[(name, "reserved") for name in ("admin", "api", "www", "static", "till", "health")],
        ("xn--80ak6aa92e", "reserved"),
        ("0123456789abcdef0123456789abcdef", "reserved"),
        ("01900000-0000-7000-8000-000000000000", "reserved"),
        ("Corner", "invalid"),
        ("-corner", "invalid"),
        ("corner-", "invalid"),
        ("co", "invalid"),
        ("corner shop", "invalid"),
        ("corner\n", "control_character"),
        ("c\u043erner", "invalid"),
        ("cörner", "invalid"),
        ("../admin", "invalid"),
        ("x" * 64, "max_length"),
        ("", "blank"),
        (None, "null"),
        (123, "invalid"),
    ],
)
def test_invalid_or_reserved_slug_is_rejected(slug, code, anonymous, problem):
    problem(
        anonymous.post(SIGNUP, signup_form({"slug": slug})), 400, "invalid", {"tenant.slug": code}
    )
    assert count_all() == [0, 0, 0, 0, 0]


@pytest.mark.parametrize("slug", ["abc", "corner-shop", "a1-2-3", "x" * 63, "0cean"])
def test_valid_slug_is_accepted(slug, anonymous):
    assert anonymous.post(SIGNUP, signup_form({"slug": slug})).status_code == 201


@pytest.mark.parametrize("is_active", [True, False])
def test_taken_slug_is_rejected_also_of_inactive_shops(is_active, anonymous, problem):
    TenantFactory(slug="corner", is_active=is_active)
    before = count_all()

    problem(anonymous.post(SIGNUP, signup_form()), 409, "slug_taken")
    assert count_all() == before


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_simultaneous_signups_with_one_slug_create_one_shop(settings):
    answers = run_times(6, lambda: Api().post(SIGNUP, signup_form()))

    assert statuses(answers) == {201: 1, 409: 5}
    assert {answer.json().get("code") for answer in answers} == {None, "slug_taken"}
    assert count_all() == [1, 1, 1, 1, 1]


@pytest.mark.parametrize(
    ("tenant", "admin", "errors"),
    [
        ({"currency": "XXX"}, {}, {"tenant.currency": "invalid_choice"}),
        ({"currency": "eur"}, {}, {"tenant.currency": "invalid_choice"}),
        ({"timezone": "Mars/Olympus"}, {}, {"tenant.timezone": "unknown_timezone"}),
        ({"country": "de"}, {}, {"tenant.country": "invalid"}),
        ({"name": ""}, {}, {"tenant.name": "blank"}),
        ({"is_active": True}, {}, {"tenant.is_active": "unknown_field"}),
        ({"has_orders": True}, {}, {"tenant.has_orders": "unknown_field"}),
        ({}, {"username": "x y"}, {"admin.username": "invalid"}),
        ({}, {"email": "nobody"}, {"admin.email": "invalid"}),
        ({}, {"email": ""}, {"admin.email": "blank"}),
        ({}, {"password": "fourteen signs"}, {"admin.password": "password_too_short"}),
        ({}, {"password": "corner shop 1!!"}, {"admin.password": "password_too_similar"}),
        ({}, {"role": "admin"}, {"admin.role": "unknown_field"}),
        ({}, {"is_superuser": True}, {"admin.is_superuser": "unknown_field"}),
    ],
)
def test_invalid_signup_is_rejected_and_creates_nothing(tenant, admin, errors, anonymous, problem):
    problem(anonymous.post(SIGNUP, signup_form(tenant, admin)), 400, "invalid", errors)
    assert count_all() == [0, 0, 0, 0, 0]


@pytest.mark.parametrize("missing", ["slug", "name", "currency"])
def test_missing_shop_field_is_rejected(missing, anonymous, problem):
    body = signup_form()
    del body["tenant"][missing]

    problem(anonymous.post(SIGNUP, body), 400, "invalid", {f"tenant.{missing}": "required"})


@pytest.mark.parametrize("missing", ["username", "email", "password"])
def test_missing_admin_field_is_rejected(missing, anonymous, problem):
    body = signup_form()
    del body["admin"][missing]

    problem(anonymous.post(SIGNUP, body), 400, "invalid", {f"admin.{missing}": "required"})


# --- with an Idempotency-Key -------------------------------------------------------------------

KEY = {"Idempotency_Key": "a-key"}


def test_repeated_key_replays_the_answer_without_tokens(anonymous):
    first = anonymous.post(SIGNUP, signup_form(), **KEY)
    before = count_all()
    second = anonymous.post(SIGNUP, signup_form(), **KEY)

    assert (first.status_code, second.status_code) == (201, 201)
    assert "Idempotent-Replayed" not in first
    assert second["Idempotent-Replayed"] == "true"
    assert second["Cache-Control"] == "no-store"
    assert second.json() == first.json() | {"access": None, "refresh": None}
    assert count_all() == before == [1, 1, 1, 1, 1]
    assert Api(first.json()["access"]).get("auth/me/").status_code == 200


@pytest.mark.parametrize(
    "other",
    [
        signup_form({"slug": "other"}),
        signup_form({"name": "Another name"}),
        signup_form(admin={"password": "nine purple herons fly"}),
    ],
)
def test_key_reused_with_another_body_is_rejected(other, anonymous, problem):
    anonymous.post(SIGNUP, signup_form(), **KEY)
    before = count_all()

    problem(anonymous.post(SIGNUP, other, **KEY), 422, "idempotency_key_reused")
    with across_tenants():
        IdempotencyKey.objects.all().delete()
    code = "idempotency_key_reused" if other["tenant"]["slug"] == "other" else "slug_taken"
    response = anonymous.post(SIGNUP, other, **KEY)

    assert (response.status_code, response.json()["code"]) in {(422, code), (409, code)}
    assert count_all() == before


def test_rejected_signup_does_not_use_the_key(anonymous, problem):
    refused = anonymous.post(SIGNUP, signup_form({"currency": "XXX"}), **KEY)
    problem(refused, 400, "invalid", {"tenant.currency": "invalid_choice"})
    assert count_all() == [0, 0, 0, 0, 0]

    assert anonymous.post(SIGNUP, signup_form(), **KEY).status_code == 201


def test_invalid_key_is_rejected(anonymous, problem):
    refused = anonymous.post(SIGNUP, signup_form(), Idempotency_Key="two words")

    problem(refused, 400, "idempotency_key_invalid")
    assert count_all() == [0, 0, 0, 0, 0]


class Killed(BaseException):
    """Simulate the end of the process; no handler catches it."""


def test_key_replays_the_answer_lost_in_a_crash(anonymous, monkeypatch):
    def kill(*_):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(idempotency, "save_answer", kill)
        with pytest.raises(Killed):
            anonymous.post(SIGNUP, signup_form(), **KEY)
    before = count_all()

    second = anonymous.post(SIGNUP, signup_form(), **KEY)

    answer = second.json()
    assert (second.status_code, second["Idempotent-Replayed"]) == (201, "true")
    assert (answer["tenant"]["slug"], answer["user"]["username"]) == ("corner", "owner")
    assert (answer["access"], answer["refresh"]) == (None, None)
    assert count_all() == before == [1, 1, 1, 1, 1]
    assert anonymous.post(SIGNUP, signup_form(), **KEY).json() == answer


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_simultaneous_signups_with_one_key_create_one_shop(settings):
    answers = run_times(6, lambda: Api().post(SIGNUP, signup_form(), **KEY))

    assert statuses(answers).keys() <= {201, 409}
    assert statuses(answers)[201] >= 1
    assert count_all() == [1, 1, 1, 1, 1]
    assert Api().post(SIGNUP, signup_form(), **KEY)["Idempotent-Replayed"] == "true"
