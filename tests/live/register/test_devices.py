"""Receipt printers and cameras at a device, which are simulated in the page."""

from collections.abc import Iterator

import pytest

from tests.support.live import browser
from tests.support.live.network_cut import NetworkCut
from tests.support.live.simulated_devices import CAMERA, PRINTERS

pytestmark = [
    pytest.mark.browser,
    pytest.mark.live,
    pytest.mark.once,
    pytest.mark.django_db(transaction=True),
]

MILK, BEER = "9520010000032", "9520010000247"


def run_till(base: str, script: str) -> Iterator[browser.RegisterPage]:
    with browser.run_browser() as context:
        context.add_init_script(script)
        till = browser.RegisterPage(context.new_page(), base)
        till.set_up()
        yield till
        assert till.errors == []


@pytest.fixture
def printing(base: str) -> Iterator[browser.RegisterPage]:
    """Return the register in a browser with printers."""
    yield from run_till(base, PRINTERS)


def sell_and_show(till: browser.RegisterPage, code: str) -> None:
    till.scan(code)
    till.start_paying()
    till.pay_cash()
    till.wait_until_sold()


def take_printed(till: browser.RegisterPage) -> bytes:
    """Return what was printed since the last call."""
    till.page.wait_for_function("() => window.printed.length > 0")
    till.wait_for("main:not([aria-busy])")
    return bytes(till.page.evaluate("window.printed.splice(0)"))


def open_menu(till: browser.RegisterPage) -> None:
    till.press("Menu")
    till.wait_for("h2:has-text('This device')")


def choose_printer(till: browser.RegisterPage, name: str) -> None:
    open_menu(till)
    till.press(f"Receipt printer {name}")
    till.wait_for(f"text=Receipts are sent to the printer {name}.")
    till.press("Back")


@pytest.mark.parametrize("name", ["by USB", "at the serial port"])
def test_receipts_are_sent_to_a_printer(printing, api, name):
    till = printing
    choose_printer(till, name)
    sell_and_show(till, MILK)

    till.press("Print")
    original = take_printed(till)
    till.press("Print")
    copy = take_printed(till)

    # The bytes of the server: the second print is a copy.
    assert all(printed.startswith(b"\x1b@") for printed in (original, copy))
    assert [b"KOPIE" in printed for printed in (original, copy)] == [False, True]
    till.next()
    NetworkCut(till.page).is_down = True
    sell_and_show(till, BEER)
    till.press("Print")
    offline = take_printed(till)
    assert offline.endswith(b"\x1dVB\x00")
    assert b"Spatkauf am Ufer" in offline
    assert b"Total EUR" in offline
    assert till.page.inner_text("#print") == ""


def test_printer_that_fails_is_said_with_what_to_do(printing):
    till = printing
    open_menu(till)
    for error, said in (
        ("NotFoundError", "No printer was chosen."),
        ("SecurityError", "The browser does not allow the printer."),
    ):
        till.page.evaluate("error => { window.failing = error }", error)
        till.press("Receipt printer by USB")
        till.wait_for(f".message:has-text('{said}')")
        assert till.page.locator("text=Receipts are printed by the browser.").count() == 1
    till.page.evaluate("window.failing = ''")
    till.press("Receipt printer by USB")
    till.wait_for("text=Receipts are sent to the printer by USB.")
    till.press("Back")
    sell_and_show(till, MILK)
    till.page.evaluate("window.failing = 'NetworkError'")
    till.press("Print")
    assert "Check its cable, power and paper" in till.message
    till.next()
    open_menu(till)
    till.press("Print by the browser")
    till.wait_for("text=Receipts are printed by the browser.")
    till.press("Print")
    till.page.wait_for_function(
        "() => document.getElementById('print').textContent.includes('KOPIE')"
    )


WITHOUT_PRINTERS = "['usb', 'serial'].forEach((name) => delete Navigator.prototype[name])"


def test_browser_without_printers_offers_none(base):
    for till in run_till(base, WITHOUT_PRINTERS):
        open_menu(till)
        assert till.page.locator("text=Receipt printer").count() == 0


@pytest.fixture
def filming(base: str) -> Iterator[browser.RegisterPage]:
    """Return the register in a browser that reads codes by the camera."""
    yield from run_till(base, CAMERA)


def test_code_is_scanned_by_the_camera(filming):
    page = filming.page
    filming.press("Scan by the camera")
    filming.wait_for("dialog video")
    page.evaluate(f"window.code = '{MILK}'")

    filming.wait_for("ol.lines li")
    page.wait_for_selector("dialog", state="detached")
    assert page.evaluate("window.formats") == ["ean_13", "qr_code"]
    assert page.evaluate("window.tracks.map((track) => track.readyState)") == ["ended"]

    page.evaluate("window.code = ''")
    filming.press("Scan by the camera")
    filming.wait_for("dialog video")
    page.wait_for_function("() => window.tracks.length === 2")
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog", state="detached")
    page.wait_for_function("() => window.tracks.every((track) => track.readyState === 'ended')")


def test_receipt_is_found_by_the_camera(filming):
    total = filming.sell(MILK)
    (sale,) = filming.read_sales()
    filming.page.keyboard.press("F10")
    filming.press("Scan by the camera")
    filming.wait_for("dialog video")
    filming.page.evaluate(f"window.code = '{sale['id']}'")

    filming.wait_for("main.receipt:not([aria-busy])")
    shown = filming.page.inner_text("main.receipt")
    assert f"Receipt {sale['order']['receipt_number']}" in shown
    assert str(total) in shown
    assert filming.page.locator("dialog").count() == 0


def test_receipts_offer_no_camera_without_a_connection(filming):
    filming.page.keyboard.press("F10")
    filming.wait_for("main.receipts button[name=camera]")
    NetworkCut(filming.page).is_down = True
    filming.page.fill("input[name=code]", "1")
    filming.press("Find")

    filming.page.wait_for_selector("main.receipts button[name=camera]", state="detached")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        ("NotAllowedError", "The browser does not allow the camera."),
        ("NotFoundError", "The camera cannot be used."),
    ],
)
def test_camera_that_fails_is_said_with_what_to_do(filming, error, said):
    filming.page.evaluate("error => { window.failing = error }", error)
    filming.press("Scan by the camera")
    filming.wait_for(f"dialog .message:has-text('{said}')")


def test_browser_that_reads_no_codes_offers_no_camera(till):
    till.wait_for("#search")
    assert till.page.locator("text=Scan by the camera").count() == 0
