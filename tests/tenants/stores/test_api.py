"""Stores and registers API: all roles read, admins write."""

import json
import uuid

import pytest

from tenants import services
from tenants.scope import tenant_scope
from tests.factories.tenants import RegisterFactory, StoreFactory
from tests.support.parallel import run_times, statuses
from tests.support.stores import each_kind, snapshot_stores

# --- creating ----------------------------------------------------------------------------------


def test_admin_creates_a_store(admin_client):
    body = {"name": "North", "address": "1 Main St\nNorthtown", "timezone": "America/New_York"}

    response = admin_client.post("stores/", body)

    answer = response.json()
    assert response.status_code == 201
    assert response["ETag"] == '"1"'
    assert answer.items() >= (body | {"is_active": True, "version": 1}).items()
    assert admin_client.get(f"stores/{answer['id']}/").json() == answer


def test_new_register_gets_the_next_number_of_the_shop(admin_client, shop):
    north, south = StoreFactory(tenant=shop), StoreFactory(tenant=shop)

    numbers = [
        admin_client.post("registers/", {"name": "Till", "store": str(place.pk)}).json()["number"]
        for place in (north, south)
    ]

    assert numbers == [1, 2]


def test_register_numbers_are_per_shop(admin_client, store, foreign):
    response = admin_client.post("registers/", {"name": "Till", "store": str(store.pk)})

    assert response.json()["number"] == 1


def test_register_number_is_not_reused(admin_client, store, register):
    """Receipts of the closed register show the number."""
    admin_client.patch(f"registers/{register.pk}/", {"is_active": False}, If_Match="*")

    response = admin_client.post("registers/", {"name": "Till 2", "store": str(store.pk)})

    assert response.json()["number"] == 2


def test_business_day_starts_at_midnight_by_default(admin_client, cashier, client_of):
    store = admin_client.post("stores/", {"name": "Bar"}).json()
    path = f"stores/{store['id']}/"

    changed = admin_client.patch(path, {"day_starts_at": "04:30"}, If_Match='"1"')

    assert store["day_starts_at"] == "00:00"
    assert (changed.status_code, changed.json()["version"]) == (200, 2)
    assert client_of(cashier).get(path).json()["day_starts_at"] == "04:30"


@each_kind
def test_stores_and_registers_cannot_be_deleted(kind, admin_client, places, problem):
    before = snapshot_stores()

    problem(admin_client.delete(f"{kind}/{places[kind].pk}/"), 405, "method_not_allowed")
    assert snapshot_stores() == before


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_simultaneously_created_registers_have_different_numbers(shop, store):
    names = iter("ABCDEFGH")

    def add():
        with tenant_scope(shop):
            return services.create_register(store=store, name=next(names)).number

    assert sorted(run_times(8, add)) == [1, 2, 3, 4, 5, 6, 7, 8]


@each_kind
@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_one_of_several_simultaneous_creations_of_a_name_succeeds(kind, admin, client_of, bodies):
    admin_client = client_of(admin)

    answers = run_times(6, lambda: admin_client.post(f"{kind}/", bodies[kind]))

    assert statuses(answers) == {201: 1, 409: 5}


# --- reading -----------------------------------------------------------------------------------


@each_kind
@pytest.mark.parametrize("who", ["cashier", "manager", "admin"])
def test_all_roles_see_stores_and_registers_of_their_shop_only(
    kind, who, places, foreign, client_of, request
):
    reader = client_of(request.getfixturevalue(who))

    page = reader.get(f"{kind}/").json()

    assert [row["id"] for row in page["results"]] == [str(places[kind].pk)]
    assert "LEAKMARK" not in json.dumps(page)
    assert reader.get(f"{kind}/{places[kind].pk}/").json() == page["results"][0]


def test_registers_are_ordered_by_number_and_filtered_by_store(admin_client, shop):
    north, south = StoreFactory(tenant=shop), StoreFactory(tenant=shop)
    for number, place in enumerate([north, south, north], start=1):
        RegisterFactory(tenant=shop, store=place, number=number)

    everything = admin_client.get("registers/").json()["results"]
    of_north = admin_client.get("registers/", {"store": str(north.pk)}).json()["results"]

    assert [row["number"] for row in everything] == [1, 2, 3]
    assert [row["number"] for row in of_north] == [1, 3]


def test_filter_by_a_store_of_another_shop_lists_nothing(admin_client, register, foreign):
    by_foreign = admin_client.get("registers/", {"store": str(foreign.store.pk)})
    by_unknown = admin_client.get("registers/", {"store": str(uuid.uuid4())})

    assert by_foreign.json() == by_unknown.json()
    assert by_foreign.json()["results"] == []


@each_kind
def test_stores_and_registers_are_filtered_by_activity(kind, admin_client, places):
    admin_client.patch(f"{kind}/{places[kind].pk}/", {"is_active": False}, If_Match="*")

    assert len(admin_client.get(f"{kind}/", {"is_active": "false"}).json()["results"]) == 1
    assert admin_client.get(f"{kind}/", {"is_active": "true"}).json()["results"] == []


@each_kind
def test_updated_since_lists_changed_rows(kind, admin_client, places):
    shown = admin_client.get(f"{kind}/{places[kind].pk}/").json()

    since = admin_client.get(f"{kind}/", {"updated_since": shown["updated_at"]}).json()["results"]
    later = admin_client.get(f"{kind}/", {"updated_since": "2999-01-01T00:00:00Z"}).json()[
        "results"
    ]

    assert (since, later) == ([shown], [])


@each_kind
@pytest.mark.parametrize("query", ["tenant=x", "ordering=tenant", "page=2", "limit=5", "name=x"])
def test_unknown_or_invalid_parameters_are_rejected(kind, query, admin_client, places):
    assert admin_client.get(f"{kind}/?{query}").status_code == 400


# --- changing ---------------------------------------------------------------------------------


def test_admin_changes_a_store(admin_client, store):
    body = {"name": "Moved", "address": "", "timezone": "Asia/Tokyo", "is_active": False}

    response = admin_client.patch(f"stores/{store.pk}/", body, If_Match='"1"')

    assert response.status_code == 200
    assert response["ETag"] == '"2"'
    assert response.json().items() >= (body | {"version": 2}).items()


def test_admin_renames_a_register(admin_client, register):
    response = admin_client.patch(f"registers/{register.pk}/", {"name": "Bar"}, If_Match='"1"')

    assert (response.json()["name"], response.json()["number"]) == ("Bar", 1)


@each_kind
def test_blanks_around_a_name_are_removed(kind, admin_client, bodies):
    response = admin_client.post(f"{kind}/", bodies[kind] | {"name": "  North "})

    assert response.json()["name"] == "North"


@each_kind
def test_change_needs_the_current_version(kind, admin_client, places, problem):
    path, before = f"{kind}/{places[kind].pk}/", snapshot_stores()

    problem(admin_client.patch(path, {"name": "X"}), 428, "if_match_required")
    problem(admin_client.patch(path, {"name": "X"}, If_Match='"2"'), 412, "version_conflict")
    assert snapshot_stores() == before


@each_kind
def test_taken_name_is_rejected(kind, admin_client, places, bodies, problem):
    taken = bodies[kind] | {"name": places[kind].name}
    other = admin_client.post(f"{kind}/", bodies[kind]).json()
    before = snapshot_stores()

    problem(admin_client.post(f"{kind}/", taken), 409, "already_exists", {"name": "unique"})
    response = admin_client.patch(f"{kind}/{other['id']}/", {"name": taken["name"]}, If_Match="*")
    problem(response, 409, "already_exists", {"name": "unique"})
    assert snapshot_stores() == before


def test_registers_of_two_stores_can_have_the_same_name(admin_client, register, shop):
    other = StoreFactory(tenant=shop)

    response = admin_client.post("registers/", {"name": register.name, "store": str(other.pk)})

    assert response.status_code == 201


@pytest.mark.parametrize("name", ["LEAKMARK_B_STORE", "LEAKMARK_B_REGISTER"])
def test_name_of_another_shop_is_accepted(name, admin_client, store, foreign):
    assert admin_client.post("stores/", {"name": name}).status_code == 201
    response = admin_client.post("registers/", {"name": name, "store": str(store.pk)})
    assert response.status_code == 201
