"""One original of each receipt, however often and in whatever face it is asked for."""

import pytest

from orders.models import Receipt
from tenants.models import AuditEvent
from tenants.scope import tenant_scope
from tests.support.parallel import run_concurrently
from tests.support.till import Till, cash, line

PRINTS = ["text", "html", "escpos", pytest.param("pdf", marks=[pytest.mark.pdf, pytest.mark.once])]


@pytest.fixture
def order(till, product):
    return till.sold(line(product), payments=[cash("2.50")])


def receipt(client, order, form="json", method="GET"):
    path = f"orders/{order['id']}/receipt/"
    return client.send(method, f"{path}?format={form}", None)


def printed(client, order, form="text"):
    response = receipt(client, order, form)
    assert response.status_code == 200, response.content
    return response.content.decode()


def prints(client, order):
    return receipt(client, order).json()["prints"]


def copies(shop):
    with tenant_scope(shop):
        events = AuditEvent.objects.filter(event="receipt_copied").order_by("created_at", "pk")
        return [(event.actor_name, event.target_name, event.facts) for event in events]


def test_each_print_after_the_first_says_which_copy_it_is(till, order):
    faces = [printed(till, order) for _ in range(3)]

    assert "COPY" not in faces[0]
    assert faces[1].splitlines()[0].strip() == "COPY 1"
    assert faces[2].splitlines()[0].strip() == "COPY 2"
    assert faces[1].split("\n", 1)[1] == faces[0], "and is the original in everything else"
    assert prints(till, order) == 3


@pytest.mark.parametrize("form", PRINTS)
def test_every_face_is_a_print(till, order, form):
    assert receipt(till, order, form).status_code == 200

    assert prints(till, order) == 1
    assert "COPY 1" in printed(till, order)


def test_data_is_no_print(till, order):
    assert [prints(till, order) for _ in range(3)] == [0, 0, 0]
    assert "COPY" not in printed(till, order)


@pytest.mark.parametrize("form", PRINTS)
def test_looking_whether_it_is_there_takes_nobodys_original(till, order, form):
    head = receipt(till, order, form, "HEAD")
    options = receipt(till, order, form, "OPTIONS")

    assert (head.status_code, head.content) == (200, b"")
    assert options.status_code in {200, 405}
    assert prints(till, order) == 0


def test_what_is_refused_is_no_print(till, order, foreign, problem):
    problem(receipt(till, order, "fax"), 400, "invalid", {"format": "invalid"})
    problem(receipt(till, {"id": foreign.order.pk}, "text"), 404, "not_found")

    assert prints(till, order) == 0


def test_copies_are_remembered_with_who_made_them(till, order, shop, manager, register):
    printed(till, order)
    assert copies(shop) == []

    printed(Till(manager, register), order, "html")

    facts = {"copy": 1, "format": "html", "order": order["id"]}
    assert copies(shop) == [(str(manager), "1", facts)]


def test_a_face_needs_no_accept_header_of_its_own(till, order):
    path = f"orders/{order['id']}/receipt/?format=text"

    response = till.send("GET", path, None, Accept="application/pdf")

    assert (response.status_code, response["Content-Type"]) == (200, "text/plain; charset=utf-8")


def test_the_page_has_the_receipts_id_as_a_drawing_without_styles(till, order):
    receipt_id = receipt(till, order).json()["id"]

    page = printed(till, order, "html")

    assert receipt_id in page
    drawing = page[page.index("<svg") : page.index("</svg>")]
    assert 'viewBox="0 0' in drawing
    assert "style=" not in page
    assert "data:" not in page
    with tenant_scope(till.user.tenant):
        assert str(Receipt.objects.get().pk) == receipt_id


@pytest.mark.django_db(transaction=True)
def test_many_at_once_get_one_original(till, order, shop):
    people = [Till(till.user, till.register) for _ in range(6)]

    answers = run_concurrently([lambda each=each: printed(each, order) for each in people])

    first = [text.splitlines()[0].strip() for text in answers]
    assert sorted(first) == [*(f"COPY {n}" for n in range(1, 6)), "Green Grocery"]
    assert prints(till, order) == 6
    assert sorted(facts["copy"] for _, _, facts in copies(shop)) == [1, 2, 3, 4, 5]
