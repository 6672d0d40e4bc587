"""Known problems of other point-of-sale systems, and the tests that prevent them here.

A problem without tests, or with a test that does not exist, fails.
"""

import pytest

from orders.models import Payout, Refund
from tenants.scope import tenant_scope
from tests.support.discovery import list_tests
from tests.support.till import card, line, new_id

KNOWN_PROBLEMS = {
    1: (
        "duplicate orders after a time-out",
        "orders/sales/test_client_ids.py test_repeated_order_is_the_same_order",
        "orders/sales/test_races.py test_order_sent_twenty_times_at_once_is_created_once",
        "tenants/api/test_idempotency_lookup.py test_answer_is_found_by_its_key",
    ),
    2: (
        "paid offline orders that are lost: gaps in the numbers reveal them",
        "orders/offline/test_gaps.py test_gaps_between_received_numbers_are_listed",
        "orders/offline/test_gaps.py test_rejected_sale_is_still_a_gap",
    ),
    3: (
        "two terminals with one number, and one order dropped",
        "orders/offline/test_sync_flags.py "
        "test_second_sale_with_the_same_number_is_booked_and_flagged",
        "orders/offline/test_sync.py test_invalid_item_does_not_affect_other_items",
    ),
    4: (
        "open and offline orders that vanish at closing",
        "orders/shifts/test_shifts.py test_held_order_is_sold_in_the_next_shift",
        "orders/offline/test_sync_shifts.py"
        " test_sale_of_a_closed_shift_is_booked_and_listed_in_the_open_shift",
    ),
    5: (
        "terminal and server differ by a cent",
        "orders/pricing/test_vectors.py test_pricing_matches_the_vector",
        "orders/offline/test_sync_money.py"
        " test_payments_other_than_the_prices_are_an_adjustment_shared_by_the_lines",
    ),
    6: (
        "cash rounding that leaves orders unpaid",
        "orders/sales/test_currencies.py test_cash_parts_settle_the_rounded_total",
        "orders/sales/test_currencies.py test_only_the_cash_part_is_rounded",
    ),
    7: (
        "discounts on prices that include taxes",
        "orders/pricing/test_examples.py test_included_tax_is_calculated_from_the_discounted_price",
        "orders/pricing/test_examples.py test_added_tax_has_a_base_without_the_included_tax",
    ),
    8: (
        "a refund of more than was paid after a discount",
        "orders/refunds/test_refunds.py test_refunds_of_single_units_add_up_to_the_sale",
        "orders/pricing/test_refund_properties.py test_refunds_add_up_to_the_sale",
    ),
    9: (
        "a line refunded twice, more refunded than sold, a refund refunded",
        "orders/refunds/test_refunds.py test_refund_of_more_than_was_sold_is_refused",
        "orders/sales/test_regressions.py test_refund_cannot_be_refunded",
    ),
    10: (
        "a refund that is sent again pays twice",
        "orders/sales/test_regressions.py test_repeated_refund_is_paid_once",
        "live/test_races.py test_refunds_114_concurrent_refunds_do_not_exceed_the_order",
    ),
    11: (
        "a card charged and the order not paid, or the other way round",
        "orders/payments/test_card.py test_late_gateway_answer_settles_an_unknown_payment_once",
        "orders/payments/test_card_failures.py test_repeated_order_looks_up_a_card_left_pending",
        "orders/payments/test_reconciliation.py test_concurrent_relays_look_up_each_payment_once",
    ),
    12: (
        "a shift that cannot be closed, or is closed without its amounts",
        "orders/shifts/test_close_refusals.py"
        " test_shift_with_an_unknown_card_payment_cannot_be_closed",
        "orders/shifts/test_shifts.py test_next_shift_opens_before_the_last_one_is_counted",
        "orders/shifts/test_shift_races.py test_concurrent_closes_write_one_z_report",
    ),
    13: (
        "wrong drawer differences, cards counted as cash",
        "orders/shifts/test_z_report.py test_z_report_amounts_of_a_shift",
        "orders/shifts/test_blind_count.py test_every_method_can_be_counted",
        "orders/shifts/test_close_refusals.py test_tolerance_applies_to_every_counted_method",
        "orders/reports/test_recorded_baskets.py"
        " test_reports_of_recorded_baskets_equal_the_sums_of_their_receipts",
    ),
    14: (
        "stock that changes only when the shift closes",
        "orders/stock/test_regressions.py test_sale_deducts_stock_immediately",
    ),
    15: (
        "the last item sold twice",
        "orders/stock/test_regressions.py test_last_item_is_sold_once",
        "orders/stock/test_stock_races.py test_last_unit_is_sold_once",
    ),
    16: (
        "goods restocked twice, refunds missing in reports",
        "orders/stock/test_regressions.py test_void_returns_no_stock",
        "orders/stock/test_regressions.py test_completed_sale_cannot_be_voided",
        "orders/reports/test_reports.py test_refund_is_reported_at_its_own_time_register_and_user",
        "orders/reports/test_recorded_baskets.py"
        " test_reports_of_recorded_baskets_equal_the_sums_of_their_receipts",
    ),
    17: (
        "store credit spent beyond its balance",
        "orders/refunds/test_refunds.py test_refund_to_store_credit_can_be_spent",
        "live/test_races.py test_store_credit_concurrent_payments_do_not_exceed_the_balance",
    ),
    18: (
        "receipt numbers with gaps and duplicates",
        "orders/stock/test_stock_races.py"
        " test_receipt_numbers_have_no_gaps_although_sales_are_refused",
        "orders/documents/test_verify_chain.py test_missing_entry_is_found_with_its_subject",
    ),
    19: (
        "discounts by cashiers without limit",
        "orders/sales/test_role_limits.py test_cashier_needs_an_approval_above_the_limit",
        "orders/refunds/test_refunds.py test_refund_by_a_cashier_needs_approval",
        "orders/sales/test_checkout_with_approval.py test_manager_approves_at_the_terminal_by_pin",
    ),
    20: (
        "bypassed permissions, exposed secrets, unlimited guessing",
        "architecture/test_permissions.py test_attack_176_route_is_open_to_the_roles_of_the_table",
        "architecture/test_serializers.py test_outputs_contain_no_secrets",
        "accounts/rate_limits/test_pin_limits.py"
        " test_after_five_wrong_pins_even_the_correct_one_is_refused",
    ),
    21: (
        "rows of another shop that are visible",
        "architecture/test_tenant_scope.py test_managers_raise_without_a_scope",
        "architecture/test_permissions.py"
        " test_attack_072_176_row_of_another_shop_is_answered_like_an_unknown_one",
        "admin/test_tenant_isolation.py test_choices_and_filters_contain_only_rows_of_this_shop",
    ),
    22: (
        "catalogs that load and search slowly",
        "orders/performance/test_query_plans.py test_product_lists_use_indexes",
        "orders/catalog/test_lists.py test_updated_since_returns_only_later_changes",
    ),
    23: (
        "business days that begin at midnight UTC",
        "orders/reports/test_business_days.py test_report_uses_the_business_day_of_each_store",
        "orders/reports/test_business_days.py test_report_without_days_covers_today_of_each_store",
        "admin/test_dashboard.py test_each_store_has_its_own_business_day",
    ),
    24: (
        "admin lists with a query per row",
        "admin/test_list_query_counts.py test_list_takes_the_same_queries_for_any_number_of_rows",
        "admin/test_list_query_counts.py test_row_count_stops_at_the_maximum",
    ),
    25: (
        "events of transactions that were rolled back",
        "tenants/events/test_outbox.py test_rolled_back_event_is_not_delivered",
        "tenants/events/test_outbox.py test_event_is_not_delivered_before_the_commit",
    ),
    26: (
        "fast scanning that loses or duplicates lines",
        "orders/sales/test_editing_refusals.py"
        " test_repeated_line_id_adds_one_line_and_each_new_id_another",
        "orders/sales/test_editing_refusals.py test_concurrent_line_additions_are_all_counted",
    ),
}


def test_every_known_problem_has_existing_tests():
    existing = {f"{path.as_posix()} {name}" for path, name in list_tests()}

    named = {number: tests for number, (_, *tests) in KNOWN_PROBLEMS.items()}
    assert sorted(named) == list(range(1, 27))
    assert all(named.values())
    missing = {number: absent for number, tests in named.items() if (absent := {*tests} - existing)}
    assert missing == {}


# --- problems without a test elsewhere ------------------------------------------------------------


@pytest.fixture
def sold(till, make_product, gateway):
    return till.sold(line(make_product("4.00"), "2"), payments=[card("8.00")])


def test_repeated_refund_is_paid_once(manager_client, sold, gateway, shop, problem):
    body = {"id": new_id(), "reason": "broken", "amount": "3.00"}
    path = f"orders/{sold['id']}/refunds/"

    first, again = manager_client.post(path, body), manager_client.post(path, body)
    other = manager_client.post(path, body | {"amount": "4.00"})

    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    problem(other, 409, "id_conflict")
    assert len(gateway.refunds) == 1
    with tenant_scope(shop):
        assert [payout.paid for payout in Payout.objects.all()] == [3]


def test_refund_cannot_be_refunded(manager_client, sold, shop, problem):
    refund = manager_client.post(
        f"orders/{sold['id']}/refunds/", {"id": new_id(), "reason": "broken"}
    )
    body = {"id": new_id(), "reason": "broken"}

    problem(manager_client.post(f"orders/{refund.json()['id']}/refunds/", body), 404, "not_found")
    again = manager_client.post(f"orders/{sold['id']}/refunds/", body)

    problem(again, 409, again.json()["code"])
    with tenant_scope(shop):
        assert Refund.objects.count() == 1
