"""Z reports as text, HTML, ESC/POS and PDF."""

import pytest

from tests.support.till import cash, line, new_id

pytestmark = pytest.mark.once


@pytest.fixture
def shift(till, register, make_product):
    body = {"id": new_id(), "register": str(register.pk), "opening_float": "100.00"}
    opened = till.post("shifts/", body).json()
    till.sold(line(make_product("2.50"), "2"), payments=[cash("5.00", tendered="10.00")])
    return opened


@pytest.fixture
def closed(till, shift):
    closed_shift = [{"value": "50.00", "count": 2}, {"value": "4.90", "count": 1}]
    body = {"denominations": closed_shift, "note": "Short by ten cents"}
    response = till.post(f"shifts/{shift['id']}/close/", body)
    assert response.status_code == 200, response.content
    return shift


def get_z_report(client, shift, form):
    return client.get(f"shifts/{shift['id']}/z-report/", {"format": form})


def test_text_z_report_has_all_rows(till, closed, cashier):
    response = get_z_report(till, closed, "text")

    assert response.status_code == 200, response.content
    lines = response.content.decode().splitlines()
    assert lines[0].strip() == "Z REPORT"
    rows = [text.split() for text in lines]
    for row in (
        "Sales 1",
        "TOTAL EUR 5.00",
        "REFUNDED EUR 0.00",
        "Cash (1) 5.00",
        "Opening float 100.00",
        "CASH EXPECTED 105.00",
        "Cash expected 105.00",
        "Counted 104.90",
        "Difference -0.10",
        "2 x 50.00",
        f"Closed by {cashier}",
        "Note Short by ten cents",
    ):
        assert row.split() in rows
    assert lines[-1].strip() == closed["id"]


@pytest.mark.parametrize(
    ("form", "start"),
    [
        ("html", b"<!doctype html>"),
        ("escpos", b"\x1b@"),
        pytest.param("pdf", b"%PDF-", marks=[pytest.mark.pdf, pytest.mark.once]),
    ],
)
def test_z_report_has_every_format_and_is_never_a_copy(till, closed, form, start):
    answers = [get_z_report(till, closed, form) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].content.startswith(start)
    assert b"COPY" not in answers[1].content


@pytest.mark.parametrize("form", ["json", "text", "html", "escpos"])
def test_open_shift_has_no_z_report(till, shift, form, problem):
    problem(get_z_report(till, shift, form), 409, "shift_not_in_state")


def test_unknown_z_report_format_is_refused(till, closed, problem):
    problem(get_z_report(till, closed, "fax"), 400, "invalid", {"format": "invalid"})
