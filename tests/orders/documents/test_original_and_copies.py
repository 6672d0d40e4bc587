"""Each receipt has one original; every later print is marked as a copy."""

import pytest

from accounts.models import User
from tenants.models import AuditEvent, Register, Store, Tenant
from tenants.scope import tenant_scope
from tests.support.parallel import run_concurrently
from tests.support.receipt_profiles import create_profile
from tests.support.refunds import create_refund
from tests.support.till import Till, cash, line

PRINTS = ["text", "html", "escpos", pytest.param("pdf", marks=[pytest.mark.pdf, pytest.mark.once])]


@pytest.fixture
def order(till, product):
    return till.sold(line(product), payments=[cash("2.50")])


def receipt(client, order, form="json", method="GET"):
    path = f"orders/{order['id']}/receipt/"
    return client.send(method, f"{path}?format={form}", None)


def print_receipt(client, order, form="text"):
    response = receipt(client, order, form)
    assert response.status_code == 200, response.content
    return response.content.decode()


def print_count(client, order):
    return receipt(client, order).json()["prints"]


def copy_events(shop):
    with tenant_scope(shop):
        events = AuditEvent.objects.filter(event="receipt_copied").order_by("created_at", "pk")
        return [(event.actor_name, event.target_name, event.facts) for event in events]


def test_every_later_print_has_its_copy_number(till, order):
    receipts = [print_receipt(till, order) for _ in range(3)]

    assert "COPY" not in receipts[0]
    assert receipts[1].splitlines()[0].strip() == "COPY 1"
    assert receipts[2].splitlines()[0].strip() == "COPY 2"
    assert receipts[1].split("\n", 1)[1] == receipts[0], (
        "a copy differs from the original only in its first line"
    )
    assert print_count(till, order) == 3


@pytest.mark.parametrize("form", PRINTS)
def test_every_print_format_counts_as_a_print(till, order, form):
    assert receipt(till, order, form).status_code == 200

    assert print_count(till, order) == 1
    assert "COPY 1" in print_receipt(till, order)


@pytest.fixture
def rename(shop, store, register):
    """Return a function that renames everything that a receipt names."""

    def change():
        with tenant_scope(shop):
            Store.objects.filter(pk=store.pk).update(
                name="Other store", address="Other street", timezone="Asia/Tokyo"
            )
            Register.objects.filter(pk=register.pk).update(name="Other register")
            User.objects.filter(tenant=shop).update(display_name="Other person")
        Tenant.objects.filter(pk=shop.pk).update(name="Other shop")

    return change


def without_banner(text):
    return [each for each in text.splitlines() if "COPY" not in each]


@pytest.mark.parametrize("has_profile", [True, False])
def test_copy_shows_the_names_of_the_first_print(
    till, product, store, manager, rename, has_profile
):
    if has_profile:
        create_profile(store, manager, language="en")
    order = till.sold(line(product), payments=[cash("2.50")])
    original = print_receipt(till, order)
    rename()

    assert without_banner(print_receipt(till, order)) == without_banner(original)
    assert receipt(till, order).json()["cashier"] in original


def test_copy_of_a_refund_receipt_shows_the_names_of_its_first_print(
    till, manager_client, order, rename
):
    refund = create_refund(manager_client, order)
    path = f"refunds/{refund['id']}/receipt/?format=text"
    original = manager_client.get(path).content.decode()
    rename()

    assert without_banner(manager_client.get(path).content.decode()) == without_banner(original)


def test_first_print_shows_the_present_names(till, order, rename):
    rename()

    shown = print_receipt(till, order)
    for name in ("Other shop", "Other store", "Other street", "Other register", "Other person"):
        assert name in shown


def test_json_receipt_is_not_a_print(till, order):
    assert [print_count(till, order) for _ in range(3)] == [0, 0, 0]
    assert "COPY" not in print_receipt(till, order)


@pytest.mark.parametrize("form", PRINTS)
def test_head_and_options_are_not_prints(till, order, form):
    head = receipt(till, order, form, "HEAD")
    options = receipt(till, order, form, "OPTIONS")

    assert (head.status_code, head.content) == (200, b"")
    assert options.status_code in {200, 405}
    assert print_count(till, order) == 0


def test_refused_print_is_not_counted(till, order, foreign, problem):
    problem(receipt(till, order, "fax"), 400, "invalid", {"format": "invalid"})
    problem(receipt(till, {"id": foreign.order.pk}, "text"), 404, "not_found")

    assert print_count(till, order) == 0


def test_copies_are_audited_with_actor_and_format(till, order, shop, manager, register):
    print_receipt(till, order)
    assert copy_events(shop) == []

    print_receipt(Till(manager, register), order, "html")

    facts = {"copy": 1, "format": "html", "order": order["id"]}
    assert copy_events(shop) == [(str(manager), "1", facts)]


def test_format_parameter_wins_over_the_accept_header(till, order):
    path = f"orders/{order['id']}/receipt/?format=text"

    response = till.send("GET", path, None, Accept="application/pdf")

    assert (response.status_code, response["Content-Type"]) == (200, "text/plain; charset=utf-8")


def test_html_receipt_has_an_inline_qr_code_without_styles(till, order):
    page = print_receipt(till, order, "html")

    assert order["id"] in page
    svg = page[page.index("<svg") : page.index("</svg>")]
    assert 'viewBox="0 0' in svg
    assert "style=" not in page
    assert "data:" not in page


@pytest.mark.django_db(transaction=True)
def test_concurrent_prints_make_one_original(till, order, shop):
    people = [Till(till.user, till.register) for _ in range(6)]

    answers = run_concurrently([lambda each=each: print_receipt(each, order) for each in people])

    first = [text.splitlines()[0].strip() for text in answers]
    assert sorted(first) == [*(f"COPY {n}" for n in range(1, 6)), "Green Grocery"]
    assert print_count(till, order) == 6
    assert sorted(facts["copy"] for _, _, facts in copy_events(shop)) == [1, 2, 3, 4, 5]
