"""How far each role goes on its own, and who sets it."""

from importlib import import_module
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.db import connection

from tests.support.parallel import run_concurrently

TENANT = "tenant/"


def test_of_the_limits_only_those_named_change(admin, client_of):
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


def test_a_new_limit_holds_at_once(admin, cashier, client_of):
    limits = {"cashier": {"refund_amount": "20.00"}}
    client_of(admin).patch(TENANT, {"limits": limits}, If_Match="*")

    cashier.tenant.refresh_from_db()
    assert cashier.may_refund(20)
    assert not cashier.may_refund(21)


def test_null_is_unlimited_and_shown_as_it_was_written(admin, client_of, shop):
    """Whoever sends back what they read changes nothing."""
    admin_client = client_of(admin)
    before = admin_client.get(TENANT).json()["limits"]
    assert admin_client.patch(TENANT, {"limits": before}, If_Match="*").json()["limits"] == before

    nothing = {role: dict.fromkeys(limits) for role, limits in before.items()}
    assert admin_client.patch(TENANT, {"limits": nothing}, If_Match="*").json()["limits"] == nothing

    shop.refresh_from_db()
    assert all(each is None for limits in shop.limits.values() for each in limits.values())
    assert admin_client.patch(TENANT, {"limits": before}, If_Match="*").json()["limits"] == before


def test_a_shop_that_is_older_than_the_limit_of_drops_gets_it(shop):
    shop.limits = {"cashier": {"refund_amount": "3"}, "manager": {"drop_amount": "7"}}
    shop.save_changes("limits")

    migration = import_module("tenants.migrations.0007_limit_drops")
    migration.limit_drops(apps, SimpleNamespace(connection=connection))

    shop.refresh_from_db()
    assert shop.limits["cashier"] == {"refund_amount": "3", "drop_amount": "500"}
    assert shop.limits["manager"] == {"drop_amount": "7"}


def test_nothing_named_is_nothing_changed(admin, client_of):
    admin_client = client_of(admin)
    before = admin_client.get(TENANT).json()["limits"]

    response = admin_client.patch(TENANT, {"limits": {"cashier": {}}}, If_Match="*")

    assert response.json()["limits"] == before


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_two_who_change_different_limits_at_once_both_succeed(admin, client_of):
    offices = [client_of(admin), client_of(admin)]
    changes = [{"cashier": {"refund_amount": "7.00"}}, {"manager": {"refund_amount": "8.00"}}]

    run_concurrently(
        [
            lambda: offices[0].patch(TENANT, {"limits": changes[0]}, If_Match="*"),
            lambda: offices[1].patch(TENANT, {"limits": changes[1]}, If_Match="*"),
        ]
    )

    limits = offices[0].get(TENANT).json()["limits"]
    amounts = [limits[role]["refund_amount"] for role in ("cashier", "manager")]
    assert amounts == ["7.00", "8.00"]


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_of_two_from_the_same_version_one_is_refused(admin, client_of):
    offices = [client_of(admin), client_of(admin)]

    answers = run_concurrently(
        [
            lambda: offices[0].patch(TENANT, {"name": "Left"}, If_Match='"1"'),
            lambda: offices[1].patch(TENANT, {"name": "Right"}, If_Match='"1"'),
        ]
    )

    assert sorted(answer.status_code for answer in answers) == [200, 412]
    winner = next(answer for answer in answers if answer.status_code == 200).json()
    assert offices[0].get(TENANT).json() == winner
