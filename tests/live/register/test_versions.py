"""New versions of the page, storage that is not kept, and addresses without HTTPS."""

import pytest

from tests.support.live import browser

pytestmark = [
    pytest.mark.browser,
    pytest.mark.live,
    pytest.mark.once,
    pytest.mark.django_db(transaction=True),
]

MILK, BEER = "9520010000032", "9520010000247"
# Another address is another worker, as after an update of the server.
UPDATE = """async () => {
  window.isFormerPage = true;
  const registration = await navigator.serviceWorker.register("/till/sw.js?new");
  while (!registration.waiting) await new Promise((resolve) => setTimeout(resolve, 20));
}"""


def test_new_version_waits_until_the_cart_is_empty_and_the_change_was_read(till, api):
    page = till.page
    page.wait_for_function("navigator.serviceWorker.controller !== null")
    till.scan(MILK)
    page.evaluate(UPDATE)

    till.scan(BEER)
    till.start_paying()
    change = till.pay_cash("10.00")
    page.wait_for_timeout(500)
    assert till.read_change() == change
    assert page.evaluate("window.isFormerPage") is True

    till.press("Next customer")
    till.wait_for("main.lock h1:has-text('Who sells?')")
    assert page.evaluate("window.isFormerPage") is None
    assert len(api.list_orders()) == 1


@pytest.mark.parametrize("is_kept", [True, False])
def test_storage_that_the_browser_does_not_keep_is_said_with_what_to_do(base, is_kept):
    with browser.run_browser() as context:
        answer = "true" if is_kept else "false"
        context.add_init_script(f"navigator.storage.persist = async () => {answer}")
        till = browser.RegisterPage(context.new_page(), base)
        till.open()
        till.pair()
        hint = till.page.locator("text=on iOS: Share, Add to Home Screen")
        till.wait_for("input[name=float]")
        assert hint.count() == (0 if is_kept else 1)
        till.open_shift()
        till.press("Menu")
        till.wait_for("h2:has-text('This device')")
        assert hint.count() == (0 if is_kept else 1)
        assert till.errors == []


def test_address_without_https_offers_nothing(base):
    with browser.run_browser() as context:
        context.add_init_script("Object.defineProperty(window, 'isSecureContext', {value: false})")
        till = browser.RegisterPage(context.new_page(), base)
        till.open()
        text = till.wait_for("main.notice p").inner_text()

        assert "needs HTTPS or localhost" in text
        assert till.page.locator("button, input").count() == 0
        assert till.errors == []
