"""A paper as PDF, where the libraries for it are installed: nothing else needs them."""

import importlib
import mimetypes
from typing import Any
from urllib.parse import unquote

from django.conf import settings
from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import staticfiles_storage

from orders.exceptions import PdfUnavailable
from orders.services.documents.document import Document
from orders.services.documents.renderers.html import render_html
from tenants.exceptions import NotPermitted

# A page has no address while it is drawn; this one leads nowhere.
BASE_URL = "https://till.invalid"
# A file is printed on whatever lies in the office; the page itself goes to a roll, edge to edge.
A4_STYLES = """
@page { size: A4; margin: 15mm }
main { max-width: 90mm !important; margin: 0 auto !important }
"""


def load_weasyprint() -> Any:
    """The library that draws, or a refusal that says what is missing.

    Imported when first asked for: it takes seconds, and needs libraries of the system.
    """
    try:
        return importlib.import_module("weasyprint")
    except (ImportError, OSError) as error:
        raise PdfUnavailable from error


def render_pdf(document: Document) -> bytes:
    """The page, on A4."""
    library = load_weasyprint()
    page = library.HTML(string=render_html(document), base_url=BASE_URL, url_fetcher=fetch_resource)
    sheet = library.CSS(string=A4_STYLES, url_fetcher=fetch_resource)
    drawn: bytes = page.write_pdf(stylesheets=[sheet])
    return drawn


def fetch_resource(url: str) -> Any:
    """What a page may ask for while it is drawn: what it carries itself, and our own files.

    Nothing of the network and nothing of the disk, whatever a shop calls its things.
    """
    urls = importlib.import_module("weasyprint.urls")
    if url.startswith("data:"):
        return urls.URLFetcher(allowed_protocols=("data",), allow_redirects=False).fetch(url)
    ours = f"{BASE_URL}{settings.STATIC_URL}"
    if not url.startswith(ours):
        raise NotPermitted
    name = unquote(url.removeprefix(ours))
    media_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
    return urls.URLFetcherResponse(url, read_static_file(name), {"Content-Type": media_type})


def read_static_file(name: str) -> bytes:
    """As collected for production, or where it lies in the code; both refuse to climb out."""
    found = finders.find(name)
    if isinstance(found, str):
        with open(found, "rb") as file:
            return file.read()
    with staticfiles_storage.open(name) as collected:
        content: bytes = collected.read()
    return content
