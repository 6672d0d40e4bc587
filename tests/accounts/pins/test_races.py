"""Simultaneous requests by PIN at one terminal."""

import pytest

from accounts.models import AuthSession, Terminal
from accounts.services.terminals import pair_terminal, unpair_terminal
from tenants.scope import across_tenants, tenant_scope
from tests.accounts.login.test_races import WAIT, Answers
from tests.factories.accounts import UserFactory
from tests.support.api import Api, Person
from tests.support.parallel import run_concurrently, run_times, statuses
from tests.support.terminals import (
    PIN,
    PairedTerminal,
    give_pin,
    list_end_reasons,
    list_terminal_events,
    snapshot_pins,
)

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True)]


def list_live_sessions():
    with across_tenants():
        return list(AuthSession.objects.live().filter(terminal__isnull=False))


@pytest.mark.slow
def test_attack_128_five_of_fifty_simultaneous_pins_are_checked(
    clock, register, manager, cashier, hashes
):
    """The correct one among them is sent while those five are being hashed."""
    give_pin(cashier)
    pin_pad = PairedTerminal(register, manager)
    hashes.restart()
    hashes.hold(awaited=5)
    answers = Answers(hashes, expected=45)

    def guess(number):
        if number >= 40:
            assert hashes.reached.wait(WAIT)
        digits = PIN if number == 45 else f"59{number:04}"
        return answers.see(
            Api(X_Terminal_Token=pin_pad.token).post(
                "auth/pin/", {"user": str(cashier.pk), "pin": digits}
            )
        )

    responses = run_concurrently([lambda number=number: guess(number) for number in range(50)])

    assert statuses(responses) == {401: 5, 429: 45}
    assert hashes.count == 5
    assert list_live_sessions() == []
    assert len(list_terminal_events("pin_failed")) == 5


def test_simultaneous_takeovers_leave_one_session(register, manager, shop):
    people = [UserFactory(tenant=shop) for _ in range(4)]
    for person in people:
        give_pin(person)
    pin_pad = PairedTerminal(register, manager)

    def enter(person):
        return Api(X_Terminal_Token=pin_pad.token).post(
            "auth/pin/", {"user": str(person.pk), "pin": PIN}
        )

    responses = run_concurrently([lambda person=person: enter(person) for person in people])

    assert statuses(responses) == {200: 4}
    assert len(list_live_sessions()) == 1
    assert list_end_reasons() == ["switched"] * 3


@pytest.mark.parametrize("end", ["unpair", "pair", "close"])
def test_login_during_unpairing_or_closing_leaves_no_session(end, register, manager, admin, shop):
    """In either order, no session remains at a terminal that is no longer paired."""
    people = [UserFactory(tenant=shop) for _ in range(4)]
    for person in people:
        give_pin(person)
    pin_pad, session, admin_client = (
        PairedTerminal(register, manager),
        Person(manager).session,
        Person(admin),
    )

    def enter(person):
        return Api(X_Terminal_Token=pin_pad.token).post(
            "auth/pin/", {"user": str(person.pk), "pin": PIN}
        )

    def remove_terminal():
        if end == "close":
            path = f"registers/{register.pk}/"
            return admin_client.patch(path, {"is_active": False}, If_Match="*")
        with tenant_scope(shop):
            if end == "pair":
                return pair_terminal(register_id=register.pk, session=session)
            return unpair_terminal(register_id=register.pk, by=manager)

    outcomes = run_concurrently(
        [remove_terminal, *(lambda person=person: enter(person) for person in people)]
    )

    assert {getattr(each, "status_code", 0) for each in outcomes[1:]} <= {200, 401}
    assert not isinstance(outcomes[0], Exception)
    assert list_live_sessions() == []


def test_simultaneous_pairings_leave_one_paired_terminal(register, manager, shop):
    session = Person(manager).session

    def pair():
        with tenant_scope(shop):
            return pair_terminal(register_id=register.pk, session=session)[1]

    tokens = run_times(4, pair)

    good = [
        token
        for token in tokens
        if Api(X_Terminal_Token=token).get("auth/pin/users/").status_code == 200
    ]
    assert len(good) == 1
    with across_tenants():
        assert Terminal.objects.count() == 4
        assert Terminal.objects.paired().count() == 1


def test_simultaneous_pin_changes_leave_one_pin(manager, cashier):
    path, digits = f"users/{cashier.pk}/pin/", ["482915", "730164", "915284"]

    responses = run_concurrently(
        [lambda pin=pin: Person(manager).put(path, {"pin": pin}, If_Match="*") for pin in digits]
    )

    assert statuses(responses) == {204: 3}
    assert [row["version"] for row in snapshot_pins()] == [3]
