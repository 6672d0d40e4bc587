"""PDF receipts, with and without the PDF libraries."""

import importlib
import re
import zlib

import pytest

from orders.exceptions import PdfUnavailable
from orders.services.documents.renderers import pdf
from tenants.exceptions import NotPermitted
from tests.support.till import cash, line


@pytest.fixture
def order(till, product):
    return till.sold(line(product), payments=[cash("2.50")])


def receipt(client, order, form):
    return client.get(f"orders/{order['id']}/receipt/", {"format": form})


@pytest.fixture(params=[ImportError("no module"), OSError("cannot load library 'libpango-1.0-0'")])
def pdf_libraries_missing(request, monkeypatch):
    load = importlib.import_module

    def missing(name, *args):
        if name.startswith("weasyprint"):
            raise request.param
        return load(name, *args)

    monkeypatch.setattr(importlib, "import_module", missing)


@pytest.mark.usefixtures("pdf_libraries_missing")
def test_pdf_without_libraries_is_refused_and_other_formats_work(till, order, problem):
    refused = receipt(till, order, "pdf")

    problem(refused, 501, "pdf_unavailable")
    for package in ("libpango-1.0-0", "libpangoft2-1.0-0"):
        assert package in refused.json()["detail"]
    assert receipt(till, order, "json").json()["prints"] == 0
    for form in ("html", "escpos", "text"):
        assert receipt(till, order, form).status_code == 200


@pytest.mark.usefixtures("pdf_libraries_missing")
def test_load_weasyprint_without_libraries_raises():
    with pytest.raises(PdfUnavailable):
        pdf.load_weasyprint()


def decompressed(document):
    """Return the decompressed content streams of a PDF."""
    streams = re.findall(rb"stream\r?\n(.*?)\nendstream", document, re.DOTALL)
    # A decompressor ignores a \r after the end of the data; one in front belongs to the data.
    return b"".join(zlib.decompressobj().decompress(each) for each in streams)


@pytest.mark.pdf
@pytest.mark.once
def test_receipt_as_pdf_is_one_page(till, order, monkeypatch):
    fetched, fetch = [], pdf.fetch_resource
    monkeypatch.setattr(pdf, "fetch_resource", lambda url: fetched.append(url) or fetch(url))

    response = receipt(till, order, "pdf")

    assert (response.status_code, response["Content-Type"]) == (200, "application/pdf")
    assert response["Content-Disposition"] == 'inline; filename="receipt-1.pdf"'
    assert response.content.startswith(b"%PDF-")
    assert b"/Count 1" in decompressed(response.content), "the receipt must fit on one page"
    assert fetched == ["https://till.invalid/static/orders/receipt.css"]


@pytest.mark.pdf
def test_pdf_resources_come_from_data_urls_and_static_files():
    sheet = pdf.fetch_resource("https://till.invalid/static/orders/receipt.css")
    dot = pdf.fetch_resource("data:text/plain,dot")

    assert b"A receipt" in sheet.read()
    assert dot.read() == b"dot"


@pytest.mark.pdf
@pytest.mark.parametrize(
    "url",
    [
        *("file:///etc/passwd", "FILE:///etc/passwd", "http://127.0.0.1/", "ftp://127.0.0.1/x"),
        *("https://till.invalid/", "https://till.invalid/media/x", "https://till.invalid.evil/"),
        *("https://till.invalid@127.0.0.1/static/x", "//127.0.0.1/static/x", "/etc/passwd", ""),
    ],
)
def test_pdf_fetches_no_other_url(url):
    with pytest.raises(NotPermitted):
        pdf.fetch_resource(url)


@pytest.mark.pdf
@pytest.mark.parametrize(
    "name",
    ["../../manage.py", "%2e%2e/%2e%2e/manage.py", "/etc/passwd", "%2Fetc%2Fpasswd", "none.css"],
)
def test_pdf_resource_outside_of_static_files_is_refused(name):
    with pytest.raises(Exception, match=r"outside|No such file|refers"):
        pdf.fetch_resource(f"https://till.invalid/static/{name}")
