"""API views of authentication, users, tenant, approvals, webhooks and the audit log."""

from accounts.views.approvals import ApprovalViewSet
from accounts.views.audit import AuditViewSet
from accounts.views.auth import (
    LogInView,
    LogOutEverywhereView,
    LogOutView,
    RefreshView,
    RevokeView,
    SignupView,
    VerifyView,
)
from accounts.views.changes import ChangesViewSet
from accounts.views.idempotency import IdempotencyKeyViewSet
from accounts.views.keys import KeysView
from accounts.views.me import MeView, OwnPasswordView
from accounts.views.metrics import MetricsView
from accounts.views.pairing import PairView
from accounts.views.pins import PinLogInView, PinUsersView
from accounts.views.service_keys import ServiceKeyViewSet
from accounts.views.sessions import ReauthView, SessionViewSet
from accounts.views.shop import RegisterViewSet, StoreViewSet, TenantView
from accounts.views.users import UserViewSet
from accounts.views.webhooks import DeliveryViewSet, WebhookViewSet

__all__ = [
    "ApprovalViewSet",
    "AuditViewSet",
    "ChangesViewSet",
    "DeliveryViewSet",
    "IdempotencyKeyViewSet",
    "KeysView",
    "LogInView",
    "LogOutEverywhereView",
    "LogOutView",
    "MeView",
    "MetricsView",
    "OwnPasswordView",
    "PairView",
    "PinLogInView",
    "PinUsersView",
    "ReauthView",
    "RefreshView",
    "RegisterViewSet",
    "RevokeView",
    "ServiceKeyViewSet",
    "SessionViewSet",
    "SignupView",
    "StoreViewSet",
    "TenantView",
    "UserViewSet",
    "VerifyView",
    "WebhookViewSet",
]
