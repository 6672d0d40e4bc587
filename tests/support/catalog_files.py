"""Import and export of catalog files."""

import csv
import io
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart

from orders.models import Barcode, Category, Product
from tests.support.api import Person

PATH = "products/import/"
HEADER = [
    *("sku", "name", "price", "barcodes", "category", "tax_class", "sold_by", "open_price"),
    *("track_stock", "is_active", "plu", "weight_unit", "deposit", "returnable"),
    *("parent", "options", "cost", "content", "content_unit", "external_id", "modifier_lists"),
]


def build_upload_form(content: bytes, field: str = "file", **fields: Any) -> bytes:
    """Build a form body with one file."""
    file = SimpleUploadedFile("catalog.csv", content, content_type="text/csv")
    return encode_multipart(BOUNDARY, fields | {field: file})


def upload_catalog(person: Person, content: str | bytes, query: str = "", **headers: str) -> Any:
    """Import this file by a form."""
    if isinstance(content, str):
        content = content.encode()
    return person.send(
        "POST", PATH + query, build_upload_form(content), MULTIPART_CONTENT, **headers
    )


def import_catalog(person: Person, content: str | bytes, query: str = "") -> tuple[int, int, int]:
    """Import a file successfully; return the numbers of created, updated and unchanged products."""
    response = upload_catalog(person, content, query)
    assert response.status_code == 200, response.content
    report = response.json()
    assert (report["errors"], report["error_count"]) == ([], 0)
    assert {each["code"] for each in report["warnings"]} <= {"no_stock"}
    return report["created"], report["updated"], report["unchanged"]


def table(*rows: list[str]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue()


def export_catalog(person: Person) -> str:
    response = person.get("products/export/")
    assert response.status_code == 200, response.content
    return b"".join(response.streaming_content).decode()


def parse_rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def snapshot_catalog() -> list[Any]:
    """Return the catalog of the current tenant with ids, versions and times."""
    return [
        sorted(model.objects.values_list(*(field.attname for field in model._meta.concrete_fields)))
        for model in (Product, Barcode, Category)
    ]
