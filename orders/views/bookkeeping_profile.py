"""The bookkeeping profiles of stores: read and written by managers."""

from accounts.permissions import WRITE_METHODS, IsManager
from orders.models import BookkeepingProfile
from orders.serializers.bookkeeping_profile import (
    BookkeepingProfileInput,
    BookkeepingProfileSerializer,
)
from tenants.api.filters import IdFilter, UpdatedSinceFilterSet
from tenants.api.views import CreateUpdateMixin, ListRetrieveMixin, TenantScopedViewSet


class BookkeepingProfileFilter(UpdatedSinceFilterSet):
    store = IdFilter()

    class Meta:
        model = BookkeepingProfile
        fields = ()


class BookkeepingProfileViewSet(CreateUpdateMixin, ListRetrieveMixin, TenantScopedViewSet):
    """The numbers and accounts of each store for booking batches, as its bookkeeper gave them."""

    model = BookkeepingProfile
    serializer_class = BookkeepingProfileSerializer
    input_class = BookkeepingProfileInput
    audit_name = "bookkeeping_profile"
    permission_classes = (IsManager,)
    password_only = WRITE_METHODS
    filterset_class = BookkeepingProfileFilter
    has_conditional_get = True
    ordering_fields = {"updated_at": ("updated_at",)}
    ordering = "updated_at"
