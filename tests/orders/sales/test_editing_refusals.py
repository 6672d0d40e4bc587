"""Refused edits of open orders, and edits with approval."""

import pytest

from orders.models import Order, OrderLine
from tenants.scope import tenant_scope
from tests.factories.tenants import RegisterFactory, StoreFactory
from tests.support.approvals import grant_approval, request_approval
from tests.support.parallel import run_concurrently
from tests.support.till import card, cash, line, new_id, percent


@pytest.fixture
def order(till, make_product):
    return till.sold(line(make_product("2.50"), "2"))


@pytest.fixture
def path(order):
    return f"orders/{order['id']}/"


def test_repeated_line_id_adds_one_line_and_each_new_id_another(till, path, make_product):
    product, id = make_product("1.00"), new_id()

    for _ in range(2):
        till.post(f"{path}lines/", line(product, id=id))
        till.post(f"{path}lines/", line(product))

    order = till.get(path).json()
    assert [each["quantity"] for each in order["lines"]] == ["2", "1", "1", "1"]
    assert order["total"] == "8.00"


@pytest.mark.django_db(transaction=True)
@pytest.mark.postgres
def test_concurrent_line_additions_are_all_counted(till, path, make_product):
    product = make_product("1.00")

    run_concurrently([lambda: till.post(f"{path}lines/", line(product)) for _ in range(8)])

    order = till.get(path).json()
    assert (len(order["lines"]), order["total"]) == (9, "13.00")


@pytest.mark.parametrize("action", ["lines", "payments", "refunds", "hold", "void"])
def test_edit_with_an_unknown_query_parameter_is_refused(till, path, problem, action):
    before, body = till.get(path).json(), {"id": new_id(), "quantity": "1", "sku": "x"}
    bodies = {
        "lines": body,
        "payments": cash("1.00"),
        "refunds": {"id": new_id(), "reason": "Broken"},
        "void": {"reason": "Left"},
    }

    refusal = till.post(f"{path}{action}/?color=red", bodies.get(action))

    problem(refusal, 400, "unknown_filter", {"color": "unknown_filter"})
    assert till.get(path).json() == before


def test_line_id_with_other_content_is_a_conflict(till, path, make_product, problem):
    id = new_id()
    till.post(f"{path}lines/", line(make_product("1.00"), id=id))
    before = till.get(path).json()

    problem(till.post(f"{path}lines/", line(make_product("2.00"), id=id)), 409, "id_conflict")

    assert till.get(path).json() == before


@pytest.mark.parametrize(("header", "status"), [(None, 428), ('"7"', 412)])
def test_line_change_needs_the_current_version(till, path, order, header, status):
    headers = {"If_Match": header} if header else {}
    change = till.patch(f"{path}lines/{order['lines'][0]['id']}/", {"quantity": "3"}, **headers)

    assert change.status_code == status
    assert till.get(path).json() == order


@pytest.mark.parametrize(
    ("action", "status"), [("payments", "completed"), ("void", "voided"), ("hold", "held")]
)
def test_order_that_is_not_open_cannot_be_edited(
    action, status, till, manager_client, path, make_product, problem
):
    bodies = {"payments": cash("5.00"), "void": {"reason": "left"}, "hold": None}
    assert manager_client.post(f"{path}{action}/", bodies[action]).json()["status"] == status
    before = till.get(path).json()

    answer = till.post(f"{path}lines/", line(make_product("1.00")))

    problem(answer, 409, "order_not_open")
    assert till.get(path).json() == before


def test_illegal_transition_names_both_statuses(till, path, problem):
    answer = problem(till.post(f"{path}resume/", {}), 409, "illegal_transition")

    assert (answer["from_status"], answer["to_status"]) == ("open", "open")


def test_completed_order_cannot_be_held(till, order, path, make_product, gateway, problem):
    from_gateway = till.post(f"{path}payments/", card("5.00"))
    assert from_gateway.json()["status"] == "completed"

    problem(till.post(f"{path}hold/"), 409, "illegal_transition")


def test_edit_below_the_paid_amount_is_refused(till, path, order, problem):
    till.post(f"{path}payments/", cash("4.00"))
    before = till.get(path).json()

    answer = till.patch(f"{path}lines/{order['lines'][0]['id']}/", {"quantity": "1"}, If_Match="*")

    problem(answer, 409, "paid_more_than_total")
    assert till.get(path).json() == before


def test_edit_down_to_the_paid_amount_completes_the_order(till, path, order):
    till.post(f"{path}payments/", cash("2.50"))

    done = till.patch(f"{path}lines/{order['lines'][0]['id']}/", {"quantity": "1"}, If_Match="*")

    assert (done.json()["status"], done.json()["receipt_number"]) == ("completed", 1)


def test_removing_a_line_does_not_raise_the_discount_percentage_above_the_limit(
    till, path, order, make_product, problem
):
    till.post(f"{path}lines/", line(make_product("95.00")))
    assert (
        till.post(
            f"{path}discounts/", {"type": "amount", "value": "10.00", "id": new_id()}
        ).status_code
        == 200
    )
    before = till.get(path).json()
    expensive_line = before["lines"][1]["id"]

    answer = till.delete(f"{path}lines/{expensive_line}/")

    problem(answer, 403, "approval_required")
    assert till.get(path).json() == before


def test_attack_119_discount_approval_is_used_once(
    till, manager_client, path, order, shop, problem
):
    refused = till.post(f"{path}discounts/", percent("50", id=new_id())).json()
    requested = {name: refused[name] for name in ("action", "object", "amount")}
    approval = grant_approval(manager_client, request_approval(till, **requested))["id"]

    allowed = till.post(f"{path}discounts/", percent("50", approval=approval, id=new_id()))
    again = till.post(f"{path}discounts/", percent("20", approval=approval, id=new_id()))

    assert allowed.json()["total"] == "2.50"
    problem(again, 403, "approval_not_valid")
    assert till.get(path).json()["total"] == "2.50"


def test_cashier_voids_own_empty_order_and_others_with_approval(
    till, manager_client, order, path, problem
):
    empty = till.post("orders/", till.order()).json()
    assert till.post(f"orders/{empty['id']}/void/", {"reason": "x"}).json()["status"] == "voided"
    refused = problem(till.post(f"{path}void/", {"reason": "x"}), 403, "approval_required")
    approval = grant_approval(
        manager_client, request_approval(till, action="void", object=refused["object"])
    )["id"]

    voided = till.post(f"{path}void/", {"reason": "left", "approval": approval})

    assert voided.json()["status"] == "voided"


def test_partly_paid_order_cannot_be_voided(till, manager_client, path, problem):
    till.post(f"{path}payments/", cash("1.00"))

    problem(manager_client.post(f"{path}void/", {"reason": "x"}), 409, "order_is_paid")

    assert till.get(path).json()["status"] == "open"


def test_changed_quantity_uses_the_new_price_and_keeps_name_and_taxes(
    till, manager_client, path, order, shop
):
    with tenant_scope(shop):
        product = OrderLine.objects.get().product
        version = product.version
    assert (
        manager_client.patch(
            f"products/{product.pk}/", {"price": "9.00", "name": "Dear"}, If_Match=f'"{version}"'
        ).status_code
        == 200
    )

    changed = till.patch(
        f"{path}lines/{order['lines'][0]['id']}/", {"quantity": "3"}, If_Match="*"
    ).json()

    (changed_line,) = changed["lines"]
    assert (changed_line["unit_price"], changed_line["name"], changed["total"]) == (
        "9.00",
        order["lines"][0]["name"],
        "27.00",
    )
    (tax,) = order["lines"][0]["taxes"]
    assert (changed_line["list_price"], changed_line["taxes"]) == (
        "9.00",
        [tax | {"taxable": "22.69", "amount": "4.31"}],
    )


def test_held_order_is_resumed_at_another_register_of_the_store(till, tills, path, shop):
    other = tills[0]
    till.post(f"{path}hold/")

    resumed = other.post(f"{path}resume/", {"register": str(other.register.pk)}).json()
    paid = other.post(f"{path}payments/", cash("5.00")).json()

    assert resumed["register"] == str(other.register.pk)
    assert (paid["status"], paid["receipt_number"]) == ("completed", 1)
    with tenant_scope(shop):
        assert Order.objects.get().register_id == other.register.pk


@pytest.fixture
def other_registers(shop, store, foreign):
    """Return registers at which an order of this store cannot be resumed."""
    return {
        "another store": RegisterFactory(tenant=shop, store=StoreFactory(tenant=shop)).pk,
        "another shop": foreign.register.pk,
        "nowhere": new_id(),
        "out of use": RegisterFactory(tenant=shop, store=store, is_active=False).pk,
    }


@pytest.mark.parametrize("where", ["another store", "another shop", "nowhere", "out of use"])
def test_order_cannot_be_resumed_at_a_register_outside_of_its_store(
    till, manager_client, path, other_registers, refused, where
):
    till.post(f"{path}hold/")
    body = {"register": str(other_registers[where])}

    for person in (till, manager_client):
        wrong = (400, "invalid", {"register": "does_not_exist"})
        refused(lambda person=person: person.post(f"{path}resume/", body), *wrong)

    assert till.get(path).json()["status"] == "held"


def test_note_and_customer_can_be_changed(till, path):
    change = {"note": "to go", "customer": {"name": "Ada"}}

    changed = till.patch(path, change, If_Match='"1"').json()

    assert (changed["note"], changed["customer"]["name"]) == ("to go", "Ada")
