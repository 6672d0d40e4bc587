"""Customers: who adds, changes, finds and sees them."""

import pytest

from accounts.security.rate_limits.policies import CUSTOMER_SEARCH_OF_USER
from orders.models import Customer
from orders.models.customer import normalize_phone
from tenants.models import AuditEvent, OutboxEvent
from tenants.scope import tenant_scope
from tests.factories.accounts import AuthSessionFactory
from tests.factories.customers import CustomerFactory, CustomerGroupFactory
from tests.support.api import Person

PATH = "customers/"
ANN = {
    "name": "Ann Müller-Lee",
    "email": "Ann@Till.Example",
    "phone": "+49 (0)30 1234567",
    "tax_number": "DE123456789",
    "note": "Pays by invoice",
}


@pytest.fixture
def ann(shop):
    return CustomerFactory(tenant=shop, **ANN | {"email": "Ann@till.example"})


@pytest.fixture
def snapshot(shop):
    """Return a function that returns the customers and the number of their events."""

    def load():
        with tenant_scope(shop):
            rows = list(Customer.objects.order_by("pk").values())
            events = OutboxEvent.objects.filter(topic__startswith="customer.").count()
            return rows, events, AuditEvent.objects.filter(event__startswith="customer_").count()

    return load


def names(response):
    assert response.status_code == 200, response.content
    return [each["name"] for each in response.json()["results"]]


def test_manager_adds_a_customer_with_everything(manager_client, shop):
    group = CustomerGroupFactory(tenant=shop)

    made = manager_client.post(PATH, ANN | {"group": str(group.pk)})

    assert made.status_code == 201, made.content
    shown = made.json()
    assert shown == manager_client.get(f"{PATH}{shown['id']}/").json()
    assert {name: shown[name] for name in ANN} == ANN | {"email": "Ann@till.example"}
    assert (shown["group"], shown["erased_at"], shown["version"]) == (str(group.pk), None, 1)


@pytest.mark.parametrize("method", ["pwd", "pin"])
def test_cashier_adds_a_customer_but_does_not_change_it(cashier, method, problem, snapshot):
    client = Person(cashier, AuthSessionFactory(user=cashier, method=method))

    made = client.post(PATH, {"name": "Ann"})

    assert made.status_code == 201, made.content
    before = snapshot()
    path = f"{PATH}{made.json()['id']}/"
    problem(client.patch(path, {"name": "Bea"}, If_Match='"1"'), 403, "permission_denied")
    assert snapshot() == before


@pytest.mark.parametrize(
    ("who", "method"), [("cashier", "pwd"), ("cashier", "pin"), ("manager", "pin")]
)
def test_only_a_manager_with_password_puts_a_customer_into_a_group(
    request, who, method, shop, problem, snapshot
):
    """A group may have prices of its own: to be put into it is a discount."""
    user = request.getfixturevalue(who)
    client = Person(user, AuthSessionFactory(user=user, method=method))
    group = str(CustomerGroupFactory(tenant=shop).pk)
    path = f"{PATH}{CustomerFactory(tenant=shop).pk}/"
    before = snapshot()

    problem(client.post(PATH, {"name": "Ann", "group": group}), 403, "permission_denied")
    problem(client.patch(path, {"group": group}, If_Match='"1"'), 403, "permission_denied")

    assert snapshot() == before


def test_audit_log_names_the_group(manager_client, shop):
    first, second = (CustomerGroupFactory(tenant=shop, name=name) for name in ("Staff", "Guests"))
    made = manager_client.post(PATH, {"name": "Ann", "group": str(first.pk)}).json()
    path = f"{PATH}{made['id']}/"

    assert manager_client.patch(path, {"group": str(second.pk)}, If_Match="*").status_code == 200
    assert manager_client.patch(path, {"group": None}, If_Match="*").status_code == 200

    with tenant_scope(shop):
        events = list(AuditEvent.objects.filter(target=made["id"]).order_by("created_at", "pk"))
    assert [event.facts for event in events] == [
        {"group": "Staff"},
        {"fields": ["group"], "group": "Guests"},
        {"fields": ["group"], "group": ""},
    ]


@pytest.mark.parametrize(
    ("change", "field", "code"),
    [
        ({"name": ""}, "name", "blank"),
        ({"name": "x" * 101}, "name", "max_length"),
        ({"email": "ann@localhost"}, "email", "invalid"),
        ({"email": "ann@[127.0.0.1]"}, "email", "invalid"),
        ({"phone": "call me"}, "phone", "no_digits"),
        ({"phone": "1" * 33}, "phone", "max_length"),
        ({"tax_number": "1" * 51}, "tax_number", "max_length"),
        ({"note": "x" * 501}, "note", "max_length"),
        ({"group": "0190163d-8694-739b-aea5-966c26f8ad91"}, "group", "does_not_exist"),
        ({"erased_at": None}, "erased_at", "unknown_field"),
        ({"search_text": "x"}, "search_text", "unknown_field"),
    ],
)
def test_invalid_input_is_refused(change, field, code, manager_client, snapshot):
    before = snapshot()

    response = manager_client.post(PATH, {"name": "Ann"} | change)

    assert response.status_code == 400
    errors = [(each["field"], each["code"]) for each in response.json()["errors"]]
    assert errors == [(field, code)]
    assert snapshot() == before


def test_change_needs_the_current_version(manager_client, ann, problem, snapshot):
    before = snapshot()

    path = f"{PATH}{ann.pk}/"
    problem(manager_client.patch(path, {"name": "Bea"}), 428, "if_match_required")
    problem(manager_client.patch(path, {"name": "Bea"}, If_Match='"9"'), 412, "version_conflict")
    assert snapshot() == before
    changed = manager_client.patch(path, {"name": "Bea"}, If_Match='"1"')
    assert (changed.json()["name"], changed.json()["version"]) == ("Bea", 2)


def test_audit_log_and_events_contain_no_personal_data(manager_client, shop):
    made = manager_client.post(PATH, ANN).json()
    change = {"name": "Bea Smith", "email": "bea@till.example"}
    changed = manager_client.patch(f"{PATH}{made['id']}/", change, If_Match='"1"')

    assert changed.status_code == 200, changed.content
    with tenant_scope(shop):
        events = AuditEvent.objects.filter(event__startswith="customer_").order_by("pk")
        audited = [(each.event, each.target_name, each.facts) for each in events]
        topics = [(each.topic, each.data) for each in OutboxEvent.objects.order_by("pk")]
    assert audited == [
        ("customer_added", "", {}),
        ("customer_changed", "", {"fields": ["email", "name"]}),
    ]
    assert topics == [("customer.created", {}), ("customer.updated", {})]


@pytest.mark.parametrize(
    ("text", "is_found"),
    [
        ("ann", True),
        ("ANN", True),
        ("muller", True),
        ("müll ann", True),
        ("ann@till.example", True),
        ("ANN@TILL.EXAMPLE", True),
        ("+49 30 1234567", True),
        ("0049301234567", True),
        ("030/123-4567", True),
        ("1234567", True),
        ("(030) 1234568", False),
        ("234567", False),
        ("31 1234567", False),
        ("lee", False),
        ("nn", False),
        ("ann bea", False),
        ("ann@till", False),
        ("@till.example", False),
        ("%%%", False),
        ("___", False),
    ],
)
def test_customers_are_found_by_name_address_and_phone(manager_client, ann, shop, text, is_found):
    CustomerFactory(tenant=shop, name="Bob", email="bob@till.example", phone="555 0199")

    found = names(manager_client.get(PATH, {"search": text}))

    assert found == ([ann.name] if is_found else [])


def test_number_without_area_code_is_found_with_it(manager_client, shop):
    CustomerFactory(tenant=shop, name="Bob", phone="1234567")

    assert names(manager_client.get(PATH, {"search": "+49 30 1234567"})) == ["Bob"]


@pytest.mark.parametrize(
    ("phone", "digits"),
    [
        ("+49 (0)30 123", "4930123"),
        ("0049 30 123", "4930123"),
        ("030/123", "30123"),
        ("٣٤٥ 12", "12"),
        ("", ""),
    ],
)
def test_phone_is_normalized(phone, digits):
    assert normalize_phone(phone) == digits


def test_manager_lists_and_filters_customers(manager_client, ann, shop):
    group = CustomerGroupFactory(tenant=shop)
    CustomerFactory(tenant=shop, name="Bea", group=group)

    assert names(manager_client.get(PATH)) == [ann.name, "Bea"]
    assert names(manager_client.get(PATH, {"group": str(group.pk)})) == ["Bea"]
    assert names(manager_client.get(PATH, {"is_erased": "true"})) == []
    assert names(manager_client.get(PATH, {"is_erased": "false"})) == [ann.name, "Bea"]
    shown = manager_client.get(PATH).json()["results"][0]
    assert (shown["email"], shown["note"]) == (ann.email, ann.note)


@pytest.mark.parametrize("text", [None, "an", "a b", "1234", "+", " "])
@pytest.mark.parametrize(("who", "method"), [("cashier", "pwd"), ("manager", "pin")])
def test_others_have_to_search_for_somebody(request, who, method, text, ann, problem):
    user = request.getfixturevalue(who)
    client = Person(user, AuthSessionFactory(user=user, method=method))

    response = client.get(PATH, {} if text is None else {"search": text})

    assert response.status_code == 400, response.content
    assert ann.name not in response.content.decode()


@pytest.mark.parametrize(("who", "method"), [("cashier", "pwd"), ("manager", "pin")])
def test_others_see_masked_data_in_lists(request, who, method, ann):
    user = request.getfixturevalue(who)
    client = Person(user, AuthSessionFactory(user=user, method=method))

    (listed,) = client.get(PATH, {"search": "ann"}).json()["results"]

    shown = {name: listed[name] for name in ("name", "email", "phone", "tax_number", "note")}
    assert shown == {
        "name": ann.name,
        "email": "A***@till.example",
        "phone": "****4567",
        "tax_number": None,
        "note": None,
    }
    assert client.get(f"{PATH}{ann.pk}/").json()["email"] == ann.email


def test_look_ups_of_cashiers_are_limited(client_of, cashier, manager_client, ann, problem):
    client = client_of(cashier)
    for number in range(CUSTOMER_SEARCH_OF_USER.limit):
        # Refused searches and look-ups by id count too.
        path, search = (f"{PATH}{ann.pk}/", {}) if number % 2 else (PATH, {"search": "a"})
        client.get(path, search)

    refused = client.get(PATH, {"search": "ann"})

    problem(refused, 429, "too_many_attempts")
    assert int(refused["Retry-After"]) > 0
    problem(client.get(f"{PATH}{ann.pk}/"), 429, "too_many_attempts")
    assert names(manager_client.get(PATH)) == [ann.name]


def test_customers_of_another_shop_do_not_exist(manager_client, other_shop, problem, snapshot):
    theirs = CustomerFactory(tenant=other_shop, name="Ann", email="ann@till.example")
    before = snapshot()

    problem(manager_client.get(f"{PATH}{theirs.pk}/"), 404, "not_found")
    change = manager_client.patch(f"{PATH}{theirs.pk}/", {"name": "Bea"}, If_Match='"1"')
    problem(change, 404, "not_found")
    for text in ("ann", "ann@till.example"):
        assert names(manager_client.get(PATH, {"search": text})) == []
    group = CustomerGroupFactory(tenant=other_shop)
    refused = manager_client.post(PATH, {"name": "Ann", "group": str(group.pk)})
    assert [each["code"] for each in refused.json()["errors"]] == ["does_not_exist"]
    assert snapshot() == before
