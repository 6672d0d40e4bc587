"""Where the pages about people are."""

from typing import Any

CASHIERS = "/admin/accounts/cashier/"
STAFF = "/admin/accounts/staffmember/"


def page_of(user: Any, pages: str = CASHIERS) -> str:
    return f"{pages}{user.pk}/change/"


def deed_of(user: Any, deed: str, pages: str = CASHIERS) -> str:
    return f"{pages}{user.pk}/{deed}/"
