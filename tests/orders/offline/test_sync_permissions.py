"""Permissions for uploading offline sales, and invalid uploads."""

import pytest

from orders.models import Order
from tenants.scope import tenant_scope
from tests.factories.tenants import RegisterFactory, StoreFactory
from tests.orders.sales.test_paired_registers import assign
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


def test_paired_terminal_uploads_only_sales_of_its_register(
    cashier, register, other_store_register, product
):
    till = log_in_at_paired_register(cashier, register)
    item = build_offline_sale(1, build_offline_line(product))

    refused = till.post("sync/orders/", {"register": str(other_store_register.pk), "batch": [item]})
    answer = till.post("sync/orders/", {"batch": [item]})

    assert (refused.status_code, refused.json()["code"]) == (403, "other_register")
    assert answer.json()["results"][0]["order"]["register"] == str(register.pk)


def test_cashier_cannot_upload_for_a_store_that_is_not_assigned(
    till, manager, other_store_register, product, store, shop, problem
):
    assign(till.user, store)
    till_of_other_store = Till(till.user, other_store_register)
    item = build_offline_sale(1, build_offline_line(product))

    problem(upload(till_of_other_store, item), 403, "permission_denied")
    assert count(shop) == 0

    assert upload_one_booked(till, item)["store"] == str(store.pk)
    managers = upload_one_booked(
        Till(manager, other_store_register), build_offline_sale(1, build_offline_line(product))
    )
    assert managers["store"] == str(other_store_register.store_id)


def test_upload_without_a_register_is_refused(till, product, problem, shop):
    body = {"batch": [build_offline_sale(1, build_offline_line(product))]}

    problem(till.post("sync/orders/", body), 400, "invalid", {"register": "required"})
    assert count(shop) == 0


def test_sales_of_an_inactive_register_are_booked(till, register, product, shop):
    with tenant_scope(shop):
        register.is_active = False
        register.save_changes("is_active")

    assert upload_one_booked(till, build_offline_sale(1, build_offline_line(product)))[
        "register"
    ] == str(register.pk)


def test_register_and_cashier_of_another_shop_do_not_exist(till, product, foreign, shop, problem):
    for register in (new_id(), str(foreign.register.pk)):
        body = {"register": register, "batch": [build_offline_sale(1, build_offline_line(product))]}
        problem(till.post("sync/orders/", body), 400, "invalid", {"register": "does_not_exist"})
    for cashier in (new_id(), str(foreign.cashier.pk)):
        (answer,) = results(
            till, build_offline_sale(1, build_offline_line(product), cashier=cashier)
        )
        assert (answer["status"], answer["errors"][0]["code"]) == ("rejected", "does_not_exist")
    assert count(shop) == 0


def test_id_used_by_another_shop_can_be_used(till, product, foreign, shop):
    (answer,) = results(
        till, build_offline_sale(1, build_offline_line(product), id=str(foreign.order.pk))
    )

    assert (answer["status"], count(shop)) == ("created", 1)


def test_product_of_another_shop_is_unknown(till, foreign):
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


INVALID_SALES = {
    "no lines": ({"lines": []}, "lines"),
    "no price": ({"lines": [{"name": "Apple", "quantity": "1"}]}, "lines[0].unit_price"),
    "no name": ({"lines": [{"quantity": "1", "unit_price": "1.00"}]}, "lines[0]"),
    "no payment": ({"payments": []}, "payments"),
    "no number": ({"device_sequence": 0}, "device_sequence"),
    "a number as text": ({"device_sequence": "7"}, "device_sequence"),
    "a number above the maximum": ({"device_sequence": 2**31}, "device_sequence"),
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
    "a tax above 100 percent": (
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


def test_invalid_sale_is_rejected_and_not_booked(till, product, shop):
    batch = [
        build_offline_sale(1, build_offline_line(product)) | wrong
        for wrong, _ in INVALID_SALES.values()
    ]

    answers = results(till, *batch)

    assert [each["status"] for each in answers] == ["rejected"] * len(INVALID_SALES)
    error_fields = {
        name: answer.get("errors", [{"field": "?"}])[0]["field"]
        for name, answer in zip(INVALID_SALES, answers, strict=True)
    }
    assert error_fields == {name: field for name, (_, field) in INVALID_SALES.items()}
    assert count(shop, Order) == 0


def test_amount_above_the_maximum_is_rejected(till, product, shop):
    item = build_offline_sale(1, build_offline_line(product, "99999999999.00", "999999"))

    (answer,) = results(till, item)

    assert (answer["status"], answer["code"]) == ("rejected", "amount_too_large")
    assert count(shop) == 0


def test_request_bodies_beyond_the_limits_are_refused_as_a_whole(till, product, shop, problem):
    item = build_offline_sale(1, build_offline_line(product))
    nested: object = "x"
    for _ in range(40):
        nested = [nested]
    problem(upload(till, *[item] * 501), 400, "invalid", {"batch": "max_length"})
    problem(upload(till, item | {"note": nested}), 400, "too_deep")
    digits = '{"register": "%s", "batch": [{"device_sequence": %s}]}'
    body = digits % (till.register.pk, "9" * 10_000)
    problem(till.post("sync/orders/", body), 400, "number_out_of_range")
    problem(till.post("sync/orders/", "[" + "{}," * 700_000 + "{}]"), 400, "too_many_values")
    problem(till.post("sync/orders/", " " * (8 * 1024 * 1024 + 1)), 413, "body_too_large")
    problem(till.post("sync/orders/", '{"batch": ["\\u0000"]}'), 400, "nul_character")
    problem(upload(till, surprise=1), 400, "invalid", {"surprise": "unknown_field"})
    problem(till.post("orders/", " " * (1024 * 1024 + 1)), 413, "body_too_large")
    assert count(shop) == 0


@pytest.mark.slow
def test_batch_may_have_two_megabytes(till, product):
    """Other requests are limited to one megabyte."""
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
def test_batch_with_more_than_2000_lines_is_refused_as_a_whole(shape, till, product, shop, problem):
    """Booking 2,000 lines occupies a worker for a moment; larger uploads are sent in parts."""
    line = build_offline_line(product)
    sales, lines, more = {
        "many sales": (500, 4, {}),
        "long sales": (4, 500, {}),
        "malformed sales": (1, 2000, {"sold_at": "x"}),
    }[shape]
    batch = [build_offline_sale(number, *[line] * lines, **more) for number in range(1, sales + 1)]

    refusal = problem(upload(till, *batch, build_offline_sale(999, line)), 413, "batch_too_large")

    assert (refusal["max_lines"], refusal["lines"]) == (2000, 2001)
    assert count(shop) == 0


@pytest.mark.parametrize("batch", [5, {}, "x", [5, {"lines": 5}, {"lines": {}}], None, True])
def test_malformed_batch_is_not_a_server_error(batch, till, register):
    body = {"register": str(register.pk), "batch": batch}

    assert till.post("sync/orders/", body).status_code in {200, 400}
    assert till.post("sync/orders/", [body]).status_code == 400


def test_only_managers_of_the_shop_read_the_gap_report(
    cashier, manager_client, register, foreign, problem
):
    path = f"registers/{register.pk}/gaps/"

    problem(Person(cashier).get(path), 403, "permission_denied")
    problem(manager_client.get(f"registers/{foreign.register.pk}/gaps/"), 404, "not_found")
    problem(manager_client.get(path, {"after": "-1"}), 400, "invalid", {"after": "invalid"})
    problem(manager_client.get(path, {"after": "9" * 10}), 400, "invalid", {"after": "invalid"})
    problem(manager_client.get(path, {"x": "1"}), 400, "unknown_filter", {"x": "unknown_filter"})
