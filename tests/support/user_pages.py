"""URLs of the user pages of the admin."""

from typing import Any

CASHIERS = "/admin/accounts/cashier/"
STAFF = "/admin/accounts/staffmember/"


def build_user_page_url(user: Any, pages: str = CASHIERS) -> str:
    return f"{pages}{user.pk}/change/"


def build_user_action_url(user: Any, action: str, pages: str = CASHIERS) -> str:
    return f"{pages}{user.pk}/{action}/"
