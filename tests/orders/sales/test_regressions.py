"""What users of other tills suffer from most, by number, and the tests that say it is not so here.

A pain without a test, or with one that is gone, fails.
"""

import ast

import pytest

from orders.models import Payout, Refund
from tenants.scope import tenant_scope
from tests.support.discovery import ROOT, files
from tests.support.till import card, line, new_id

PAINS = {
    1: (
        "duplicate orders after a time-out",
        "orders/sales/test_idempotent_ids.py test_the_same_order_again_is_the_same_order",
        "orders/sales/test_races.py test_one_order_sent_twenty_times_at_once_is_sold_once",
        "tenants/api/test_idempotency_lookup.py test_answer_is_found_by_its_key",
    ),
    2: (
        "paid offline orders that are lost: what never came is missed by its number",
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
        "orders/shifts/test_shifts.py"
        " test_a_held_order_stays_and_moves_on_into_the_shift_that_sells_it",
        "orders/offline/test_sync_shifts.py"
        " test_sale_of_a_closed_shift_is_booked_and_listed_in_the_open_shift",
    ),
    5: (
        "a cent between terminal and server",
        "orders/pricing/test_vectors.py test_every_figure_is_the_one_that_all_terminals_compute",
        "orders/offline/test_sync_money.py"
        " test_payments_other_than_the_prices_are_an_adjustment_shared_by_the_lines",
    ),
    6: (
        "cash rounding that leaves orders unpaid",
        "orders/sales/test_currencies.py test_parts_in_coins_settle_what_coins_can_pay",
        "orders/sales/test_currencies.py test_only_what_cash_settles_is_rounded",
    ),
    7: (
        "discounts on prices with taxes in them",
        "orders/pricing/test_examples.py test_included_tax_is_calculated_from_the_discounted_price",
        "orders/pricing/test_examples.py test_added_tax_has_a_base_without_the_included_tax",
    ),
    8: (
        "a refund of more than was paid after a discount",
        "orders/refunds/test_refunds.py test_one_by_one_everything_comes_back_to_the_cent",
        "orders/pricing/test_refund_properties.py test_refunds_add_up_to_the_sale",
    ),
    9: (
        "a line refunded twice, more than was sold, a refund refunded",
        "orders/refunds/test_refunds.py test_more_than_was_sold_is_refused",
        "orders/sales/test_regressions.py test_a_refund_is_no_sale_that_could_be_refunded",
    ),
    10: (
        "a refund that is sent again pays twice",
        "orders/sales/test_regressions.py test_a_refund_sent_again_is_paid_once",
        "live/test_races.py test_refunds_114_an_order_is_given_back_once",
    ),
    11: (
        "a card charged and the order not paid, or the other way round",
        "orders/payments/test_card.py test_late_gateway_answer_settles_an_unknown_payment_once",
        "orders/payments/test_card_failures.py test_repeated_order_looks_up_a_card_left_pending",
        "orders/payments/test_reconciliation.py test_concurrent_relays_look_up_each_payment_once",
    ),
    12: (
        "a shift that cannot be closed, or is closed without its figures",
        "orders/shifts/test_close_refusals.py test_a_shift_with_a_card_in_the_air_is_not_closed",
        "orders/shifts/test_shifts.py"
        " test_the_next_shift_opens_while_the_last_one_is_still_counted",
        "orders/shifts/test_shift_races.py test_a_shift_closed_many_times_at_once_has_one_z",
    ),
    13: (
        "over and short that are wrong, cards counted as cash",
        "orders/shifts/test_z_report.py test_every_figure_of_a_day",
        "orders/shifts/test_blind_count.py test_every_method_can_be_counted",
        "orders/shifts/test_close_refusals.py"
        " test_the_tolerance_is_of_every_method_that_is_counted",
        "orders/reports/test_baskets.py"
        " test_reports_of_real_baskets_are_their_receipts_to_the_cent",
    ),
    14: (
        "stock that moves only when the shift closes",
        "orders/stock/test_regressions.py test_stock_moves_with_the_sale",
    ),
    15: (
        "the last item sold twice",
        "orders/stock/test_regressions.py test_the_last_item_is_sold_once",
        "orders/stock/test_stock_races.py test_the_last_one_is_sold_once",
    ),
    16: (
        "goods that come back twice, refunds that reports forget",
        "orders/stock/test_regressions.py test_a_void_brings_nothing_back_that_never_left",
        "orders/stock/test_regressions.py test_a_completed_sale_is_not_voided",
        "orders/reports/test_reports.py test_a_refund_counts_when_where_and_by_whom_it_was_given",
        "orders/reports/test_baskets.py"
        " test_reports_of_real_baskets_are_their_receipts_to_the_cent",
    ),
    17: (
        "store credit spent past what there is",
        "orders/refunds/test_refunds.py test_store_credit_is_given_and_spent",
        "live/test_races.py test_store_credit_is_spent_as_far_as_it_goes",
    ),
    18: (
        "receipt numbers with gaps and doubles",
        "orders/stock/test_stock_races.py"
        " test_receipts_are_numbered_without_gaps_while_some_are_refused",
        "orders/documents/test_verify_chain.py test_missing_entry_is_found_with_its_subject",
    ),
    19: (
        "cashiers who give away without limit",
        "orders/sales/test_role_limits.py test_a_cashier_needs_an_approval_above_the_limit",
        "orders/refunds/test_refunds.py test_a_cashier_needs_leave",
        "orders/sales/test_checkout_with_approval.py"
        " test_a_manager_comes_to_the_till_and_the_sale_goes_on",
    ),
    20: (
        "ways around permissions, secrets for all, guessing without end",
        "architecture/test_permissions.py test_attack_176_route_is_open_to_the_roles_of_the_table",
        "architecture/test_serializers.py test_outputs_contain_no_secrets",
        "accounts/rate_limits/test_pin_limits.py"
        " test_after_five_wrong_pins_even_the_correct_one_is_refused",
    ),
    21: (
        "rows of another shop",
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
        "days that are cut in UTC",
        "orders/reports/test_business_days.py test_each_store_has_its_own_day",
        "orders/reports/test_business_days.py test_today_is_the_business_day_of_each_store",
        "admin/test_dashboard.py test_each_store_has_its_own_business_day",
    ),
    24: (
        "admin lists that count and sum row by row",
        "admin/test_list_query_counts.py test_list_takes_the_same_queries_for_any_number_of_rows",
        "admin/test_list_query_counts.py test_row_count_stops_at_the_maximum",
    ),
    25: (
        "the world hears of what was rolled back",
        "tenants/events/test_outbox.py test_rolled_back_event_is_not_delivered",
        "tenants/events/test_outbox.py test_event_is_not_delivered_before_the_commit",
    ),
    26: (
        "fast scanning that loses or multiplies",
        "orders/sales/test_editing_refusals.py test_fast_scanning_counts_every_scan_once",
        "orders/sales/test_editing_refusals.py test_two_scans_at_once_are_two",
    ),
}


def names_there():
    for path in files(".py"):
        if path.is_relative_to(ROOT / "tests"):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                    yield f"{path.relative_to(ROOT / 'tests').as_posix()} {node.name}"


def test_every_pain_has_tests_that_are_there():
    there = set(names_there())

    named = {number: tests for number, (_, *tests) in PAINS.items()}
    assert sorted(named) == list(range(1, 27))
    assert all(named.values())
    missing = {number: lost for number, tests in named.items() if (lost := {*tests} - there)}
    assert missing == {}


# --- those that no other test is about ------------------------------------------------------------


@pytest.fixture
def sold(till, make_product, gateway):
    return till.sold(line(make_product("4.00"), "2"), payments=[card("8.00")])


def test_a_refund_sent_again_is_paid_once(manager_client, sold, gateway, shop, problem):
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


def test_a_refund_is_no_sale_that_could_be_refunded(manager_client, sold, shop, problem):
    refund = manager_client.post(
        f"orders/{sold['id']}/refunds/", {"id": new_id(), "reason": "broken"}
    )
    body = {"id": new_id(), "reason": "broken"}

    problem(manager_client.post(f"orders/{refund.json()['id']}/refunds/", body), 404, "not_found")
    again = manager_client.post(f"orders/{sold['id']}/refunds/", body)

    problem(again, 409, again.json()["code"])
    with tenant_scope(shop):
        assert Refund.objects.count() == 1
