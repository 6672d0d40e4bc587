"""The page of the browser register: collected files, accessibility, sizes, and its renderer."""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe

from orders.management.demo.setup import ensure_demo_shop
from orders.management.demo.shops import CORNER
from tests.support.live.browser import MANAGER, WIDE, RegisterPage, run_browser
from tests.support.live.server import TILL, Server, run_server
from tests.support.live.simulated_devices import CAMERA, PRINTERS
from tests.support.schema_digest import ROOT

pytestmark = [
    pytest.mark.browser,
    pytest.mark.live,
    pytest.mark.once,
    pytest.mark.django_db(transaction=True),
]

MAX_BYTES = 250_000
PHONE = {"width": 360, "height": 740}
WALL = {"width": 1920, "height": 1080}
BEER = "9520010000247"


@pytest.fixture(scope="module")
def server(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run a server with collected files, as in production."""
    folder = tmp_path_factory.mktemp("collected")
    settings = {
        "DJANGO_SETTINGS_MODULE": "tests.support.live.collected",
        "STATIC_ROOT": str(folder / "static"),
    }
    command = (sys.executable, "manage.py", "collectstatic", "--noinput", "--verbosity", "0")
    subprocess.run(command, cwd=ROOT, env=os.environ | settings, check=True)
    with run_server(folder, TILL, WEB_CONCURRENCY="1", LOG_LEVEL="WARNING", **settings) as server:
        yield server


@pytest.fixture
def base(server):
    ensure_demo_shop(CORNER)
    return f"http://127.0.0.1:{server.port}"


def test_collected_page_loads_hashed_modules_only_and_is_small(base):
    loaded = {}
    with run_browser(service_workers="block") as context:
        till = RegisterPage(context.new_page(), base)
        till.page.on(
            "response", lambda answer: loaded.update({answer.url: answer.headers.get("etag")})
        )
        sizes = []
        till.page.on("requestfinished", lambda done: sizes.append(done.sizes()["responseBodySize"]))
        till.open()
        till.wait_for("input[name=tenant]")
        till.page.wait_for_load_state("networkidle")
        assert till.errors == []

    static = [url for url in loaded if "/static/till/" in url]
    assert len(static) > 25
    assert all(url.split("/")[-1].count(".") == 2 for url in static), static
    assert all(url.startswith(base) for url in loaded)
    assert 0 < sum(sizes) < MAX_BYTES


def check(till, name, problems):
    """Note what axe finds on this screen, in both colour schemes, and what does not fit."""
    page = till.page
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        for found in Axe().run(page).response["violations"]:
            targets = [node["target"] for node in found["nodes"]]
            problems.append((name, scheme, found["id"], found["help"], targets))
    for size in (PHONE, WALL, WIDE):
        page.set_viewport_size(size)
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            problems.append((name, size, "scrolls sideways"))
        problems.extend((name, size, text) for text in find_small_targets(page))


def find_small_targets(page):
    """Return the controls that are smaller than 44 x 44 pixels."""
    return page.evaluate(
        """() => [...document.querySelectorAll("button, input, select")]
          .map((each) => [each, each.getBoundingClientRect()])
          .filter(([, box]) => box.width && (box.height < 43.5 || box.width < 43.5))
          .map(([each, box]) => `${each.outerHTML.slice(0, 80)} ${box.width} x ${box.height}`)"""
    )


def visit_screens(till):
    """Yield the name of each screen while it is shown."""
    yield from visit_set_up(till)
    yield "sell, empty"
    till.scan(BEER)
    till.scan(BEER)
    yield "sell"
    yield from visit_dialogs(till)
    yield from visit_payment(till)
    yield "done"
    till.next()
    yield from visit_receipts(till)
    yield from visit_menu(till)
    till.press("Lock")
    till.press("Lena Adam")
    yield "lock"


def visit_menu(till):
    till.press("Menu")
    yield "menu"
    till.press("Receipt printer by USB")
    till.wait_for("text=Receipts are sent to the printer by USB")
    yield "printer"
    till.press("Print by the browser")
    till.wait_for("text=Receipts are printed by the browser")
    for key, name in (("F4", "X report"), ("F7", "no sale")):
        till.page.keyboard.press(key)
        till.wait_for("dialog")
        yield name
        till.page.keyboard.press("Escape")
        till.page.wait_for_selector("dialog", state="detached")
    till.page.keyboard.press("F8")
    till.wait_for("main.glance:not([aria-busy])")
    yield "glance"
    till.page.keyboard.press("Escape")
    till.press("Count and close")
    till.wait_for("form.count")
    yield "close"


def visit_set_up(till):
    till.open()
    till.wait_for("input[name=tenant]")
    yield "log in"
    for name, value in MANAGER.items():
        till.page.fill(f"input[name={name}]", value)
    till.press("Log in")
    till.wait_for(".choices")
    yield "choose a register"
    till.press("Till 1")
    till.wait_for("input[name=float]")
    yield "open"
    till.open_shift()


def visit_dialogs(till):
    page = till.page
    for key, name in (("F1", "customer"), ("F6", "line"), ("F7", "order")):
        page.keyboard.press(key)
        till.wait_for("dialog")
        yield name
        page.keyboard.press("Escape")
        page.wait_for_selector("dialog", state="detached")
    yield from visit_camera_and_held(till)
    page.locator(".product").filter(has_text="Bananen").click()
    till.wait_for("dialog")
    yield "weight"
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog", state="detached")


def visit_camera_and_held(till):
    page = till.page
    till.press("Scan by the camera")
    till.wait_for("dialog video")
    yield "camera"
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog", state="detached")
    page.keyboard.press("F3")
    page.keyboard.press("F4")
    till.wait_for("dialog")
    yield "held"
    page.locator("dialog .choices button").click()
    page.wait_for_selector("dialog", state="detached")


def visit_payment(till):
    till.start_paying()
    yield "pay"
    till.page.fill("input[name=charged]", "1.95")
    till.press("Charge")
    till.wait_for("main.charging:has-text('present the card')")
    yield "charging"
    till.page.keyboard.press("Escape")
    till.wait_for("main.pay:not([aria-busy])")
    yield "pay again"
    till.pay_cash("10.00")


def visit_receipts(till):
    page = till.page
    page.keyboard.press("F10")
    page.fill("input[name=amount]", "2.46")
    till.press("Search by total")
    till.wait_for("text=Show")
    yield "receipts"
    till.press("Show")
    till.wait_for("main.receipt:not([aria-busy])")
    page.keyboard.press("F7")
    page.keyboard.press("F8")
    yield "refund"
    page.fill("input[name=reason]", "Flat")
    till.press("Refund")
    till.wait_for("main:not([aria-busy]) .refunded")
    yield "refunded"
    till.press("Send by e-mail")
    yield "mail"
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog", state="detached")
    till.press("Back")


def test_every_screen_is_accessible_and_fits_from_phone_to_wall(base):
    problems: list[tuple] = []
    with run_browser(reduced_motion="reduce") as context:
        context.add_init_script(PRINTERS)
        context.add_init_script(CAMERA)
        till = RegisterPage(context.new_page(), base)
        for name in visit_screens(till):
            check(till, name, problems)
        assert till.errors == []

    assert problems == []


@pytest.mark.parametrize("language", ["de-DE", "en-GB"])
def test_page_has_the_language_of_the_browser(base, language):
    title = {"de-DE": "Diese Kasse einrichten", "en-GB": "Set up this register"}[language]
    with run_browser(locale=language) as context:
        till = RegisterPage(context.new_page(), base)
        till.open()
        till.page.wait_for_selector(f"h1:has-text('{title}')")
        assert till.page.get_attribute("html", "lang") == language[:2]


# Each step renders a description; what matters is what the DOM has then.
RENDERER = """async ({ module }) => {
  const { h, render } = await import(module);
  const root = document.createElement("div");
  document.body.append(root);
  const log = [];
  const item = (key) => h("li", { key, onremove: () => log.push(`-${key}`),
    onmount: () => log.push(`+${key}`) }, h("input", { value: key }));
  const list = (...keys) => render(root, h("ul", null, keys.map(item)));
  const texts = () => [...root.querySelectorAll("input")].map((each) => each.value).join("");
  const results = {};

  list("a", "b", "c");
  const b = root.querySelectorAll("li")[1];
  b.firstChild.focus();
  list("b", "c", "d");
  results.kept = root.querySelectorAll("li")[0] === b && document.activeElement === b.firstChild;
  list("d", "c", "b");
  results.moved = texts() === "dcb" && root.querySelectorAll("li")[2] === b;
  render(root);
  results.empty = root.childNodes.length === 0;
  results.log = log.join(" ");

  let clicks = 0;
  const button = (label, onclick) => render(root,
    h("button", { onclick, title: label }, label, 0, null, false));
  button("one", () => { clicks += 1; });
  const element = root.firstChild;
  button("two", null);
  element.click();
  results.handlers = element === root.firstChild && clicks === 0 && element.title === "two";
  results.text = root.textContent === "two0";
  render(root, h("button", null, "three"));
  results.attributes = !element.hasAttribute("title");

  render(root, h("input", { value: "typed" }));
  root.firstChild.value = "by hand";
  render(root, h("input", { value: "typed" }));
  results.value = root.firstChild.value === "typed";

  render(root, h("p", null, "<b>not bold</b>"));
  results.escaped = root.querySelector("b") === null;
  try {
    render(root, h("ul", null, h("li", { key: 1 }), h("li", { key: 1 })));
    results.duplicates = false;
  } catch {
    results.duplicates = true;
  }
  return results;
}"""


def test_renderer_changes_only_what_has_changed(base):
    with run_browser() as context:
        page = context.new_page()
        page.goto(f"{base}/till/")
        files = page.request.get(f"{base}/till/sw.js").text()
        module = next(part for part in files.split('"') if "/screens/render." in part)
        results = page.evaluate(RENDERER, {"module": module})

    assert results.pop("log") == "+a +b +c -a +d -d -c -b"
    assert all(results.values()), results
