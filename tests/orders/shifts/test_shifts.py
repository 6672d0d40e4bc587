"""A shift from its opening float to its count."""

from decimal import Decimal

import pytest

from orders.models import CashMovement, ChainEntry, RegisterSeries, Shift
from tenants.models import AuditEvent, OutboxEvent, Tenant
from tenants.scope import tenant_scope
from tests.factories.accounts import AuthSessionFactory, UserFactory
from tests.support.api import Person
from tests.support.shifts import (
    build_opening,
    close_shift,
    end_shift,
    fetch_shift_report,
    open_shift,
    record_movement,
)
from tests.support.till import Till, cash, line, new_id


@pytest.fixture
def shift(till):
    return open_shift(till)


@pytest.fixture
def sold(till, make_product, shift):
    return till.sold(line(make_product("2.50"), "2"), payments=[cash("5.00", tendered="10.00")])


def test_sale_belongs_to_the_open_shift(shift, sold, till):
    assert (sold["status"], sold["shift"]) == ("completed", shift["id"])
    listed = till.get("orders/", {"shift": shift["id"]}).json()["results"]
    assert [each["id"] for each in listed] == [sold["id"]]
    assert till.get("orders/", {"shift": new_id()}).json()["results"] == []


def test_shift_from_opening_to_z_report(till, manager_client, shift, sold, shop):
    assert record_movement(till, shift, "drop", "50.00").status_code == 201
    blind_report = fetch_shift_report(till, shift)
    assert (blind_report["sales"]["total"], blind_report["cash"], blind_report["expected"]) == (
        "5.00",
        None,
        None,
    )
    assert (blind_report["payments"], blind_report["carried"]) == (None, None)
    assert fetch_shift_report(manager_client, shift)["cash"]["expected"] == "55.00"
    assert end_shift(till, shift).json()["status"] == "ended"

    closed = close_shift(till, shift, "54.90", note="A dime is missing")

    assert closed.status_code == 200, closed.content
    (count,) = closed.json()["counted"]
    assert (count["expected"], count["counted"], count["difference"]) == ("55.00", "54.90", "-0.10")
    z = fetch_shift_report(till, shift, "z")
    assert (z["z_number"], z["sales"]["total"], z["cash"]["drops"]) == (1, "5.00", "50.00")
    assert (z["currency"], z["note"]) == ("EUR", "A dime is missing")
    with tenant_scope(shop):
        kinds = ChainEntry.objects.order_by("sequence").values_list("kind", flat=True)
        assert list(kinds) == ["receipt", "z_report"]
        assert Shift.objects.get().counted_cash == Decimal("54.90")
        event = OutboxEvent.objects.get(topic="shift.closed")
        assert event.data["z_number"] == 1


def test_last_count_is_the_suggested_and_default_float(till, shift, problem):
    current = till.get("shifts/current/", {"register": shift["register"]})
    assert current.json()["id"] == shift["id"]
    close_shift(till, shift, "95.10")

    current = problem(
        till.get("shifts/current/", {"register": shift["register"]}), 404, "no_current_shift"
    )
    second = till.post("shifts/", build_opening(till))

    assert current["suggested_float"] == "95.10"
    assert second.json()["opening_float"] == "95.10"


def test_suggested_float_is_the_latest_of_several_counts(till):
    for counted in ("98.10", "97.20", "99.30"):
        close_shift(till, open_shift(till), counted)

    current = till.get("shifts/current/", {"register": str(till.register.pk)}).json()

    assert current["suggested_float"] == "99.30"


def test_default_float_of_the_first_shift_is_zero(till):
    assert till.post("shifts/", build_opening(till)).json()["opening_float"] == "0.00"


def test_count_of_another_register_is_not_suggested(tills):
    first, second = tills[:2]
    close_shift(first, open_shift(first), "99.00")

    assert second.post("shifts/", build_opening(second)).json()["opening_float"] == "0.00"


def test_repeated_opening_is_the_same_shift(till, shop, register, problem):
    body = build_opening(till, opening_float="100.00")
    first = till.post("shifts/", body)

    assert till.post("shifts/", body).json() == first.json()
    assert till.post("shifts/", body).status_code == 200
    problem(till.post("shifts/", body | {"opening_float": "90.00"}), 409, "id_conflict")
    # The repeated request succeeds although the register is inactive now.
    with tenant_scope(shop):
        register.is_active = False
        register.save_changes("is_active")
    assert till.post("shifts/", body).status_code == 200
    with tenant_scope(shop):
        assert Shift.objects.count() == 1


def test_repeated_opening_without_register_at_a_paired_terminal_is_the_same(cashier, register):
    session = AuthSessionFactory(user=cashier, register=register, store=register.store)
    at_till = Till(cashier, register)
    paired = Person(cashier, session)
    body = build_opening(at_till, opening_float="1.00")
    first = paired.post("shifts/", {k: v for k, v in body.items() if k != "register"})

    again = at_till.post("shifts/", body)

    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["register"] == str(register.pk)
    assert first.json() == again.json()


def test_repeated_cash_movement_is_the_same_movement(till, shift, shop, problem):
    body = {"id": new_id(), "type": "paid_in", "amount": "5.00", "reason": "Coins"}
    path = f"shifts/{shift['id']}/cash-movements/"

    answers = [till.post(path, body), till.post(path, body | {"approval": new_id()})]

    assert [each.status_code for each in answers] == [201, 200]
    assert answers[0].json() == answers[1].json()
    problem(till.post(path, body | {"amount": "6.00"}), 409, "id_conflict")
    with tenant_scope(shop):
        assert CashMovement.objects.get().amount == Decimal("5.00")


def test_cash_movement_id_of_another_shift_is_a_conflict(tills, problem):
    first, second = (open_shift(till) for till in tills[:2])
    body = {"id": new_id(), "type": "drop", "amount": "5.00", "reason": "Safe"}
    assert tills[0].post(f"shifts/{first['id']}/cash-movements/", body).status_code == 201

    again = tills[1].post(f"shifts/{second['id']}/cash-movements/", body)

    problem(again, 409, "id_conflict")


def test_no_sale_is_counted_and_audited(till, manager_client, shift, shop):
    answer = record_movement(till, shift, "no_sale", reason="Change for a customer")

    assert answer.json()["amount"] == "0.00"
    assert fetch_shift_report(manager_client, shift)["cash"]["no_sales"] == 1
    with tenant_scope(shop):
        audited = AuditEvent.objects.get(event="cash_no_sale")
        assert audited.facts["reason"] == "Change for a customer"


def test_colleague_at_the_paired_register_may_move_cash(till, shift, shop, register):
    colleague = UserFactory(tenant=shop)
    session = AuthSessionFactory(user=colleague, register=register, store=register.store)

    answer = record_movement(Person(colleague, session), shift, "no_sale")

    assert answer.json()["by"] == str(colleague.pk)


def test_manager_ends_and_closes_the_shift_of_another_user(till, manager_client, shift, cashier):
    ended = end_shift(manager_client, shift).json()
    closed = close_shift(manager_client, shift, "100.00").json()

    assert (ended["opened_by"], ended["ended_by"]) == (str(cashier.pk), str(manager_client.user.pk))
    assert closed["closed_by"] == str(manager_client.user.pk)
    assert closed["ended_by"] == str(manager_client.user.pk)


def test_closing_keeps_the_user_who_ended_the_shift(till, manager_client, shift, cashier):
    end_shift(till, shift)

    closed = close_shift(manager_client, shift, "100.00").json()
    z = fetch_shift_report(till, shift, "z")

    assert (closed["ended_by"], closed["closed_by"]) == (
        str(cashier.pk),
        str(manager_client.user.pk),
    )
    assert (z["opened_by"], z["ended_by"]) == (str(cashier.pk), str(cashier.pk))
    assert z["opened_at"] < z["ended_at"] < z["closed_at"]


def test_ended_shift_accepts_drops_before_the_count(till, shift):
    end_shift(till, shift)

    assert record_movement(till, shift, "drop", "80.00").status_code == 201
    (count,) = close_shift(till, shift, "20.00").json()["counted"]

    assert (count["expected"], count["difference"]) == ("20.00", "0.00")


def test_next_shift_opens_before_the_last_one_is_counted(till, shift, make_product):
    end_shift(till, shift)

    second = open_shift(till, "50.00")
    order = till.sold(line(make_product("2.50")), payments=[cash("2.50")])

    assert order["shift"] == second["id"]
    assert close_shift(till, shift, "100.00").json()["z_number"] == 1
    assert close_shift(till, second, "52.50").json()["z_number"] == 2


def test_repeated_opening_with_a_key_is_one_shift(till, shop):
    body = {"register": str(till.register.pk)}

    first, again = (till.post("shifts/", body, Idempotency_Key="morning") for _ in range(2))

    assert (first.status_code, first.json()) == (again.status_code, again.json())
    with tenant_scope(shop):
        assert Shift.objects.count() == 1


def test_repeated_close_with_a_key_is_replayed(till, shift):
    first, again = (close_shift(till, shift, "100.00", Idempotency_Key="evening") for _ in range(2))

    assert (first.status_code, again.status_code) == (200, 200)
    assert again.json() == first.json()
    assert again["Idempotent-Replayed"] == "true"


def test_shift_list_is_newest_first_and_filtered(till, tills, shift, foreign):
    second = open_shift(tills[0])
    close_shift(till, shift, "100.00")

    listed = till.get("shifts/").json()["results"]
    closed = till.get("shifts/", {"status": "closed"}).json()["results"]
    at_till = till.get("shifts/", {"register": second["register"]}).json()["results"]

    assert [each["id"] for each in listed] == [second["id"], shift["id"]]
    assert [each["id"] for each in closed] == [shift["id"]]
    assert [each["id"] for each in at_till] == [second["id"]]


def test_new_shop_requires_shifts():
    assert Tenant(slug="new", name="New", currency="EUR").shifts_required


def test_first_shift_fixes_the_currency(till, shift, admin, shop, problem):
    answer = Person(admin).patch("tenant/", {"currency": "JPY"}, If_Match="*")

    problem(answer, 409, "currency_fixed")
    shop.refresh_from_db()
    assert shop.currency == "EUR"


def test_held_order_is_sold_in_the_next_shift(till, shift, make_product, manager_client):
    order = till.sold(line(make_product("5.00")))
    till.post(f"orders/{order['id']}/hold/")
    assert fetch_shift_report(manager_client, shift)["carried"]["open_orders"] == 1

    z = close_shift(till, shift, "100.00").json()
    second = open_shift(till, "100.00")
    till.post(f"orders/{order['id']}/resume/", {})
    sold = till.pay(order, cash("5.00")).json()

    assert z["status"] == "closed"
    assert (sold["status"], sold["shift"]) == ("completed", second["id"])
    assert fetch_shift_report(manager_client, second)["sales"]["total"] == "5.00"
    first = fetch_shift_report(manager_client, shift, "z")
    assert (first["sales"]["count"], first["carried"]["open_orders"]) == (0, 1)


def test_register_series_names_the_open_shift(till, shift, shop, register):
    with tenant_scope(shop):
        assert str(RegisterSeries.objects.get(register=register).shift_id) == shift["id"]

    end_shift(till, shift)

    with tenant_scope(shop):
        assert RegisterSeries.objects.get(register=register).shift_id is None
