"""Who works in which store."""

import pytest

from accounts.models import Posting
from tenants.scope import across_tenants
from tests.factories.accounts import UserFactory
from tests.factories.tenants import RegisterFactory, StoreFactory
from tests.support.terminals import PinPad, give_pin, list_end_reasons
from tests.support.users import snapshot_users


@pytest.fixture
def stores(store):
    """Three of them; the first is the one of the register."""
    return [store, *(StoreFactory(tenant=store.tenant) for _ in range(2))]


def ids(*stores):
    return sorted(str(store.pk) for store in stores)


def postings():
    with across_tenants():
        return sorted(Posting.objects.values_list("user_id", "store_id", "tenant_id"))


def send(api, user, stores, **headers):
    return api.patch(f"users/{user.pk}/", {"stores": stores}, **({"If_Match": "*"} | headers))


def test_who_is_hired_works_in_all_stores_unless_told(admin, stores, client_of):
    admin_client = client_of(admin)

    everywhere = admin_client.post("users/", {"username": "ann", "role": "cashier"}).json()
    here = admin_client.post(
        "users/", {"username": "bob", "role": "cashier", "stores": ids(*stores[:2])}
    ).json()

    assert (everywhere["stores"], here["stores"]) == ([], ids(*stores[:2]))
    assert [(str(user), str(tenant)) for user, _, tenant in postings()] == [
        (here["id"], str(admin.tenant_id))
    ] * 2


def test_a_change_adds_and_removes_and_counts_the_version_up(admin, cashier, stores, client_of):
    admin_client = client_of(admin)
    send(admin_client, cashier, ids(*stores[:2]))
    kept = next(row for row in postings() if row[1] == stores[1].pk)

    response = send(admin_client, cashier, ids(*stores[1:]), If_Match='"2"')

    assert response.status_code == 200
    assert (response.json()["stores"], response.json()["version"]) == (ids(*stores[1:]), 3)
    assert kept in postings()
    assert {row[1] for row in postings()} == {store.pk for store in stores[1:]}
    assert send(admin_client, cashier, []).json()["stores"] == []
    assert postings() == []


def test_what_is_not_named_stays(admin, cashier, stores, client_of):
    admin_client = client_of(admin)
    send(admin_client, cashier, ids(stores[0]))

    response = admin_client.patch(f"users/{cashier.pk}/", {"display_name": "Al"}, If_Match="*")

    assert response.json()["stores"] == ids(stores[0])
    assert len(postings()) == 1


def test_an_old_version_changes_nothing(admin, cashier, stores, client_of, problem):
    problem(
        send(client_of(admin), cashier, ids(stores[0]), If_Match='"7"'), 412, "version_conflict"
    )

    assert postings() == []


def test_a_store_of_another_shop_does_not_exist(admin, cashier, foreign, client_of, problem):
    admin_client, before = client_of(admin), snapshot_users()

    edited = send(admin_client, cashier, [str(foreign.store.pk)])
    hired = admin_client.post(
        "users/", {"username": "ann", "role": "cashier", "stores": [str(foreign.store.pk)]}
    )

    for response in (edited, hired):
        problem(response, 400, "invalid", {"stores[0]": "does_not_exist"})
    assert (snapshot_users(), postings()) == (before, [])


@pytest.mark.parametrize(
    ("value", "errors"),
    [
        (None, {"stores": "null"}),
        ("all", {"stores": "not_a_list"}),
        ([1], {"stores[0]": "invalid"}),
        (["01900000-0000-7000-8000-000000000000"] * 501, {"stores": "max_length"}),
    ],
    ids=lambda value: str(value)[:20],
)
def test_stores_are_named_by_their_ids(value, errors, admin, cashier, client_of, problem):
    problem(send(client_of(admin), cashier, value), 400, "invalid", errors)


def test_a_store_is_named_once(admin, cashier, store, client_of, problem):
    twice = [str(store.pk)] * 2

    problem(send(client_of(admin), cashier, twice), 400, "invalid", {"stores[1]": "repeated"})


@pytest.mark.parametrize(
    ("who", "whose", "may"),
    [
        ("manager", "cashier", True),
        ("admin", "manager", True),
        ("admin", "admin", True),
        ("manager", "manager", False),
        ("manager", "other_manager", False),
    ],
)
def test_who_posts_whom(who, whose, may, store, client_of, request, problem):
    user, by = request.getfixturevalue(whose), request.getfixturevalue(who)
    before = snapshot_users()

    response = send(client_of(by), user, ids(store))

    if may:
        assert response.json()["stores"] == ids(store)
    else:
        problem(response, 403, "permission_denied")
        assert (snapshot_users(), postings()) == (before, [])


def test_nobody_posts_themselves_by_their_profile(cashier, store, client_of, problem):
    response = client_of(cashier).patch("auth/me/", {"stores": ids(store)}, If_Match="*")

    problem(response, 400, "invalid", {"stores": "unknown_field"})


def test_in_a_store_that_is_no_longer_theirs_they_are_out(
    admin, cashier, stores, pin_pad, client_of, problem
):
    give_pin(cashier)
    second = PinPad(RegisterFactory(tenant=admin.tenant, store=stores[1]), admin)
    here, there, platform_browser = (
        pin_pad.till_of(cashier),
        second.till_of(cashier),
        client_of(cashier),
    )

    send(client_of(admin), cashier, ids(stores[1]))

    problem(here.get("auth/me/"), 401, "token_not_valid")
    problem(pin_pad.enter(cashier), 401, "invalid_credentials")
    assert [api.get("auth/me/").status_code for api in (there, platform_browser)] == [200, 200]
    assert list_end_reasons() == ["by_staff"]


@pytest.mark.parametrize("count", [1, 30])
def test_a_list_asks_for_all_postings_at_once(count, admin, stores, client_of, statements):
    admin_client = client_of(admin)
    for _ in range(count):
        person = UserFactory(tenant=admin.tenant)
        with across_tenants():
            for store in stores:
                Posting(tenant=admin.tenant, user=person, store=store).save()

    with statements(3):
        rows = admin_client.get("users/").json()["results"]

    assert [len(row["stores"]) for row in rows].count(3) == count
