"""A paper as PDF, where the libraries for it are installed: nothing else needs them."""

import importlib
import mimetypes
from typing import Any
from urllib.parse import unquote

from django.conf import settings
from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import staticfiles_storage

from orders.exceptions import PdfUnavailable
from orders.services.documents.document import Paper
from orders.services.documents.renderers.html import html_of
from tenants.exceptions import NotPermitted

# A page has no address while it is drawn; this one leads nowhere.
NOWHERE = "https://till.invalid"
# A file is printed on whatever lies in the office; the page itself goes to a roll, edge to edge.
OFFICE_PAPER = """
@page { size: A4; margin: 15mm }
main { max-width: 90mm !important; margin: 0 auto !important }
"""


def ensure_pdf() -> Any:
    """The library that draws, or a refusal that says what is missing.

    Imported when first asked for: it takes seconds, and needs libraries of the system.
    """
    try:
        return importlib.import_module("weasyprint")
    except (ImportError, OSError) as error:
        raise PdfUnavailable from error


def pdf_of(paper: Paper) -> bytes:
    """The page, on A4."""
    library = ensure_pdf()
    page = library.HTML(string=html_of(paper), base_url=NOWHERE, url_fetcher=fetch)
    sheet = library.CSS(string=OFFICE_PAPER, url_fetcher=fetch)
    drawn: bytes = page.write_pdf(stylesheets=[sheet])
    return drawn


def fetch(url: str) -> Any:
    """What a page may ask for while it is drawn: what it carries itself, and our own files.

    Nothing of the network and nothing of the disk, whatever a shop calls its things.
    """
    urls = importlib.import_module("weasyprint.urls")
    if url.startswith("data:"):
        return urls.URLFetcher(allowed_protocols=("data",), allow_redirects=False).fetch(url)
    ours = f"{NOWHERE}{settings.STATIC_URL}"
    if not url.startswith(ours):
        raise NotPermitted
    name = unquote(url.removeprefix(ours))
    media_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
    return urls.URLFetcherResponse(url, static_file(name), {"Content-Type": media_type})


def static_file(name: str) -> bytes:
    """As collected for production, or where it lies in the code; both refuse to climb out."""
    found = finders.find(name)
    if isinstance(found, str):
        with open(found, "rb") as file:
            return file.read()
    with staticfiles_storage.open(name) as collected:
        content: bytes = collected.read()
    return content
