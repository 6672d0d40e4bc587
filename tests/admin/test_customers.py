"""The admin pages of customers and their groups."""

import pytest

from orders.models import Customer, CustomerGroup
from tenants.scope import tenant_scope
from tests.factories.customers import CustomerFactory
from tests.support.admin_browser import read_errors, snapshot_database, submit_form

pytestmark = [pytest.mark.once, pytest.mark.django_db]
CUSTOMERS, GROUPS = "/admin/orders/customer/", "/admin/orders/customergroup/"


def test_manager_adds_and_changes_a_customer_of_a_group(managers_browser, shop):
    assert submit_form(managers_browser, f"{GROUPS}add/", name="Members")["Location"] == GROUPS
    with tenant_scope(shop):
        group = CustomerGroup.objects.get()
    new = {"name": "Ann", "email": "ann@till.example", "group": str(group.pk)}

    assert submit_form(managers_browser, f"{CUSTOMERS}add/", **new)["Location"] == CUSTOMERS

    with tenant_scope(shop):
        customer = Customer.objects.get()
    page = f"{CUSTOMERS}{customer.pk}/change/"
    assert submit_form(managers_browser, page, phone="030 1234567").status_code == 302
    with tenant_scope(shop):
        customer.refresh_from_db()
    assert (customer.phone_digits, customer.group_id, customer.version) == (
        "301234567",
        group.pk,
        2,
    )


def test_invalid_customer_is_refused(managers_browser):
    before = snapshot_database(Customer)

    errors = read_errors(submit_form(managers_browser, f"{CUSTOMERS}add/", name="A", email="a@b"))

    assert "Enter an e-mail address" in errors
    assert snapshot_database(Customer) == before


def test_search_finds_customers_by_phone(managers_browser, shop):
    CustomerFactory(tenant=shop, name="Ann Miller", phone="030 1234567")
    CustomerFactory(tenant=shop, name="Bea Smith")

    page = managers_browser.get(CUSTOMERS, {"q": "+49 30 1234567"}).content.decode()

    assert "Ann Miller" in page
    assert "Bea Smith" not in page


def test_manager_erases_a_customer_by_the_name(managers_browser, shop):
    customer = CustomerFactory(tenant=shop, name="Ann Miller", phone="030 1234567")
    page = f"{CUSTOMERS}{customer.pk}/"
    assert "Erase personal data" in managers_browser.get(f"{page}change/").content.decode()
    assert managers_browser.get(f"{page}erase/").status_code == 200

    refused = managers_browser.post(f"{page}erase/", {"name": "Ann"})

    assert "not the name of the customer" in refused.content.decode()
    assert snapshot_database(Customer)
    with tenant_scope(shop):
        customer.refresh_from_db()
        assert not customer.is_erased
    done = managers_browser.post(f"{page}erase/", {"name": "Ann Miller"}, follow=True)
    assert "The personal data was erased." in done.content.decode()
    with tenant_scope(shop):
        customer.refresh_from_db()
    assert (customer.is_erased, customer.phone) == (True, "")
    assert managers_browser.get(f"{page}erase/").status_code == 403
    assert "Erase personal data" not in managers_browser.get(f"{page}change/").content.decode()


def test_customer_of_another_shop_is_not_erased(managers_browser, other_shop):
    theirs = CustomerFactory(tenant=other_shop, name="Ann")
    before = snapshot_database(Customer)

    answer = managers_browser.post(f"{CUSTOMERS}{theirs.pk}/erase/", {"name": "Ann"})

    assert answer.status_code == 404
    assert snapshot_database(Customer) == before


def test_message_about_a_customer_names_nobody(managers_browser):
    """It is kept in the session, where an erasure does not find it."""
    submit_form(managers_browser, "/admin/orders/customer/add/", name="Zaphod Quill")

    assert "Quill" not in str(managers_browser.session.items())
    assert "The customer was saved." in managers_browser.get("/admin/").content.decode()
