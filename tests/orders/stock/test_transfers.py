"""Stock transfers: draft, send, check, receive, cancel, and what each does to the stock."""

import pytest

from orders.models import StockLevel, StockMovement, StockTransfer, StockTransferLine
from tenants.models import AuditEvent, OutboxEvent, Tenant
from tenants.scope import tenant_scope
from tests.factories.accounts import UserFactory
from tests.factories.orders import BarcodeFactory, ProductFactory, StockLevelFactory
from tests.factories.stock_transfer import StockTransferFactory, StockTransferLineFactory
from tests.factories.tenants import StoreFactory
from tests.support.service_keys import KeyClient, create_key
from tests.support.till import ensure_books_balance, get_stock_level, new_id

PATH = "stock/transfers/"
KEY = "Idempotency_Key"


class Mover:
    """A manager who moves goods from `store` to `second`."""

    def __init__(self, client, store, second):
        self.client, self.store, self.second = client, store, second

    def start(self, **more):
        body = {"from_store": str(self.store.pk), "to_store": str(self.second.pk), **more}
        response = self.client.post(PATH, body)
        assert response.status_code == 201, response.content
        return response.json()["id"]

    def act(self, transfer, step, body=None, **headers):
        return self.client.post(f"{PATH}{transfer}/{step}/", body, **{KEY: new_id(), **headers})

    def done(self, transfer, step, body=None):
        response = self.act(transfer, step, body)
        assert response.status_code in {200, 201}, response.content
        return response.json()

    def pick(self, transfer, *quantities):
        return self.done(transfer, "lines", build_lines(*quantities))

    def check(self, transfer, *quantities, **more):
        return self.done(transfer, "check", build_lines(*quantities, **more))

    def sent(self, *quantities):
        """Start a transfer with these products and quantities, and send it."""
        transfer = self.start()
        self.pick(transfer, *quantities)
        self.done(transfer, "send")
        return transfer

    def receive(self, transfer, unchecked="as_sent"):
        return self.act(transfer, "receive", {"unchecked": unchecked})

    def lines(self, **query):
        return self.client.get("stock/transfer-lines/", query).json()["results"]

    def levels(self, product):
        return [get_stock_level(product, each)[0] for each in (self.store, self.second)]


def build_lines(*quantities, **more):
    lines = [{"product": str(each.pk), "quantity": quantity} for each, quantity in quantities]
    return {"lines": [line | more for line in lines]}


@pytest.fixture
def second(shop, make_product):
    return StoreFactory(tenant=shop, name="Harbour")


@pytest.fixture
def mover(manager_client, store, second):
    return Mover(manager_client, store, second)


@pytest.fixture
def books(shop):
    """Return what a refused request must not change."""

    def read():
        with tenant_scope(shop):
            levels = StockLevel.objects.order_by("pk").values_list("pk", "quantity", "version")
            transfers = StockTransfer.objects.order_by("pk").values_list("pk", "status", "version")
            lines = StockTransferLine.objects.order_by("pk").values_list("sent", "received")
            tables = (StockMovement, AuditEvent, OutboxEvent)
            counts = [table.objects.count() for table in tables]
            return list(levels), list(transfers), list(lines), counts

    return read


def list_movements(shop, transfer):
    with tenant_scope(shop):
        rows = StockMovement.objects.filter(stock_transfer=transfer).order_by("created_at", "id")
        return [(row.type, str(row.store), row.quantity, row.waste_reason) for row in rows]


# --- the whole way -------------------------------------------------------------------------------


def test_goods_are_in_transit_between_sending_and_receiving(
    mover, make_product, manager, store, shop
):
    product = make_product(stock="12")
    transfer = mover.start(note="With the van")
    shown = mover.pick(transfer, (product, "5"))
    assert (shown["stock_transfer"]["line_count"], shown["lines"][0]["sent_quantity"]) == (1, "5")
    assert get_stock_level(product, store)[0] == 12, "a draft changes no stock"

    sent = mover.done(transfer, "send")
    assert (sent["status"], sent["sent_by"]) == ("sent", str(manager.pk))
    assert get_stock_level(product, store)[0] == 7
    (line,) = mover.lines(in_transit="true", product=str(product.pk))
    assert (line["sent_quantity"], line["received_quantity"]) == ("5", None)
    assert [each["id"] for each in mover.client.get(PATH, {"status": "sent"}).json()["results"]]

    received = mover.receive(transfer).json()
    assert (received["status"], received["ended_by"]) == ("received", str(manager.pk))
    assert mover.levels(product) == [7, 5]
    assert mover.lines(in_transit="true") == []
    assert list_movements(shop, transfer) == [
        ("transfer_out", str(store), -5, None),
        ("transfer_in", "Harbour", 5, None),
    ]
    (left, came) = mover.client.get("stock/movements/", {"product": str(product.pk)}).json()[
        "results"
    ][:2]
    assert left["transfer"] == came["transfer"] == line["id"]
    assert (left["stock_transfer"], came["reason"]) == (transfer, "With the van")
    ensure_books_balance(shop)


def test_differences_are_movements_with_a_reason(mover, make_product, shop, store):
    damaged, missing, more, fine, unsent = (make_product(stock="9") for _ in range(5))
    transfer = mover.sent((damaged, "4"), (missing, "4"), (more, "4"), (fine, "4"))
    mover.check(transfer, (damaged, "3"), loss_reason="damaged")
    mover.check(transfer, (more, "6"), (unsent, "1"))
    mover.check(transfer, (missing, "0"))
    assert [each["quantity_difference"] for each in mover.lines(different="true")] == [
        "-1",
        "-4",
        "2",
        "1",
    ]
    assert mover.client.get(f"{PATH}{transfer}/").json()["line_count"] == 5

    assert mover.receive(transfer).status_code == 200

    levels = [mover.levels(each) for each in (damaged, missing, more, fine)]
    assert levels == [[5, 3], [5, 0], [5, 6], [5, 4]]
    assert mover.levels(unsent) == [9, 1]
    arrived = [each for each in list_movements(shop, transfer) if each[1] == "Harbour"]
    assert sorted(arrived) == sorted(
        [
            *[("transfer_in", "Harbour", 4, None)] * 4,
            ("waste", "Harbour", -1, "damaged"),
            ("waste", "Harbour", -4, "missing"),
            ("adjust", "Harbour", 2, None),
            ("adjust", "Harbour", 1, None),
        ]
    )
    with tenant_scope(shop):
        lost = StockMovement.objects.get(waste_reason="damaged")
    assert lost.reason == f"Transfer from {store}: 3 of 4 arrived"
    ensure_books_balance(shop)


@pytest.mark.parametrize(("unchecked", "level"), [("as_sent", 4), ("missing", 0)])
def test_unchecked_products_arrive_as_sent_or_are_missing(mover, make_product, unchecked, level):
    checked, other = make_product(stock="9"), make_product(stock="9")
    transfer = mover.sent((checked, "2"), (other, "4"))
    mover.check(transfer, (checked, "2"))

    assert mover.receive(transfer, unchecked).status_code == 200

    assert [mover.levels(each) for each in (checked, other)] == [[7, 2], [5, level]]


def test_canceled_transfer_returns_its_goods(mover, make_product, shop, store):
    product = make_product(stock="9")
    draft = mover.start()
    mover.pick(draft, (product, "3"))
    assert mover.done(draft, "cancel")["status"] == "canceled"
    assert get_stock_level(product, store)[0] == 9

    transfer = mover.sent((product, "3"))
    # Somebody has checked it already, and a product that was not sent.
    mover.check(transfer, (product, "1"), (make_product(stock="1"), "1"))
    assert mover.done(transfer, "cancel")["status"] == "canceled"

    assert get_stock_level(product, store)[0] == 9
    assert [each[:3] for each in list_movements(shop, transfer)] == [
        ("transfer_out", str(store), -3),
        ("transfer_in", str(store), 3),
    ]
    ensure_books_balance(shop)


def test_steps_publish_events_levels_and_low_stock(mover, make_product, shop):
    product = make_product(stock="12")
    with tenant_scope(shop):
        StockLevel.objects.filter(product=product).update(reorder_point=8)
    mover.receive(mover.sent((product, "5")))

    with tenant_scope(shop):
        topics = list(OutboxEvent.objects.order_by("created_at", "id").values_list("topic", "data"))
    assert [data["sku"] for topic, data in topics if topic == "stock.low"] == [product.sku]
    names = [topic for topic, _ in topics]
    assert names.count("stock_level.updated") == 2
    assert [name for name in names if name.startswith("stock_transfer")] == [
        f"stock_transfer.{step}" for step in ("created", "updated", "sent", "received")
    ]


def test_many_products_take_the_same_statements(mover, shop, store, django_assert_max_num_queries):
    def measure(size):
        products = [ProductFactory(tenant=shop) for _ in range(size)]
        for product in products:
            StockLevelFactory(product=product, store=store, quantity=9)
        with django_assert_max_num_queries(1000) as captured:
            transfer = mover.start()
            mover.pick(transfer, *[(each, "5") for each in products])
            mover.done(transfer, "send")
            mover.check(transfer, *[(each, "4") for each in products])
            mover.receive(transfer)
        return len(captured)

    assert measure(6) == measure(2)


# --- products ------------------------------------------------------------------------------------


def test_products_are_replaced_added_and_removed(mover, make_product):
    one, two = make_product(sku="PEAR"), make_product()
    BarcodeFactory(product=two, code="4006381333931")
    transfer = mover.start()
    mover.pick(transfer, (one, "4"))
    lines = [
        {"code": "PEAR", "quantity": "2", "add": True},
        {"code": "04006381333931", "quantity": "1"},
    ]
    added = mover.done(transfer, "lines", {"lines": lines})
    assert [each["sent_quantity"] for each in added["lines"]] == ["6", "1"]

    left = mover.pick(transfer, (one, "0"), (two, "3"))

    assert [each["product"] for each in left["lines"]] == [str(two.pk)]
    assert left["stock_transfer"]["line_count"] == 1
    (line,) = mover.lines(transfer=transfer)
    assert (line["sent_quantity"], line["version"]) == ("3", 2)
    # A product that is not in it is not removed.
    assert mover.pick(transfer, (one, "0"))["stock_transfer"]["line_count"] == 1


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"quantity": "1.5"}, {"quantity": "not_whole"}),
        ({"quantity": "-1"}, {"quantity": "invalid"}),
        ({"product": new_id()}, {"product": "does_not_exist"}),
        ({"code": "unknown", "product": None}, {"code": "does_not_exist"}),
        ({"code": "unknown"}, {"product": "required"}),
        ({"product": "first"}, {"product": "repeated"}),
        ({"product": "untracked"}, {"product": "not_tracked"}),
        (
            {"quantity": "999999999", "add": True, "product": "many"},
            {"quantity": "max_digits"},
        ),
    ],
)
@pytest.mark.parametrize("step", ["lines", "check"])
def test_invalid_line_saves_nothing(mover, make_product, books, problem, changes, error, step):
    named = {
        "first": make_product(),
        "untracked": make_product(track_stock=False),
        "many": make_product(),
    }
    transfer = mover.start()
    mover.pick(transfer, (named["many"], "1"))
    if step == "check":
        mover.done(transfer, "send")
        mover.check(transfer, (named["many"], "1"))
    good = {"product": str(named["first"].pk), "quantity": "3"}
    bad = {"product": str(make_product().pk), "quantity": "1", **changes}
    bad = {name: value for name, value in bad.items() if value is not None}
    if bad.get("product") in named:
        bad["product"] = str(named[bad["product"]].pk)
    before = books()

    answer = mover.act(transfer, step, {"lines": [good, bad]})

    problem(answer, 400, "invalid", {f"lines[1].{field}": code for field, code in error.items()})
    assert books() == before


def test_same_store_twice_is_refused(mover, books, problem, store):
    before = books()
    body = {"from_store": str(store.pk), "to_store": str(store.pk)}
    problem(mover.client.post(PATH, body), 400, "invalid", {"to_store": "same_store"})
    assert books() == before


# --- status --------------------------------------------------------------------------------------

STEPS = {
    "lines": build_lines,
    "send": lambda *_: None,
    "check": build_lines,
    "receive": lambda *_: {"unchecked": "as_sent"},
    "cancel": lambda *_: None,
}
ALLOWED = {
    "draft": {"lines", "send", "cancel"},
    "sent": {"check", "receive", "cancel"},
    "received": set(),
    "canceled": set(),
}


@pytest.mark.parametrize("status", sorted(ALLOWED))
def test_steps_that_a_status_does_not_allow(mover, make_product, books, problem, status):
    product = make_product(stock="9")
    transfer = mover.start() if status == "draft" else mover.sent((product, "3"))
    if status == "received":
        mover.receive(transfer)
    elif status == "canceled":
        mover.done(transfer, "cancel")
    before = books()

    for step in sorted(STEPS.keys() - ALLOWED[status]):
        answer = mover.act(transfer, step, STEPS[step]((product, "1")))
        problem(answer, 409, "stock_transfer_not_in_state")
    if status in {"received", "canceled"}:
        changed = mover.client.patch(f"{PATH}{transfer}/", {"note": "Late"}, If_Match="*")
        problem(changed, 409, "stock_transfer_not_in_state")
    assert books() == before


def test_transfer_without_products_is_not_sent(mover, books, problem):
    transfer = mover.start()
    before = books()
    problem(mover.act(transfer, "send"), 409, "stock_transfer_empty")
    assert books() == before


def test_missing_stock_is_not_sent_where_the_shop_blocks_it(
    mover, make_product, books, problem, shop
):
    shop.stock_policy = Tenant.StockPolicy.BLOCK
    shop.save()
    enough, short = make_product(stock="5"), make_product(stock="1")
    transfer = mover.start()
    mover.pick(transfer, (enough, "5"), (short, "2"))
    before = books()

    answer = problem(mover.act(transfer, "send"), 409, "insufficient_stock")

    assert [(each["product"], each["available"]) for each in answer["short"]] == [
        (str(short.pk), "1")
    ]
    assert books() == before


def test_receiving_is_repeated_by_its_key(mover, make_product):
    product = make_product(stock="9")
    transfer = mover.sent((product, "3"))
    key = new_id()
    body = {"unchecked": "as_sent"}

    answers = [mover.act(transfer, "receive", body, **{KEY: key}) for _ in range(2)]

    assert [each.status_code for each in answers] == [200, 200]
    assert answers[0].json() == answers[1].json()
    assert mover.levels(product) == [6, 3]


def test_steps_check_the_version_and_adding_needs_a_key(mover, make_product, books, problem):
    product = make_product(stock="9")
    draft, sent = mover.start(), mover.sent((product, "1"))
    before = books()
    for transfer, step in (
        *((draft, each) for each in ("lines", "send", "cancel")),
        *((sent, each) for each in ("check", "receive")),
    ):
        answer = mover.act(transfer, step, STEPS[step]((product, "1")), If_Match='"77"')
        problem(answer, 412, "version_conflict")
    note = {"note": "Late"}
    problem(mover.client.patch(f"{PATH}{draft}/", note), 428, "if_match_required")
    added = build_lines((product, "1"), add=True)
    answer = mover.client.post(f"{PATH}{draft}/lines/", added)
    problem(answer, 400, "idempotency_key_required")
    assert books() == before
    changed = mover.client.patch(f"{PATH}{draft}/", note, If_Match='"1"').json()
    assert (changed["note"], changed["version"]) == ("Late", 2)


# --- who -----------------------------------------------------------------------------------------


def test_transfers_of_another_shop_are_unknown(mover, other_shop, problem, books):
    theirs = StockTransferLineFactory(tenant=other_shop)
    before = books()
    problem(mover.client.get(f"{PATH}{theirs.transfer_id}/"), 404, "not_found")
    problem(mover.receive(theirs.transfer_id), 404, "not_found")
    body = {"from_store": str(mover.store.pk), "to_store": str(theirs.transfer.to_store_id)}
    problem(mover.client.post(PATH, body), 400, "invalid", {"to_store": "does_not_exist"})
    assert mover.lines() == []
    assert books() == before


def test_cashier_cannot_transfer(mover, client_of, shop, problem):
    transfer = mover.start()
    cashier = client_of(UserFactory(tenant=shop))
    problem(cashier.get(f"{PATH}{transfer}/"), 403, "permission_denied")
    problem(cashier.post(f"{PATH}{transfer}/cancel/"), 403, "permission_denied")
    assert mover.client.get(f"{PATH}{transfer}/").json()["status"] == "draft"


@pytest.fixture
def keys(shop, admin, mover):
    """Return clients with service keys of the sending, the receiving and another store."""
    clients = [
        KeyClient(create_key(shop, admin, stores=[each]))
        for each in (mover.store, mover.second, StoreFactory(tenant=shop))
    ]
    # After the first use, which is recorded.
    assert [client.get("stock/").status_code for client in clients] == [200] * 3
    return clients


def test_key_of_a_store_sends_from_it(mover, make_product, keys, problem, books):
    product = make_product(stock="9")
    transfer = mover.start()
    mover.pick(transfer, (product, "3"))
    sender, receiver, third = keys
    path = f"{PATH}{transfer}/"
    before = books()[:3]

    problem(receiver.post(f"{path}send/"), 403, "permission_denied")
    problem(third.post(f"{path}send/"), 404, "not_found")
    body = {"from_store": str(mover.store.pk), "to_store": str(mover.second.pk)}
    problem(receiver.post(PATH, body), 403, "permission_denied")
    assert books()[:3] == before
    assert sender.post(f"{path}send/").status_code == 200


def test_key_of_a_store_receives_in_it(mover, make_product, keys, problem, books):
    product = make_product(stock="9")
    sender, receiver, third = keys
    path = f"{PATH}{mover.sent((product, '3'))}/"
    body = {"unchecked": "as_sent"}
    before = books()[:3]

    problem(sender.post(f"{path}receive/", body), 403, "permission_denied")
    problem(receiver.post(f"{path}cancel/"), 403, "permission_denied")
    problem(third.post(f"{path}receive/", body), 404, "not_found")
    assert third.get("stock/transfer-lines/").json()["results"] == []
    assert books()[:3] == before
    assert receiver.post(f"{path}receive/", body).status_code == 200
    assert mover.levels(product) == [6, 3]


def test_transfers_are_filtered(mover, shop):
    StockTransferFactory(tenant=shop)
    ours = mover.start()
    for query in (
        {"from_store": str(mover.store.pk)},
        {"to_store": str(mover.second.pk)},
        {"status": "draft"},
    ):
        assert [each["id"] for each in mover.client.get(PATH, query).json()["results"]] == [ours]
