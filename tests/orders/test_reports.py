"""What was sold, by whatever one asks."""

import pytest

from tests.orders.till import cash, line, new_id

GROUPS = ["hour", "day", "product", "category", "cashier", "register", "method", "tax"]


@pytest.fixture
def traded(till, chief, goods):
    """Sold for 5.00 and for 7.50, of which 2.50 came back."""
    product = goods("2.50")
    till.sold(line(product, "2"), payments=[cash("5.00")])
    order = till.sold(line(product, "3"), payments=[cash("7.50")])
    body = {
        "id": new_id(),
        "reason": "broken",
        "lines": [{"line": order["lines"][0]["id"], "quantity": "1"}],
    }
    assert chief.post(f"orders/{order['id']}/refunds/", body).status_code == 201


@pytest.mark.parametrize("group", GROUPS)
def test_every_group_sums_to_the_receipts(group, chief, traded):
    answer = chief.get("reports/sales/", {"group_by": group})

    assert answer.status_code == 200, answer.content
    total = answer.json()["total"]
    if group != "tax":
        assert (total["total"], total["refunded_total"]) == ("12.50", "2.50")
        assert total["net_total"] == "10.00"
    if group != "method":
        assert total["tax_total"] == "2.00"


def test_a_report_as_a_table(chief, traded):
    answer = chief.get("reports/sales/", {"group_by": "product", "format": "csv"})

    header, row, *rest = answer.content.decode().splitlines()
    assert header.startswith("key,label,orders,quantity,gross")
    assert ",2,5,12.50," in row
    assert not rest


def test_cashiers_see_none(till, problem):
    problem(till.get("reports/sales/"), 403, "permission_denied")
