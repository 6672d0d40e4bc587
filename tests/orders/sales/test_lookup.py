"""Sales are found by what their receipts show, and by the filters of the list."""

import pytest

from accounts.models import Posting
from accounts.security.rate_limits.policies import CUSTOMER_SEARCH_OF_USER
from orders.models import Receipt, Refund
from tenants.scope import tenant_scope
from tests.factories.accounts import AuthSessionFactory
from tests.factories.orders import StoreCreditFactory
from tests.factories.tenants import RegisterFactory, StoreFactory
from tests.support.api import Person
from tests.support.till import Till, cash, line, new_id

EXTERNAL = {"method": "card", "entry": "external", "amount": "1.00", "reference": "SLIP-77"}


@pytest.fixture
def sale(till, product):
    return till.sold(
        line(product),
        payments=[EXTERNAL, cash("1.50")],
        device_sequence=17,
        customer={"name": "Ada Lovelace", "email": "Ada@Customer.example"},
    )


def find(client, code, **query):
    return client.get(f"receipts/{code}/", query)


def refund(till, sale):
    lines = [{"line": sale["lines"][0]["id"], "quantity": "1"}]
    body = {"id": new_id(), "reason": "Broken", "lines": lines}
    response = till.post(f"orders/{sale['id']}/refunds/", body)
    assert response.status_code == 201, response.content
    return response.json()["id"]


def former_id(sale, shop):
    """Return the id that receipts printed by earlier versions show as QR code."""
    with tenant_scope(shop):
        return str(Receipt.objects.get(order=sale["id"]).pk)


@pytest.mark.parametrize(
    "code",
    [
        lambda sale, shop: sale["id"],
        lambda sale, shop: sale["id"].upper(),
        former_id,
        lambda sale, shop: sale["number"],
        lambda sale, shop: "1-1",
        lambda sale, shop: "1-T17",
        lambda sale, shop: "1-t17",
        lambda sale, shop: f"%20{sale['number']}%20",
    ],
)
def test_every_code_on_a_receipt_finds_the_sale(till, sale, shop, code):
    response = find(till, code(sale, shop))

    assert response.status_code == 200, response.content
    assert response.json() == till.shown(sale)
    assert response["ETag"] == f'"{sale["version"]}"'


def test_refund_receipt_finds_the_sale(till, product, shop):
    sale = till.sold(line(product), payments=[cash("2.50")])
    with tenant_scope(shop):
        shop.limits["cashier"]["refund_amount"] = "100"
        shop.save_changes("limits")

    assert find(till, refund(till, sale)).json()["id"] == sale["id"]
    with tenant_scope(shop):
        assert Refund.objects.count() == 1


def test_receipt_number_finds_the_sale_of_the_register(till, sale, register):
    assert find(till, "1", register=str(register.pk)).json()["id"] == sale["id"]


def test_receipt_number_needs_a_register(till, sale, problem):
    problem(find(till, "1"), 400, "invalid", {"register": "required"})


@pytest.mark.parametrize(
    "code",
    [
        *("1-000002", "2-000001", "1-T18", "2-T17", "1-T", "T17", "A-1", "-1", "1-", "x", "1.0"),
        *("%00", "%F0%9F%8D%8E", "1-999999999999999999", "999999999-1", "9999999999-1"),
        "018f0000-0000-7000-8000-000000000001",
    ],
)
def test_unknown_code_finds_nothing(till, sale, problem, code):
    problem(find(till, code), 404, "not_found")


def test_register_restricts_the_search(till, sale, store, problem):
    other = RegisterFactory(tenant=store.tenant, store=store)

    for code in (sale["id"], sale["number"], "1-T17", "1"):
        problem(find(till, code, register=str(other.pk)), 404, "not_found")


@pytest.mark.parametrize(
    ("query", "code", "errors"),
    [
        ({"register": "1"}, "invalid", {"register": "invalid"}),
        ({"store": "1"}, "unknown_filter", {"store": "unknown_filter"}),
    ],
)
def test_wrong_parameters_are_refused(till, sale, problem, query, code, errors):
    problem(find(till, sale["id"], **query), 400, code, errors)


def test_sale_of_another_shop_is_not_found(till, foreign, problem):
    problem(find(till, str(foreign.order.pk)), 404, "not_found")


def test_cashier_finds_sales_of_assigned_stores_only(till, sale, shop, cashier, manager, problem):
    with tenant_scope(shop):
        Posting.objects.create(user=cashier, store=StoreFactory(tenant=shop))

    for code in (sale["id"], former_id(sale, shop), sale["number"], "1-T17"):
        problem(find(till, code), 404, "not_found")
    assert find(Till(manager, till.register), sale["number"]).json()["id"] == sale["id"]


def test_printed_receipt_shows_the_codes_that_find_it(till, sale):
    printed = till.get(f"orders/{sale['id']}/receipt/", {"format": "text"}).content.decode()

    assert printed.rstrip().endswith(sale["id"])
    assert "Till sale no. 1-T17" in printed


# --- filters of the list --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"receipt_number": "1"}, True),
        ({"receipt_number": "2"}, False),
        ({"customer": "lovel"}, True),
        ({"customer": "ADA@customer.example"}, True),
        ({"customer": "Grace"}, False),
        ({"total_min": "2.50", "total_max": "2.50"}, True),
        ({"total_min": "2.51"}, False),
        ({"total_max": "2.49"}, False),
        ({"payment_reference": "SLIP-77"}, True),
        ({"payment_reference": "SLIP"}, False),
    ],
)
def test_orders_are_filtered(till, sale, product, query, found):
    till.sold(line(product, "2"))  # another one, without customer and payments

    results = till.get("orders/", query).json()["results"]

    assert (sale["id"] in [each["id"] for each in results]) is found
    assert len(results) <= 1 or "total_min" in query or "total_max" in query


@pytest.mark.parametrize(
    ("text", "found"), [("lovel", True), ("ada@customer", True), ("e", True), ("%", False)]
)
def test_manager_finds_orders_by_any_part_of_the_customer(manager_client, sale, text, found):
    results = manager_client.get("orders/", {"customer": text}).json()["results"]

    assert [each["id"] for each in results] == ([sale["id"]] if found else [])


by_others = pytest.mark.parametrize(
    ("who", "method"), [("cashier", "pwd"), ("cashier", "pin"), ("manager", "pin")]
)


@by_others
@pytest.mark.parametrize("text", ["e", "lo", "a l", "%%%", "@", "@customer.example", "customer"])
def test_others_find_no_orders_of_people_whom_they_do_not_know(request, sale, who, method, text):
    user = request.getfixturevalue(who)
    client = Person(user, AuthSessionFactory(user=user, method=method))

    response = client.get("orders/", {"customer": text})

    assert "Lovelace" not in response.content.decode()
    if "@" in text or text == "customer":
        assert (response.status_code, response.json()["results"]) == (200, [])
    else:
        errors = [(each["field"], each["code"]) for each in response.json()["errors"]]
        assert (response.status_code, errors) == (400, [("customer", "too_short")])


@by_others
def test_searches_of_others_are_limited(request, sale, who, method, manager_client, problem):
    """Together with their look-ups of customers; refused ones count too."""
    user = request.getfixturevalue(who)
    client = Person(user, AuthSessionFactory(user=user, method=method))
    for number in range(CUSTOMER_SEARCH_OF_USER.limit):
        path = ("orders/?customer=lovelace", "orders/?customer=e", "customers/?search=ada")
        client.get(path[number % 3])

    refused = client.get("orders/", {"customer": "lovelace"})

    problem(refused, 429, "too_many_attempts")
    assert int(refused["Retry-After"]) > 0
    problem(client.get("customers/", {"search": "ada"}), 429, "too_many_attempts")
    # Lists without a search, and those of one customer by id, are not limited.
    for query in ({}, {"customer": new_id()}):
        assert client.get("orders/", query).status_code == 200
    for _ in range(2):
        assert manager_client.get("orders/", {"customer": "love"}).status_code == 200


def test_code_of_a_store_credit_is_no_reference(till, product, shop):
    credit = StoreCreditFactory(tenant=shop, balance="50.00")
    code = credit.code
    till.sold(
        line(product), payments=[{"method": "store_credit", "amount": "2.50", "reference": code}]
    )

    for text in (code, code.replace("-", "")):
        assert till.get("orders/", {"payment_reference": text}).json()["results"] == []


@pytest.mark.parametrize("value", ["-1", "1.5", "x", "1234567890123456789", ""])
def test_wrong_receipt_number_is_refused(till, sale, problem, value):
    code = "blank" if value == "" else "invalid"
    problem(
        till.get("orders/", {"receipt_number": value}), 400, "invalid", {"receipt_number": code}
    )


# --- gift receipts --------------------------------------------------------------------------------


@pytest.fixture
def gift(till, make_product):
    return till.sold(
        line(make_product("8.88", name="Scarf"), "2", note="Red"),
        line(make_product("7.77", name="Gloves")),
        payments=[cash("25.53", tendered="30.00")],
    )


@pytest.mark.parametrize("form", ["text", "html", "escpos"])
def test_gift_receipt_has_no_amounts(till, gift, form):
    path = f"orders/{gift['id']}/receipt/"
    shown = till.get(path, {"format": form, "prices": "false"}).content.decode("cp858")

    for text in ("GIFT RECEIPT", "Scarf", "Quantity 2", "Red", "Gloves", "1-000001"):
        assert text in shown
    for amount in ("8.88", "17.76", "7.77", "25.53", "30.00", "4.47", "TOTAL", "Cash"):
        assert amount not in shown


def test_gift_receipt_as_data(till, gift):
    shown = till.get(f"orders/{gift['id']}/receipt/", {"prices": "false"}).json()

    assert [(row["words"], row["amount"]) for row in shown["lines"]] == [
        ("Scarf", ""),
        ("Quantity 2", ""),
        ("Red", ""),
        ("Gloves", ""),
        ("Quantity 1", ""),
    ]
    assert (shown["totals"], shown["payments"], shown["taxes"]) == ([], [], [])


def test_gift_receipt_is_not_a_print(till, gift):
    path = f"orders/{gift['id']}/receipt/"

    for _ in range(2):
        assert "COPY" not in till.get(path, {"format": "text", "prices": "false"}).content.decode()

    assert till.get(path).json()["prints"] == 0
    assert "COPY" not in till.get(path, {"format": "text"}).content.decode()
    # With prices as usual.
    assert till.get(path, {"prices": "true"}).json()["totals"] != []


@pytest.mark.parametrize("value", ["no", "0", "False", ""])
def test_wrong_value_of_prices_is_refused(till, gift, problem, value):
    response = till.get(f"orders/{gift['id']}/receipt/", {"prices": value})

    problem(response, 400, "invalid", {"prices": "invalid"})
