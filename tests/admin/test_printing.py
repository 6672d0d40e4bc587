"""Printing, PDF and mail from the admin, the list of Z reports, and links between documents."""

import re

import pytest
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.security.rate_limits import policies
from accounts.security.rate_limits.limiter import Window
from orders.models import CashMovement, Receipt, Shift
from tenants.scope import tenant_scope
from tests.factories.accounts import ApprovalFactory
from tests.support.admin_browser import open_browser, snapshot_database
from tests.support.admin_data import create_refund, create_sale
from tests.support.audit import list_audit_events
from tests.support.order_relay import list_events, relay_all
from tests.support.shifts import close_shift, open_shift, record_movement
from tests.support.till import Till, cash, line

Z_LIST = "/admin/z-reports/"
ADDRESS = "ann@customer.example"


@pytest.fixture
def till(manager, register):
    return Till(manager, register)


@pytest.fixture
def sale(cashier, register, product):
    return create_sale(cashier, register, product)


@pytest.fixture
def receipt(sale):
    return find(Receipt, sale.tenant, order=sale)


@pytest.fixture
def closed_shift(till, product, shop):
    shift = open_shift(till)
    till.sold(line(product), payments=[cash("2.50")])
    assert close_shift(till, shift, "102.00").status_code == 200
    return find(Shift, shop, pk=shift["id"])


def find(model, shop, **which):
    with tenant_scope(shop):
        return model.objects.get(**which)


def find_page(row):
    return reverse(f"shop:orders_{row._meta.model_name}_change", args=[row.pk])


def build_print_url(row, kind="receipt", form="html"):
    return reverse(f"shop:orders_{row._meta.model_name}_print", args=[row.pk, kind, form])


def read_text(response):
    assert response.status_code == 200, response.content
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def list_prints(row):
    with tenant_scope(row.tenant):
        return type(row).objects.get(pk=row.pk).prints


# --- receipts ----------------------------------------------------------------------------------


def test_receipt_is_an_original_once_and_copies_after_that(
    managers_browser, receipt, sale, manager
):
    assert "Print original" in read_text(managers_browser.get(find_page(receipt)))

    original = managers_browser.post(build_print_url(receipt))
    again = managers_browser.post(build_print_url(receipt))

    assert "COPY" not in read_text(original)
    assert "COPY 1" in read_text(again)
    assert list_prints(receipt) == 2
    (copied,) = list_audit_events("receipt_copied")
    assert (copied.actor, copied.facts["copy"]) == (manager.pk, 1)
    assert "Print copy 2" in read_text(managers_browser.get(find_page(receipt)))
    assert "Print copy 2" in read_text(managers_browser.get(find_page(sale)))


def test_printed_page_has_no_frame_and_opens_the_dialog_without_inline_script(
    managers_browser, receipt
):
    page = managers_browser.post(build_print_url(receipt)).content.decode()

    assert "nav-sidebar" not in page
    assert re.findall(r"<script[^>]*>", page) == ['<script src="/static/orders/print.js" defer>']


def test_reading_a_print_address_prints_nothing(managers_browser, receipt):
    response = managers_browser.get(build_print_url(receipt))

    assert response.status_code == 405
    assert list_prints(receipt) == 0


def test_pdf_is_counted_like_a_print(managers_browser, receipt):
    response = managers_browser.post(build_print_url(receipt, form="pdf"))

    assert response["Content-Type"] == "application/pdf"
    assert response.content.startswith(b"%PDF")
    assert f"receipt-{receipt.number}.pdf" in response["Content-Disposition"]
    assert list_prints(receipt) == 1


def test_gift_receipt_is_not_counted(managers_browser, receipt):
    text = read_text(managers_browser.get(build_print_url(receipt, "gift-receipt")))

    assert "GIFT RECEIPT" in text
    assert "2.50" not in text
    assert list_prints(receipt) == 0


def test_refund_receipt_is_printed_and_counted(managers_browser, manager, sale):
    refund = create_refund(sale, manager)

    assert "REFUND" in read_text(managers_browser.post(build_print_url(refund)))
    assert "COPY 1" in read_text(managers_browser.post(build_print_url(refund)))
    assert list_prints(refund) == 2


@pytest.mark.parametrize(("kind", "form"), [("gift", "html"), ("receipt", "escpos")])
def test_unknown_kinds_and_formats_print_nothing(managers_browser, receipt, kind, form):
    assert managers_browser.post(build_print_url(receipt, kind, form)).status_code == 404
    assert list_prints(receipt) == 0


def test_pdf_without_its_libraries_is_refused_and_not_counted(
    managers_browser, receipt, monkeypatch
):
    monkeypatch.setitem(__import__("sys").modules, "weasyprint", None)

    response = managers_browser.post(build_print_url(receipt, form="pdf"), follow=True)

    assert "PDF" in read_text(response)
    assert response.redirect_chain[0][0] == find_page(receipt)
    assert list_prints(receipt) == 0


def test_cashiers_and_other_shops_print_nothing(cashier, foreign, receipt):
    for user in (cashier, foreign.manager):
        response = open_browser(user).post(build_print_url(receipt))
        assert response.status_code in {302, 404}
        mailed = open_browser(user).post(get_mail_url(receipt), {"email": ADDRESS})
        assert mailed.status_code in {302, 404}
    assert list_prints(receipt) == 0


# --- mail --------------------------------------------------------------------------------------


def get_mail_url(row):
    return reverse(f"shop:orders_{row._meta.model_name}_mail", args=[row.pk])


def send_mail(browser, row):
    """Send the document of the row to the confirmed address, and return the mail."""
    url = get_mail_url(row)
    assert f'href="{url}"' in browser.get(find_page(row)).content.decode()
    asked = browser.post(url, {"email": ADDRESS})
    assert f"to {ADDRESS}" in read_text(asked)
    sent = browser.post(url, {"email": ADDRESS, "confirmed": ADDRESS}, follow=True)
    assert f"will be sent to {ADDRESS}" in read_text(sent)
    relay_all()
    return mail.outbox[-1]


def test_receipt_is_mailed_after_the_address_is_confirmed(managers_browser, receipt):
    url = get_mail_url(receipt)
    assert ADDRESS not in read_text(managers_browser.get(url))

    asked = managers_browser.post(url, {"email": ADDRESS})
    assert f"Send the receipt to {ADDRESS}" in read_text(asked)
    assert list_events("receipt.email") == []

    sent = managers_browser.post(url, {"email": ADDRESS, "confirmed": ADDRESS}, follow=True)
    relay_all()

    assert f"will be sent to {ADDRESS}" in read_text(sent)
    (message,) = mail.outbox
    assert message.to == [ADDRESS]
    assert list_prints(receipt) == 0


def test_refund_receipt_is_mailed_without_counting_a_print(managers_browser, sale, manager):
    refund = create_refund(sale, manager)
    message = send_mail(managers_browser, refund)

    assert "REFUND" in message.body
    assert message.subject.startswith("Your receipt from")
    assert find(type(refund), sale.tenant, pk=refund.pk).prints == 0


def test_reports_of_open_and_closed_shifts_are_mailed(managers_browser, till, product, shop):
    shift = open_shift(till)
    till.sold(line(product), payments=[cash("2.50")])
    row = find(Shift, shop, pk=shift["id"])
    early = send_mail(managers_browser, row)
    assert "X REPORT" in early.body
    assert close_shift(till, shift, "102.50").status_code == 200
    late = send_mail(managers_browser, row)

    assert "Z REPORT" in late.body
    with tenant_scope(shop):
        assert late.subject == f"Z report 1: {row.register.name}, {row.register.store.name}"


@pytest.mark.parametrize("confirmed", ["", "other@customer.example", "ann"])
def test_address_that_is_not_confirmed_gets_no_mail(managers_browser, receipt, confirmed):
    response = managers_browser.post(
        get_mail_url(receipt), {"email": ADDRESS, "confirmed": confirmed}
    )

    assert "Send the receipt to" in read_text(response)
    assert list_events("receipt.email") == []


@pytest.mark.parametrize("email", ["", "ann", "ann@localhost", "a\n@shop.example"])
def test_invalid_address_is_refused(managers_browser, receipt, email):
    response = managers_browser.post(get_mail_url(receipt), {"email": email, "confirmed": email})

    assert "errornote" in response.content.decode()
    assert list_events("receipt.email") == []


def test_mails_are_limited_as_in_the_api(managers_browser, receipt, monkeypatch):
    one = Window("receipt_mail", limit=1, seconds=60)
    monkeypatch.setattr(policies, "RECEIPT_MAIL_OF_SESSION", one)
    body = {"email": ADDRESS, "confirmed": ADDRESS}
    managers_browser.post(get_mail_url(receipt), body)

    refused = managers_browser.post(get_mail_url(receipt), body)

    assert "Too many attempts" in read_text(refused)
    assert len(list_events("receipt.email")) == 1


# --- shifts ------------------------------------------------------------------------------------


def test_z_report_is_printed_with_two_clicks_from_the_start_page(managers_browser, closed_shift):
    start = managers_browser.get("/admin/").content.decode()
    assert f'href="{Z_LIST}"' in start
    listed = managers_browser.get(Z_LIST).content.decode()
    url = build_print_url(closed_shift, "z-report")
    assert f'href="{url}"' in listed

    text = read_text(managers_browser.get(url))

    assert "Z REPORT" in text
    assert "Difference -0.50" in text
    assert "orders/print.js" in managers_browser.get(url).content.decode()


def test_open_shift_prints_an_x_and_a_closed_one_a_z(managers_browser, till, product, shop):
    shift = open_shift(till)
    till.sold(line(product), payments=[cash("2.50")])
    row = find(Shift, shop, pk=shift["id"])

    text = read_text(managers_browser.get(build_print_url(row, "x-report")))
    early = managers_browser.get(build_print_url(row, "z-report"), follow=True)
    pdf = managers_browser.get(build_print_url(row, "x-report", "pdf"))

    assert "X REPORT" in text
    assert "Cash expected 102.50" in text
    assert "Counted" not in text
    assert "Print X" in read_text(managers_browser.get(find_page(row)))
    assert early.redirect_chain[0][0] == find_page(row)
    assert pdf.content.startswith(b"%PDF")

    close_shift(till, shift, "102.50")
    assert "Print Z" in read_text(managers_browser.get(find_page(row)))
    late = managers_browser.get(build_print_url(row, "x-report"), follow=True)
    assert late.redirect_chain[0][0] == find_page(row)


def test_cash_movement_slip_is_counted(managers_browser, till, shop):
    shift = open_shift(till)
    record_movement(till, shift, "paid_in", "5.00")
    row = find(CashMovement, shop)

    first = read_text(managers_browser.post(build_print_url(row, "slip")))
    second = read_text(managers_browser.post(build_print_url(row, "slip")))

    assert "COPY" not in first
    assert "COPY 1" in second
    assert "Print copy 2" in read_text(managers_browser.get(find_page(row)))


def test_list_of_z_reports_shows_differences_and_filters(
    managers_browser, till, closed_shift, store
):
    text = read_text(managers_browser.get(Z_LIST))
    assert "102.50 102.00 \N{MINUS SIGN}0.50" in text

    for query, is_shown in [
        ({"store": store.pk}, True),
        ({"store": "x"}, True),
        ({"from": "2999-01-01"}, False),
        ({"to": "2001-01-01"}, False),
        ({"from": "x", "to": "2001-99-01", "p": "99"}, True),
    ]:
        body = managers_browser.get(Z_LIST, query).content.decode()
        assert (build_print_url(closed_shift, "z-report") in body) is is_shown, query
    assert managers_browser.post(Z_LIST).status_code == 405


def test_list_of_z_reports_takes_the_same_queries_for_any_number(
    managers_browser, till, product, closed_shift
):
    def count():
        with CaptureQueriesContext(connection) as captured:
            assert managers_browser.get(Z_LIST).status_code == 200
        return len(captured)

    few = count()
    for _ in range(3):
        assert close_shift(till, open_shift(till), "100.00").status_code == 200

    assert count() == few


# --- links -------------------------------------------------------------------------------------


def test_documents_of_a_sale_link_to_each_other(managers_browser, till, product, manager, shop):
    shift = open_shift(till)
    sold = till.sold(line(product, "2"), payments=[cash("5.00")])
    with tenant_scope(shop):
        order = Receipt.objects.get(order=sold["id"]).order
    refund = create_refund(order, manager)
    approval = ApprovalFactory(
        requested_by=manager,
        object={"order": str(order.pk)},
        object_key=f'{{"order":"{order.pk}"}}',
    )
    pages = {
        name: find_page(row)
        for name, row in {
            "order": order,
            "receipt": find(Receipt, shop, order=order),
            "refund": refund,
            "shift": find(Shift, shop, pk=shift["id"]),
        }.items()
    } | {"approval": reverse("shop:accounts_approval_change", args=[approval.pk])}

    links = {
        name: {
            other
            for other, url in pages.items()
            if f'href="{url}"' in managers_browser.get(page).content.decode()
        }
        for name, page in pages.items()
    }

    everything = set(pages)
    # The page of a shift links to the list of its orders.
    assert links.pop("shift") == set()
    assert links == {name: everything - {name} for name in links}
    listed = managers_browser.get(f"/admin/orders/order/?shift={shift['id']}")
    assert f"?shift={shift['id']}" in managers_browser.get(pages["shift"]).content.decode()
    assert [row.pk for row in listed.context["cl"].result_list] == [order.pk]


def test_approval_of_a_cash_movement_links_to_its_shift(managers_browser, till, manager, shop):
    shift = open_shift(till)
    key = {"shift": shift["id"]}
    approval = ApprovalFactory(
        requested_by=manager, object=key, object_key=f'{{"shift":"{shift["id"]}"}}'
    )
    page = reverse("shop:accounts_approval_change", args=[approval.pk])
    shift_page = find_page(find(Shift, shop, pk=shift["id"]))

    assert f'href="{shift_page}"' in managers_browser.get(page).content.decode()
    assert f'href="{page}"' in managers_browser.get(shift_page).content.decode()


def test_foreign_shift_filters_nothing(managers_browser, sale, foreign):
    for wrong in (foreign.shift.pk if hasattr(foreign, "shift") else sale.pk, "x", ""):
        listed = managers_browser.get(f"/admin/orders/order/?shift={wrong}", follow=True)
        assert [row.pk for row in listed.context["cl"].result_list] == [sale.pk]


def test_pages_change_nothing(managers_browser, receipt, closed_shift):
    before = snapshot_database(Receipt, Shift)

    for page in (find_page(receipt), find_page(closed_shift), Z_LIST, get_mail_url(receipt)):
        assert managers_browser.get(page).status_code == 200

    assert snapshot_database(Receipt, Shift) == before
