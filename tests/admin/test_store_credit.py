"""Store credit in the admin: search by full code, masked code, block and unblock."""

import pytest

from orders.models import StoreCredit
from tenants.scope import tenant_scope
from tests.factories.orders import StoreCreditFactory
from tests.support.audit import list_audit_events

CODE, LIST = "ABCD-EFGH-JKLM", "/admin/orders/storecredit/"


@pytest.fixture
def credit(shop):
    return StoreCreditFactory(tenant=shop, code=CODE)


def list_rows(response):
    assert response.status_code == 200
    return [str(each) for each in response.context["cl"].result_list]


def test_code_is_masked_on_all_pages(managers_browser, credit):
    for url in (LIST, f"{LIST}{credit.pk}/change/", f"{LIST}{credit.pk}/history/"):
        body = managers_browser.get(url).content.decode()
        assert "****JKLM" in body
        assert CODE not in body


def test_store_credit_is_found_by_its_full_code_and_guesses_are_limited(managers_browser, credit):
    StoreCreditFactory(tenant=credit.tenant)
    assert list_rows(managers_browser.get(LIST, {"q": CODE})) == ["****JKLM"]
    for number in range(10):
        assert list_rows(managers_browser.get(LIST, {"q": f"WRONG-{number}"})) == []

    refused = managers_browser.get(LIST, {"q": CODE})

    assert list_rows(refused) == []
    assert b"Too many attempts" in refused.content
    assert len(list_audit_events("store_credit_code_failed")) == 10


@pytest.mark.parametrize(("action", "was"), [("block", True), ("unblock", False)])
def test_manager_blocks_and_unblocks_a_store_credit(managers_browser, shop, action, was):
    credit = StoreCreditFactory(tenant=shop, code=CODE, is_active=was)

    done = managers_browser.post(
        LIST, {"action": action, "_selected_action": [str(credit.pk)]}, follow=True
    )

    assert b"****JKLM" in done.content
    with tenant_scope(shop):
        assert StoreCredit.objects.get().is_active is not was
    assert len(list_audit_events(f"store_credit_{action}ed")) == 1
