"""Each deed that changes what others keep a copy of announces it, and each change is announced."""

from io import BytesIO

import pytest

from accounts.models import User
from orders.models import Category, Order, Payment, Product, Refund, Shift, TaxClass
from orders.services.catalog.bulk_import import add_products
from orders.services.catalog.csv_import import import_products
from tenants.events.outbox import get_resource_type
from tenants.events.topics import TOPICS
from tenants.models import OutboxEvent, Register, Store, Tenant
from tenants.scope import tenant_scope
from tests.factories.accounts import PASSWORD
from tests.support.till import Till, card, cash, line, new_id

FED = [Category, Order, Payment, Product, Refund, Register, Shift, Store, TaxClass, User]
TIMES_OUT, DECLINED = "1.92", "1.91"


class Day:
    """A shop's admin, and what was announced since somebody last asked."""

    def __init__(self, till, shop):
        self.till, self.shop, self.seen = till, shop, set()

    def told(self):
        with tenant_scope(self.shop):
            new = list(OutboxEvent.objects.exclude(pk__in=self.seen).order_by("pk"))
        self.seen |= {event.pk for event in new}
        return sorted(event.topic for event in new)

    def post(self, path, body=None, **headers):
        response = self.till.post(path, body, **headers)
        assert response.status_code in {200, 201, 202, 204}, response.content
        return response.json() if response.content else None

    def patch(self, path, body):
        response = self.till.patch(path, body, If_Match="*")
        assert response.status_code == 200, response.content

    def put(self, path, body):
        response = self.till.put(path, body, If_Match="*")
        assert response.status_code in {200, 204}, response.content


@pytest.fixture
def day(shop, admin, register, product):
    return Day(Till(admin, register), shop)


def ensure_all_told(shop):
    """What the feed last said of a row is how the row is now."""
    with tenant_scope(shop):
        last = {
            (event.subject_type, event.subject): event.subject_version
            for event in OutboxEvent.objects.filter(subject__isnull=False).order_by("pk")
        }
        topics = set(OutboxEvent.objects.filter(subject__isnull=False).values_list("topic"))
        rows = [row for model in FED for row in model.objects.all()]
    assert {topic for (topic,) in topics} <= set(TOPICS)
    changed = [row for row in rows if row.version > 1 or (get_resource_type(row), row.pk) in last]
    assert {(get_resource_type(row), row.pk): row.version for row in changed} == {
        (get_resource_type(row), row.pk): last.get((get_resource_type(row), row.pk))
        for row in changed
    }


def test_the_catalog(day, shop):
    made = day.post("tax-classes/", {"name": "Reduced", "rates": []})
    assert day.told() == ["tax_class.created"]
    day.patch(f"tax-classes/{made['id']}/", {"name": "Low"})
    assert day.told() == ["tax_class.updated"]
    made = day.post("categories/", {"name": "Fruit"})
    assert day.told() == ["category.created"]
    day.patch(f"categories/{made['id']}/", {"name": "Fruits"})
    assert day.told() == ["category.updated"]
    made = day.post("products/", {"sku": "PEAR", "name": "Pear", "price": "1.00"})
    assert day.told() == ["product.created"]
    day.patch(f"products/{made['id']}/", {"barcodes": ["4006381333931"]})
    assert day.told() == ["product.updated"]
    with tenant_scope(shop):
        add_products([Product(sku="PLUM", name="Plum", price=1)])
    assert day.told() == ["product.created"]
    ensure_all_told(shop)


def test_the_shelves(day, shop, product, store):
    moved = {"product": str(product.pk), "store": str(store.pk), "quantity": "5"}
    day.post("stock/movements/", {"type": "receive", **moved}, Idempotency_Key="in")
    assert day.told() == ["stock_level.updated"]
    level = day.till.get("stock/").json()["results"][0]["id"]
    day.patch(f"stock/{level}/", {"reorder_point": "3"})
    assert day.told() == ["stock_level.updated"]


def test_the_shop_and_its_places(day, shop, store):
    day.patch("tenant/", {"name": "Greener Grocery"})
    assert day.told() == ["tenant.updated"]
    made = day.post("stores/", {"name": "Second"})
    assert day.told() == ["store.created"]
    day.patch(f"stores/{made['id']}/", {"address": "Here"})
    assert day.told() == ["store.updated"]
    made = day.post("registers/", {"name": "Till 2", "store": str(store.pk)})
    assert day.told() == ["register.created"]
    day.patch(f"registers/{made['id']}/", {"name": "Till 3"})
    assert day.told() == ["register.updated"]
    ensure_all_told(shop)


def test_people(day, shop):
    made = day.post("users/", {"username": "newcomer", "role": "cashier"})
    assert day.told() == ["user.created"]
    path = f"users/{made['id']}/"
    day.patch(path, {"display_name": "New"})
    day.put(f"{path}role/", {"role": "manager"})
    day.till.delete(f"{path}activation/")
    day.put(f"{path}activation/", {})
    day.post(f"{path}reset-password/")
    assert day.told() == ["user.updated"] * 5
    day.patch("auth/me/", {"display_name": "Ada"})
    new = "eleven blue bottles in a row"
    day.put("auth/password/", {"current_password": PASSWORD, "new_password": new})
    assert day.told() == ["user.updated"] * 2
    ensure_all_told(shop)


def test_a_sale_in_one_request_a_refund_and_a_void(day, shop, product):
    sale = day.till.sold(line(product), payments=[cash("2.50")])
    assert day.told() == ["order.completed", "payment.captured"]
    day.post(f"orders/{sale['id']}/refunds/", {"reason": "Bruised"}, Idempotency_Key="back")
    assert day.told() == ["order.refunded", "refund.completed"]
    void = day.till.sold(line(product))
    day.post(f"orders/{void['id']}/void/", {"reason": "Left"})
    assert day.told() == ["order.opened", "order.voided"]
    ensure_all_told(shop)


def test_a_sale_in_many_requests(day, shop, product):
    item = line(product)
    path = f"orders/{day.till.sold(item)['id']}/"
    assert day.told() == ["order.opened"]
    lines = day.post(f"{path}lines/", line(product))["lines"]
    day.patch(f"{path}lines/{lines[0]['id']}/", {"quantity": "2"})
    day.till.delete(f"{path}lines/{lines[1]['id']}/")
    day.post(f"{path}discounts/", {"type": "percent", "value": "5", "id": new_id()})
    day.patch(path, {"note": "For Ann"})
    assert day.told() == ["order.updated"] * 5
    day.post(f"{path}hold/")
    day.post(f"{path}resume/", {})
    assert day.told() == ["order.held", "order.resumed"]
    paid = day.post(f"{path}payments/", cash("1.00"))
    assert day.told() == ["order.updated", "payment.captured"]
    day.post(f"payments/{paid['payments'][0]['id']}/cancel/")
    assert day.told() == ["order.updated", "payment.canceled"]
    day.post(f"{path}payments/", cash(day.till.get(path).json()["due"]))
    assert day.told() == ["order.completed", "payment.captured"]
    ensure_all_told(shop)


def test_cards_that_are_taken_declined_and_silent(day, shop, product):
    day.till.sold(line(product), payments=[card("2.50")])
    assert day.told() == ["order.completed", "order.opened", "payment.captured", "payment.pending"]
    day.till.sold(line(product), payments=[card(TIMES_OUT)])
    assert day.told() == ["order.opened", "order.updated", "payment.pending", "payment.unknown"]
    day.till.sold(line(product), payments=[card(DECLINED)])
    assert day.told() == ["order.opened", "order.updated", "payment.declined", "payment.pending"]
    ensure_all_told(shop)


def test_a_drawer(day, shop, register):
    body = {"register": str(register.pk), "opening_float": "100.00"}
    path = f"shifts/{day.post('shifts/', body, Idempotency_Key='open')['id']}/"
    assert day.told() == ["shift.opened"]
    moved = {"type": "paid_in", "amount": "5.00", "reason": "Coins"}
    day.post(f"{path}cash-movements/", moved, Idempotency_Key="in")
    assert day.told() == ["shift.cash_moved"]
    day.post(f"{path}end/")
    assert day.told() == ["shift.ended"]
    day.post(f"{path}close/", {"counted": [{"method": "cash", "amount": "105.00"}]})
    assert day.told() == ["shift.closed"]
    ensure_all_told(shop)


def test_a_person_of_the_platform_who_renames_a_shop(platform_browser, shop):
    path = f"/platform/tenants/tenant/{shop.pk}/change/"
    form = {"name": "Blue", "country": "DE", "timezone": "Europe/Berlin", "is_active": "on"}

    assert platform_browser.post(path, form).status_code == 302

    with tenant_scope(shop):
        event = OutboxEvent.objects.get()
        now = Tenant.objects.get(pk=shop.pk)
        assert (event.topic, event.subject_version) == ("tenant.updated", now.version)


def test_what_is_refused_announces_nothing(day, product):
    day.till.post("categories/", {"name": ""})
    day.till.post("products/", {"sku": product.sku, "name": "Twice", "price": "1.00"})
    day.till.sell(line(product), payments=[cash("9999.00")])

    assert day.told() == []


def test_an_import_announces_each_product_that_it_changed_and_no_other(shop, admin, product):
    new = [f"S{number},N,1.00,Fruit" for number in range(3)]
    rows = "\n".join(["sku,name,price,category", "APPLE,Apple,9.00,", *new])

    with tenant_scope(shop):
        import_products(BytesIO(rows.encode()), by=admin)
        topics = sorted(OutboxEvent.objects.values_list("topic", flat=True))
        assert topics == ["category.created", *["product.created"] * 3, "product.updated"]
        assert OutboxEvent.objects.get(topic="product.updated").subject_version == 2
