"""Erasure of a customer: no copy of the personal data remains, and the books stay."""

import json
from threading import Event

import pytest
from django.apps import apps
from django.core import mail

from orders.models import Customer, Order
from orders.models.customer import ERASED_NAME
from orders.services.customers import copy_customer
from orders.services.payments import capture
from orders.services.sales import checkout
from orders.services.verification import verify_chains
from tenants.api import idempotent_views
from tenants.models import AuditEvent, IdempotencyKey, OutboxEvent
from tenants.scope import across_tenants, tenant_scope
from tests.factories.accounts import AuthSessionFactory
from tests.factories.customers import CustomerFactory, CustomerGroupFactory
from tests.support.api import Person
from tests.support.discovery import snapshot_owned_rows
from tests.support.locks import wait_until_blocked
from tests.support.offline import build_offline_line, build_offline_sale, upload, upload_one_booked
from tests.support.order_relay import relay_all
from tests.support.parallel import run_concurrently, statuses
from tests.support.refunds import create_refund
from tests.support.till import cash, line, new_id

# Texts that occur nowhere else.
NAME, EMAIL, PHONE = "Zaphod Quill", "Zaphod.Quill@till.example", "+49 30 98765432"
TAX_NUMBER, NOTE = "XQ987654321", "Two heads"
PERSONAL = ("zaphod", "quill", "98765432", "xq987654321", "two heads")


@pytest.fixture
def body():
    return {
        "name": NAME,
        "email": EMAIL,
        "phone": PHONE,
        "tax_number": TAX_NUMBER,
        "note": NOTE,
    }


@pytest.fixture
def customer(manager_client, body):
    made = manager_client.post("customers/", body, Idempotency_Key="made")
    assert made.status_code == 201, made.content
    return made.json()


def erase(client, customer, name=NAME, **headers):
    return client.post(f"customers/{customer['id']}/erase/", {"name": name}, **headers)


def find_personal_data():
    """Return the places of personal data in the tables of the project, as Model.column."""
    with across_tenants():
        return sorted(
            {
                f"{model.__name__}.{column}"
                for name in ("tenants", "accounts", "orders")
                for model in apps.get_app_config(name).get_models()
                for row in model._base_manager.values()
                for column, value in row.items()
                if any(part in str(value).lower() for part in PERSONAL)
            }
        )


@pytest.fixture
def named(customer):
    return {"id": customer["id"]}


@pytest.fixture
def blank(customer):
    """Return the customer of an order after the erasure."""
    return {"id": customer["id"], "name": "", "email": "", "tax_number": ""}


@pytest.fixture
def sold(till, managers_till, make_product, named):
    """Return a sale with a refund to store credit and receipts by mail, one of which waits."""
    body = till.order(line(make_product()), customer=named, payments=[cash("2.50")])
    order = till.post("orders/", body, Idempotency_Key="sold").json()
    create_refund(managers_till, order, method="store_credit")
    mails = f"orders/{order['id']}/receipt/email/"
    assert till.post(mails, {"email": EMAIL}, Idempotency_Key="mail").status_code == 202
    relay_all()
    assert till.post(mails, {"email": "quill@other.example"}).status_code == 202
    assert len(mail.outbox) == 1
    return order


@pytest.fixture
def held(till, make_product, named):
    order = till.sold(line(make_product()), customer=named)
    till.patch(f"orders/{order['id']}/", {"customer": named}, If_Match="*")
    till.post(f"orders/{order['id']}/hold/", Idempotency_Key="held")
    return order


@pytest.fixture
def typed(till, make_product):
    """Return an order whose customer was entered by name and e-mail address."""
    body = till.order(line(make_product()), customer={"name": NAME, "email": EMAIL.upper()})
    return till.post("orders/", body, Idempotency_Key="typed").json()


@pytest.fixture
def uploaded(till, make_product, named):
    item = build_offline_sale(
        1, build_offline_line(make_product()), customer=named | {"name": NAME}
    )
    return upload(till, item, key="offline").json()["results"][0]["order"]


@pytest.fixture
def erased(manager_client, customer, sold, held, typed, uploaded):
    """Erase the customer of all these orders and return the answer."""
    path = f"customers/{customer['id']}/"
    manager_client.patch(path, {"note": NOTE + "!"}, If_Match='"1"')
    assert {
        "Customer.name",
        "Customer.search_text",
        "Order.customer_email",
        "StoreCredit.customer_name",
        "OutboxEvent.data",
        "IdempotencyKey.body",
    } <= set(find_personal_data())
    answer = erase(manager_client, customer, Idempotency_Key="erased")
    assert answer.status_code == 200, answer.content
    return answer.json()


def test_no_copy_remains_anywhere(erased, customer):
    assert find_personal_data() == []
    assert erased == customer | {
        "name": ERASED_NAME,
        **dict.fromkeys(("email", "phone", "tax_number", "note"), ""),
        **{name: erased[name] for name in ("erased_at", "updated_at")},
        "version": 3,
    }
    assert erased["erased_at"] is not None


def test_mail_that_waits_is_not_sent(erased):
    relay_all()

    assert len(mail.outbox) == 1


def test_orders_keep_everything_but_the_customer(erased, till, sold, held, typed, uploaded, blank):
    for order in (sold, held, uploaded):
        assert till.shown(order)["customer"] == blank
        assert till.shown(order)["total"] == order["total"]
    assert till.shown(typed)["customer"] is None
    till.post(f"orders/{held['id']}/resume/", {})
    assert till.pay(held, cash("2.50")).json()["customer"] == blank
    assert find_personal_data() == []


def test_stored_answers_keep_everything_but_the_customer(erased, sold, typed, shop, blank):
    with tenant_scope(shop):
        answers = dict(IdempotencyKey.objects.values_list("key", "body"))
    assert json.loads(answers["sold"]) == sold | {"customer": blank}
    assert json.loads(answers["typed"]) == typed | {"customer": {**blank, "id": None}}


def test_erasure_is_announced_and_audited_without_personal_data(
    erased, customer, sold, held, typed, uploaded, shop
):
    with tenant_scope(shop):
        event = AuditEvent.objects.get(event="customer_erased")
        about = OutboxEvent.objects.order_by("pk").values_list("topic", "subject", "data")
        (*_, last) = about
        updated = {str(subject) for topic, subject, _ in about if topic == "order.updated"}
    assert (event.target_name, event.facts) == ("", {"orders": 4})
    assert (last[0], str(last[1]), last[2]) == ("customer.erased", customer["id"], {})
    assert {order["id"] for order in (sold, held, typed, uploaded)} <= updated


def test_other_customers_stay(till, manager_client, make_product, customer, shop, other_shop):
    """Those of the same name, and those of another shop with the same address."""
    product = make_product()
    group = CustomerGroupFactory(tenant=shop)
    namesake = CustomerFactory(tenant=shop, name=NAME, group=group)
    theirs = CustomerFactory(tenant=other_shop, name=NAME, email=EMAIL)
    order = till.sold(line(product), customer={"id": str(namesake.pk)})
    typed = till.sold(line(product), customer={"name": NAME})

    assert erase(manager_client, customer).status_code == 200

    assert till.shown(order)["customer"]["name"] == NAME
    assert till.shown(typed)["customer"]["name"] == NAME
    with across_tenants():
        kept = Customer.objects.filter(pk__in=[namesake.pk, theirs.pk])
        assert [each.name for each in kept] == [NAME, NAME]


@pytest.mark.parametrize("name", ["", "zaphod quill", f"{NAME} ", "Ann", None])
def test_another_name_does_not_confirm(manager_client, customer, name):
    before = snapshot_owned_rows()

    refused = erase(manager_client, customer, name=name)

    assert (refused.status_code, refused.json()["code"]) == (400, "invalid")
    assert [error["field"] for error in refused.json()["errors"]] == ["name"]
    assert snapshot_owned_rows() == before


@pytest.mark.parametrize(
    ("who", "method", "code"),
    [
        ("cashier", "pwd", "permission_denied"),
        ("manager", "pin", "password_required"),
    ],
)
def test_only_managers_with_a_password_erase(request, who, method, code, customer, problem):
    user = request.getfixturevalue(who)
    client = Person(user, AuthSessionFactory(user=user, method=method))
    before = snapshot_owned_rows()

    problem(erase(client, customer), 403, code)
    assert snapshot_owned_rows() == before


def test_erased_customer_is_not_changed_used_or_erased_again(
    till, manager_client, make_product, customer, problem
):
    product = make_product()
    order = till.sold(line(product))
    erase(manager_client, customer)
    before = snapshot_owned_rows()

    path = f"customers/{customer['id']}/"
    problem(manager_client.patch(path, {"name": "Ann"}, If_Match="*"), 409, "customer_erased")
    problem(erase(manager_client, customer, name=ERASED_NAME), 409, "customer_erased")
    named = {"customer": {"id": customer["id"]}}
    problem(till.sell(line(product), **named), 409, "customer_erased")
    problem(till.patch(f"orders/{order['id']}/", named, If_Match="*"), 409, "customer_erased")
    assert snapshot_owned_rows() == before


def test_offline_sale_of_an_erased_customer_keeps_no_personal_data(
    till, manager_client, make_product, customer, blank
):
    product = make_product()
    erase(manager_client, customer)
    given = {"id": customer["id"], "name": NAME, "email": EMAIL}

    order = upload_one_booked(
        till, build_offline_sale(1, build_offline_line(product), customer=given)
    )

    assert (order["customer"], order["flags"]) == (blank, ["unknown_customer"])
    assert find_personal_data() == []


def test_outdated_version_erases_nothing(manager_client, customer, problem):
    before = snapshot_owned_rows()

    problem(erase(manager_client, customer, If_Match='"7"'), 412, "version_conflict")
    assert snapshot_owned_rows() == before


def test_hash_chain_is_intact_after_an_erasure(till, manager_client, make_product, customer, shop):
    till.sold(line(make_product()), customer={"id": customer["id"]}, payments=[cash("2.50")])
    erase(manager_client, customer)

    with tenant_scope(shop):
        assert not list(verify_chains())


@pytest.mark.django_db(transaction=True)
@pytest.mark.postgres
def test_orders_that_are_sold_and_completed_during_an_erasure_leave_no_copy(
    tills, manager, make_product, customer, shop
):
    """Also their answers, which are stored after the transaction of the sale."""
    product, named = make_product("2.50", stock="100"), {"id": customer["id"]}
    with tenant_scope(shop):
        opened = [till.sold(line(product), customer=named) for till in tills]

    def sell(till):
        body = till.order(line(product), customer=named, payments=[cash("2.50")])
        return till.post("orders/", body, Idempotency_Key=new_id())

    def pay(till, order):
        return till.pay(order, cash("2.50"), Idempotency_Key=new_id())

    def rename(till, order):
        return till.patch(f"orders/{order['id']}/", {"customer": named}, If_Match="*")

    works = [lambda: erase(Person(manager), customer)]
    for till, order in zip(tills, opened, strict=True):
        works += [
            lambda till=till: sell(till),
            lambda till=till, order=order: pay(till, order),
            lambda till=till, order=order: rename(till, order),
        ]

    answers = run_concurrently(works)

    assert set(statuses(answers)) <= {200, 201, 409}, statuses(answers)
    assert answers[0].status_code == 200
    assert find_personal_data() == []
    with tenant_scope(shop):
        assert Order.objects.sold().count() >= len(opened)


@pytest.mark.django_db(transaction=True)
@pytest.mark.postgres
@pytest.mark.parametrize("kind", ["sale", "payment"])
def test_erasure_waits_for_a_sale_that_has_copied_the_customer(
    till, manager, make_product, customer, named, monkeypatch, kind
):
    product, started, blocked = make_product("2.50"), Event(), Event()
    opened = till.sold(line(product), customer=named)

    def copy_and_wait(order):
        copy_customer(order)
        started.set()
        assert blocked.wait(30)

    module = {"sale": checkout, "payment": capture}[kind]
    monkeypatch.setattr(module, "copy_customer", copy_and_wait)

    def sell():
        if kind == "payment":
            return till.pay(opened, cash("2.50"))
        return till.sell(line(product), customer=named, payments=[cash("2.50")])

    def erase_after_the_copy():
        assert started.wait(30)
        return erase(Person(manager), customer)

    def release_the_sale():
        # On another connection: a transaction does not see new ones.
        wait_until_blocked()
        blocked.set()

    *answers, _ = run_concurrently([sell, erase_after_the_copy, release_the_sale])

    assert statuses(answers) == {201: 1, 200: 1}
    assert find_personal_data() == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", ["sale", "payment", "upload"])
def test_answer_that_is_stored_after_the_erasure_is_erased(
    till, manager_client, make_product, customer, named, monkeypatch, kind
):
    """Its transaction, which contained the order, ended before the erasure."""
    product = make_product("2.50")
    opened = till.sold(line(product), customer=named)
    complete = idempotent_views.complete_request

    def erase_and_complete(key, response):
        monkeypatch.setattr(idempotent_views, "complete_request", complete)
        assert erase(manager_client, customer).status_code == 200
        return complete(key, response)

    monkeypatch.setattr(idempotent_views, "complete_request", erase_and_complete)

    if kind == "payment":
        answer = till.pay(opened, cash("2.50"), Idempotency_Key="late")
    elif kind == "sale":
        answer = till.post(
            "orders/", till.order(line(product), customer=named), Idempotency_Key="late"
        )
    else:
        item = build_offline_sale(1, build_offline_line(product), customer=named)
        answer = upload(till, item, key="late")

    assert NAME in answer.content.decode()
    assert find_personal_data() == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.postgres
def test_two_erasures_at_once_erase_once(manager, customer, shop):
    answers = run_concurrently([lambda: erase(Person(manager), customer)] * 2)

    assert statuses(answers) == {200: 1, 409: 1}
    with tenant_scope(shop):
        assert AuditEvent.objects.filter(event="customer_erased").count() == 1


def test_name_on_a_store_credit_that_the_customer_used_is_erased(
    till, manager_client, make_product, customer, named
):
    body = {"amount": "5.00", "customer_name": NAME}
    code = manager_client.post("store-credits/", body, Idempotency_Key="made").json()["full_code"]
    payment = {"id": new_id(), "method": "store_credit", "amount": "2.50", "reference": code}
    till.sold(line(make_product("2.50")), customer=named, payments=[payment])

    assert erase(manager_client, customer).status_code == 200

    assert find_personal_data() == []
