"""What an order would cost: the same figures as selling it, and nothing written."""

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
# Some of each kind: a vector more is a request more.
CALCULATED, SOLD = [*VECTORS[:25], *VECTORS[60:75]], [*VECTORS[:10], *VECTORS[60:75]]
FIGURES = ("gross", "discount_total", "net", "total")
TOTALS = ("subtotal", "discount_total", "tax_total", "total")


def rows_of_everything():
    with across_tenants():
        return {
            model._meta.label: sorted(map(str, model._default_manager.values_list()))
            for model in apps.get_models()
            if model._meta.app_label in {"orders", "tenants", "accounts"}
        }


def test_trying_out_writes_nothing(till, make_product):
    product = make_product("2.50", stock="1")
    # A first call may note when the session was last used.
    till.post("orders/calculate/", {"lines": [line(product)]})
    before = rows_of_everything()

    with CaptureQueriesContext(connection) as queries:
        body = till.order(
            line(product, "3", discounts=[percent("50")]),
            discounts=[amount("0.20")],
            payments=[cash("1.00"), card("2.00")],
            customer={"name": "Ann"},
        )
        response = till.post("orders/calculate/", body)

    assert response.status_code == 200
    assert rows_of_everything() == before
    statements = {query["sql"].split()[0] for query in queries}
    assert statements <= {"SELECT", "SAVEPOINT", "RELEASE"}


def test_it_needs_neither_id_nor_register_and_asks_for_no_approval(till, make_product):
    response = till.post("orders/calculate/", {"lines": [line(make_product(), unit_price="0.01")]})

    assert response.status_code == 200
    assert response.json()["total"] == "0.01"


def test_every_line_tells_how_it_came_to_its_total(till, make_product, shop):
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
    # 19.98 less 2.00, less 1.00, less 0.98; a gross of 16.00 holds 2.55 of tax.
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
def test_it_says_what_paying_in_cash_would_make_of_it(
    till, make_product, configure_shop, total, in_cash
):
    configure_shop("EUR", cash_rounding_increment=Decimal("0.05"))

    answer = till.post("orders/calculate/", {"lines": [line(make_product(total))]}).json()

    assert (answer["total"], answer["cash_total"]) == (total, in_cash)


def test_without_cash_rounding_both_totals_are_one(till, make_product):
    answer = till.post("orders/calculate/", {"lines": [line(make_product("0.02"))]}).json()

    assert (answer["total"], answer["cash_total"]) == ("0.02", "0.02")


# --- the shared truth ----------------------------------------------------------------------------


@pytest.fixture
def priced_by_http(shop, configure_shop, make_product):
    """The body of a vector, with a product of its taxes for every line."""

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
                        tax_class=TaxClassFactory(tenant=shop, rates=rates_of(given)),
                    ),
                    given["quantity"],
                    discounts=given.get("discounts", []),
                )
                for given in vector["lines"]
            ],
            "discounts": vector.get("discounts", []),
        }

    return body


def rates_of(given):
    return [{"name": tax["id"], **{k: tax[k] for k in RATE}} for tax in given["taxes"]]


RATE = ("percent", "included", "compound")


def figures(answer):
    return {name: answer[name] for name in TOTALS} | {
        "lines": [
            {name: each[name] for name in FIGURES}
            | {
                "taxes": tax_figures(each),
            }
            for each in answer["lines"]
        ],
        "taxes": tax_figures(answer),
    }


def tax_figures(holder):
    return [
        {"id": tax["name"], "base": tax["taxable"], "amount": tax["amount"]}
        for tax in holder["taxes"]
    ]


@pytest.mark.parametrize("vector", CALCULATED, ids=lambda vector: vector["name"])
def test_the_api_computes_what_every_terminal_computes(till, priced_by_http, vector):
    response = till.post("orders/calculate/", priced_by_http(vector))

    assert response.status_code == 200, response.content
    assert figures(response.json()) == vector["expected"]


@pytest.mark.parametrize("vector", SOLD, ids=lambda vector: vector["name"])
def test_selling_comes_to_the_same(client_of, admin, register, priced_by_http, vector):
    body = priced_by_http(vector)
    answer = client_of(admin).post(
        "orders/",
        body | {"id": "0190b4e0-0000-7000-8000-000000000001", "register": str(register.pk)},
    )

    assert answer.status_code == 201, answer.content
    assert figures(answer.json()) == vector["expected"]
    kept = client_of(admin).get("orders/0190b4e0-0000-7000-8000-000000000001/")
    assert kept.json() == answer.json()
