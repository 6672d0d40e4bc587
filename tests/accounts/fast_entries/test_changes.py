"""The change feed is answered before Django exactly as by the view."""

import json

import pytest

from accounts.models import Posting
from accounts.serializers.changes import ChangesSerializer, render_changes
from tenants.events.change_feed import Page, assign_positions
from tenants.events.outbox import publish
from tenants.events.topics import RESOURCE_TYPES
from tenants.models import ChangeFeed, OutboxEvent
from tenants.scope import tenant_scope
from tests.factories.orders import OrderFactory, ProductFactory
from tests.factories.tenants import RegisterFactory, StoreFactory
from tests.support.api import Person
from tests.support.both_ways import BothWays, call
from tests.support.order_approvals import log_in_at_paired_register
from tests.support.statements import assert_statement_count

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]

CHANGES = "/api/v1/changes/"


def client_for(user):
    return BothWays(Person(user).tokens.access)


@pytest.fixture
def other_register(shop):
    return RegisterFactory(store=StoreFactory(tenant=shop), tenant=shop)


@pytest.fixture
def events(shop, cashier, manager, register, other_register, foreign):
    """Create numbered changes of all kinds, some of them of the other store."""
    product = ProductFactory(tenant=shop)
    orders = [OrderFactory(cashier=cashier, register=each) for each in (register, other_register)]
    for about in (product, register.store, other_register, *orders, manager, foreign.product):
        with tenant_scope(about.tenant):
            publish("test.happened", about=about)
            publish("test.deleted", about=about)
    with tenant_scope(shop):
        assign_positions()
    return orders


def read(client, query="after=0", **options):
    answer = client.get(f"{CHANGES}?{query}", **options)
    assert answer.status == "200 OK"
    return json.loads(answer.body)


def list_types(client, query="after=0"):
    return [each["object"]["type"] for each in read(client, query)["results"][::2]]


def test_manager_sees_all_changes(manager, events):
    assert list_types(client_for(manager)) == [
        *("product", "store", "register", "order", "order", "user")
    ]


def test_cashier_sees_the_catalog_and_assigned_stores(
    shop, cashier, register, other_register, events
):
    client, everywhere = client_for(cashier), ["product", "store", "register", "order", "order"]
    assert list_types(client) == everywhere

    with tenant_scope(shop):
        Posting.objects.create(user=cashier, store=register.store)
    assert list_types(client) == everywhere[:-1]

    for place, number in ((register, 4), (other_register, 3)):
        paired = BothWays(log_in_at_paired_register(cashier, place).tokens.access)
        assert list_types(paired) == everywhere[:number]
    assert list_types(client, "after=0&types=user") == []
    assert list_types(client, "after=0&types=order,store") == ["store", "order"]


def test_pages_follow_by_position(manager, events):
    client, seen, after, has_more = client_for(manager), [], 0, True
    while has_more:
        page = read(client, f"after={after}&page_size=5")
        seen += [each["position"] for each in page["results"]]
        after, has_more = page["after"], page["has_more"]

    assert seen == list(range(1, 13))
    assert read(client, f"after={after}") == {"after": 12, "has_more": False, "results": []}


def test_first_request_returns_the_start_position(manager, shop, events):
    assert read(client_for(manager), "")["after"] == 12
    assert read(client_for(manager), "types=order&page_size=1")["after"] == 12


def test_shop_without_changes(manager):
    client = client_for(manager)

    assert read(client) == read(client, "") == {"after": 0, "has_more": False, "results": []}


def test_events_without_a_position_are_left_to_the_view_which_assigns_it(manager, shop, events):
    client = client_for(manager)
    with tenant_scope(shop):
        publish("product.updated", about=events[0])
        # No client reads this one.
        publish("test.happened")
    before = len(read(client)["results"])
    with tenant_scope(shop):
        publish("product.updated", about=events[0])

    call("GET", f"{CHANGES}?after=0", **client.headers)

    assert len(read(client)["results"]) == before + 1


@pytest.mark.parametrize("query", ["after=2", "after=0", "after=13"])
def test_gone_positions_are_left_to_the_view_and_refused(manager, shop, events, query):
    with tenant_scope(shop):
        ChangeFeed.objects.update(pruned=3)

    answer = client_for(manager).get(f"{CHANGES}?{query}", fast=False)

    assert (answer.status, json.loads(answer.body)["code"]) == ("410 Gone", "changes_gone")
    assert read(client_for(manager), "after=3")["after"] == 12


@pytest.mark.parametrize(
    "query",
    [
        *("after=", "after=-1", "after=x", f"after={'9' * 19}", "types=", "types=webhook"),
        *("types=order,", "page_size=0", "page_size=201", "cursor=x", "unknown=1"),
    ],
)
def test_other_queries_are_left_to_the_view_and_refused(manager, events, query):
    answer = client_for(manager).get(f"{CHANGES}?{query}", fast=False)

    assert answer.status == "400 Bad Request"


def test_long_page_is_compressed(manager, events):
    answer = client_for(manager).get(f"{CHANGES}?after=0", accept_encoding="gzip")

    assert ("Content-Encoding", "gzip") in answer.headers


def test_changes_take_one_message(manager, events, messages):
    client = client_for(manager)
    call("GET", f"{CHANGES}?after=0", **client.headers)
    messages.clear()

    with assert_statement_count(0):
        call("GET", f"{CHANGES}?after=0&types={','.join(RESOURCE_TYPES)}", **client.headers)

    assert len(messages) == 1


def test_rendered_changes_equal_their_serializer(shop, events):
    with tenant_scope(shop):
        found = list(OutboxEvent.objects.between(0, 12))
    page = Page(found, 12, has_more=True)
    described = json.loads(json.dumps(ChangesSerializer(page).data, default=str))

    assert json.loads(json.dumps(render_changes(page), default=str)) == described
    assert [each["deleted"] for each in described["results"]] == [False, True] * 6
