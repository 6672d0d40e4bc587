"""Browser sessions, forms and snapshots for tests of the admin."""

import re
from typing import Any

from django.test import Client

from accounts.admin_site.middleware import SESSION_KEY
from accounts.models import AuthSession, User
from tenants.scope import across_tenants
from tests.factories.accounts import PASSWORD, AuthSessionFactory

LOGIN_URL = "/admin/login/"
ERRORS = re.compile(
    r'<(?:ul class="errorlist[^>]*|p class="errornote")>\s*(.*?)\s*</(?:ul|p)>', re.S
)
SECRET = re.compile(r"<code>(.*?)</code>")


def open_browser(user: User, log_in: AuthSession | None = None) -> Client:
    """Return a browser that is logged in as this user, without the log-in page."""
    log_in = log_in or AuthSessionFactory(user=user, user_agent="Browser")
    browser = Client()
    session = browser.session
    session[SESSION_KEY] = {"session": str(log_in.pk), "token_version": user.token_version}
    session.save()
    return browser


def sign_in(
    browser: Client,
    username: str = "mgr",
    password: str = PASSWORD,
    *,
    tenant: str = "green",
    login_url: str = LOGIN_URL,
    at: str = "198.51.100.1",
) -> Any:
    form = {"tenant": tenant, "username": username, "password": password}
    return browser.post(login_url, form, headers={"X-Forwarded-For": at, "User-Agent": "Firefox"})


def is_logged_in(browser: Client, site: str = "/admin/") -> bool:
    """Return whether this browser is logged in to the site."""
    response = browser.get(site)
    if response.status_code == 302:
        assert response["Location"].startswith((f"{site}login/", "/admin/password_change/"))
        return False
    return bool(response.status_code == 200)


def build_form(page: Any, **changes: Any) -> dict[str, Any]:
    """Return the form data of this page with some fields changed.

    A change to None removes the field, like an unchecked checkbox.
    """
    form = page.context["adminform"].form
    data: dict[str, Any] = {}
    for name in form.fields:
        value = form[name].value()
        if value is True:
            data[name] = "on"
        elif value not in {None, False} if not isinstance(value, list) else False:
            data[name] = value
    return {name: value for name, value in (data | changes).items() if value is not None}


def submit_form(browser: Client, url: str, **changes: Any) -> Any:
    """Load the page, change fields of its form and submit it."""
    page = browser.get(url)
    assert page.status_code == 200, url
    return browser.post(url, build_form(page, **changes))


def read_errors(response: Any) -> str:
    """Return all error messages of a rejected form."""
    assert response.status_code == 200
    return " ".join(ERRORS.findall(response.content.decode()))


def read_temporary_password(response: Any) -> str:
    """Return the temporary password on this page."""
    (secret,) = SECRET.findall(response.content.decode())
    return str(secret)


def snapshot_database(*models: Any) -> dict[str, list[dict[str, Any]]]:
    """Return all columns of all rows, to check that nothing changed."""
    with across_tenants():
        return {
            model.__name__: list(model._default_manager.order_by("pk").values()) for model in models
        }


def list_sessions(user: User) -> list[AuthSession]:
    with across_tenants():
        return list(AuthSession.objects.filter(user=user).order_by("created_at", "id"))
