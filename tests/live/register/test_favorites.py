"""Favorite products of a device at the browser register."""

import pytest

pytestmark = [
    pytest.mark.browser,
    pytest.mark.live,
    pytest.mark.once,
    pytest.mark.django_db(transaction=True),
]

BEER, CUCUMBER = "9520010000247", "9520010000018"
LENA = ("Lena Adam", "482915")


def list_offered(till):
    return [each.splitlines()[0] for each in till.page.locator(".product").all_inner_texts()]


def test_favorites_are_offered_first_and_stay_on_the_device(till):
    page = till.page
    assert page.get_by_role("button", name="Favourites").count() == 0
    for code in (CUCUMBER, BEER):
        till.scan(code)
        page.locator("button[name=favorite]").click()
        till.wait_for("button[name=favorite]:has-text('No favourite')")

    page.reload()
    till.log_in(*LENA)
    assert [name.split(",")[0] for name in list_offered(till)] == ["Salatgurke", "Berliner Pilsner"]
    page.locator(".product").first.click()
    page.keyboard.press("*")
    page.wait_for_function("() => document.querySelectorAll('.product').length === 1")
    till.press("All")
    page.wait_for_function("() => document.querySelectorAll('.product').length > 10")
