"""Replay sixty real baskets over HTTP and compare all totals."""

import csv
import shutil
import socket
from decimal import Decimal
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from accounts.models import AuthSession, User
from orders.models import (
    Order,
    OrderLine,
    Payment,
    Product,
    StockLevel,
    StockMovement,
)
from orders.models.columns import ExactSum
from tenants.models import Register, Store, Tenant
from tenants.scope import across_tenants
from tenants.services import create_tenant
from tests.support.replay import DATA, in_shop, replay, replay_with_problems, total
from tests.support.scripted_server import BROKEN, TOKENS, run_scripted_server
from tests.tools.replay_baskets import terminal
from tests.tools.replay_baskets.command import Command
from tests.tools.replay_baskets.files import read_articles, read_baskets
from tests.tools.replay_baskets.report import percentile
from tests.tools.replay_baskets.sale import build_sale, get_till_number, pays_by_card
from tests.tools.replay_baskets.shifts import open_drawers
from tests.tools.replay_baskets.shop import prepare_shop
from tests.tools.replay_baskets.terminal import Terminal

pytestmark = pytest.mark.once

TOTALS = "All               909.77        909.77        909.77"


def copy_with_change(tmp_path: Path, row: int, **changes: str) -> Path:
    """Copy the files and change values in one line of baskets.csv."""
    folder = Path(shutil.copytree(DATA, tmp_path / "data"))
    with (folder / "baskets.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    rows[row] |= changes
    with (folder / "baskets.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return folder


@pytest.mark.slow
def test_every_basket_is_sold_once_in_repeated_runs(url):
    first = replay(url, workers=4)
    again = replay(url, workers=7)

    assert "195 new products, 220 new deliveries" in first
    assert "60 new, 0 already sold, 0 refused" in first
    assert TOTALS in first
    assert "0 new products, 0 new deliveries" in again
    assert "0 new, 60 already sold, 0 refused" in again
    assert TOTALS in again
    with in_shop():
        assert Order.objects.filter(status=Order.Status.COMPLETED).count() == 60
        assert OrderLine.objects.count() == 220
        assert Order.objects.aggregate(sum=ExactSum("paid_total"))["sum"] == Decimal("909.77")
        assert not StockLevel.objects.exclude(quantity=0, reserved=0).exists()
        assert StockMovement.objects.filter(type="sale").count() == 220


@pytest.mark.slow
def test_shop_has_stores_and_registers_and_payments_by_cash_and_card(url):
    replay(url)

    with in_shop():
        assert set(Store.objects.values_list("name", flat=True)) == {
            "Store 343",
            "Store 367",
            "Store 406",
        }
        assert Register.objects.count() == 24
        assert Order.objects.values("register").distinct().count() > 12
        assert {order.store_id == order.register.store_id for order in Order.objects.all()} == {
            True
        }
        payments = Payment.objects.all()
        assert {payment.status for payment in payments} == {Payment.Status.CAPTURED}
        assert {payment.method for payment in payments} == {"cash", "card"}
        assert payments.filter(method="cash", change__gt=0).count() > 20
        assert payments.count() == 59


@pytest.mark.slow
def test_remaining_baskets_can_be_sold_later(url):
    first = replay(url, limit=7)
    rest = replay(url, limit=12)

    assert "7 new, 0 already sold" in first
    assert "5 new, 7 already sold" in rest


@pytest.mark.slow
def test_two_shops_can_sell_the_same_baskets(url):
    replay(url, limit=5)
    other = replay(url, limit=5, tenant="rehearsal")

    assert "5 new, 0 already sold" in other
    with across_tenants():
        assert Order.objects.count() == 10


@pytest.mark.slow
def test_catalog_prices_are_kept(url):
    replay(url, limit=1)
    with in_shop():
        product = Product.objects.earliest("sku")
        product.price = Decimal("77.77")
        product.save_changes("price")

    replay(url, limit=2)

    with in_shop():
        assert Product.objects.get(pk=product.pk).price == Decimal("77.77")


@pytest.mark.slow
def test_different_total_is_reported_as_failure(url, tmp_path):
    paid = read_baskets(DATA)[0].lines[0].paid
    folder = copy_with_change(tmp_path, row=0, paid=str(paid - Decimal("0.01")))
    basket = read_baskets(folder)[0]

    printed, failures = replay_with_problems(url, folder, limit=4)

    assert f"basket {basket.id}: line 1 ({basket.lines[0].sku}): file" in failures
    # The payment of the file does not cover the price of the goods.
    assert f"basket {basket.id}: is open" in failures
    assert "The database has 3 of 4 baskets as completed sales." in failures
    assert f"All: file {total(folder):.2f}, database" in failures
    assert "4 new, 0 already sold" in printed


@pytest.mark.slow
def test_file_changed_after_the_sale_is_reported_as_failure(url, tmp_path):
    replay(url, limit=4)
    # Another discount on the second line makes the request differ from the first one.
    folder = copy_with_change(tmp_path, row=1, discount="0.07")
    basket = read_baskets(folder)[0]

    printed, failures = replay_with_problems(url, folder, limit=4)

    assert f"basket {basket.id}: 409 id_conflict" in failures
    assert "0 new, 3 already sold, 1 refused" in printed
    assert f"All: file {total(folder):.2f}, answers" in failures


@pytest.mark.slow
def test_refused_basket_is_reported_with_its_code(url):
    replay(url, limit=1)
    basket = read_baskets(DATA, 4)[-1]
    with in_shop():
        Product.objects.filter(sku=basket.lines[0].sku).update(is_active=False)

    printed, failures = replay_with_problems(url, limit=4)

    assert f"basket {basket.id}: 400 invalid (lines[0])" in failures
    assert ", 1 refused" in printed
    assert f"All: file {total(DATA):.2f}, answers" in failures


@pytest.mark.slow
def test_card_payment_with_unknown_outcome_is_resolved_in_the_next_run(url, gateway, settings):
    settings.PAYMENT_GATEWAY_TIMEOUT = 0.05
    gateway.answers = [ConnectionError("the server dies while it asks")]
    count = 1 + next(n for n, each in enumerate(read_baskets(DATA)) if pays_by_card("replay", each))

    replay(url, limit=count)
    again = replay(url, limit=count)

    assert f"0 new, {count} already sold, 0 refused, " in again
    assert len(gateway.charges) == len(gateway.look_ups) == 1


def test_unavailable_server_is_reported(db, monkeypatch):
    monkeypatch.setattr(terminal, "ATTEMPTS", 2)

    with run_scripted_server((200, {}, {}), TOKENS, BROKEN, BROKEN) as server:
        printed, failures = replay_with_problems(server.url, limit=3, workers=1)

    assert "0 new, 0 already sold, 0 refused" in printed
    assert f"{server.url} no longer answers." in failures
    assert "3 baskets were not sold, because the run was aborted." in failures
    assert "The database has 0 of 3 baskets as completed sales." in failures


def test_real_shop_with_the_slug_is_refused(url):
    create_tenant(slug="replay", name="A real shop", currency="USD")

    with pytest.raises(CommandError, match="was not made for replays"):
        replay(url)

    with in_shop():
        assert not Product.objects.exists()
        assert not User.objects.exists()


def test_missing_server_is_reported_before_anything_is_created(db):
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"

        with pytest.raises(CommandError, match="No server answers"):
            replay(url)

    assert not Tenant.objects.exists()


def test_invalid_slug_is_refused(url):
    with pytest.raises(CommandError, match="Not A Slug: "):
        replay(url, tenant="Not A Slug")

    assert not Tenant.objects.exists()


@pytest.mark.parametrize("workers", ["0", "-1", "many"])
def test_invalid_number_of_workers_is_refused(workers):
    with pytest.raises(CommandError, match="a whole number from 1"):
        call_command(Command(), str(DATA), f"--workers={workers}")


def test_terminal_logs_in_again_when_its_token_becomes_invalid(url):
    baskets = read_baskets(DATA, 2)
    shop = prepare_shop("replay", read_articles(DATA), baskets)
    sales = [
        build_sale(
            "replay", basket, shop.registers[basket.store, get_till_number("replay", basket)]
        )
        for basket in baskets
    ]
    open_drawers(shop, baskets, url)
    seller = Terminal(url, shop.log_in)
    first = seller.post("orders/", sales[0])
    token = seller.access
    with in_shop():
        user = User.objects.get(username="replay")
        user.token_version += 1
        user.save_changes("token_version")

    second = seller.post("orders/", sales[1])
    seller.close()

    assert [first.status, second.status] == [201, 201]
    assert seller.access != token


def test_each_run_has_its_own_password(db):
    articles, baskets = read_articles(DATA), read_baskets(DATA, 1)

    passwords = [prepare_shop("replay", articles, baskets).log_in.password for _ in range(2)]

    assert passwords[0] != passwords[1]
    with in_shop():
        user = User.objects.get(username="replay")
        assert [user.check_password(password) for password in passwords] == [False, True]
        assert user.role == "admin"
        assert not AuthSession.objects.live().exists()


def test_percentiles_are_measured_times():
    times = [n / 1000 for n in range(1, 101)]

    assert [percentile(times, p) for p in (50, 95, 99, 100)] == [0.05, 0.095, 0.099, 0.1]
    assert percentile([0.3], 99) == 0.3
    assert percentile([], 50) == 0
