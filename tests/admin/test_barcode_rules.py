"""The admin page of barcode rules."""

import pytest

from orders.models import BarcodeRule
from tenants.scope import tenant_scope
from tests.factories.orders import BarcodeFactory
from tests.support.admin_browser import read_errors, snapshot_database, submit_form
from tests.support.labels import add_check_digit

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


def test_rule_decides_whether_a_barcode_is_a_gtin(managers_browser, shop, product):
    code = add_check_digit("200010100735")
    with tenant_scope(shop):
        barcode = BarcodeFactory(product=product, code=code)
    for is_active, key in (("on", code), (None, f"0{code}")):
        page = RULES + ("add/" if is_active else f"{list_rules(shop)[0].pk}/change/")
        assert submit_form(managers_browser, page, **NEW | {"is_active": is_active})["Location"]
        with tenant_scope(shop):
            barcode.refresh_from_db()
        assert barcode.key == key


def list_rules(shop):
    with tenant_scope(shop):
        return list(BarcodeRule.objects.all())


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
