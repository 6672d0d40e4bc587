"""Swagger in chromium: groups in the order of a day, a filter, and a log-in by its own form."""

import os
from pathlib import Path

import pytest

from config.openapi_operations import TAGS
from orders.management.demo.setup import ensure_demo_shop
from orders.management.demo.shops import CORNER
from tests.support.live.browser import run_browser
from tests.support.live.server import TILL, run_server

pytestmark = [
    pytest.mark.browser,
    pytest.mark.live,
    pytest.mark.slow,
    pytest.mark.once,
    pytest.mark.django_db(transaction=True),
]
# A folder for screenshots to look at.
SCREENSHOTS = os.environ.get("SCREENSHOTS", "")


@pytest.fixture
def base(tmp_path):
    environment = {"WEB_CONCURRENCY": "1", "LOG_LEVEL": "WARNING", "API_DOCS": "public"}
    with run_server(tmp_path, TILL, **environment) as server:
        yield f"http://127.0.0.1:{server.port}"


def take_screenshot(page, name):
    if SCREENSHOTS:
        page.screenshot(path=Path(SCREENSHOTS) / f"swagger-{name}.png")


def check_groups(page):
    """Assert that the groups are collapsed, in the order of a day, and can be filtered."""
    shown = [each.get_attribute("data-tag") for each in page.query_selector_all("h3")]
    assert [name for name in shown if name] == list(TAGS)
    assert page.query_selector(".opblock") is None
    take_screenshot(page, "groups")
    page.fill(".operation-filter-input", "tenant")
    page.wait_for_function("document.querySelectorAll('.opblock-tag-section').length === 1")


def log_in(page):
    page.click("button.authorize")
    form = page.locator(".auth-container", has_text="OAuth2, password")
    form.locator("#oauth_username").fill("corner/lena")
    form.locator("#oauth_password").fill("demo-till-password")
    form.locator("button.authorize").click()
    page.wait_for_selector(".auth-container button:has-text('Logout')")
    take_screenshot(page, "log-in")
    page.click("button.btn-done")


def try_out(page):
    """Send `GET tenant/` and return the answer that the page shows."""
    page.click("h3[data-tag=tenant]")
    page.click(".opblock-get .opblock-summary-control")
    page.click("button.try-out__btn")
    page.click("button.execute")
    page.wait_for_selector(".live-responses-table .response")
    take_screenshot(page, "answer")
    return page.inner_text(".live-responses-table")


def test_swagger_logs_in_and_sends_requests(base):
    ensure_demo_shop(CORNER)
    with run_browser() as browser:
        page = browser.new_page()
        page.set_default_timeout(60_000)
        page.goto(f"{base}/api/docs/")
        page.wait_for_selector(".opblock-tag-section")

        check_groups(page)
        log_in(page)

        assert CORNER.settings["name"] in try_out(page)
