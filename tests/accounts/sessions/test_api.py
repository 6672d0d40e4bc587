"""List and end sessions, one's own and those of other users."""

import json
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import AuthSession
from tenants.scope import across_tenants
from tests.factories.accounts import AuthSessionFactory, UserFactory
from tests.support.api import Api
from tests.support.users import LOG_IN, build_credentials

OWN = "auth/sessions/"


def ids(page):
    return {row["id"] for row in page.json()["results"]}


def sessions_path(user):
    return f"users/{user.pk}/sessions/"


def list_end_reasons_by_id():
    """Return the end reasons of ended sessions by session id."""
    with across_tenants():
        return dict(AuthSession.objects.exclude(revoked_at=None).values_list("pk", "revoke_reason"))


# --- own sessions ------------------------------------------------------------------------------


def test_session_shows_device_address_and_expiry(cashier):
    headers = {"User-Agent": "Till/7 (front desk)\x07"}
    pair = Api().post(LOG_IN, build_credentials(), **headers).json()

    response = Api(pair["access"]).get(OWN)

    assert response.status_code == 200
    assert response["Cache-Control"] == "no-store"
    (row,) = response.json()["results"]
    with across_tenants():
        session = AuthSession.objects.get()
    assert row == {
        "id": str(session.pk),
        "method": "pwd",
        "register": None,
        "store": None,
        "device": "Till/7 (front desk)",
        "ip": "127.0.0.1",
        "created_at": row["created_at"],
        "last_used_at": row["last_used_at"],
        "expires_at": row["expires_at"],
        "is_current": True,
    }
    assert max(row["created_at"], row["last_used_at"]) < row["expires_at"]
    assert row["expires_at"].endswith("Z")


def test_user_sees_own_sessions_and_the_current_one(cashier, manager, foreign, client_of):
    here, there = client_of(cashier), client_of(cashier)
    client_of(manager), client_of(foreign.cashier)

    rows = here.get(OWN).json()["results"]

    assert {row["id"]: row["is_current"] for row in rows} == {
        str(here.session.pk): True,
        str(there.session.pk): False,
    }


@pytest.mark.parametrize(
    "gone",
    [
        {"revoked_at": timezone.now()},
        {"expires_at": timezone.now() - timedelta(seconds=1)},
        {"idle_expires_at": timezone.now() - timedelta(seconds=1)},
    ],
    ids=lambda gone: next(iter(gone)),
)
def test_ended_session_is_not_listed_and_cannot_be_ended_again(gone, cashier, client_of, problem):
    here, there = client_of(cashier), client_of(cashier)
    with across_tenants():
        AuthSession.objects.filter(pk=there.session.pk).update(**gone)

    assert ids(here.get(OWN)) == {str(here.session.pk)}
    problem(here.delete(f"{OWN}{there.session.pk}/"), 404, "not_found")


def test_list_is_ordered_newest_first_and_paginated(cashier, client_of):
    for _ in range(3):
        AuthSessionFactory(user=cashier)
    here = client_of(cashier)

    first = here.get(OWN, {"page_size": 3})
    rest = here.client.get(first.json()["next"], headers=here.defaults)

    assert first.json()["results"][0]["is_current"]
    assert len(ids(first)) == 3
    assert len(ids(rest) - ids(first)) == 1
    assert rest.json()["next"] is None


@pytest.mark.parametrize("query", [{"user": "x"}, {"ordering": "ip"}, {"revoked_at": "x"}], ids=str)
def test_unknown_filters_are_rejected(query, cashier, manager, client_of):
    assert client_of(cashier).get(OWN, query).status_code == 400
    assert client_of(manager).get(sessions_path(cashier), query).status_code == 400


def test_session_on_another_device_can_be_ended(cashier, client_of, problem):
    here, there = client_of(cashier), client_of(cashier)

    response = here.delete(f"{OWN}{there.session.pk}/")

    assert (response.status_code, response.content) == (204, b"")
    problem(there.get("auth/me/"), 401, "token_not_valid")
    token = {"refresh": there.tokens.refresh}
    problem(Api().post("auth/token/refresh/", token), 401, "token_not_valid")
    assert here.get("auth/me/").status_code == 200
    assert list_end_reasons_by_id() == {there.session.pk: "revoked"}


def test_ending_the_current_session_logs_out(cashier, client_of, problem):
    here = client_of(cashier)

    assert here.delete(f"{OWN}{here.session.pk}/").status_code == 204

    problem(here.get(OWN), 401, "token_not_valid")


@pytest.mark.parametrize("who", ["cashier", "manager", "admin"])
@pytest.mark.parametrize("whose", ["other_cashier", "other_admin", "foreign_admin"])
def test_attack_057_session_of_another_user_gets_404(who, whose, client_of, request, problem):
    """Also for admins, who end all sessions of a user by another endpoint."""
    me = client_of(request.getfixturevalue(who))
    theirs = client_of(request.getfixturevalue(whose))

    problem(me.delete(f"{OWN}{theirs.session.pk}/"), 404, "not_found")

    assert theirs.get("auth/me/").status_code == 200
    assert list_end_reasons_by_id() == {}


def test_single_session_cannot_be_read(cashier, client_of, problem):
    here = client_of(cashier)

    problem(here.get(f"{OWN}{here.session.pk}/"), 405, "method_not_allowed")


# --- sessions of other users -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("who", "whose", "may"),
    [
        ("admin", "cashier", True),
        ("admin", "manager", True),
        ("admin", "other_admin", True),
        ("admin", "admin", True),
        ("manager", "cashier", True),
        ("manager", "manager", True),
        ("manager", "other_manager", False),
        ("manager", "admin", False),
        ("cashier", "other_cashier", False),
        ("cashier", "cashier", False),
    ],
)
def test_roles_that_can_list_and_end_sessions_of_others(
    who, whose, may, client_of, request, problem
):
    admin_client = client_of(request.getfixturevalue(who))
    user = request.getfixturevalue(whose)
    theirs = client_of(user)

    seen, done = admin_client.get(sessions_path(user)), admin_client.delete(sessions_path(user))

    if may:
        assert str(theirs.session.pk) in ids(seen)
        assert (done.status_code, done.content) == (204, b"")
        problem(theirs.get("auth/me/"), 401, "token_not_valid")
    else:
        problem(seen, 403, "permission_denied")
        problem(done, 403, "permission_denied")
        assert theirs.get("auth/me/").status_code == 200
        assert list_end_reasons_by_id() == {}


def test_user_of_another_shop_gets_404(admin, foreign, client_of, problem):
    admin_client, theirs = client_of(admin), client_of(foreign.cashier)

    problem(admin_client.get(sessions_path(foreign.cashier)), 404, "not_found")
    problem(admin_client.delete(sessions_path(foreign.cashier)), 404, "not_found")

    assert theirs.get("auth/me/").status_code == 200


def test_list_of_another_user_is_paginated_and_contains_only_theirs(
    admin, cashier, manager, client_of
):
    admin_client = client_of(admin)
    theirs = {str(client_of(cashier).session.pk) for _ in range(3)}
    client_of(manager)

    first = admin_client.get(sessions_path(cashier), {"page_size": 2, "ordering": "last_used_at"})
    rest = admin_client.client.get(first.json()["next"], headers=admin_client.defaults)

    assert ids(first) | ids(rest) == theirs
    assert not any(row["is_current"] for row in first.json()["results"])
    assert "token" not in json.dumps(first.json())


def test_ending_sessions_of_a_user_ends_all_and_allows_a_new_login(
    admin, cashier, manager, client_of
):
    tills = [client_of(cashier) for _ in range(3)]
    others = [client_of(manager), client_of(admin)]

    others[1].delete(sessions_path(cashier))

    assert list_end_reasons_by_id() == {till.session.pk: "by_staff" for till in tills}
    assert [api.get("auth/me/").status_code for api in others] == [200, 200]
    assert Api().post(LOG_IN, build_credentials()).status_code == 200


def test_user_without_sessions_has_an_empty_list(admin, cashier, client_of):
    admin_client = client_of(admin)

    assert admin_client.get(sessions_path(cashier)).json()["results"] == []
    assert admin_client.delete(sessions_path(cashier)).status_code == 204
    assert list_end_reasons_by_id() == {}


# --- statement counts --------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 30])
def test_list_takes_one_statement_for_any_length(count, cashier, client_of, statements):
    here = client_of(cashier)
    for _ in range(count):
        AuthSessionFactory(user=cashier)

    with statements(2):
        assert len(here.get(OWN).json()["results"]) == count + 1


def test_ending_a_session_takes_three_statements(cashier, client_of, statements):
    here, there = client_of(cashier), client_of(cashier)

    with statements(2 + 1):
        assert here.delete(f"{OWN}{there.session.pk}/").status_code == 204


def test_list_of_another_user_also_loads_the_user(admin, cashier, client_of, statements):
    admin_client = client_of(admin)
    for _ in range(30):
        AuthSessionFactory(user=cashier)

    with statements(3):
        assert len(admin_client.get(sessions_path(cashier)).json()["results"]) == 30


def test_ending_sessions_of_another_user_takes_five_statements(
    admin, cashier, client_of, statements
):
    admin_client = client_of(admin)
    for _ in range(30):
        AuthSessionFactory(user=cashier)

    with statements(5):
        assert admin_client.delete(sessions_path(cashier)).status_code == 204


def test_live_session_of_a_deactivated_user_is_listed(admin, shop, client_of):
    """Deactivation ends all sessions, so a live one would be an error that must be visible."""
    deactivated = UserFactory(tenant=shop, is_active=False)
    left = AuthSessionFactory(user=deactivated)

    assert ids(client_of(admin).get(sessions_path(deactivated))) == {str(left.pk)}
