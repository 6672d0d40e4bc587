"""Opening a shop of one's own, where the installation allows it."""

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


def form(tenant=None, admin=None):
    return {
        "tenant": {"slug": "corner", "name": "Corner Shop", "currency": "EUR"} | (tenant or {}),
        "admin": {"username": "owner", "email": "o@corner.example", "password": PASSWORD}
        | (admin or {}),
    }


@pytest.fixture(autouse=True)
def _open(settings, db):
    settings.SIGNUP_ENABLED = True


def everything() -> list[int]:
    with across_tenants():
        return [model.objects.count() for model in (Tenant, User, Store, Register, AuthSession)]


def test_a_shop_can_sell_as_soon_as_it_has_something_to_sell(anonymous):
    response = anonymous.post(
        SIGNUP, form({"timezone": "Europe/Berlin", "country": "DE"}, {"display_name": "Zoë"})
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
    assert everything() == [1, 1, 1, 1, 1]
    with tenant_scope(Tenant.objects.get()):
        register = Register.objects.select_related("store").get()
    assert (register.store.name, register.name, register.number) == ("Main", "Till 1", 1)


def test_who_signed_up_is_logged_in_and_can_log_in(anonymous):
    answer = anonymous.post(SIGNUP, form()).json()

    owner = Api(answer["access"])
    assert owner.get("auth/me/").json()["username"] == "owner"
    assert owner.get("tenant/").json()["currency"] == "EUR"
    refresh = {"refresh": answer["refresh"]}
    assert anonymous.post("auth/token/refresh/", refresh).status_code == 200
    body = {"tenant": "corner", "username": "owner", "password": PASSWORD}
    assert anonymous.post("auth/token/", body).status_code == 200


def test_unless_it_is_allowed_nobody_signs_up(anonymous, problem, settings):
    settings.SIGNUP_ENABLED = False

    problem(anonymous.post(SIGNUP, form()), 403, "signup_disabled")
    problem(anonymous.post(SIGNUP, {}), 403, "signup_disabled")
    assert everything() == [0, 0, 0, 0, 0]


def test_it_is_not_allowed_unless_somebody_says_so():
    assert production.SIGNUP_ENABLED is False


def test_who_is_logged_in_signs_nobody_up(admin, client_of, problem):
    admin_client, before = client_of(admin), everything()

    problem(admin_client.post(SIGNUP, form()), 409, "already_authenticated")
    assert everything() == before


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
def test_a_slug_is_plain_and_nobody_elses_name(slug, code, anonymous, problem):
    problem(anonymous.post(SIGNUP, form({"slug": slug})), 400, "invalid", {"tenant.slug": code})
    assert everything() == [0, 0, 0, 0, 0]


@pytest.mark.parametrize("slug", ["abc", "corner-shop", "a1-2-3", "x" * 63, "0cean"])
def test_other_slugs_are_free(slug, anonymous):
    assert anonymous.post(SIGNUP, form({"slug": slug})).status_code == 201


@pytest.mark.parametrize("is_active", [True, False])
def test_a_slug_belongs_to_the_first_also_after_his_shop_was_closed(is_active, anonymous, problem):
    TenantFactory(slug="corner", is_active=is_active)
    before = everything()

    problem(anonymous.post(SIGNUP, form()), 409, "slug_taken")
    assert everything() == before


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_of_several_who_take_a_slug_at_once_one_gets_it(settings):
    answers = run_times(6, lambda: Api().post(SIGNUP, form()))

    assert statuses(answers) == {201: 1, 409: 5}
    assert {answer.json().get("code") for answer in answers} == {None, "slug_taken"}
    assert everything() == [1, 1, 1, 1, 1]


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
def test_whatever_is_wrong_nothing_is_left_behind(tenant, admin, errors, anonymous, problem):
    problem(anonymous.post(SIGNUP, form(tenant, admin)), 400, "invalid", errors)
    assert everything() == [0, 0, 0, 0, 0]


@pytest.mark.parametrize("missing", ["slug", "name", "currency"])
def test_a_shop_needs_a_name_and_a_currency(missing, anonymous, problem):
    body = form()
    del body["tenant"][missing]

    problem(anonymous.post(SIGNUP, body), 400, "invalid", {f"tenant.{missing}": "required"})


@pytest.mark.parametrize("missing", ["username", "email", "password"])
def test_an_admin_needs_a_log_in(missing, anonymous, problem):
    body = form()
    del body["admin"][missing]

    problem(anonymous.post(SIGNUP, body), 400, "invalid", {f"admin.{missing}": "required"})


# --- under an Idempotency-Key -------------------------------------------------------------------

KEY = {"Idempotency_Key": "a-key"}


def test_a_key_opens_one_shop_and_is_answered_again_without_the_tokens(anonymous):
    first = anonymous.post(SIGNUP, form(), **KEY)
    before = everything()
    second = anonymous.post(SIGNUP, form(), **KEY)

    assert (first.status_code, second.status_code) == (201, 201)
    assert "Idempotent-Replayed" not in first
    assert second["Idempotent-Replayed"] == "true"
    assert second["Cache-Control"] == "no-store"
    assert second.json() == first.json() | {"access": None, "refresh": None}
    assert everything() == before == [1, 1, 1, 1, 1]
    assert Api(first.json()["access"]).get("auth/me/").status_code == 200


@pytest.mark.parametrize(
    "other",
    [
        form({"slug": "other"}),
        form({"name": "Another name"}),
        form(admin={"password": "nine purple herons fly"}),
    ],
)
def test_for_anything_else_the_key_is_refused(other, anonymous, problem):
    anonymous.post(SIGNUP, form(), **KEY)
    before = everything()

    problem(anonymous.post(SIGNUP, other, **KEY), 422, "idempotency_key_reused")
    with across_tenants():
        IdempotencyKey.objects.all().delete()
    code = "idempotency_key_reused" if other["tenant"]["slug"] == "other" else "slug_taken"
    response = anonymous.post(SIGNUP, other, **KEY)

    assert (response.status_code, response.json()["code"]) in {(422, code), (409, code)}
    assert everything() == before


def test_a_refusal_is_not_kept(anonymous, problem):
    refused = anonymous.post(SIGNUP, form({"currency": "XXX"}), **KEY)
    problem(refused, 400, "invalid", {"tenant.currency": "invalid_choice"})
    assert everything() == [0, 0, 0, 0, 0]

    assert anonymous.post(SIGNUP, form(), **KEY).status_code == 201


def test_what_is_no_key_is_refused(anonymous, problem):
    refused = anonymous.post(SIGNUP, form(), Idempotency_Key="two words")

    problem(refused, 400, "idempotency_key_invalid")
    assert everything() == [0, 0, 0, 0, 0]


class Killed(BaseException):
    """The process ends here, as nothing catches it."""


def test_an_answer_that_a_crash_lost_is_given_to_the_same_key(anonymous, monkeypatch):
    def kill(*_):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(idempotency, "save_answer", kill)
        with pytest.raises(Killed):
            anonymous.post(SIGNUP, form(), **KEY)
    before = everything()

    second = anonymous.post(SIGNUP, form(), **KEY)

    answer = second.json()
    assert (second.status_code, second["Idempotent-Replayed"]) == (201, "true")
    assert (answer["tenant"]["slug"], answer["user"]["username"]) == ("corner", "owner")
    assert (answer["access"], answer["refresh"]) == (None, None)
    assert everything() == before == [1, 1, 1, 1, 1]
    assert anonymous.post(SIGNUP, form(), **KEY).json() == answer


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_of_the_same_key_at_once_one_shop_is_opened(settings):
    answers = run_times(6, lambda: Api().post(SIGNUP, form(), **KEY))

    assert statuses(answers).keys() <= {201, 409}
    assert statuses(answers)[201] >= 1
    assert everything() == [1, 1, 1, 1, 1]
    assert Api().post(SIGNUP, form(), **KEY)["Idempotent-Replayed"] == "true"
