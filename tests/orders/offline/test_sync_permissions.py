"""Who may upload what a till sold, and what is no sale at all."""

import pytest

from orders.models import Order
from tenants.scope import tenant_scope
from tests.factories.tenants import RegisterFactory, StoreFactory
from tests.orders.sales.test_paired_registers import post
from tests.support.api import Person
from tests.support.idempotency import count
from tests.support.offline import (
    build_offline_line,
    build_offline_sale,
    results,
    upload,
    upload_one_booked,
)
from tests.support.order_approvals import log_in_at_paired_register
from tests.support.till import Till, cash, new_id

pytestmark = pytest.mark.django_db


@pytest.fixture
def other_store_register(shop):
    return RegisterFactory(tenant=shop, store=StoreFactory(tenant=shop))


def test_a_bound_till_uploads_its_own_sales_and_no_others(
    cashier, register, other_store_register, product
):
    till = log_in_at_paired_register(cashier, register)
    item = build_offline_sale(1, build_offline_line(product))

    refused = till.post("sync/orders/", {"register": str(other_store_register.pk), "batch": [item]})
    answer = till.post("sync/orders/", {"batch": [item]})

    assert (refused.status_code, refused.json()["code"]) == (403, "other_register")
    assert answer.json()["results"][0]["order"]["register"] == str(register.pk)


def test_nobody_uploads_for_a_store_where_they_do_not_work(
    till, manager, other_store_register, product, store, shop, problem
):
    post(till.user, store)
    there = Till(till.user, other_store_register)
    item = build_offline_sale(1, build_offline_line(product))

    problem(upload(there, item), 403, "permission_denied")
    assert count(shop) == 0

    assert upload_one_booked(till, item)["store"] == str(store.pk)
    managers = upload_one_booked(
        Till(manager, other_store_register), build_offline_sale(1, build_offline_line(product))
    )
    assert managers["store"] == str(other_store_register.store_id)


def test_without_a_register_nobody_knows_where_it_was(till, product, problem, shop):
    body = {"batch": [build_offline_sale(1, build_offline_line(product))]}

    problem(till.post("sync/orders/", body), 400, "invalid", {"register": "required"})
    assert count(shop) == 0


def test_what_was_sold_at_a_register_that_is_used_no_more_was_sold(till, register, product, shop):
    with tenant_scope(shop):
        register.is_active = False
        register.save_changes("is_active")

    assert upload_one_booked(till, build_offline_sale(1, build_offline_line(product)))[
        "register"
    ] == str(register.pk)


def test_ids_of_another_shop_are_like_ids_of_nothing(till, product, foreign, shop, problem):
    for register in (new_id(), str(foreign.register.pk)):
        body = {"register": register, "batch": [build_offline_sale(1, build_offline_line(product))]}
        problem(till.post("sync/orders/", body), 400, "invalid", {"register": "does_not_exist"})
    for cashier in (new_id(), str(foreign.cashier.pk)):
        (answer,) = results(
            till, build_offline_sale(1, build_offline_line(product), cashier=cashier)
        )
        assert (answer["status"], answer["errors"][0]["code"]) == ("rejected", "does_not_exist")
    assert count(shop) == 0


def test_an_id_that_another_shop_uses_is_as_good_as_any(till, product, foreign, shop):
    (answer,) = results(
        till, build_offline_sale(1, build_offline_line(product), id=str(foreign.order.pk))
    )

    assert (answer["status"], count(shop)) == ("created", 1)


def test_what_another_shop_sells_is_unknown_here(till, foreign):
    known, unknown = (
        upload_one_booked(till, build_offline_sale(number, each | {"name": "Something"}))
        for number, each in enumerate(
            [
                build_offline_line(foreign.product),
                build_offline_line(foreign.product) | {"product": new_id()},
            ],
            1,
        )
    )

    assert known["lines"][0]["product"] is unknown["lines"][0]["product"] is None
    assert known["lines"][0]["name"] == "Something"
    assert known["flags"] == unknown["flags"] == ["unknown_product"]


NO_SALES = {
    "no lines": ({"lines": []}, "lines"),
    "no price": ({"lines": [{"name": "Apple", "quantity": "1"}]}, "lines[0].unit_price"),
    "no name": ({"lines": [{"quantity": "1", "unit_price": "1.00"}]}, "lines[0]"),
    "nobody paid": ({"payments": []}, "payments"),
    "no number": ({"device_sequence": 0}, "device_sequence"),
    "a number as text": ({"device_sequence": "7"}, "device_sequence"),
    "a number beyond all": ({"device_sequence": 2**31}, "device_sequence"),
    "year 1": ({"sold_at": "0001-01-01T00:00:00Z"}, "sold_at"),
    "year 9999": ({"sold_at": "9999-12-31T23:59:59Z"}, "sold_at"),
    "no offset": ({"sold_at": "2026-01-01T00:00:00"}, "sold_at"),
    "too little cash": ({"payments": [cash("2.50", tendered="1.00")]}, "payments"),
    "a tendered card": (
        {"payments": [{"method": "card", "amount": "2.50", "tendered": "3.00"}]},
        "payments",
    ),
    "a negative price": (
        {"lines": [{"name": "A", "quantity": "1", "unit_price": "-1.00"}]},
        "lines[0].unit_price",
    ),
    "a tax beyond all": (
        {
            "lines": [
                {
                    "name": "A",
                    "quantity": "1",
                    "unit_price": "1.00",
                    "taxes": [{"name": "VAT", "percent": "101", "included": True}],
                }
            ]
        },
        "lines[0].taxes[0].percent",
    ),
    "a status": ({"status": "completed"}, "status"),
    "a tenant": ({"tenant": new_id()}, "tenant"),
}


def test_what_is_no_sale_is_rejected_and_leaves_nothing(till, product, shop):
    batch = [
        build_offline_sale(1, build_offline_line(product)) | wrong for wrong, _ in NO_SALES.values()
    ]

    answers = results(till, *batch)

    assert [each["status"] for each in answers] == ["rejected"] * len(NO_SALES)
    places = {
        name: answer.get("errors", [{"field": "?"}])[0]["field"]
        for name, answer in zip(NO_SALES, answers, strict=True)
    }
    assert places == {name: field for name, (_, field) in NO_SALES.items()}
    assert count(shop, Order) == 0


def test_a_price_too_large_for_any_till_is_rejected(till, product, shop):
    huge = build_offline_sale(1, build_offline_line(product, "99999999999.00", "999999"))

    (answer,) = results(till, huge)

    assert (answer["status"], answer["code"]) == ("rejected", "amount_too_large")
    assert count(shop) == 0


def test_bodies_that_nobody_means_are_refused_as_a_whole(till, product, shop, problem):
    item = build_offline_sale(1, build_offline_line(product))
    tower: object = "x"
    for _ in range(40):
        tower = [tower]
    problem(upload(till, *[item] * 501), 400, "invalid", {"batch": "max_length"})
    problem(upload(till, item | {"note": tower}), 400, "too_deep")
    digits = '{"register": "%s", "batch": [{"device_sequence": %s}]}'
    body = digits % (till.register.pk, "9" * 10_000)
    problem(till.post("sync/orders/", body), 400, "number_out_of_range")
    problem(till.post("sync/orders/", "[" + "{}," * 700_000 + "{}]"), 400, "too_many_values")
    problem(till.post("sync/orders/", " " * (8 * 1024 * 1024 + 1)), 413, "body_too_large")
    problem(till.post("sync/orders/", '{"batch": ["\\u0000"]}'), 400, "nul_character")
    problem(upload(till, surprise=1), 400, "invalid", {"surprise": "unknown_field"})
    problem(till.post("orders/", " " * (1024 * 1024 + 1)), 413, "body_too_large")
    assert count(shop) == 0


def test_two_megabytes_of_sales_are_a_batch(till, product):
    """More than any other request may have."""
    notes = [
        build_offline_sale(number, build_offline_line(product), note="n" * 500, sold_at="x")
        for number in range(500)
    ]
    taxes = [{"name": "t" * 50, "percent": "1", "included": True}] * 10
    lines = [build_offline_line(product, note="m" * 200, taxes=taxes)] * 4

    answers = results(till, *(each | {"lines": lines} for each in notes))

    assert {each["status"] for each in answers} == {"rejected"}
    assert len(answers) == 500


@pytest.mark.parametrize("shape", ["many sales", "long sales", "malformed sales"])
def test_a_batch_of_more_lines_than_are_booked_at_once_is_refused_as_a_whole(
    shape, till, product, shop, problem
):
    """Booked, 2,000 lines hold a worker for a moment; what is more comes in parts."""
    line = build_offline_line(product)
    sales, lines, more = {
        "many sales": (500, 4, {}),
        "long sales": (4, 500, {}),
        "malformed sales": (1, 2000, {"sold_at": "x"}),
    }[shape]
    batch = [build_offline_sale(number, *[line] * lines, **more) for number in range(1, sales + 1)]

    told = problem(upload(till, *batch, build_offline_sale(999, line)), 413, "batch_too_large")

    assert (told["max_lines"], told["lines"]) == (2000, 2001)
    assert count(shop) == 0


@pytest.mark.parametrize("batch", [5, {}, "x", [5, {"lines": 5}, {"lines": {}}], None, True])
def test_what_is_no_batch_is_no_error_of_the_server(batch, till, register):
    body = {"register": str(register.pk), "batch": batch}

    assert till.post("sync/orders/", body).status_code in {200, 400}
    assert till.post("sync/orders/", [body]).status_code == 400


def test_somebody_without_a_right_to_it_sees_no_gaps(
    cashier, manager_client, register, foreign, problem
):
    path = f"registers/{register.pk}/gaps/"

    problem(Person(cashier).get(path), 403, "permission_denied")
    problem(manager_client.get(f"registers/{foreign.register.pk}/gaps/"), 404, "not_found")
    problem(manager_client.get(path, {"after": "-1"}), 400, "invalid", {"after": "invalid"})
    problem(manager_client.get(path, {"after": "9" * 10}), 400, "invalid", {"after": "invalid"})
    problem(manager_client.get(path, {"x": "1"}), 400, "unknown_filter", {"x": "unknown_filter"})
