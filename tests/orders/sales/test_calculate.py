"""`orders/calculate/`: the same amounts as a sale, and nothing is stored."""

import json
from decimal import Decimal
from pathlib import Path

import pytest
from django.apps import apps
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tenants.scope import across_tenants
from tests.factories.orders import TaxClassFactory
from tests.support.till import amount, card, cash, line, percent

VECTORS = json.loads(
    (Path(__file__).parents[2] / "vectors" / "pricing.json").read_text(encoding="utf-8")
)
# A sample of each kind, because each vector is a request.
CALCULATED, SOLD = [*VECTORS[:25], *VECTORS[60:75]], [*VECTORS[:10], *VECTORS[60:75]]
LINE_AMOUNTS = ("gross", "discount_total", "net", "total")
TOTALS = ("subtotal", "discount_total", "tax_total", "total")


def snapshot_all_rows():
    with across_tenants():
        return {
            model._meta.label: sorted(map(str, model._default_manager.values_list()))
            for model in apps.get_models()
            if model._meta.app_label in {"orders", "tenants", "accounts"}
        }


def test_calculate_stores_nothing(till, make_product):
    product = make_product("2.50", stock="1")
    # The first request may store when the session was last used.
    till.post("orders/calculate/", {"lines": [line(product)]})
    before = snapshot_all_rows()

    with CaptureQueriesContext(connection) as queries:
        body = till.order(
            line(product, "3", discounts=[percent("50")]),
            discounts=[amount("0.20")],
            payments=[cash("1.00"), card("2.00")],
            customer={"name": "Ann"},
        )
        response = till.post("orders/calculate/", body)

    assert response.status_code == 200
    assert snapshot_all_rows() == before
    statements = {query["sql"].split()[0] for query in queries}
    assert statements <= {"SELECT", "BEGIN", "COMMIT", "SAVEPOINT", "RELEASE"}


def test_calculate_needs_no_id_register_or_approval(till, make_product):
    response = till.post("orders/calculate/", {"lines": [line(make_product(), unit_price="0.01")]})

    assert response.status_code == 200
    assert response.json()["total"] == "0.01"


def test_calculate_returns_the_price_trace_of_every_line(till, make_product, shop):
    vat = [{"name": "VAT", "percent": "19", "included": True, "compound": False}]
    product = make_product("9.99", tax_class=TaxClassFactory(tenant=shop, rates=vat))

    body = {
        "lines": [line(product, "2", discounts=[percent("10"), amount("1.00")])],
        "discounts": [amount("0.98")],
    }
    answer = till.post("orders/calculate/", body).json()

    (shown,) = answer["lines"]
    assert [step["step"] for step in shown["trace"]] == [
        "gross",
        "discount",
        "discount",
        "order_discount",
        "net",
        "tax",
        "total",
    ]
    # 19.98 - 2.00 - 1.00 - 0.98 = 16.00, which includes 2.55 of tax.
    assert [step.get("amount") for step in shown["trace"]] == [
        "19.98",
        "2.00",
        "1.00",
        "0.98",
        "16.00",
        "2.55",
        "16.00",
    ]
    assert (shown["quantity"], shown["unit_price"], shown["tax_total"]) == ("2", "9.99", "2.55")
    assert answer["total"] == "16.00"
    (tax,) = answer["taxes"]
    assert (tax["name"], tax["taxable"], tax["amount"]) == ("VAT", "13.45", "2.55")


@pytest.mark.parametrize(
    ("total", "in_cash"), [("0.02", "0.00"), ("0.03", "0.05"), ("9.98", "10.00"), ("1.00", "1.00")]
)
def test_calculate_returns_the_rounded_cash_total(
    till, make_product, configure_shop, total, in_cash
):
    configure_shop("EUR", cash_rounding_increment=Decimal("0.05"))

    answer = till.post("orders/calculate/", {"lines": [line(make_product(total))]}).json()

    assert (answer["total"], answer["cash_due"]) == (total, in_cash)
    assert answer["cash_total"] == answer["cash_due"]  # the former name


def test_cash_total_without_rounding_equals_the_total(till, make_product):
    answer = till.post("orders/calculate/", {"lines": [line(make_product("0.02"))]}).json()

    assert (answer["total"], answer["cash_total"]) == ("0.02", "0.02")


# --- test vectors --------------------------------------------------------------------------------


@pytest.fixture
def build_vector_body(shop, configure_shop, make_product):
    """Return a function that builds the request of a vector, with a product for every line."""

    def body(vector):
        rounding = vector["tax_rounding"]
        configure_shop(
            vector["currency"],
            tax_rounding_level=rounding["level"],
            tax_rounding_mode=rounding["mode"],
        )
        return {
            "lines": [
                line(
                    make_product(
                        given["unit_price"],
                        stock=None,
                        track_stock=False,
                        sold_by="weight",
                        tax_class=TaxClassFactory(tenant=shop, rates=build_rates(given)),
                    ),
                    given["quantity"],
                    discounts=given.get("discounts", []),
                )
                for given in vector["lines"]
            ],
            "discounts": vector.get("discounts", []),
        }

    return body


def build_rates(given):
    return [{"name": tax["id"], **{k: tax[k] for k in RATE}} for tax in given["taxes"]]


RATE = ("percent", "included", "compound")


def amounts(answer):
    return {name: answer[name] for name in TOTALS} | {
        "lines": [
            {name: each[name] for name in LINE_AMOUNTS}
            | {
                "taxes": tax_amounts(each),
            }
            for each in answer["lines"]
        ],
        "taxes": tax_amounts(answer),
    }


def tax_amounts(holder):
    return [
        {"id": tax["name"], "base": tax["taxable"], "amount": tax["amount"]}
        for tax in holder["taxes"]
    ]


@pytest.mark.parametrize("vector", CALCULATED, ids=lambda vector: vector["name"])
def test_calculate_matches_the_test_vectors(till, build_vector_body, vector):
    response = till.post("orders/calculate/", build_vector_body(vector))

    assert response.status_code == 200, response.content
    assert amounts(response.json()) == vector["expected"]


@pytest.mark.parametrize("vector", SOLD, ids=lambda vector: vector["name"])
def test_sale_matches_the_test_vectors(client_of, admin, register, build_vector_body, vector):
    body = build_vector_body(vector)
    answer = client_of(admin).post(
        "orders/",
        body | {"id": "0190b4e0-0000-7000-8000-000000000001", "register": str(register.pk)},
    )

    assert answer.status_code == 201, answer.content
    assert amounts(answer.json()) == vector["expected"]
    stored = client_of(admin).get("orders/0190b4e0-0000-7000-8000-000000000001/")
    assert stored.json() == answer.json()
