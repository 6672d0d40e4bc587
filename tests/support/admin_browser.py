"""A browser at the admin: who is logged in, what a page's form holds, and what comes of it."""

import re
from typing import Any

from django.test import Client

from accounts.admin_site.middleware import SESSION_KEY
from accounts.models import AuthSession, User
from tenants.scope import across_tenants
from tests.factories.accounts import PASSWORD, AuthSessionFactory

DOOR = "/admin/login/"
ERRORS = re.compile(
    r'<(?:ul class="errorlist[^>]*|p class="errornote")>\s*(.*?)\s*</(?:ul|p)>', re.S
)
SECRET = re.compile(r"<code>(.*?)</code>")


def open_browser(user: User, log_in: AuthSession | None = None) -> Client:
    """A browser in which this person is logged in, without having come through the door."""
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
    door: str = DOOR,
    at: str = "198.51.100.1",
) -> Any:
    form = {"tenant": tenant, "username": username, "password": password}
    return browser.post(door, form, headers={"X-Forwarded-For": at, "User-Agent": "Firefox"})


def is_logged_in(browser: Client, site: str = "/admin/") -> bool:
    """Whether this browser sees the start page, and not the door."""
    response = browser.get(site)
    if response.status_code == 302:
        assert response["Location"].startswith((f"{site}login/", "/admin/password_change/"))
        return False
    return bool(response.status_code == 200)


def build_form(page: Any, **changes: Any) -> dict[str, Any]:
    """What a browser would send of the form on this page, with some fields changed.

    Of a change to None nothing is sent, as of a box without a tick.
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
    """Open the page, change something, press the button."""
    page = browser.get(url)
    assert page.status_code == 200, url
    return browser.post(url, build_form(page, **changes))


def read_errors(response: Any) -> str:
    """All that the page complains of; a refused form is shown again."""
    assert response.status_code == 200
    return " ".join(ERRORS.findall(response.content.decode()))


def read_temporary_password(response: Any) -> str:
    """The temporary password on this page."""
    (secret,) = SECRET.findall(response.content.decode())
    return str(secret)


def snapshot_database(*models: Any) -> dict[str, list[dict[str, Any]]]:
    """Every column of every row, to see that nothing changed."""
    with across_tenants():
        return {
            model.__name__: list(model._default_manager.order_by("pk").values()) for model in models
        }


def list_sessions(user: User) -> list[AuthSession]:
    with across_tenants():
        return list(AuthSession.objects.filter(user=user).order_by("created_at", "id"))
