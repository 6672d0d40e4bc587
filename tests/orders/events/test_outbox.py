"""Every change of a resource in the change feed is announced by an outbox event."""

from io import BytesIO

import pytest

from accounts.models import User
from orders.models import Category, Order, Payment, Product, Refund, Shift, TaxClass
from orders.services.catalog.csv_import import import_products
from tenants.events.outbox import get_resource_type
from tenants.events.topics import TOPICS
from tenants.models import OutboxEvent, Register, Store, Tenant
from tenants.scope import tenant_scope
from tests.factories.accounts import PASSWORD
from tests.support.bulk_products import add_products
from tests.support.till import Till, card, cash, line, new_id

FEED_MODELS = [Category, Order, Payment, Product, Refund, Register, Shift, Store, TaxClass, User]
TIMES_OUT, DECLINED = "1.92", "1.91"


class EventLog:
    """An admin's requests, and the topics announced since the last look."""

    def __init__(self, till, shop):
        self.till, self.shop, self.returned = till, shop, set()

    def new_topics(self):
        with tenant_scope(self.shop):
            new = list(OutboxEvent.objects.exclude(pk__in=self.returned).order_by("pk"))
        self.returned |= {event.pk for event in new}
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
    return EventLog(Till(admin, register), shop)


def ensure_latest_versions_announced(shop):
    """Assert that the last event of each changed row has the current version of the row."""
    with tenant_scope(shop):
        last = {
            (event.subject_type, event.subject): event.subject_version
            for event in OutboxEvent.objects.filter(subject__isnull=False).order_by("pk")
        }
        topics = set(OutboxEvent.objects.filter(subject__isnull=False).values_list("topic"))
        rows = [row for model in FEED_MODELS for row in model.objects.all()]
    assert {topic for (topic,) in topics} <= set(TOPICS)
    changed = [row for row in rows if row.version > 1 or (get_resource_type(row), row.pk) in last]
    assert {(get_resource_type(row), row.pk): row.version for row in changed} == {
        (get_resource_type(row), row.pk): last.get((get_resource_type(row), row.pk))
        for row in changed
    }


def test_catalog_changes_are_announced(day, shop):
    made = day.post("tax-classes/", {"name": "Reduced", "rates": []})
    assert day.new_topics() == ["tax_class.created"]
    day.patch(f"tax-classes/{made['id']}/", {"name": "Low"})
    assert day.new_topics() == ["tax_class.updated"]
    made = day.post("categories/", {"name": "Fruit"})
    assert day.new_topics() == ["category.created"]
    day.patch(f"categories/{made['id']}/", {"name": "Fruits"})
    assert day.new_topics() == ["category.updated"]
    made = day.post("products/", {"sku": "PEAR", "name": "Pear", "price": "1.00"})
    assert day.new_topics() == ["product.created"]
    day.patch(f"products/{made['id']}/", {"barcodes": ["4006381333931"]})
    assert day.new_topics() == ["product.updated"]
    with tenant_scope(shop):
        add_products([Product(sku="PLUM", name="Plum", price=1)])
    assert day.new_topics() == ["product.created"]
    ensure_latest_versions_announced(shop)


def test_stock_changes_are_announced(day, shop, product, store):
    moved = {"product": str(product.pk), "store": str(store.pk), "quantity": "5"}
    day.post("stock/movements/", {"type": "receive", **moved}, Idempotency_Key="in")
    assert day.new_topics() == ["stock_level.updated"]
    level = day.till.get("stock/").json()["results"][0]["id"]
    day.patch(f"stock/{level}/", {"reorder_point": "3"})
    assert day.new_topics() == ["stock_level.updated"]


def test_changes_of_shop_stores_and_registers_are_announced(day, shop, store):
    day.patch("tenant/", {"name": "Greener Grocery"})
    assert day.new_topics() == ["tenant.updated"]
    made = day.post("stores/", {"name": "Second"})
    assert day.new_topics() == ["store.created"]
    day.patch(f"stores/{made['id']}/", {"address": "Here"})
    assert day.new_topics() == ["store.updated"]
    made = day.post("registers/", {"name": "Till 2", "store": str(store.pk)})
    assert day.new_topics() == ["register.created"]
    day.patch(f"registers/{made['id']}/", {"name": "Till 3"})
    assert day.new_topics() == ["register.updated"]
    ensure_latest_versions_announced(shop)


def test_user_changes_are_announced(day, shop):
    made = day.post("users/", {"username": "newcomer", "role": "cashier"})
    assert day.new_topics() == ["user.created"]
    path = f"users/{made['id']}/"
    day.patch(path, {"display_name": "New"})
    day.put(f"{path}role/", {"role": "manager"})
    day.till.delete(f"{path}activation/")
    day.put(f"{path}activation/", {})
    day.post(f"{path}reset-password/")
    assert day.new_topics() == ["user.updated"] * 5
    day.patch("auth/me/", {"display_name": "Ada"})
    new = "eleven blue bottles in a row"
    day.put("auth/password/", {"current_password": PASSWORD, "new_password": new})
    assert day.new_topics() == ["user.updated"] * 2
    ensure_latest_versions_announced(shop)


def test_sale_refund_and_void_are_announced(day, shop, product):
    sale = day.till.sold(line(product), payments=[cash("2.50")])
    assert day.new_topics() == ["order.completed", "payment.captured"]
    day.post(f"orders/{sale['id']}/refunds/", {"reason": "Bruised"}, Idempotency_Key="back")
    assert day.new_topics() == ["order.refunded", "refund.completed"]
    void = day.till.sold(line(product))
    day.post(f"orders/{void['id']}/void/", {"reason": "Left"})
    assert day.new_topics() == ["order.opened", "order.voided"]
    ensure_latest_versions_announced(shop)


def test_every_edit_of_an_open_order_is_announced(day, shop, product):
    item = line(product)
    path = f"orders/{day.till.sold(item)['id']}/"
    assert day.new_topics() == ["order.opened"]
    lines = day.post(f"{path}lines/", line(product))["lines"]
    day.patch(f"{path}lines/{lines[0]['id']}/", {"quantity": "2"})
    day.till.delete(f"{path}lines/{lines[1]['id']}/")
    day.post(f"{path}discounts/", {"type": "percent", "value": "5", "id": new_id()})
    day.patch(path, {"note": "For Ann"})
    assert day.new_topics() == ["order.updated"] * 5
    day.post(f"{path}hold/")
    day.post(f"{path}resume/", {})
    assert day.new_topics() == ["order.held", "order.resumed"]
    paid = day.post(f"{path}payments/", cash("1.00"))
    assert day.new_topics() == ["order.updated", "payment.captured"]
    day.post(f"payments/{paid['payments'][0]['id']}/cancel/")
    assert day.new_topics() == ["order.updated", "payment.canceled"]
    day.post(f"{path}payments/", cash(day.till.get(path).json()["due"]))
    assert day.new_topics() == ["order.completed", "payment.captured"]
    ensure_latest_versions_announced(shop)


def test_captured_declined_and_unknown_cards_are_announced(day, shop, product):
    day.till.sold(line(product), payments=[card("2.50")])
    assert day.new_topics() == [
        "order.completed",
        "order.opened",
        "payment.captured",
        "payment.pending",
    ]
    day.till.sold(line(product), payments=[card(TIMES_OUT)])
    assert day.new_topics() == [
        "order.opened",
        "order.updated",
        "payment.pending",
        "payment.unknown",
    ]
    day.till.sold(line(product), payments=[card(DECLINED)])
    assert day.new_topics() == [
        "order.opened",
        "order.updated",
        "payment.declined",
        "payment.pending",
    ]
    ensure_latest_versions_announced(shop)


def test_shift_changes_are_announced(day, shop, register):
    body = {"register": str(register.pk), "opening_float": "100.00"}
    path = f"shifts/{day.post('shifts/', body, Idempotency_Key='open')['id']}/"
    assert day.new_topics() == ["shift.opened"]
    moved = {"type": "paid_in", "amount": "5.00", "reason": "Coins"}
    day.post(f"{path}cash-movements/", moved, Idempotency_Key="in")
    assert day.new_topics() == ["shift.cash_moved"]
    day.post(f"{path}end/")
    assert day.new_topics() == ["shift.ended"]
    day.post(f"{path}close/", {"counted": [{"method": "cash", "amount": "105.00"}]})
    assert day.new_topics() == ["shift.closed"]
    ensure_latest_versions_announced(shop)


def test_shop_renamed_by_a_platform_administrator_is_announced(platform_browser, shop):
    path = f"/platform/tenants/tenant/{shop.pk}/change/"
    form = {"name": "Blue", "country": "DE", "timezone": "Europe/Berlin", "is_active": "on"}

    assert platform_browser.post(path, form).status_code == 302

    with tenant_scope(shop):
        event = OutboxEvent.objects.get()
        now = Tenant.objects.get(pk=shop.pk)
        assert (event.topic, event.subject_version) == ("tenant.updated", now.version)


def test_refused_requests_announce_nothing(day, product):
    day.till.post("categories/", {"name": ""})
    day.till.post("products/", {"sku": product.sku, "name": "Twice", "price": "1.00"})
    day.till.sell(line(product), payments=[cash("9999.00")])

    assert day.new_topics() == []


def test_import_announces_each_changed_product(shop, admin, product):
    new = [f"S{number},N,1.00,Fruit" for number in range(3)]
    rows = "\n".join(["sku,name,price,category", "APPLE,Apple,9.00,", *new])

    with tenant_scope(shop):
        import_products(BytesIO(rows.encode()), by=admin)
        topics = sorted(OutboxEvent.objects.values_list("topic", flat=True))
        assert topics == ["category.created", *["product.created"] * 3, "product.updated"]
        assert OutboxEvent.objects.get(topic="product.updated").subject_version == 2
