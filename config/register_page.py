"""The browser register at /till/: its page, its service worker and its manifest.

All three are the same for everybody. The register itself uses only the API.
"""

import hashlib
import json
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.template.loader import get_template
from django.templatetags.static import static
from django.views.decorators.http import require_safe

FOLDER = "till/"
# What the page loads; other files of the folder are for developers.
SUFFIXES = (".js", ".css", ".svg")
JAVASCRIPT = "text/javascript"
MANIFEST = "application/manifest+json"
# Browsers compare the worker with the server's at each visit, so that it must not be kept.
REVALIDATE = "no-cache"


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    response = render(request, "till/page.html")
    response["Cache-Control"] = REVALIDATE
    return response


@require_safe
def worker(request: HttpRequest) -> HttpResponse:
    """Return the service worker with its files and a version that changes with them."""
    files = list_files()
    facts = {"VERSION": compute_version(tuple(files)), "FILES": files}
    constants = (f"const {name} = {json.dumps(value)};\n" for name, value in facts.items())
    source = get_template("till/sw.js").template.source  # type: ignore[attr-defined]
    response = HttpResponse("".join([*constants, source]), content_type=JAVASCRIPT)
    response["Cache-Control"] = REVALIDATE
    return response


@require_safe
def manifest(request: HttpRequest) -> HttpResponse:
    """Return the manifest, with which browsers install the page as an app."""
    icon = {"src": static("till/icon.svg"), "sizes": "any", "type": "image/svg+xml"}
    response = JsonResponse(
        {
            "name": "Till",
            "short_name": "Till",
            "id": "/till/",
            "start_url": "/till/",
            "scope": "/till/",
            "display": "standalone",
            "background_color": "#f5f6f8",
            "theme_color": "#12343b",
            "icons": [icon],
        },
        content_type=MANIFEST,
    )
    response["Cache-Control"] = REVALIDATE
    return response


def list_files() -> list[str]:
    """Return the URLs of the static files of the register."""
    return [static(path) for path, _ in _find_files()]


def compute_version(files: tuple[str, ...]) -> str:
    """Return a hash of the files and of the page, read once except in development."""
    return _hash_contents(files) if settings.DEBUG else _hash_contents_once(files)


def _hash_contents(files: tuple[str, ...]) -> str:
    """Return the hash of names and contents: in development names stay the same."""
    page_source = get_template("till/page.html").template.source  # type: ignore[attr-defined]
    digest = hashlib.sha256("\n".join([*files, page_source]).encode())
    for path, storage in _find_files():
        with storage.open(path) as file:
            digest.update(file.read())
    return digest.hexdigest()[:16]


_hash_contents_once = lru_cache(maxsize=4)(_hash_contents)


def _find_files() -> list[tuple[str, Any]]:
    """Return path and storage of each file, sorted by path."""
    found = {
        path: storage
        for finder in get_finders()
        for path, storage in finder.list([])
        if path.startswith(FOLDER) and path.endswith(SUFFIXES)
    }
    return sorted(found.items())
