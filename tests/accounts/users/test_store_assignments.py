"""Assign users to stores."""

import pytest

from accounts.models import Posting
from tenants.scope import across_tenants
from tests.factories.accounts import UserFactory
from tests.factories.tenants import RegisterFactory, StoreFactory
from tests.support.terminals import PairedTerminal, give_pin, list_end_reasons
from tests.support.users import snapshot_users


@pytest.fixture
def stores(store):
    """Return three stores; the first is that of the register."""
    return [store, *(StoreFactory(tenant=store.tenant) for _ in range(2))]


def sorted_ids(*stores):
    return sorted(str(store.pk) for store in stores)


def list_assignments():
    with across_tenants():
        return sorted(Posting.objects.values_list("user_id", "store_id", "tenant_id"))


def patch_stores(api, user, stores, **headers):
    return api.patch(f"users/{user.pk}/", {"stores": stores}, **({"If_Match": "*"} | headers))


def test_new_user_works_in_all_stores_unless_assigned(admin, stores, client_of):
    admin_client = client_of(admin)

    everywhere = admin_client.post("users/", {"username": "ann", "role": "cashier"}).json()
    here = admin_client.post(
        "users/", {"username": "bob", "role": "cashier", "stores": sorted_ids(*stores[:2])}
    ).json()

    assert (everywhere["stores"], here["stores"]) == ([], sorted_ids(*stores[:2]))
    assert [(str(user), str(tenant)) for user, _, tenant in list_assignments()] == [
        (here["id"], str(admin.tenant_id))
    ] * 2


def test_change_adds_and_removes_assignments_and_increments_the_version(
    admin, cashier, stores, client_of
):
    admin_client = client_of(admin)
    patch_stores(admin_client, cashier, sorted_ids(*stores[:2]))
    kept = next(row for row in list_assignments() if row[1] == stores[1].pk)

    response = patch_stores(admin_client, cashier, sorted_ids(*stores[1:]), If_Match='"2"')

    assert response.status_code == 200
    assert (response.json()["stores"], response.json()["version"]) == (sorted_ids(*stores[1:]), 3)
    assert kept in list_assignments()
    assert {row[1] for row in list_assignments()} == {store.pk for store in stores[1:]}
    assert patch_stores(admin_client, cashier, []).json()["stores"] == []
    assert list_assignments() == []


def test_omitted_stores_are_unchanged(admin, cashier, stores, client_of):
    admin_client = client_of(admin)
    patch_stores(admin_client, cashier, sorted_ids(stores[0]))

    response = admin_client.patch(f"users/{cashier.pk}/", {"display_name": "Al"}, If_Match="*")

    assert response.json()["stores"] == sorted_ids(stores[0])
    assert len(list_assignments()) == 1


def test_outdated_version_is_rejected(admin, cashier, stores, client_of, problem):
    problem(
        patch_stores(client_of(admin), cashier, sorted_ids(stores[0]), If_Match='"7"'),
        412,
        "version_conflict",
    )

    assert list_assignments() == []


def test_store_of_another_shop_is_rejected(admin, cashier, foreign, client_of, problem):
    admin_client, before = client_of(admin), snapshot_users()

    edited = patch_stores(admin_client, cashier, [str(foreign.store.pk)])
    hired = admin_client.post(
        "users/", {"username": "ann", "role": "cashier", "stores": [str(foreign.store.pk)]}
    )

    for response in (edited, hired):
        problem(response, 400, "invalid", {"stores[0]": "does_not_exist"})
    assert (snapshot_users(), list_assignments()) == (before, [])


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
def test_invalid_stores_are_rejected(value, errors, admin, cashier, client_of, problem):
    problem(patch_stores(client_of(admin), cashier, value), 400, "invalid", errors)


def test_repeated_store_is_rejected(admin, cashier, store, client_of, problem):
    twice = [str(store.pk)] * 2

    problem(
        patch_stores(client_of(admin), cashier, twice), 400, "invalid", {"stores[1]": "repeated"}
    )


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
def test_roles_that_can_assign_stores(who, whose, may, store, client_of, request, problem):
    user, by = request.getfixturevalue(whose), request.getfixturevalue(who)
    before = snapshot_users()

    response = patch_stores(client_of(by), user, sorted_ids(store))

    if may:
        assert response.json()["stores"] == sorted_ids(store)
    else:
        problem(response, 403, "permission_denied")
        assert (snapshot_users(), list_assignments()) == (before, [])


def test_own_profile_cannot_change_stores(cashier, store, client_of, problem):
    response = client_of(cashier).patch("auth/me/", {"stores": sorted_ids(store)}, If_Match="*")

    problem(response, 400, "invalid", {"stores": "unknown_field"})


def test_removed_assignment_ends_pin_sessions_in_that_store(
    admin, cashier, stores, pin_pad, client_of, problem
):
    give_pin(cashier)
    second = PairedTerminal(RegisterFactory(tenant=admin.tenant, store=stores[1]), admin)
    here, there, office_client = (
        pin_pad.till_of(cashier),
        second.till_of(cashier),
        client_of(cashier),
    )

    patch_stores(client_of(admin), cashier, sorted_ids(stores[1]))

    problem(here.get("auth/me/"), 401, "token_not_valid")
    problem(pin_pad.enter(cashier), 401, "invalid_credentials")
    assert [api.get("auth/me/").status_code for api in (there, office_client)] == [200, 200]
    assert list_end_reasons() == ["by_staff"]


@pytest.mark.parametrize("count", [1, 30])
def test_user_list_loads_assignments_in_one_statement(count, admin, stores, client_of, statements):
    admin_client = client_of(admin)
    for _ in range(count):
        person = UserFactory(tenant=admin.tenant)
        with across_tenants():
            for store in stores:
                Posting(tenant=admin.tenant, user=person, store=store).save()

    with statements(3):
        rows = admin_client.get("users/").json()["results"]

    assert [len(row["stores"]) for row in rows].count(3) == count
