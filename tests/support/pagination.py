"""Pagination without a view."""

from urllib.parse import urlsplit

from rest_framework.request import Request
from rest_framework.test import APIRequestFactory

from tenants.api.pagination import CursorPagination


class List:
    """The attributes of a list view that pagination reads."""

    ordering_fields = {
        "name": ("name",),
        "created_at": ("created_at",),
        "place": ("store__name", "name"),
    }
    ordering = "-created_at"


def fetch_page(rows, query="", view=List):
    """Return the rows of a page and its response data."""
    paginator = CursorPagination()
    request = Request(APIRequestFactory().get(f"/list/{query}"))
    page = paginator.paginate_queryset(rows, request, view)
    return page, paginator.get_paginated_response(["results"]).data


def parse_query(link):
    return "?" + urlsplit(link).query


def walk(rows, query, *, by="next", view=List):
    """Return the rows of all pages from here on, and the last query."""
    pages = []
    while True:
        page, answer = fetch_page(rows, query, view)
        pages.append(page)
        if answer[by] is None:
            return pages, query
        query = parse_query(answer[by])


def names(pages):
    return [[row.name for row in page] for page in pages]


def list_rows(pages):
    return [row for page in pages for row in page]
