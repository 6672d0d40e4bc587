"""Webhook endpoints and their deliveries."""

from typing import Any

from django.utils import timezone
from django_filters import ChoiceFilter
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer

from accounts.permissions import ALL_METHODS, IsAdmin
from accounts.serializers.webhooks import (
    DeliverySerializer,
    WebhookInput,
    WebhookSerializer,
    WebhookWithSecretSerializer,
)
from tenants.api.filters import StrictBooleanFilter, StrictFilterSet
from tenants.api.views import ListRetrieveMixin, TenantScopedViewSet
from tenants.events import webhooks
from tenants.exceptions import NotFound
from tenants.models import OutboxDelivery, Webhook


class WebhookFilter(StrictFilterSet):
    is_active = StrictBooleanFilter()


class WebhookViewSet(ListRetrieveMixin, TenantScopedViewSet):
    """Webhooks, signed according to Standard Webhooks.

    `webhook-signature` is computed from `webhook-id`, `webhook-timestamp` and the body with the
    webhook's secret. A delivery without a 2xx response within 15 seconds is retried with growing
    delays for two and a half days. After four days of failures only, or a 410 response, the
    webhook is disabled. A delivery may arrive twice with the same `webhook-id`. Events of one
    object are delivered in order.
    """

    model = Webhook
    serializer_class = WebhookSerializer
    input_class = WebhookInput
    permission_classes = (IsAdmin,)
    password_only = ALL_METHODS
    filterset_class = WebhookFilter
    ordering_fields = {"created_at": ("created_at",)}
    ordering = "created_at"
    # The host name is resolved before the write, outside of a transaction.
    multi_transaction_actions = ("create", "partial_update")

    @extend_schema(request=WebhookInput, responses={201: WebhookWithSecretSerializer})
    def create(self, request: Request) -> Response:
        """Create a webhook. Requires a recent authentication by password.

        The secret is returned only in this response.
        """
        request.auth.ensure_fresh(timezone.now(), by_password=True)
        values = self.validated(WebhookInput)
        webhook, secret = webhooks.add_webhook(values, by=request.user)
        return self.with_secret(webhook, secret, status=status.HTTP_201_CREATED)

    def partial_update(self, request: Request, pk: Any) -> Response:
        """Update a webhook. A new URL requires a recent authentication by password.

        Set `is_active` to enable a webhook that was disabled after failures.
        """
        expected = self.if_match(required=True)
        webhook = self.get_object()
        changes = self.validated(WebhookInput, partial=True)
        if changes.get("url", webhook.url) != webhook.url:
            request.auth.ensure_fresh(timezone.now(), by_password=True)
        by = request.user
        return self.answer(
            webhooks.change_webhook(webhook, changes, expected_version=expected, by=by)
        )

    @extend_schema(request=None, responses={204: None})
    def destroy(self, request: Request, pk: Any) -> Response:
        """Delete a webhook and its deliveries."""
        webhooks.remove_webhook(self.get_object_id(), by=request.user)
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(request=None, responses=WebhookWithSecretSerializer)
    @action(detail=True, methods=["post"])
    def rotate(self, request: Request, pk: Any) -> Response:
        """Rotate the secret. The former secret also signs for one more day."""
        request.auth.ensure_fresh(timezone.now(), by_password=True)
        webhook, secret = webhooks.rotate_secret(self.get_object_id(), by=request.user)
        return self.with_secret(webhook, secret)

    @extend_schema(request=None, responses={202: DeliverySerializer})
    @action(detail=True, methods=["post"])
    def test(self, request: Request, pk: Any) -> Response:
        """Send a `webhook.test` event, also if the webhook does not subscribe to it."""
        delivery = webhooks.send_test(self.get_object(), by=request.user)
        return Response(DeliverySerializer(delivery).data, status=status.HTTP_202_ACCEPTED)

    def with_secret(self, webhook: Webhook, secret: str | None, *, status: int = 200) -> Response:
        data = {**WebhookSerializer(webhook).data, "secret": secret}
        headers = {"Cache-Control": "no-store", "ETag": f'"{webhook.version}"'}
        return Response(data, status=status, headers=headers)


class DeliveryFilter(StrictFilterSet):
    status = ChoiceFilter(choices=OutboxDelivery.Status.choices)


class DeliveryViewSet(TenantScopedViewSet):
    """Deliveries of a webhook, newest first. Response bodies are not stored."""

    model = OutboxDelivery
    serializer_class: type[Serializer[Any]] = DeliverySerializer
    permission_classes = (IsAdmin,)
    password_only = ALL_METHODS
    filterset_class = DeliveryFilter
    ordering_fields = {"id": ("id",)}
    ordering = "-id"

    def rows(self) -> Any:
        return OutboxDelivery.objects.select_related("event").defer("event__data")

    def get_versioned_row(self) -> Webhook:
        return self.webhook()

    def webhook(self) -> Webhook:
        webhook = Webhook.objects.filter(pk=self.kwargs["pk"]).first()
        if webhook is None:
            raise NotFound
        return webhook

    def list(self, request: Request, pk: Any) -> Response:
        rows = self.get_queryset().filter(subscriber=self.webhook().subscriber)
        page = self.paginate_queryset(self.filter_queryset(rows))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    @extend_schema(request=None, responses={202: DeliverySerializer})
    def redeliver(self, request: Request, pk: Any, delivery: Any) -> Response:
        """Deliver the event again, also if it was delivered before."""
        webhook = self.webhook()
        found = self.get_queryset().filter(pk=delivery, subscriber=webhook.subscriber).first()
        if found is None:
            raise NotFound
        again = webhooks.redeliver(found, webhook, by=request.user)
        return Response(DeliverySerializer(again).data, status=status.HTTP_202_ACCEPTED)
