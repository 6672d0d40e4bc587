"""Database constraints that hold the invariants of the race tests by themselves.

Not expressible as constraints are: the level of a stock that a shop may oversell, the last admin of
a shop, the only successor of a refresh token, and the number of failed guesses.
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

CONSTRAINTS = {
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


def test_database_has_a_constraint_for_each_invariant_that_allows_one():
    missing = {}
    with connection.cursor() as cursor:
        for model, names in CONSTRAINTS.items():
            existing = connection.introspection.get_constraints(cursor, model._meta.db_table)
            missing |= {model.__name__: names - existing.keys()} if names - existing.keys() else {}

    assert missing == {}
