"""PDF renderer; needs WeasyPrint and its system libraries, which are optional."""

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

# Base of relative URLs while rendering; it is never requested.
BASE_URL = "https://till.invalid"
# The PDF is for an office printer; the HTML page itself is laid out for a receipt roll.
A4_STYLES = """
@page { size: A4; margin: 15mm }
main { max-width: 90mm !important; margin: 0 auto !important }
"""


def load_weasyprint() -> Any:
    """Import WeasyPrint on first use, because that takes seconds. Raises `PdfUnavailable`."""
    try:
        library = importlib.import_module("weasyprint")
    except (ImportError, OSError) as error:
        raise PdfUnavailable from error
    # Its import lets Pillow accept damaged images in the whole process, uploads among them.
    files: Any = importlib.import_module("PIL.ImageFile")
    files.LOAD_TRUNCATED_IMAGES = False
    return library


def render_pdf(document: Document) -> bytes:
    """Render the HTML page as an A4 PDF."""
    library = load_weasyprint()
    page = library.HTML(string=render_html(document), base_url=BASE_URL, url_fetcher=fetch_resource)
    sheet = library.CSS(string=A4_STYLES, url_fetcher=fetch_resource)
    drawn: bytes = page.write_pdf(stylesheets=[sheet])
    return drawn


def fetch_resource(url: str) -> Any:
    """Resolve a URL of the page: `data:` URLs and static files only.

    Everything else is refused, because texts of tenants must not reach network or disk (SSRF).
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
    """Read a static file from the source tree or the collected files; both refuse `..` paths."""
    found = finders.find(name)
    if isinstance(found, str):
        with open(found, "rb") as file:
            return file.read()
    with staticfiles_storage.open(name) as collected:
        content: bytes = collected.read()
    return content
