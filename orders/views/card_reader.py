"""Payment providers and card readers."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import ALL_METHODS, WRITE_METHODS, IsAdmin, IsStaff, ReadOnly
from orders.models import CardReader, PaymentProvider
from orders.serializers.card_reader import (
    CardReaderChange,
    CardReaderInput,
    CardReaderSerializer,
    PaymentProviderChange,
    PaymentProviderInput,
    PaymentProviderSerializer,
)
from orders.services import card_readers
from tenants.api.filters import IdFilter, StrictBooleanFilter, StrictFilterSet, UpdatedSinceFilter
from tenants.api.views import ListRetrieveMixin, TenantScopedViewSet


class PaymentProviderFilter(StrictFilterSet):
    is_active = StrictBooleanFilter()
    updated_since = UpdatedSinceFilter()


class PaymentProviderViewSet(ListRetrieveMixin, TenantScopedViewSet):
    """Payment providers. Their credentials are encrypted, and no response contains them."""

    model = PaymentProvider
    serializer_class = PaymentProviderSerializer
    permission_classes = (IsAdmin,)
    password_only = ALL_METHODS
    filterset_class = PaymentProviderFilter
    ordering_fields = {"name": ("name",), "updated_at": ("updated_at",)}
    ordering = "name"

    @extend_schema(request=PaymentProviderInput, responses={201: PaymentProviderSerializer})
    def create(self, request: Request) -> Response:
        """Create a payment provider. Requires a recent authentication by password."""
        request.auth.ensure_fresh(timezone.now(), by_password=True)
        provider = card_readers.add_provider(self.validated(PaymentProviderInput), by=request.user)
        return self.answer(provider, status=status.HTTP_201_CREATED)

    @extend_schema(request=PaymentProviderChange, responses=PaymentProviderSerializer)
    def partial_update(self, request: Request, pk: Any) -> Response:
        """Change a payment provider. New credentials require a recent authentication by password.

        Only the given credentials are replaced. The previous webhook secret is accepted for one
        more day. Readers of an inactive provider take no payments.
        """
        expected = self.if_match(required=True)
        changes = self.validated(PaymentProviderChange, partial=True)
        if "credentials" in changes:
            request.auth.ensure_fresh(timezone.now(), by_password=True)
        return self.answer(
            card_readers.change_provider(
                self.get_object_id(), changes, expected_version=expected, by=request.user
            )
        )


class CardReaderFilter(StrictFilterSet):
    register = IdFilter()
    provider = IdFilter()
    is_active = StrictBooleanFilter()
    updated_since = UpdatedSinceFilter()


class CardReaderViewSet(ListRetrieveMixin, TenantScopedViewSet):
    """Card readers. A register has at most one active reader, which never changes its register."""

    model = CardReader
    serializer_class = CardReaderSerializer
    permission_classes = (IsAdmin | (ReadOnly & IsStaff),)
    password_only = WRITE_METHODS
    filterset_class = CardReaderFilter
    ordering_fields = {"name": ("name",), "updated_at": ("updated_at",)}
    ordering = "name"

    # Stripe is asked outside of a transaction.
    multi_transaction_actions = ("create",)

    @extend_schema(request=CardReaderInput, responses={201: CardReaderSerializer})
    def create(self, request: Request) -> Response:
        """Create a card reader at a register, and register it at Stripe if a code is given."""
        given = self.validated(CardReaderInput)
        if self.idempotency_key is not None:
            given["id"] = self.idempotency_key.resource_id
        reader = card_readers.add_reader(given, by=request.user)
        return self.answer(reader, status=status.HTTP_201_CREATED)

    @extend_schema(request=CardReaderChange, responses=CardReaderSerializer)
    def partial_update(self, request: Request, pk: Any) -> Response:
        """Rename, activate or deactivate a card reader."""
        expected = self.if_match(required=True)
        changes = self.validated(CardReaderChange, partial=True)
        return self.answer(
            card_readers.change_reader(
                self.get_object_id(), changes, expected_version=expected, by=request.user
            )
        )
