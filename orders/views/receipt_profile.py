"""Receipt profiles: read by staff of the store, written by managers."""

from typing import Any

from django.http import Http404, HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import WRITE_METHODS, IsManager, IsStaff, ReadOnly
from orders.models import ReceiptProfile
from orders.serializers.receipt_profile import ReceiptProfileInput, ReceiptProfileSerializer
from orders.services.receipt_profiles import save_profile
from tenants.api.filters import CreationTimeFilterSet, IdFilter, StrictBooleanFilter
from tenants.api.views import ListRetrieveMixin, TenantScopedViewSet


class ReceiptProfileFilter(CreationTimeFilterSet):
    store = IdFilter()
    current = StrictBooleanFilter(
        method="filter_current", help_text="Only the current version of each store."
    )

    def filter_current(self, profiles: Any, name: str, value: bool) -> Any:
        return profiles.current(value)


class ReceiptProfileViewSet(ListRetrieveMixin, TenantScopedViewSet):
    """The versions of the receipt profiles of stores, newest first. A version never changes."""

    model = ReceiptProfile
    serializer_class = ReceiptProfileSerializer
    permission_classes = (IsManager | (ReadOnly & IsStaff),)
    password_only = WRITE_METHODS
    filterset_class = ReceiptProfileFilter
    has_conditional_get = True
    ordering_fields = {"created_at": ("created_at",)}
    ordering = "-created_at"

    def rows(self) -> Any:
        profiles = ReceiptProfile.objects.all()
        return profiles if self.action == "logo" else profiles.defer("logo")

    @extend_schema(request=ReceiptProfileInput, responses={201: ReceiptProfileSerializer})
    def create(self, request: Request) -> Response:
        """Save the receipt profile of a store as a new version.

        Receipts that are issued from now on name the new version. Earlier ones keep theirs.
        """
        given = self.validated(ReceiptProfileInput)
        replaces, keep_logo = given.pop("replaces", None), given.pop("keep_logo", False)
        profile = save_profile(given, replaces=replaces, keep_logo=keep_logo, by=request.user)
        return self.answer(profile, status=status.HTTP_201_CREATED)

    @extend_schema(responses={(200, "image/png"): OpenApiResponse(OpenApiTypes.BINARY)})
    @action(detail=True, methods=["get"])
    def logo(self, request: Request, pk: Any) -> HttpResponse:
        """Return the logo as a PNG image. A version without a logo answers 404."""
        profile = self.get_object()
        if profile.logo is None:
            raise Http404
        return HttpResponse(bytes(profile.logo), content_type="image/png")
