"""Where somebody is logged in: seen and ended, by oneself and by who may."""

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


def of(user):
    return f"users/{user.pk}/sessions/"


def ended():
    """Why sessions ended, by their ids."""
    with across_tenants():
        return dict(AuthSession.objects.exclude(revoked_at=None).values_list("pk", "revoke_reason"))


# --- one's own --------------------------------------------------------------------------------


def test_a_log_in_is_shown_with_its_device_and_address(cashier):
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


def test_everybody_sees_their_own_log_ins_and_which_is_this_one(
    cashier, manager, foreign, client_of
):
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
def test_what_has_ended_is_not_shown_and_cannot_end_again(gone, cashier, client_of, problem):
    here, there = client_of(cashier), client_of(cashier)
    with across_tenants():
        AuthSession.objects.filter(pk=there.session.pk).update(**gone)

    assert ids(here.get(OWN)) == {str(here.session.pk)}
    problem(here.delete(f"{OWN}{there.session.pk}/"), 404, "not_found")


def test_the_newest_comes_first_page_by_page(cashier, client_of):
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
def test_nobody_asks_by_what_is_hidden(query, cashier, manager, client_of):
    assert client_of(cashier).get(OWN, query).status_code == 400
    assert client_of(manager).get(of(cashier), query).status_code == 400


def test_a_log_in_on_another_device_can_be_ended(cashier, client_of, problem):
    here, there = client_of(cashier), client_of(cashier)

    response = here.delete(f"{OWN}{there.session.pk}/")

    assert (response.status_code, response.content) == (204, b"")
    problem(there.get("auth/me/"), 401, "token_not_valid")
    token = {"refresh": there.tokens.refresh}
    problem(Api().post("auth/token/refresh/", token), 401, "token_not_valid")
    assert here.get("auth/me/").status_code == 200
    assert ended() == {there.session.pk: "revoked"}


def test_ending_this_one_is_logging_out(cashier, client_of, problem):
    here = client_of(cashier)

    assert here.delete(f"{OWN}{here.session.pk}/").status_code == 204

    problem(here.get(OWN), 401, "token_not_valid")


@pytest.mark.parametrize("who", ["cashier", "manager", "admin"])
@pytest.mark.parametrize("whose", ["other_cashier", "other_admin", "foreign_admin"])
def test_attack_057_anybody_elses_log_in_is_one_that_does_not_exist(
    who, whose, client_of, request, problem
):
    """Also to an admin: the log-ins of others are ended by person."""
    me = client_of(request.getfixturevalue(who))
    theirs = client_of(request.getfixturevalue(whose))

    problem(me.delete(f"{OWN}{theirs.session.pk}/"), 404, "not_found")

    assert theirs.get("auth/me/").status_code == 200
    assert ended() == {}


def test_one_log_in_is_no_page(cashier, client_of, problem):
    here = client_of(cashier)

    problem(here.get(f"{OWN}{here.session.pk}/"), 405, "method_not_allowed")


# --- those of others --------------------------------------------------------------------------


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
def test_who_sees_and_ends_whose(who, whose, may, client_of, request, problem):
    admin_client = client_of(request.getfixturevalue(who))
    user = request.getfixturevalue(whose)
    theirs = client_of(user)

    seen, done = admin_client.get(of(user)), admin_client.delete(of(user))

    if may:
        assert str(theirs.session.pk) in ids(seen)
        assert (done.status_code, done.content) == (204, b"")
        problem(theirs.get("auth/me/"), 401, "token_not_valid")
    else:
        problem(seen, 403, "permission_denied")
        problem(done, 403, "permission_denied")
        assert theirs.get("auth/me/").status_code == 200
        assert ended() == {}


def test_people_of_another_shop_do_not_exist(admin, foreign, client_of, problem):
    admin_client, theirs = client_of(admin), client_of(foreign.cashier)

    problem(admin_client.get(of(foreign.cashier)), 404, "not_found")
    problem(admin_client.delete(of(foreign.cashier)), 404, "not_found")

    assert theirs.get("auth/me/").status_code == 200


def test_a_persons_list_is_theirs_alone_and_pages_too(admin, cashier, manager, client_of):
    admin_client = client_of(admin)
    theirs = {str(client_of(cashier).session.pk) for _ in range(3)}
    client_of(manager)

    first = admin_client.get(of(cashier), {"page_size": 2, "ordering": "last_used_at"})
    rest = admin_client.client.get(first.json()["next"], headers=admin_client.defaults)

    assert ids(first) | ids(rest) == theirs
    assert not any(row["is_current"] for row in first.json()["results"])
    assert "token" not in json.dumps(first.json())


def test_every_device_is_out_and_may_come_in_again(admin, cashier, manager, client_of):
    tills = [client_of(cashier) for _ in range(3)]
    others = [client_of(manager), client_of(admin)]

    others[1].delete(of(cashier))

    assert ended() == {till.session.pk: "by_staff" for till in tills}
    assert [api.get("auth/me/").status_code for api in others] == [200, 200]
    assert Api().post(LOG_IN, build_credentials()).status_code == 200


def test_where_nobody_is_logged_in_there_is_nothing_to_end(admin, cashier, client_of):
    admin_client = client_of(admin)

    assert admin_client.get(of(cashier)).json()["results"] == []
    assert admin_client.delete(of(cashier)).status_code == 204
    assert ended() == {}


# --- how much of the database it takes --------------------------------------------------------


@pytest.mark.parametrize("count", [1, 30])
def test_a_list_is_one_statement_however_long(count, cashier, client_of, statements):
    here = client_of(cashier)
    for _ in range(count):
        AuthSessionFactory(user=cashier)

    with statements(2):
        assert len(here.get(OWN).json()["results"]) == count + 1


def test_ending_one_is_one_statement_and_is_noted(cashier, client_of, statements):
    here, there = client_of(cashier), client_of(cashier)

    with statements(2 + 1):
        assert here.delete(f"{OWN}{there.session.pk}/").status_code == 204


def test_the_lists_of_others_take_the_person_too(admin, cashier, client_of, statements):
    admin_client = client_of(admin)
    for _ in range(30):
        AuthSessionFactory(user=cashier)

    with statements(3):
        assert len(admin_client.get(of(cashier)).json()["results"]) == 30


def test_ending_those_of_others_holds_the_staff_still(admin, cashier, client_of, statements):
    admin_client = client_of(admin)
    for _ in range(30):
        AuthSessionFactory(user=cashier)

    with statements(5 + 1):
        assert admin_client.delete(of(cashier)).status_code == 204


def test_who_left_is_no_reason_to_hide_their_log_ins(admin, shop, client_of):
    """An ended employment ends them; a row that is live all the same would be worth seeing."""
    sacked = UserFactory(tenant=shop, is_active=False)
    left = AuthSessionFactory(user=sacked)

    assert ids(client_of(admin).get(of(sacked))) == {str(left.pk)}
