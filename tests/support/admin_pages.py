"""The pages of the shop's admin site, for crawling tests."""

import re
from collections.abc import Callable, Iterator
from functools import wraps
from inspect import signature
from typing import Any

import pytest
from django.urls import URLPattern, URLResolver, reverse

from accounts.admin.user_actions import USER_ACTIONS, UserActionsMixin
from accounts.admin_site.site import shop_site
from orders.admin import stock_transfer
from orders.models import (
    Customer,
    Product,
    Receipt,
    Refund,
    Shift,
    StockCount,
    StockTransfer,
)
from orders.services.reports.sales import GroupBy
from tests.support.platform_admin import snapshot_model

MODELS = list(shop_site._registry)
models = pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
# Markers of the other shop and of platform users.
FOREIGN = re.compile(r"leakmark|zz-root", re.IGNORECASE)
HASH = re.compile(r"md5\$|argon2|pbkdf2")
# Pages without a model.
EVERYWHERE = [
    "/admin/",
    "/admin/accounts/",
    "/admin/find/?q=eakmark",
    "/admin/labels/",
    "/admin/orders/",
    "/admin/orders/product/import/",
    "/admin/reports/",
    "/admin/reports/waste/?period=last-7-days",
    *(f"/admin/reports/goods/?kind={kind}" for kind in ("low-stock", "dead-stock", "margins")),
    *(f"/admin/reports/?group_by={group.value}" for group in GroupBy),
    "/admin/reports/bookkeeping/",
    "/admin/tenants/",
    "/admin/z-reports/",
    "/admin/password_change/",
    "/admin/jsi18n/",
]
OF_ROWS = ("change", "history", "delete")
PAGES_OF_STOCK_COUNTS = ("count", "sheet", "close", "cancel")
# Other pages of one row, below its address.
PAGES_OF_ROWS: dict[Any, tuple[str, ...]] = {
    Customer: ("erase",),
    Product: ("variants",),
    Receipt: ("mail",),
    Refund: ("mail",),
    Shift: ("mail",),
    StockCount: PAGES_OF_STOCK_COUNTS,
    StockTransfer: stock_transfer.PAGES,
}
# Searches, filters and orderings of lists. The first ones match every marker without containing
# it, because a page repeats its search.
QUERIES = [
    "q=eakmark",
    "q=EAKMARK_",
    "q=z-roo",
    "q=adm",
    "q=%25_\\",
    "q=(a%2B)%2B%24",
    "q=%00",
    "q=" + "x" * 5000,
    "o=1.-2",
    "o=99",
    "o=-1.x",
    "p=0",
    "p=9999",
    "p=x",
    "all=",
    "state=any",
    "state=ended",
    "days=30",
    "days=x",
    "day=2026-02-30",
    "day=0001-01-01&days=7&store=x&register=x&product=x",
    "is_active__exact=1",
    "role__exact=admin",
    "status__exact=open",
]
# The searches among them.
SEARCHES = QUERIES[:5]


def for_each_model(test: Callable[..., None]) -> Callable[..., None]:
    """Run the test for each model, with rows that are created once for all."""
    takes = signature(test)

    @wraps(test)
    def each_in_turn(**fixtures: Any) -> None:
        for model in MODELS:
            try:
                test(model, **fixtures)
            except BaseException as error:
                error.add_note(f"about {model.__name__}")
                raise

    kept = [each for name, each in takes.parameters.items() if name != "model"]
    each_in_turn.__signature__ = takes.replace(parameters=kept)  # type: ignore[attr-defined]
    return each_in_turn


def build_page_name(model: Any, page: str) -> str:
    return f"shop:{model._meta.app_label}_{model._meta.model_name}_{page}"


def build_page_url(model: Any, page: str, *args: Any) -> str:
    return reverse(build_page_name(model, page), args=args)


def list_page_urls(model: Any, queries: list[str]) -> Iterator[str]:
    """Yield the list page with all queries, and the pages of each row.

    Rows of all shops are included, which must not be shown; for users also the action pages.
    """
    changelist = build_page_url(model, "changelist")
    yield from (changelist, build_page_url(model, "add"))
    yield from (f"{changelist}?{query}" for query in queries)
    has_buttons = isinstance(shop_site._registry[model], UserActionsMixin)
    for row in snapshot_model(model):
        yield f"{changelist}{row.pk}/"
        yield from (build_page_url(model, page, row.pk) for page in OF_ROWS)
        yield from (f"{changelist}{row.pk}/{deed}/" for deed in USER_ACTIONS if has_buttons)
        for kind in sorted(getattr(shop_site._registry[model], "uncounted", ())):
            yield f"{changelist}{row.pk}/print/{kind}/html/"
        yield from (f"{changelist}{row.pk}/{page}/" for page in PAGES_OF_ROWS.get(model, ()))


def pattern_names(patterns: Any = None) -> Iterator[str]:
    """Yield the names of all routes of the site."""
    for each in shop_site.get_urls() if patterns is None else patterns:
        if isinstance(each, URLResolver):
            yield from pattern_names(each.url_patterns)
        elif isinstance(each, URLPattern):
            yield each.name or ""


def assert_nothing_foreign(response: Any, page: str) -> None:
    body = response.content.decode()
    found = FOREIGN.search(body)
    assert not found, f"{page}: {body[max(0, found.start() - 200) : found.end() + 100]}"
    assert not HASH.search(body), page
