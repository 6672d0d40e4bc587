"""Slips of cash movements, and the pulse that opens the drawer for them."""

from dataclasses import replace
from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from orders.models import CashMovement
from orders.services.documents import cash_movement
from orders.services.documents.printer_settings import PrinterSettings
from tenants.models import AuditEvent
from tenants.scope import tenant_scope
from tests.factories.accounts import AuthSessionFactory, UserFactory
from tests.support.api import Person
from tests.support.escpos_printer import print_receipt
from tests.support.problems import assert_problem
from tests.support.shifts import end_shift, open_shift, record_movement
from tests.support.till import new_id

pytestmark = pytest.mark.once


@pytest.fixture
def shift(till):
    return open_shift(till)


def get_slip(person, shift, movement, form="escpos"):
    return person.get(f"shifts/{shift['id']}/cash-movements/{movement['id']}/", {"format": form})


def test_json_is_the_movement(till, shift):
    movement = record_movement(till, shift, "paid_in", "5.00").json()

    assert get_slip(till, shift, movement, "json").json() == movement


def test_text_slip_says_who_why_and_how_much(till, shift, manager_client, manager):
    movement = record_movement(
        manager_client, shift, "paid_out", "5.00", reason="Window cleaner"
    ).json()

    answer = get_slip(till, shift, movement, "text")

    assert answer.status_code == 200, answer.content
    lines = [line.split() for line in answer.content.decode().splitlines()]
    assert lines[0] == ["Paid", "out"]
    for row in (f"Served by {manager}", "Reason Window cleaner", "TOTAL EUR 5.00", movement["id"]):
        assert row.split() in lines


def test_slip_of_a_drawer_opened_without_a_sale_has_no_amount(till, shift):
    movement = record_movement(till, shift, "no_sale", reason="Change").json()

    answer = get_slip(till, shift, movement, "text").content.decode()

    assert answer.startswith(" " * 10 + "Opened without a sale\n")
    assert "0.00" not in answer


@pytest.mark.parametrize(
    ("form", "start"),
    [
        ("html", b"<!doctype html>"),
        ("escpos", b"\x1b@"),
        pytest.param("pdf", b"%PDF-", marks=pytest.mark.pdf),
    ],
)
def test_slip_in_every_format(till, shift, form, start):
    movement = record_movement(till, shift, "drop", "5.00").json()

    answer = get_slip(till, shift, movement, form)

    assert answer.status_code == 200, answer.content
    assert answer.content.lower().startswith(start.lower())


def test_unknown_format_is_refused(till, shift):
    movement = record_movement(till, shift, "no_sale").json()

    assert_problem(get_slip(till, shift, movement, "png"), 400, "invalid", {"format": "invalid"})


# --- drawer --------------------------------------------------------------------------------------


@pytest.fixture
def drawer_pulse(monkeypatch):
    """Set that the printer of every store opens the drawer."""
    build = cash_movement.build_issuer
    printer = PrinterSettings(drawer_pulse=True)
    monkeypatch.setattr(
        cash_movement, "build_issuer", lambda *args: replace(build(*args), printer=printer)
    )


@pytest.mark.parametrize("type", CashMovement.Type.values)
@pytest.mark.usefixtures("drawer_pulse")
def test_slip_opens_the_drawer(till, manager_client, shift, type):
    amount = None if type == "no_sale" else "5.00"
    movement = record_movement(manager_client, shift, type, amount).json()

    assert print_receipt(get_slip(till, shift, movement).content).pulses == 1


@pytest.mark.usefixtures("drawer_pulse")
def test_only_the_original_slip_opens_the_drawer(till, shift, shop):
    movement = record_movement(till, shift, "no_sale").json()

    first, second, third = (get_slip(till, shift, movement) for _ in range(3))

    assert [print_receipt(each.content).pulses for each in (first, second, third)] == [1, 0, 0]
    assert "COPY 3" in get_slip(till, shift, movement, "text").content.decode()
    with tenant_scope(shop):
        events = AuditEvent.objects.filter(event="cash_slip_printed").order_by("created_at", "pk")
    assert [event.facts for event in events] == [{"copy": copy} for copy in range(4)]
    assert {str(event.target) for event in events} == {movement["id"]}


@pytest.mark.usefixtures("drawer_pulse")
def test_looking_at_a_slip_is_not_a_print(till, shift):
    movement = record_movement(till, shift, "no_sale").json()
    path = f"shifts/{shift['id']}/cash-movements/{movement['id']}/?format=text"

    assert till.send("HEAD", path).status_code == 200
    assert get_slip(till, shift, movement, "json").status_code == 200

    assert print_receipt(get_slip(till, shift, movement).content).pulses == 1


@pytest.mark.usefixtures("drawer_pulse")
def test_later_slip_does_not_open_the_drawer(till, shift):
    movement = record_movement(till, shift, "no_sale").json()

    with time_machine.travel(timezone.now() + timedelta(minutes=2), tick=False):
        later = get_slip(till, shift, movement)

    assert later.status_code == 200
    assert print_receipt(later.content).pulses == 0


def test_slip_opens_no_drawer_without_a_printer_that_does(till, shift):
    movement = record_movement(till, shift, "no_sale").json()

    assert print_receipt(get_slip(till, shift, movement).content).pulses == 0


# --- who -----------------------------------------------------------------------------------------


def test_other_cashiers_see_only_their_own_movements(till, shift, shop, register, manager_client):
    """The others reveal the expected cash, which is counted blind."""
    colleague = UserFactory(tenant=shop, role="cashier")
    session = AuthSessionFactory(user=colleague, register=register)
    person = Person(colleague, session)
    theirs = record_movement(till, shift, "paid_in", "5.00").json()
    own = record_movement(person, shift, "no_sale").json()

    assert_problem(get_slip(person, shift, theirs), 404, "not_found")
    assert get_slip(person, shift, own).status_code == 200
    for allowed in (till, manager_client):
        assert get_slip(allowed, shift, theirs).status_code == 200
        assert get_slip(allowed, shift, own).status_code == 200


def test_movement_of_another_shift_is_not_found(till, shift):
    movement = record_movement(till, shift, "no_sale").json()
    end_shift(till, shift)
    other = open_shift(till)

    assert_problem(get_slip(till, other, movement), 404, "not_found")
    assert_problem(get_slip(till, shift, {"id": new_id()}), 404, "not_found")
