"""The report pages of the admin in chromium: axe in both color schemes, wide and on a phone."""

import os
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.utils import timezone

from orders.management.demo.setup import ensure_demo_shop
from orders.management.demo.shops import CORNER
from orders.models import BookkeepingProfile
from tenants.scope import across_tenants
from tests.support.live.browser import MANAGER, run_browser
from tests.support.live.server import TILL, run_server

pytestmark = [
    pytest.mark.browser,
    pytest.mark.live,
    pytest.mark.once,
    pytest.mark.django_db(transaction=True),
]

SIZES = {"wide": {"width": 1400, "height": 1000}, "phone": {"width": 390, "height": 844}}
PAGES = {
    "report": "/admin/reports/",
    "hours-of-the-week": "/admin/reports/?group_by=hour_of_week",
    "low-stock": "/admin/reports/goods/?kind=low-stock",
    "dead-stock": "/admin/reports/goods/?kind=dead-stock&period=today",
    "margins": "/admin/reports/goods/?kind=margins&period=today",
    "discounts-by-person": "/admin/reports/?group_by=discount_cashier",
    "bookkeeping": "/admin/reports/bookkeeping/?month={month}",
    "bookkeeping-refused": "/admin/reports/bookkeeping/?format=datev&month={month}&store={store}",
    "bookkeeping-profile": "/admin/orders/bookkeepingprofile/add/",
}
# A folder for screenshots to look at.
SCREENSHOTS = os.environ.get("SCREENSHOTS", "")


@pytest.fixture
def base(tmp_path):
    with run_server(tmp_path, TILL, WEB_CONCURRENCY="1", LOG_LEVEL="WARNING") as server:
        yield f"http://127.0.0.1:{server.port}"


@pytest.fixture
def demo_day(base):
    """Create a day of sales; return the month, and the store, whose profile lacks an account."""
    ensure_demo_shop(CORNER, with_sales=True)
    with across_tenants():
        profile = BookkeepingProfile.objects.get(tenant__slug=CORNER.slug)
        BookkeepingProfile.objects.filter(pk=profile.pk).update(cash_account="")
        today = timezone.now().astimezone(profile.store.clock)
    return {"month": f"{today:%Y-%m}", "store": profile.store_id}


def log_in(page, base):
    page.goto(f"{base}/admin/")
    for name, value in MANAGER.items():
        page.fill(f"input[name={name}]", value)
    page.press("input[name=password]", "Enter")
    page.wait_for_selector("#user-tools")


def check(page, name, problems):
    for size, viewport in SIZES.items():
        page.set_viewport_size(viewport)
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            problems.append((name, size, "scrolls sideways"))
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            # Colors change by transitions, in the middle of which axe would measure.
            page.evaluate("document.getAnimations().forEach((each) => each.finish())")
            for found in Axe().run(page).response["violations"]:
                targets = [node["target"] for node in found["nodes"]][:5]
                problems.append((name, size, scheme, found["id"], targets))
            if SCREENSHOTS:
                path = Path(SCREENSHOTS) / f"{name}-{size}-{scheme}.png"
                page.screenshot(path=path, full_page=True)


def test_report_pages_are_accessible_and_fit(base, demo_day):
    problems: list[tuple] = []
    with run_browser(timezone_id="Europe/Berlin") as context:
        page = context.new_page()
        log_in(page, base)
        for name, path in PAGES.items():
            answer = page.goto(base + path.format(**demo_day))
            assert answer.status == 200
            check(page, name, problems)

    assert problems == [], "\n".join(map(str, problems))
