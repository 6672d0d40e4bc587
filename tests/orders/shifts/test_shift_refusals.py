"""Refused requests about shifts: nothing changes."""

import pytest

from orders.models import RegisterSeries
from tenants.models import AuditEvent
from tenants.scope import tenant_scope
from tests.factories.accounts import AuthSessionFactory, UserFactory
from tests.support.api import Person
from tests.support.refunds import request_refund
from tests.support.shifts import build_opening, close_shift, end_shift, open_shift, record_movement
from tests.support.till import card, cash, line, new_id

pytestmark = pytest.mark.once

REGISTER = {"register": "does_not_exist"}


@pytest.fixture
def shift(till):
    return open_shift(till)


# --- opening ------------------------------------------------------------------------------------


def test_register_has_one_open_shift(till, shift, refused):
    answer = refused(lambda: till.post("shifts/", build_opening(till)), 409, "shift_already_open")

    assert answer["shift"] == shift["id"]


def test_database_refuses_a_second_open_shift(till, shift, shop):
    """The register's series does not name the first shift here."""
    with tenant_scope(shop):
        RegisterSeries.objects.update(shift=None)

    answer = till.post("shifts/", build_opening(till))

    assert answer.status_code == 409


@pytest.mark.parametrize(
    "kind",
    [
        "register of another shop",
        "unknown register",
        "inactive register",
        "register of an inactive store",
    ],
)
def test_opening_needs_an_active_register_of_the_shop(kind, till, foreign, shop, register, refused):
    register_id = str(register.pk)
    with tenant_scope(shop):
        if kind == "inactive register":
            register.is_active = False
            register.save_changes("is_active")
        if kind == "register of an inactive store":
            register.store.is_active = False
            register.store.save_changes("is_active")
    if kind == "register of another shop":
        register_id = str(foreign.register.pk)
    if kind == "unknown register":
        register_id = new_id()
    body = {"id": new_id(), "register": register_id}

    refused(lambda: till.post("shifts/", body), 400, "invalid", REGISTER)


@pytest.mark.parametrize(
    ("currency", "wrong", "code"),
    [
        ("EUR", "100.005", "max_decimal_places"),
        ("JPY", "100.5", "max_decimal_places"),
        ("EUR", "-1.00", "invalid"),
        ("EUR", "123456789012.00", "max_digits"),
        ("EUR", 100.5, "invalid"),
        ("EUR", "1e3", "invalid"),
        ("EUR", None, "null"),
    ],
)
def test_invalid_opening_float_is_refused(currency, wrong, code, till, configure_shop, refused):
    configure_shop(currency)
    body = build_opening(till, opening_float=wrong)

    refused(lambda: till.post("shifts/", body), 400, "invalid", {"opening_float": code})


def test_unpaired_session_must_name_the_register(till, refused):
    refused(
        lambda: till.post("shifts/", {"id": new_id()}), 400, "invalid", {"register": "required"}
    )


def test_opening_needs_an_id_or_a_key(till, refused):
    body = {"register": str(till.register.pk)}

    refused(lambda: till.post("shifts/", body), 400, "idempotency_key_required")


def test_paired_session_cannot_open_a_shift_at_another_register(cashier, tills, refused):
    own, other = (till.register for till in tills[:2])
    session = AuthSessionFactory(user=cashier, register=own, store=own.store)
    body = {"id": new_id(), "register": str(other.pk)}

    refused(lambda: Person(cashier, session).post("shifts/", body), 403, "other_register")


@pytest.mark.parametrize(
    ("query", "errors"),
    [({}, {"register": "required"}), ({"register": "till-1"}, {"register": "invalid"})],
)
def test_current_shift_needs_a_valid_register(query, errors, till, refused):
    refused(lambda: till.get("shifts/current/", query), 400, "invalid", errors)


def test_current_shift_of_another_shop_is_not_found(till, foreign, refused):
    query = {"register": str(foreign.register.pk)}

    refused(lambda: till.get("shifts/current/", query), 404, "not_found")


# --- selling ------------------------------------------------------------------------------------


def test_sale_without_a_required_shift_is_refused(configure_shop, till, make_product, refused):
    configure_shop(shifts_required=True)
    product = make_product("2.50")

    def sell():
        return till.sell(line(product), payments=[cash("2.50")])

    refused(sell, 409, "no_open_shift")
    end_shift(till, open_shift(till))
    refused(sell, 409, "no_open_shift")


def test_payment_without_a_required_shift_is_refused(configure_shop, till, make_product, refused):
    configure_shop(shifts_required=True)
    shift = open_shift(till)
    order = till.sold(line(make_product("2.50")))
    end_shift(till, shift)

    refused(lambda: till.pay(order, cash("2.50")), 409, "no_open_shift")


def test_edit_that_would_complete_an_order_without_a_required_shift_is_refused(
    configure_shop, till, make_product, refused
):
    """The first of two lines is paid, so removing the second completes the order."""
    configure_shop(shifts_required=True)
    shift = open_shift(till)
    order = till.sold(
        line(make_product("2.50")), line(make_product("1.00")), payments=[cash("2.50")]
    )
    close_shift(till, shift, "102.50")
    path = f"orders/{order['id']}/lines/{order['lines'][1]['id']}/"

    refused(lambda: till.delete(path, If_Match="*"), 409, "no_open_shift")
    second = open_shift(till)

    done = till.delete(path, If_Match="*").json()

    assert (done["status"], done["shift"]) == ("completed", second["id"])


def test_cash_cancellation_without_a_required_shift_is_refused(
    configure_shop, till, manager_client, make_product, refused
):
    configure_shop(shifts_required=True)
    shift = open_shift(till)
    order = till.sold(line(make_product("2.50")), payments=[cash("1.00")])
    end_shift(till, shift)
    path = f"payments/{order['payments'][0]['id']}/cancel/"

    refused(lambda: manager_client.post(path), 409, "no_open_shift")


# --- cash movements -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("type", "amount", "errors"),
    [
        ("paid_in", "0.00", {"amount": "min_value"}),
        ("drop", None, {"amount": "min_value"}),
        ("paid_in", "-5.00", {"amount": "invalid"}),
        ("paid_in", "5.005", {"amount": "max_decimal_places"}),
        ("no_sale", "5.00", {"amount": "min_value"}),
        ("gift", "5.00", {"type": "invalid_choice"}),
    ],
)
def test_invalid_cash_movement_amount_or_type_is_refused(
    type, amount, errors, till, shift, refused
):
    refused(lambda: record_movement(till, shift, type, amount), 400, "invalid", errors)


@pytest.mark.parametrize("reason", ["", "   ", None])
def test_cash_movement_needs_a_reason(reason, till, shift, refused):
    code = "null" if reason is None else "blank"

    refused(
        lambda: record_movement(till, shift, "paid_in", "5.00", reason=reason),
        400,
        "invalid",
        {"reason": code},
    )


def test_paid_out_above_the_limit_needs_an_approval(till, manager_client, shift, refused):
    answer = refused(
        lambda: record_movement(till, shift, "paid_out", "0.01"), 403, "approval_required"
    )

    assert answer["action"] == "paid_out"
    assert (answer["object"], answer["amount"]) == ({"shift": shift["id"]}, "0.01")
    assert record_movement(till, shift, "paid_in", "401.00").status_code == 201
    refused(
        lambda: record_movement(manager_client, shift, "paid_out", "500.01"),
        403,
        "approval_required",
    )
    assert record_movement(manager_client, shift, "paid_out", "500.00").status_code == 201


@pytest.mark.parametrize("type", ["drop", "paid_out"])
def test_cash_movement_above_the_drawer_amount_is_refused(
    type, till, manager_client, shift, make_product, shop, refused
):
    """The refusal does not reveal the amount, and is audited."""
    order = till.sold(line(make_product("2.50"), "2"), payments=[cash("5.00", tendered="10.00")])
    till.sold(line(make_product("9.00")), payments=[card("9.00")])
    assert request_refund(manager_client, order, amount="1.00").status_code == 201

    refusal = refused(
        lambda: record_movement(manager_client, shift, type, "104.01"), 409, "drawer_short"
    )

    assert "104.00" not in str(refusal)
    with tenant_scope(shop):
        audited = AuditEvent.objects.get(event="drawer_short")
    assert (audited.actor, audited.facts["amount"]) == (manager_client.user.pk, "104.01")
    assert record_movement(manager_client, shift, type, "104.00").status_code == 201
    refused(lambda: record_movement(manager_client, shift, type, "0.01"), 409, "drawer_short")
    cash_count = close_shift(manager_client, shift, "0.00").json()["counted"][1]
    assert (cash_count["method"], cash_count["difference"]) == ("cash", "0.00")


def test_other_cashier_cannot_move_cash(other_cashier_client, shift, refused):
    for type, amount in (("drop", "50.00"), ("paid_in", "5.00"), ("no_sale", None)):
        refused(
            lambda type=type, amount=amount: record_movement(
                other_cashier_client, shift, type, amount
            ),
            403,
            "permission_denied",
        )


def test_session_at_another_register_cannot_move_cash(shop, tills, shift, refused):
    other_register = tills[0].register
    colleague = UserFactory(tenant=shop)
    session = AuthSessionFactory(
        user=colleague, register=other_register, store=other_register.store
    )

    refused(
        lambda: record_movement(Person(colleague, session), shift, "no_sale"),
        403,
        "permission_denied",
    )


def test_closed_shift_rejects_cash_movements(till, shift, refused):
    close_shift(till, shift, "100.00")

    refused(lambda: record_movement(till, shift, "paid_in", "5.00"), 409, "shift_not_in_state")


def test_other_cashier_cannot_end_the_shift_but_a_manager_can(
    other_cashier_client, manager_client, shift, refused
):
    refused(lambda: end_shift(other_cashier_client, shift), 403, "permission_denied")

    assert end_shift(manager_client, shift).json()["status"] == "ended"
