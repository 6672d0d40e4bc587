"""Limits of the roles in the settings of a shop."""

from importlib import import_module
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.db import connection

from tests.support.parallel import run_concurrently

TENANT = "tenant/"


def test_omitted_limits_are_unchanged(admin, client_of):
    admin_client = client_of(admin)
    before = admin_client.get(TENANT).json()["limits"]

    first = {"cashier": {"refund_amount": "20.50"}}
    second = {"cashier": {"line_discount_percent": "5.25"}, "manager": {"paid_out_amount": 100}}
    admin_client.patch(TENANT, {"limits": first}, If_Match="*")
    response = admin_client.patch(TENANT, {"limits": second}, If_Match="*")

    assert response.json()["limits"] == {
        "cashier": before["cashier"] | {"refund_amount": "20.50", "line_discount_percent": "5.25"},
        "manager": before["manager"] | {"paid_out_amount": "100.00"},
    }


def test_new_limit_applies_immediately(admin, cashier, client_of):
    limits = {"cashier": {"refund_amount": "20.00"}}
    client_of(admin).patch(TENANT, {"limits": limits}, If_Match="*")

    cashier.tenant.refresh_from_db()
    assert cashier.may_move_money("refund_amount", 20)
    assert not cashier.may_move_money("refund_amount", 21)


def test_null_limit_means_unlimited_and_is_shown_as_null(admin, client_of, shop):
    """Sending the shown limits back changes nothing."""
    admin_client = client_of(admin)
    before = admin_client.get(TENANT).json()["limits"]
    assert admin_client.patch(TENANT, {"limits": before}, If_Match="*").json()["limits"] == before

    unlimited = {role: dict.fromkeys(limits) for role, limits in before.items()}
    assert (
        admin_client.patch(TENANT, {"limits": unlimited}, If_Match="*").json()["limits"]
        == unlimited
    )

    shop.refresh_from_db()
    assert all(each is None for limits in shop.limits.values() for each in limits.values())
    assert admin_client.patch(TENANT, {"limits": before}, If_Match="*").json()["limits"] == before


def test_migration_adds_the_drop_limit_to_existing_shops(shop):
    shop.limits = {"cashier": {"refund_amount": "3"}, "manager": {"drop_amount": "7"}}
    shop.save_changes("limits")

    migration = import_module("tenants.migrations.0007_limit_drops")
    migration.limit_drops(apps, SimpleNamespace(connection=connection))

    shop.refresh_from_db()
    assert shop.limits["cashier"] == {"refund_amount": "3", "drop_amount": "500"}
    assert shop.limits["manager"] == {"drop_amount": "7"}


def test_migration_adds_the_limit_of_deposit_returns_to_existing_shops(shop):
    shop.limits = {"cashier": {}, "manager": {"deposit_return_amount": "7"}}
    shop.save_changes("limits")

    migration = import_module("tenants.migrations.0011_limit_deposit_returns")
    migration.limit_deposit_returns(apps, SimpleNamespace(connection=connection))

    shop.refresh_from_db()
    assert shop.limits == {
        "cashier": {"deposit_return_amount": "30"},
        "manager": {"deposit_return_amount": "7"},
    }


def test_empty_limits_change_nothing(admin, client_of):
    admin_client = client_of(admin)
    before = admin_client.get(TENANT).json()["limits"]

    response = admin_client.patch(TENANT, {"limits": {"cashier": {}}}, If_Match="*")

    assert response.json()["limits"] == before


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_simultaneous_changes_of_different_limits_both_succeed(admin, client_of):
    clients = [client_of(admin), client_of(admin)]
    changes = [{"cashier": {"refund_amount": "7.00"}}, {"manager": {"refund_amount": "8.00"}}]

    run_concurrently(
        [
            lambda: clients[0].patch(TENANT, {"limits": changes[0]}, If_Match="*"),
            lambda: clients[1].patch(TENANT, {"limits": changes[1]}, If_Match="*"),
        ]
    )

    limits = clients[0].get(TENANT).json()["limits"]
    amounts = [limits[role]["refund_amount"] for role in ("cashier", "manager")]
    assert amounts == ["7.00", "8.00"]


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_one_of_two_changes_of_the_same_version_is_refused(admin, client_of):
    clients = [client_of(admin), client_of(admin)]

    answers = run_concurrently(
        [
            lambda: clients[0].patch(TENANT, {"name": "Left"}, If_Match='"1"'),
            lambda: clients[1].patch(TENANT, {"name": "Right"}, If_Match='"1"'),
        ]
    )

    assert sorted(answer.status_code for answer in answers) == [200, 412]
    winner = next(answer for answer in answers if answer.status_code == 200).json()
    assert clients[0].get(TENANT).json() == winner
