"""Email addresses: every endpoint accepts and refuses the same ones."""

import pytest

from accounts.models import User
from orders.models import Order
from tenants.models import OutboxEvent, Tenant
from tenants.scope import across_tenants
from tests.support.api import Api
from tests.support.offline import build_offline_line, build_offline_sale, results
from tests.support.problems import assert_problem
from tests.support.till import line

INVALID = {
    "root@localhost": "invalid",
    "a@[127.0.0.1]": "invalid",
    "ann": "invalid",
    "jürgen@shop.example": "smtputf8_unavailable",
}
STORED_AS = {
    "Ann@Bücher.example": "Ann@xn--bcher-kva.example",
    "ann@SHOP.example": "ann@shop.example",
}


def snapshot_rows():
    with across_tenants():
        emails = User.objects.order_by("pk").values_list("email", flat=True)
        customers = Order.objects.order_by("pk").values_list("customer_email", flat=True)
        events = OutboxEvent.objects.filter(topic="receipt.email").count()
        return list(emails), list(customers), Tenant.objects.count(), events


@pytest.fixture
def endpoints(till, client_of, admin, cashier, product, settings):
    """Return for each endpoint with an email address: a request and the field that errors name."""
    settings.SIGNUP_ENABLED = True
    admin_client = client_of(admin)
    basket = till.order(line(product))
    order = till.sold(line(product))
    paid = till.sold(line(product), payments=[{"method": "cash", "amount": "2.50"}])
    person = {"username": "new", "role": "cashier"}
    shop = {"slug": "corner", "name": "Corner", "currency": "EUR"}
    owner = {"username": "owner", "password": "seven green bottles"}

    def with_customer(email):
        return {"customer": {"email": email}}

    def sign_up(email):
        return Api().post("auth/signup/", {"tenant": shop, "admin": owner | {"email": email}})

    return {
        "users": (lambda email: admin_client.post("users/", person | {"email": email}), "email"),
        "user": (
            lambda email: admin_client.patch(
                f"users/{cashier.pk}/", {"email": email}, If_Match="*"
            ),
            "email",
        ),
        "me": (
            lambda email: admin_client.patch("auth/me/", {"email": email}, If_Match="*"),
            "email",
        ),
        "signup": (sign_up, "admin.email"),
        "order": (
            lambda email: till.post("orders/", basket | with_customer(email)),
            "customer.email",
        ),
        "calculate": (
            lambda email: till.post("orders/calculate/", basket | with_customer(email)),
            "customer.email",
        ),
        "edited order": (
            lambda email: till.patch(f"orders/{order['id']}/", with_customer(email), If_Match="*"),
            "customer.email",
        ),
        "receipt": (
            lambda email: till.post(f"orders/{paid['id']}/receipt/email/", {"email": email}),
            "email",
        ),
    }


ENDPOINTS = ["users", "user", "me", "signup", "order", "calculate", "edited order", "receipt"]


@pytest.mark.parametrize("place", ENDPOINTS)
def test_every_endpoint_refuses_the_same_addresses(place, endpoints):
    send, field = endpoints[place]
    before = snapshot_rows()

    for email, code in INVALID.items():
        assert_problem(send(email), 400, "invalid", {field: code})

    assert snapshot_rows() == before


@pytest.mark.parametrize("place", ENDPOINTS)
@pytest.mark.parametrize(("email", "stored"), STORED_AS.items())
def test_every_endpoint_normalizes_addresses_equally(place, endpoints, email, stored):
    response = endpoints[place][0](email)

    assert response.status_code in {200, 201, 202}, response.content
    if place != "calculate":
        assert stored in response.content.decode()
    with across_tenants():
        mails = [event.data["email"] for event in OutboxEvent.objects.filter(topic="receipt.email")]
    emails, customers, *_ = snapshot_rows()
    assert place == "calculate" or stored in [*emails, *customers, *mails]


def test_offline_sales_refuse_and_normalize_the_same_addresses(till, product):
    before = snapshot_rows()

    for number, (email, code) in enumerate(INVALID.items(), 1):
        item = build_offline_sale(number, build_offline_line(product), customer={"email": email})
        (result,) = results(till, item)
        assert (result["status"], result["code"]) == ("rejected", "invalid")
        assert [(e["field"], e["code"]) for e in result["errors"]] == [("customer.email", code)]
    assert snapshot_rows() == before

    item = build_offline_sale(
        9, build_offline_line(product), customer={"email": "Ann@Bücher.example"}
    )
    (result,) = results(till, item)
    assert result["order"]["customer"]["email"] == "Ann@xn--bcher-kva.example"


def test_address_in_unicode_and_punycode_is_the_same(client_of, admin, problem):
    admin_client = client_of(admin)
    person = {"username": "new", "role": "cashier", "email": "ann@bücher.example"}
    assert admin_client.post("users/", person).status_code == 201

    again = admin_client.post(
        "users/", person | {"username": "newer", "email": "ann@xn--bcher-kva.example"}
    )

    problem(again, 409, "email_taken")
