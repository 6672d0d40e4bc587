"""Stock corrections on the page of a stock level."""

from decimal import Decimal

import pytest

from orders.models import StockLevel, StockMovement
from tenants.models import AuditEvent
from tenants.scope import tenant_scope
from tests.support.admin_browser import build_form, read_errors, snapshot_database, submit_form
from tests.support.admin_data import LEVELS, create_sale

pytestmark = pytest.mark.once


@pytest.fixture
def level(product, store):
    with tenant_scope(store.tenant):
        return StockLevel.objects.get(product=product, store=store)


@pytest.fixture
def page(level):
    return f"{LEVELS}{level.pk}/change/"


def read_quantity(level):
    with tenant_scope(level.tenant):
        level.refresh_from_db()
        return level.quantity


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        (("receive", "5", ""), "15"),
        (("waste", "2", "Rotten"), "8"),
        (("count", "7", ""), "7"),
        (("adjust", "-3", "Stolen"), "7"),
    ],
)
def test_manager_records_a_stock_movement(form, expected, managers_browser, level, page, manager):
    type, moved, reason = form
    answer = submit_form(managers_browser, page, type=type, moved=moved, reason=reason)

    assert answer["Location"] == page
    assert read_quantity(level) == Decimal(expected)
    with tenant_scope(level.tenant):
        newest = StockMovement.objects.latest("created_at")
        event = AuditEvent.objects.filter(target=level.product_id).latest("created_at")
    assert (newest.type, newest.by, newest.reason) == (type, manager, reason)
    assert event.actor == manager.pk


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"type": "adjust", "moved": "1"}, "Enter a reason"),
        ({"type": "waste", "moved": "11"}, "stock"),
        ({"type": "receive", "moved": "0"}, "Zero"),
        ({"type": "receive", "moved": "-1"}, "without a minus sign"),
        ({"type": "receive", "moved": "0.5"}, "piece"),
        ({"type": "receive", "moved": "1e3"}, "enter a quantity such as"),
        ({"type": "sale", "moved": "1"}, "valid choice"),
        ({"type": "transfer_out", "moved": "1"}, "Choose the store"),
        ({"type": "", "moved": "1"}, "required"),
    ],
    ids=str,
)
def test_invalid_stock_movement_is_rejected(form, words, managers_browser, page):
    before = snapshot_database(StockLevel, StockMovement)

    assert words.lower() in read_errors(submit_form(managers_browser, page, **form)).lower()
    assert snapshot_database(StockLevel, StockMovement) == before


def test_page_opened_before_a_sale_is_not_saved(
    managers_browser, page, cashier, register, product, level
):
    stale = build_form(managers_browser.get(page), type="count", moved="10")
    create_sale(cashier, register, product)
    before = snapshot_database(StockLevel, StockMovement)

    assert "Someone else has changed this" in read_errors(managers_browser.post(page, stale))
    assert snapshot_database(StockLevel, StockMovement) == before
    assert read_quantity(level) == 8


def test_form_submitted_twice_acts_once(managers_browser, page, level):
    form = build_form(managers_browser.get(page), type="receive", moved="5")

    assert [managers_browser.post(page, form).status_code for _ in range(2)] == [302, 302]
    assert read_quantity(level) == 15


def test_other_fields_of_a_stock_level_are_ignored(managers_browser, page, level):
    submit_form(
        managers_browser, page, type="receive", moved="5", quantity="99", reserved="9", store="x"
    )

    assert read_quantity(level) == 15
    assert level.reserved == 0
