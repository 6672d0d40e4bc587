"""One rule for e-mail addresses, wherever one is taken."""

import pytest

from accounts.models import User
from orders.models import Order
from tenants.models import OutboxEvent, Tenant
from tenants.scope import across_tenants
from tests.support.api import Api
from tests.support.offline import build_offline_line, build_offline_sale, results
from tests.support.problems import assert_problem
from tests.support.till import line

REFUSED = {
    "root@localhost": "invalid",
    "a@[127.0.0.1]": "invalid",
    "ann": "invalid",
    "jürgen@shop.example": "smtputf8_unavailable",
}
TAKEN = {
    "Ann@Bücher.example": "Ann@xn--bcher-kva.example",
    "ann@SHOP.example": "ann@shop.example",
}


def rows():
    with across_tenants():
        emails = User.objects.order_by("pk").values_list("email", flat=True)
        customers = Order.objects.order_by("pk").values_list("customer_email", flat=True)
        events = OutboxEvent.objects.filter(topic="receipt.email").count()
        return list(emails), list(customers), Tenant.objects.count(), events


@pytest.fixture
def places(till, client_of, admin, cashier, product, settings):
    """Each call that takes an address: what sends it, and the field that a refusal names."""
    settings.SIGNUP_ENABLED = True
    admin_client = client_of(admin)
    basket = till.order(line(product))
    order = till.sold(line(product))
    paid = till.sold(line(product), payments=[{"method": "cash", "amount": "2.50"}])
    person = {"username": "new", "role": "cashier"}
    shop = {"slug": "corner", "name": "Corner", "currency": "EUR"}
    owner = {"username": "owner", "password": "seven green bottles"}

    def of_customer(email):
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
            lambda email: till.post("orders/", basket | of_customer(email)),
            "customer.email",
        ),
        "calculate": (
            lambda email: till.post("orders/calculate/", basket | of_customer(email)),
            "customer.email",
        ),
        "edited order": (
            lambda email: till.patch(f"orders/{order['id']}/", of_customer(email), If_Match="*"),
            "customer.email",
        ),
        "receipt": (
            lambda email: till.post(f"orders/{paid['id']}/receipt/email/", {"email": email}),
            "email",
        ),
    }


NAMES = ["users", "user", "me", "signup", "order", "calculate", "edited order", "receipt"]


@pytest.mark.parametrize("place", NAMES)
def test_every_call_refuses_the_same_addresses(place, places):
    send, field = places[place]
    before = rows()

    for email, code in REFUSED.items():
        assert_problem(send(email), 400, "invalid", {field: code})

    assert rows() == before


@pytest.mark.parametrize("place", NAMES)
@pytest.mark.parametrize(("email", "stored"), TAKEN.items())
def test_every_call_takes_the_same_addresses(place, places, email, stored):
    response = places[place][0](email)

    assert response.status_code in {200, 201, 202}, response.content
    if place != "calculate":
        assert stored in response.content.decode()
    with across_tenants():
        mails = [event.data["email"] for event in OutboxEvent.objects.filter(topic="receipt.email")]
    emails, customers, *_ = rows()
    assert place == "calculate" or stored in [*emails, *customers, *mails]


def test_an_upload_has_the_same_rule(till, product):
    before = rows()

    for number, (email, code) in enumerate(REFUSED.items(), 1):
        item = build_offline_sale(number, build_offline_line(product), customer={"email": email})
        (result,) = results(till, item)
        assert (result["status"], result["code"]) == ("rejected", "invalid")
        assert [(e["field"], e["code"]) for e in result["errors"]] == [("customer.email", code)]
    assert rows() == before

    item = build_offline_sale(
        9, build_offline_line(product), customer={"email": "Ann@Bücher.example"}
    )
    (result,) = results(till, item)
    assert result["order"]["customer"]["email"] == "Ann@xn--bcher-kva.example"


def test_two_spellings_of_an_address_are_one(client_of, admin, problem):
    admin_client = client_of(admin)
    person = {"username": "new", "role": "cashier", "email": "ann@bücher.example"}
    assert admin_client.post("users/", person).status_code == 201

    again = admin_client.post(
        "users/", person | {"username": "newer", "email": "ann@xn--bcher-kva.example"}
    )

    problem(again, 409, "email_taken")
