"""What the races prove the database holds by itself too, where a constraint can say it.

None can say these: that a shelf is not empty, because a shop may allow it; that a shop has an
admin; that a refresh token has one successor; how many guesses were free.
"""

import pytest
from django.db import connection

from accounts.models import Approval, Terminal, User
from orders.models import (
    ChainEntry,
    Order,
    OrderLine,
    Payment,
    Receipt,
    Refund,
    Shift,
    StockLevel,
    StockMovement,
    StoreCredit,
)
from tenants.models import IdempotencyKey, OutboxDelivery

pytestmark = [pytest.mark.live, pytest.mark.sample, pytest.mark.django_db]

HELD = {
    Approval: {
        "approval_is_decided_by_somebody",
        "approval_is_used_once",
        "nobody_approves_his_own_request",
    },
    ChainEntry: {"chain_sequence_is_unique", "sealed_once"},
    IdempotencyKey: {"idempotency_key_is_unique"},
    Order: {
        "order_number_is_unique",
        "receipt_number_is_unique",
        "refunds_do_not_exceed_payments",
    },
    OrderLine: {"refunded_quantity_was_sold", "refunded_total_was_sold"},
    OutboxDelivery: {"delivered_once_to_each"},
    Payment: {"refunds_do_not_exceed_the_payment", "change_is_tendered_less_amount"},
    Receipt: {"receipt_numbers_are_unique"},
    Refund: {"refund_receipt_number_is_unique", "done_refund_has_a_receipt"},
    Shift: {"one_open_shift_at_a_register", "z_number_is_unique"},
    StockLevel: {"stock_level_is_unique", "reserved_is_not_negative"},
    StockMovement: {"movement_moves_something", "transfer_has_two_sides"},
    StoreCredit: {"store_credit_is_not_below_nothing", "store_credit_code_is_unique"},
    Terminal: {"one_terminal_at_a_register"},
    User: {"username_is_unique", "email_is_unique"},
}


def test_what_the_races_prove_is_a_constraint_where_it_can_be_one():
    missing = {}
    with connection.cursor() as cursor:
        for model, names in HELD.items():
            there = connection.introspection.get_constraints(cursor, model._meta.db_table)
            missing |= {model.__name__: names - there.keys()} if names - there.keys() else {}

    assert missing == {}
