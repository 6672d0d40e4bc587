"""The doors of the API to people and to the shop they work in."""

from accounts.views.auth import (
    LogInView,
    LogOutEverywhereView,
    LogOutView,
    RefreshView,
    SignupView,
    VerifyView,
)
from accounts.views.idempotency import IdempotencyKeyViewSet
from accounts.views.keys import KeysView
from accounts.views.me import MeView, OwnPasswordView
from accounts.views.sessions import ReauthView, SessionViewSet
from accounts.views.shop import RegisterViewSet, StoreViewSet, TenantView
from accounts.views.users import UserViewSet

__all__ = [
    "IdempotencyKeyViewSet",
    "KeysView",
    "LogInView",
    "LogOutEverywhereView",
    "LogOutView",
    "MeView",
    "OwnPasswordView",
    "ReauthView",
    "RefreshView",
    "RegisterViewSet",
    "SessionViewSet",
    "SignupView",
    "StoreViewSet",
    "TenantView",
    "UserViewSet",
    "VerifyView",
]
