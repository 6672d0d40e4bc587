"""Full codes of store credits are shown only when they are issued."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from orders.models.credit import mask_code
from tenants.scope import across_tenants
from tests.support.api import Person
from tests.support.discovery import our_models
from tests.support.refunds import (
    create_refund,
    credit_payment,
    get_store_credit_code,
    request_refund,
)
from tests.support.till import cash, line, new_id


def test_code_is_shown_only_in_the_response_that_issues_it(manager_client):
    body = {"id": new_id(), "amount": "5.00"}
    first = manager_client.post("store-credits/", body, Idempotency_Key="gift")
    again = [
        manager_client.post("store-credits/", body, Idempotency_Key="gift"),
        manager_client.post("store-credits/", body),
    ]

    issued = first.json()
    assert first.status_code == 201
    assert first["Cache-Control"] == "no-store"
    assert issued["code"] == mask_code(issued["full_code"])
    for answer in again:
        assert answer.json() == issued | {"full_code": None}


def test_no_response_or_row_contains_a_full_code_afterwards(
    till, manager_client, admin, make_product, shop, foreign
):
    """Checked are all readable resources, and all rows except those that need the code."""
    issued = manager_client.post("store-credits/", {"id": new_id(), "amount": "9.00"}).json()[
        "full_code"
    ]
    product = make_product("3.00")
    paid = till.sold(line(product), payments=[credit_payment("3.00", issued)])
    sold = till.sold(line(product), payments=[cash("3.00")])
    given = create_refund(manager_client, sold, method="store_credit", Idempotency_Key="back")
    refund_code = get_store_credit_code(given)
    again = request_refund(
        manager_client, sold, id=given["id"], method="store_credit", Idempotency_Key="back"
    )
    create_refund(manager_client, paid)

    assert paid["payments"][0]["reference"] == mask_code(issued)
    assert given["payouts"][0]["reference"] == mask_code(refund_code)
    assert again.json() == given | {"store_credit_codes": None}
    admin_client = Person(admin)
    seen = [
        answer.content.decode()
        for path in (
            "orders/",
            f"orders/{paid['id']}/",
            f"orders/{sold['id']}/",
            f"orders/{paid['id']}/receipt/",
            f"orders/{paid['id']}/receipt/?format=text",
            "refunds/",
            f"refunds/{given['id']}/receipt/",
            "store-credits/",
            "changes/?after=0",
            "audit/",
        )
        for answer in [admin_client.get(path)]
        if answer.status_code == 200 or pytest.fail(path)
    ]
    for code in (issued, refund_code):
        assert not [text for text in seen if code in text]
        assert not list_rows_with(code)


def list_rows_with(code):
    """Return the rows that contain a code, except those of models that need it."""
    excluded = {"StoreCredit", "Payment", "Payout"}
    with across_tenants():
        return [
            row
            for model in our_models()
            if model.__name__ not in excluded
            for row in model._default_manager.all().values()
            if code in str(row)
        ]


def test_only_the_original_print_of_a_refund_shows_the_new_code(
    till, manager_client, make_product, shop
):
    sold = till.sold(line(make_product("3.00")), payments=[cash("3.00")])
    given = create_refund(manager_client, sold, method="store_credit")
    path = f"refunds/{given['id']}/receipt/?format=text"
    code = get_store_credit_code(given)

    shown = manager_client.get(f"refunds/{given['id']}/receipt/").json()
    original, copy = (manager_client.get(path).content.decode() for _ in range(2))

    assert code in original
    assert mask_code(code) in copy
    assert code not in copy
    assert code not in str(shown)
    assert mask_code(code) in str(shown["payouts"])


@pytest.mark.parametrize(
    ("is_own", "minutes", "is_shown"),
    [(True, 14, True), (True, 15, False), (False, 0, False)],
)
def test_original_print_shows_the_code_to_the_refunding_user_for_fifteen_minutes(
    till, manager_client, make_product, is_own, minutes, is_shown
):
    sold = till.sold(line(make_product("3.00")), payments=[cash("3.00")])
    with time_machine.travel(timezone.now(), tick=False) as clock:
        given = create_refund(manager_client, sold, method="store_credit")
        clock.shift(timedelta(minutes=minutes))
        by = Person((manager_client if is_own else till).user)
        original = by.get(f"refunds/{given['id']}/receipt/?format=text").content.decode()

    code = get_store_credit_code(given)
    assert "COPY" not in original
    assert (code in original) == is_shown
    assert mask_code(code) in original


def test_refund_to_an_existing_store_credit_does_not_show_its_code(
    till, manager_client, make_product, shop, credit
):
    sold = till.sold(line(make_product("3.00")), payments=[credit_payment("3.00", credit.code)])
    given = create_refund(manager_client, sold)

    original = manager_client.get(f"refunds/{given['id']}/receipt/?format=text").content.decode()

    assert given["store_credit_codes"] is None
    assert mask_code(credit.code) in original
    assert credit.code not in original
