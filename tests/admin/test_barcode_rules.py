"""The admin page of barcode rules."""

import pytest

from orders.models import BarcodeRule
from tenants.scope import tenant_scope
from tests.support.admin_browser import read_errors, snapshot_database, submit_form

pytestmark = [pytest.mark.once, pytest.mark.django_db]
RULES = "/admin/orders/barcoderule/"
NEW = {"pattern": "20IIIIIVVVVVC", "kind": "weight", "priority": "1", "is_active": "on"}


def test_manager_adds_and_deactivates_a_rule(managers_browser, shop):
    assert submit_form(managers_browser, f"{RULES}add/", **NEW)["Location"] == RULES

    with tenant_scope(shop):
        rule = BarcodeRule.objects.get()
    assert (rule.value_decimals, rule.decimals, rule.is_active) == (None, 3, True)
    page = f"{RULES}{rule.pk}/change/"
    changed = submit_form(managers_browser, page, is_active=None, value_decimals="2")
    assert changed.status_code == 302
    with tenant_scope(shop):
        rule.refresh_from_db()
    assert (rule.value_decimals, rule.is_active, rule.version) == (2, False, 2)
    assert rule.pattern in managers_browser.get(RULES).content.decode()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"pattern": "IIIIIIIVVVVVC"}, "begin with a digit"),
        ({"value_decimals": "4"}, "At most 3 decimals."),
        ({"kind": "piece"}, "Select a valid choice"),
    ],
)
def test_invalid_rule_is_refused(managers_browser, changes, words):
    before = snapshot_database(BarcodeRule)

    assert words in read_errors(submit_form(managers_browser, f"{RULES}add/", **NEW | changes))
    assert snapshot_database(BarcodeRule) == before
