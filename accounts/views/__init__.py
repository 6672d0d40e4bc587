"""The doors of the API to people and to the shop they work in."""

from accounts.views.auth import (
    LogInView,
    LogOutEverywhereView,
    LogOutView,
    RefreshView,
    SignupView,
    VerifyView,
)
from accounts.views.me import MeView, OwnPasswordView
from accounts.views.shop import RegisterViewSet, StoreViewSet, TenantView
from accounts.views.users import UserViewSet

__all__ = [
    "LogInView",
    "LogOutEverywhereView",
    "LogOutView",
    "MeView",
    "OwnPasswordView",
    "RefreshView",
    "RegisterViewSet",
    "SignupView",
    "StoreViewSet",
    "TenantView",
    "UserViewSet",
    "VerifyView",
]
