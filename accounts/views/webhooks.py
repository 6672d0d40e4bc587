"""Webhooks: who else is told what happens in the shop, and what became of it."""

from typing import Any

from django.utils import timezone
from django_filters import ChoiceFilter
from drf_spectacular.utils import extend_schema, extend_schema_view
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

    class Meta:
        model = Webhook
        fields = ()


@extend_schema_view(
    list=extend_schema(summary="Who else is told"),
    retrieve=extend_schema(summary="One server that is told"),
)
class WebhookViewSet(ListRetrieveMixin, TenantScopedViewSet):
    """Servers that are told what happens, signed as Standard Webhooks say.

    `webhook-signature` is made of `webhook-id`, `webhook-timestamp` and the body with the
    webhook's secret. What is not answered with 2xx in 15 seconds is told again, later and later,
    for two and a half days; after four days of nothing but failures, or a 410, the webhook is
    switched off. It may come twice: `webhook-id` is the same then. Of one object what happened
    is told in its order.
    """

    model = Webhook
    serializer_class = WebhookSerializer
    input_class = WebhookInput
    permission_classes = (IsAdmin,)
    password_only = ALL_METHODS
    filterset_class = WebhookFilter
    ordering_fields = {"created_at": ("created_at",)}
    ordering = "created_at"
    # The name service is asked before the deed, and outside of every transaction.
    multi_transaction_actions = ("create", "partial_update")

    @extend_schema(request=WebhookInput, responses={201: WebhookWithSecretSerializer})
    def create(self, request: Request) -> Response:
        """Tell one more server. Whoever adds one has just shown their password.

        The secret is in this answer alone.
        """
        request.auth.ensure_fresh(timezone.now(), by_password=True)
        values = self.validated(WebhookInput)
        webhook, secret = webhooks.add_webhook(values, by=request.user)
        return self.with_secret(webhook, secret, status=status.HTTP_201_CREATED)

    @extend_schema(request=WebhookInput, responses=WebhookSerializer)
    def partial_update(self, request: Request, pk: Any) -> Response:
        """Another address needs the password shown just before, as a new webhook does.

        What was switched off for its failures begins anew with `is_active`.
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
        """Tell it nothing more; what it was told is forgotten."""
        webhooks.remove_webhook(self.get_object(), by=request.user)
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(request=None, responses=WebhookWithSecretSerializer)
    @action(detail=True, methods=["post"])
    def rotate(self, request: Request, pk: Any) -> Response:
        """Another secret. For a day the one before signs too, and then no more."""
        request.auth.ensure_fresh(timezone.now(), by_password=True)
        webhook, secret = webhooks.rotate_secret(self.get_object(), by=request.user)
        return self.with_secret(webhook, secret)

    @extend_schema(request=None, responses={202: DeliverySerializer})
    @action(detail=True, methods=["post"])
    def test(self, request: Request, pk: Any) -> Response:
        """Tell it a `webhook.test`, whatever it asked for; its delivery shows what came of it."""
        delivery = webhooks.send_test(self.get_object(), by=request.user)
        return Response(DeliverySerializer(delivery).data, status=status.HTTP_202_ACCEPTED)

    def with_secret(self, webhook: Webhook, secret: str | None, *, status: int = 200) -> Response:
        data = {**WebhookSerializer(webhook).data, "secret": secret}
        headers = {"Cache-Control": "no-store", "ETag": f'"{webhook.version}"'}
        return Response(data, status=status, headers=headers)


class DeliveryFilter(StrictFilterSet):
    status = ChoiceFilter(choices=OutboxDelivery.Status.choices)

    class Meta:
        model = OutboxDelivery
        fields = ()


class DeliveryViewSet(TenantScopedViewSet):
    """What a webhook was told, the newest first. What it answered beside its code is not kept."""

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

    @extend_schema(operation_id="webhook_deliveries_list", summary="What it was told")
    def list(self, request: Request, pk: Any) -> Response:
        rows = self.get_queryset().filter(subscriber=self.webhook().subscriber)
        page = self.paginate_queryset(self.filter_queryset(rows))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    @extend_schema(request=None, responses={202: DeliverySerializer})
    def redeliver(self, request: Request, pk: Any, delivery: Any) -> Response:
        """Tell it again, from the first attempt, whether it was heard before or not."""
        told = self.webhook()
        found = self.get_queryset().filter(pk=delivery, subscriber=told.subscriber).first()
        if found is None:
            raise NotFound
        again = webhooks.redeliver(found, told, by=request.user)
        return Response(DeliverySerializer(again).data, status=status.HTTP_202_ACCEPTED)
