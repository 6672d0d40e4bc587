"""Approval endpoints."""

from typing import Any

from django.utils import timezone
from django_filters import ChoiceFilter
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.client_info import get_client_ip
from accounts.models import Approval
from accounts.permissions import IsStaff
from accounts.serializers.approvals import (
    STATUSES,
    ApprovalInput,
    ApprovalSerializer,
    CredentialsInput,
)
from accounts.services.approvals import decide, request_approval
from tenants.api.filters import IdFilter, StrictFilterSet, UpdatedSinceFilter
from tenants.api.views import ListRetrieveMixin, TenantScopedViewSet


class ApprovalFilter(StrictFilterSet):
    status = ChoiceFilter(choices=STATUSES, method="in_status")
    action = ChoiceFilter(choices=Approval.Action.choices)
    requested_by = IdFilter()
    updated_since = UpdatedSinceFilter()

    def in_status(self, approvals: Any, name: str, value: str) -> Any:
        return approvals.in_status(value, timezone.now())


class ApprovalViewSet(ListRetrieveMixin, TenantScopedViewSet):
    """Approvals of actions above a user's limits, newest first. Cashiers see their own."""

    model = Approval
    serializer_class = ApprovalSerializer
    permission_classes = (IsStaff,)
    filterset_class = ApprovalFilter
    ordering_fields = {"created_at": ("created_at",), "updated_at": ("updated_at",)}
    ordering = "-created_at"
    # Failed attempts are counted and recorded although the request fails.
    multi_transaction_actions = ("approve", "deny")

    def rows(self) -> Any:
        return Approval.objects.with_details()

    @extend_schema(request=ApprovalInput, responses={201: ApprovalSerializer})
    def create(self, request: Request) -> Response:
        """Request an approval. It is valid only at the terminal of this session."""
        approval = request_approval(**self.validated(ApprovalInput), session=request.auth)
        return self.answer(approval, status=status.HTTP_201_CREATED)

    @extend_schema(request=CredentialsInput, responses=ApprovalSerializer)
    @action(detail=True, methods=["post"])
    def approve(self, request: Request, pk: Any) -> Response:
        """Approve for two minutes: as a manager authenticated within five minutes, or with a
        manager's credentials at the requester's device, without logging the manager in."""
        return self.decide(request, Approval.Status.APPROVED)

    @extend_schema(request=CredentialsInput, responses=ApprovalSerializer)
    @action(detail=True, methods=["post"])
    def deny(self, request: Request, pk: Any) -> Response:
        """Deny the request, with the same authentication as `approve`."""
        return self.decide(request, Approval.Status.DENIED)

    def decide(self, request: Request, decision: Approval.Status) -> Response:
        approval = self.get_object()
        given = self.validated(CredentialsInput)
        decided = decide(
            approval, decision, **given, session=request.auth, ip=get_client_ip(request)
        )
        return self.answer(decided)
