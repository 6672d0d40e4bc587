"""CustomerGroup API: permissions, validation and isolation of shops."""

import pytest

from orders.models import CustomerGroup
from tenants.scope import tenant_scope
from tests.factories.customers import CustomerGroupFactory

PATH = "customer-groups/"


def list_names(shop):
    with tenant_scope(shop):
        return sorted(CustomerGroup.objects.values_list("name", flat=True))


def test_manager_adds_one_and_all_roles_read_it(manager_client, client_of, cashier):
    made = manager_client.post(PATH, {"name": "First"})

    assert made.status_code == 201
    shown = client_of(cashier).get(f"{PATH}{made.json()['id']}/")
    assert shown.status_code == 200
    assert shown.json() == made.json()
    assert [row["name"] for row in client_of(cashier).get(PATH).json()["results"]] == ["First"]


def test_change_needs_the_current_version(manager_client, problem, shop):
    path = f"{PATH}{manager_client.post(PATH, {'name': 'First'}).json()['id']}/"

    problem(manager_client.patch(path, {"name": "Second"}), 428, "if_match_required")
    problem(manager_client.patch(path, {"name": "Second"}, If_Match='"9"'), 412, "version_conflict")
    assert list_names(shop) == ["First"]
    assert manager_client.patch(path, {"name": "Second"}, If_Match='"1"').json()["version"] == 2
    assert list_names(shop) == ["Second"]


def test_taken_name_is_rejected(manager_client, shop):
    manager_client.post(PATH, {"name": "First"})

    again = manager_client.post(PATH, {"name": "First"})

    assert (again.status_code, again.json()["code"]) == (409, "already_exists")
    assert list_names(shop) == ["First"]


@pytest.mark.parametrize("name", [None, "", " ", "x" * 101, 7, ["First"]])
def test_invalid_name_is_rejected(name, manager_client, shop):
    response = manager_client.post(PATH, {"name": name})

    assert (response.status_code, response.json()["code"]) == (400, "invalid")
    assert [error["field"] for error in response.json()["errors"]] == ["name"]
    assert list_names(shop) == []


def test_cashier_cannot_add_one(client_of, cashier, problem, shop):
    problem(client_of(cashier).post(PATH, {"name": "First"}), 403, "permission_denied")
    assert list_names(shop) == []


def test_rows_of_another_shop_are_not_visible(manager_client, other_shop, problem):
    theirs = CustomerGroupFactory(tenant=other_shop)

    problem(manager_client.get(f"{PATH}{theirs.pk}/"), 404, "not_found")
    assert manager_client.get(PATH).json()["results"] == []
