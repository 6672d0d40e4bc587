"""The change feed API, which terminals read to keep their copy current."""

from datetime import timedelta
from functools import partial

import pytest
from django.utils import timezone

from accounts.models import Posting
from accounts.services.pruning import prune
from tenants.events.outbox import publish
from tenants.models import ChangeFeed, OutboxEvent
from tenants.scope import across_tenants, tenant_scope
from tests.architecture.test_schema import document
from tests.factories.barcode_rule import BarcodeRuleFactory
from tests.factories.card_readers import CardReaderFactory
from tests.factories.orders import OrderFactory, ProductFactory
from tests.factories.tenants import RegisterFactory, StoreFactory
from tests.support.order_approvals import log_in_at_paired_register
from tests.support.parallel import run_concurrently
from tests.support.query_plans import ROWS, analyze, explain_list, multiply_rows, walk

AGES_AGO = timezone.now() - timedelta(days=40)


@pytest.fixture
def order(cashier, register):
    return OrderFactory(cashier=cashier, register=register)


def publish_events(about, *topics, **more):
    with tenant_scope(about.tenant):
        for topic in topics:
            publish(topic, about=about, **more)


def read(client, **query):
    response = client.get("changes/", query)
    assert response.status_code == 200, response.content
    return response.json()


def list_types(client, **query):
    return [change["object"]["type"] for change in read(client, **query)["results"]]


def test_change_names_the_object_without_its_data(manager_client, order):
    publish_events(order, "order.held", secret="internal")

    answer = read(manager_client, after=0)

    (change,) = answer["results"]
    at = change.pop("at")
    assert at.endswith("Z")
    assert change == {
        "position": 1,
        "type": "order.held",
        "object": {"type": "order", "id": str(order.pk)},
        "deleted": False,
        "version": 1,
    }
    assert (answer["after"], answer["has_more"]) == (1, False)


def test_deleted_object_is_a_tombstone(manager_client, product):
    publish_events(product, "product.deleted")

    (change,) = read(manager_client, after=0)["results"]

    assert (change["deleted"], change["object"]["id"]) == (True, str(product.pk))


def test_first_request_returns_the_start_position(manager_client, product):
    publish_events(product, "product.created")
    start = read(manager_client)
    publish_events(product, "product.updated")

    further = read(manager_client, after=start["after"])

    assert (start["results"], start["has_more"]) == ([], False)
    assert [change["type"] for change in further["results"]] == ["product.updated"]
    assert read(manager_client, after=further["after"])["results"] == []


def test_pages_follow_by_position(manager_client, product):
    publish_events(product, *["product.updated"] * 5)

    positions, after, more = [], 0, True
    while more:
        page = read(manager_client, after=after, page_size=2)
        positions.append([change["position"] for change in page["results"]])
        after, more = page["after"], page["has_more"]

    assert positions == [[1, 2], [3, 4], [5]]


def test_types_filter_skips_other_changes(manager_client, product, order):
    publish_events(product, "product.updated")
    publish_events(order, *["order.updated"] * 3)

    answer = read(manager_client, after=0, types="product,category")

    assert [change["object"]["type"] for change in answer["results"]] == ["product"]
    assert answer["after"] == 4


def test_cashier_sees_catalog_and_assigned_stores_but_no_users(
    manager_client, cashier, client_of, product, order, store
):
    elsewhere = RegisterFactory(store=StoreFactory(tenant=store.tenant), tenant=store.tenant)
    foreign_order = OrderFactory(cashier=cashier, register=elsewhere)
    for about in (product, store, elsewhere, order, foreign_order, manager_client.user):
        publish_events(about, "test.happened")
    till = client_of(cashier)
    unassigned = list_types(till, after=0)
    with tenant_scope(store.tenant):
        Posting.objects.create(user=cashier, store=store)
    assigned = list_types(till, after=0)
    at_tills = [
        list_types(log_in_at_paired_register(cashier, place), after=0)
        for place in (order.register, elsewhere)
    ]

    assert at_tills == [["product", "store", "register", "order"], ["product", "store", "register"]]
    assert list_types(manager_client, after=0)[-1] == "user"
    assert unassigned == ["product", "store", "register", "order", "order"]
    assert assigned == ["product", "store", "register", "order"]
    assert list_types(till, after=0, types="user") == []


def test_cashier_sees_barcode_rules_and_card_readers(cashier, client_of, shop, register):
    """A till reads labels by the rules, and shows its reader."""
    publish_events(BarcodeRuleFactory(tenant=shop), "barcode_rule.created")
    publish_events(CardReaderFactory(register=register), "card_reader.created")

    assert list_types(client_of(cashier), after=0) == ["barcode_rule", "card_reader"]


def test_feed_contains_nothing_of_another_shop(manager_client, foreign, product):
    publish_events(foreign.product, "product.updated")
    publish_events(product, "product.updated")

    (change,) = read(manager_client, after=0)["results"]

    assert (change["object"]["id"], change["position"]) == (str(product.pk), 1)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"after": "-1"}, "after"),
        ({"after": "1e3"}, "after"),
        ({"after": "9" * 30}, "after"),
        ({"types": "webhook"}, "types"),
        ({"types": ""}, "types"),
        ({"page_size": "0"}, "page_size"),
        ({"page_size": "201"}, "page_size"),
        ({"cursor": "x"}, "cursor"),
        ({"ordering": "id"}, "ordering"),
    ],
)
def test_invalid_parameter_is_rejected(manager_client, query, field):
    response = manager_client.get("changes/", query)

    assert response.status_code == 400
    assert response.json()["errors"][0]["field"] == field


# --- pruned changes ----------------------------------------------------------------------------


def test_reader_before_pruned_changes_gets_410(manager_client, product, problem):
    publish_events(product, "product.created", "product.updated", "product.updated")
    read(manager_client, after=0)
    with across_tenants():
        OutboxEvent.objects.filter(position__lte=2).update(relayed_at=AGES_AGO)

    pruned = prune().events

    problem(manager_client.get("changes/", {"after": "1"}), 410, "changes_gone")
    assert pruned == 2
    assert [change["position"] for change in read(manager_client, after=2)["results"]] == [3]


def publish_old_events(product, count, old):
    """Publish `count` changes, of which the first `old` can be pruned."""
    publish_events(product, *["product.updated"] * count)
    with across_tenants():
        first = OutboxEvent.objects.order_by("pk")[:old].values("pk")
        OutboxEvent.objects.filter(pk__in=list(first.values_list("pk", flat=True))).update(
            relayed_at=AGES_AGO
        )


@pytest.mark.view_only("prunes within the view")
@pytest.mark.parametrize("moment", ["before the read", "after the read"])
@pytest.mark.parametrize(("after", "positions"), [(0, None), (2, None), (3, [4, 5]), (4, [5])])
def test_pruning_during_a_read_leaves_no_silent_gap(
    after, positions, moment, manager_client, product, problem, monkeypatch
):
    """Three of five changes are pruned during the request."""
    publish_old_events(product, 5, old=3)
    read(manager_client, after=0)
    pruned = []

    def prune_and_filter(events):
        found = Read(events) if moment == "after the read" else events
        pruned.append(prune().events)
        return found

    monkeypatch.setattr(
        "accounts.services.change_feed._filter_events", lambda events, **_: prune_and_filter(events)
    )
    response = manager_client.get("changes/", {"after": after})

    assert pruned == [3]
    if positions is None:
        problem(response, 410, "changes_gone")
    else:
        assert [each["position"] for each in response.json()["results"]] == positions


class Read(list):
    """A list of changes that were read before the pruning."""

    def defer(self, *_):
        return self


def test_changes_are_marked_as_gone_before_they_are_deleted(
    manager_client, product, problem, monkeypatch
):
    publish_old_events(product, 3, old=2)
    read(manager_client, after=0)
    answers = []

    def delete(rows):
        answers.append(manager_client.get("changes/", {"after": "1"}))
        return 0

    monkeypatch.setattr("accounts.services.pruning._delete", delete)
    prune()

    for answer in answers:
        gone = problem(answer, 410, "changes_gone")
        assert (gone["after"], gone["oldest"], gone["last"]) == (1, 2, 3)
    assert answers


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_readers_see_no_gap_while_changes_are_pruned(manager_client, product, monkeypatch):
    """All changes are pruned one by one while readers start at several positions."""
    monkeypatch.setattr("accounts.services.pruning.CHUNK", 1)
    publish_old_events(product, 30, old=30)
    read(manager_client, after=0)

    def read_from(place):
        found = []
        for _ in range(10):
            response = manager_client.get("changes/", {"after": str(place), "page_size": "200"})
            found.append((response.status_code, response.json()))
        return found

    *answers, pruned = run_concurrently(
        [*(partial(read_from, place) for place in (0, 7, 29, 30)), lambda: prune().events]
    )

    assert pruned == 30
    for place, found in zip((0, 7, 29, 30), answers, strict=True):
        for status, answer in found:
            if status == 410:
                assert place < 30
            else:
                positions = [each["position"] for each in answer["results"]]
                assert (status, positions) == (200, list(range(place + 1, 31)))


def test_unnumbered_changes_are_not_pruned(manager_client, product):
    publish_events(product, "product.created")
    with across_tenants():
        OutboxEvent.objects.update(relayed_at=AGES_AGO)

    assert prune().events == 0
    assert len(read(manager_client, after=0)["results"]) == 1


def test_unknown_future_position_gets_410(manager_client, product, problem):
    """After restoring a backup, a reader may have a position that no longer exists."""
    publish_events(product, "product.created")
    read(manager_client)

    refused = manager_client.get("changes/", {"after": "2"})

    problem(refused, 410, "changes_gone")
    with across_tenants():
        assert ChangeFeed.objects.get().last == 1


def test_document_describes_410_where_changes_are_read():
    paths = document()["paths"]

    assert [
        path
        for path, each in paths.items()
        if "410" in each.get("get", {"responses": ()})["responses"]
    ] == ["/api/v1/catalog/snapshot/", "/api/v1/changes/"]


# --- statement counts and plans ----------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 40])
def test_page_takes_the_same_statements_for_any_number_of_changes(
    manager_client, shop, count, statements
):
    product = ProductFactory(tenant=shop)
    publish_events(product, *["product.updated"] * count)
    read(manager_client)

    # The user, unnumbered events, the last position, the changes, and whether any are gone.
    with statements(5):
        assert len(read(manager_client, after=0)["results"]) == count


@pytest.mark.one_server
@pytest.mark.postgres
@pytest.mark.django_db
@pytest.mark.view_only("reads the statements of the view")
def test_feed_uses_the_position_index(manager_client, cashier, client_of, product, foreign):
    publish_events(product, "product.updated")
    read(manager_client, after=0)
    with across_tenants():
        event = OutboxEvent.objects.get()
        ChangeFeed.objects.update(last=ROWS)
    multiply_rows(event, position="n + 1")
    analyze(OutboxEvent)
    table = OutboxEvent._meta.db_table

    for client, query in (
        (manager_client, {"after": "5000"}),
        (manager_client, {"after": "5000", "types": "product"}),
        (client_of(cashier), {"after": "5000"}),
    ):
        found = walk(explain_list(client, "changes/", query, table), table)
        assert found == {"one_change_at_a_place"}, query
