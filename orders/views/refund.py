"""Views of refunds and store credit."""

from contextlib import nullcontext
from typing import Any

from django.http import HttpResponse
from django_filters import ChoiceFilter
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.client_info import get_client_location
from accounts.permissions import IsManager, IsStaff
from orders.models import Refund, StoreCredit
from orders.serializers.receipt import (
    FiscalTextsInput,
    FiscalTextsSerializer,
    ReceiptMailInput,
    RefundMailSerializer,
    RefundReceiptSerializer,
)
from orders.serializers.refund import (
    IssuedStoreCreditSerializer,
    ReasonInput,
    RefundSerializer,
    ResolveInput,
    StoreCreditEntrySerializer,
    StoreCreditInput,
    StoreCreditSerializer,
)
from orders.services.approvals import RequestContext
from orders.services.documents.email import email_refund_receipt
from orders.services.documents.refund_receipt import build_refund_receipt
from orders.services.payments.store_credit import (
    block_credit,
    count_code_attempt,
    issue_credit,
    list_issued_codes,
    look_up_credit,
    unblock_credit,
)
from orders.services.refunds.payouts import RefundResolution, cancel_refund, resolve_refund
from orders.views.document import (
    PRINT_DESCRIPTION,
    FormatParameterNegotiation,
    build_receipt_response,
    extend_document_schema,
    parse_format,
    write_fiscal,
)
from orders.views.waiting import WaitMixin
from tenants.api.filters import (
    CreationTimeFilterSet,
    IdFilter,
    StrictFilterSet,
    TextFilter,
    UpdatedSinceFilter,
)
from tenants.api.views import ListRetrieveMixin, TenantScopedViewSet
from tenants.exceptions import NotFound


class RefundFilter(CreationTimeFilterSet):
    order = IdFilter()
    register = IdFilter()
    shift = IdFilter()
    status = ChoiceFilter(choices=Refund.Status.choices)


class RefundViewSet(WaitMixin, TenantScopedViewSet):
    """Refunds, newest first. Create them with `orders/{id}/refunds/`."""

    model = Refund
    serializer_class = RefundSerializer
    permission_classes = (IsStaff,)
    filterset_class = RefundFilter
    ordering_fields = {"created_at": ("created_at",)}
    ordering = "-created_at"
    multi_transaction_actions = ("retrieve", "resolve", "cancel", "receipt", "email_receipt")
    actions_checking_version = ("cancel",)

    @property
    def in_progress(self) -> Any:
        return Refund.objects.filter(status=Refund.Status.PENDING)

    def rows(self) -> Any:
        if self.action == "receipt":
            return Refund.objects.with_receipt()
        return Refund.objects.with_details()

    @extend_document_schema(RefundReceiptSerializer, PRINT_DESCRIPTION)
    @action(
        detail=True,
        methods=["get"],
        query_params=("format",),
        filterset_class=None,
        content_negotiation_class=FormatParameterNegotiation,
    )
    def receipt(self, request: Request, pk: Any) -> HttpResponse:
        form = parse_format(request)
        receipt = build_refund_receipt(self.get_object())
        if form == "json":
            return Response(RefundReceiptSerializer(receipt).data)
        return build_receipt_response(receipt, form, request)

    @extend_schema(request=ReceiptMailInput, responses={202: RefundMailSerializer})
    @action(detail=True, methods=["post"], url_path="receipt/email", url_name="receipt-email")
    def email_receipt(self, request: Request, pk: Any) -> Response:
        """E-mail the receipt of a completed refund. It is sent shortly after the response (202)."""
        to = self.validated(ReceiptMailInput)["email"]
        refund = self.get_object()
        email_refund_receipt(refund, to=to, session=request.auth, by=request.user)
        sent = RefundMailSerializer({"refund": refund.pk, "email": to})
        return Response(sent.data, status=status.HTTP_202_ACCEPTED)

    @extend_schema(request=FiscalTextsInput, responses={201: FiscalTextsSerializer})
    @action(detail=True, methods=["post"], url_path="receipt/fiscal", url_name="receipt-fiscal")
    def fiscal(self, request: Request, pk: Any) -> Response:
        """Write the texts of an outside signing service on the receipt, before its first print.

        They can be written once, by a manager or at the register of the refund.
        """
        refund = self.get_object()
        refund.receipt_number_and_time()
        return write_fiscal(refund, self)

    @extend_schema(request=ResolveInput, responses=RefundSerializer)
    @action(detail=True, methods=["post"], permission_classes=[IsManager])
    def resolve(self, request: Request, pk: Any) -> Response:
        """Look up a pending refund at the gateway and pay out the rest.

        If one of several cards declined its part, `method` is the refund method to use instead.
        """
        given = self.validated(ResolveInput) if request.data else {}
        way = RefundResolution(
            **given,
            by=request.user,
            terminal=request.auth.terminal_id,
            place=get_client_location(request),
        )
        refund = resolve_refund(self.get_object_id(), way)
        refund.issued_codes = list_issued_codes(refund) or None
        return self.answer(refund)

    @extend_schema(request=None, responses=RefundSerializer)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: Any) -> Response:
        """Cancel a refund that waits at a reader until its card is presented.

        It is `failed` then; if other parts of it were paid out already, it stays `pending`, and
        a manager resolves the rest with another `method`. If the card is being processed, it stays
        `pending`, and its outcome follows.
        """
        context = RequestContext(
            request.user, None, request.auth.terminal_id, self.if_match(required=False)
        )
        return self.answer(cancel_refund(self.get_object_id(), context))


class StoreCreditFilter(StrictFilterSet):
    code = TextFilter(method="filter_code")
    updated_since = UpdatedSinceFilter()

    def filter_code(self, credits: Any, name: str, value: str) -> Any:
        return credits.with_code(value)


class LooksUpStoreCreditCode(BasePermission):
    """Allows a list that is filtered by the code of a store credit."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return view.action == "list" and "code" in request.query_params


class StoreCreditViewSet(ListRetrieveMixin, TenantScopedViewSet):
    """Store credits: gift cards, goodwill and refunds, spent by anyone who knows the code.

    The full code is shown once, in the response that issues it; elsewhere only its last four
    characters. Cashiers can look up a credit by its full code but not list credits.
    """

    model = StoreCredit
    serializer_class = StoreCreditSerializer
    permission_classes = (IsManager | (LooksUpStoreCreditCode & IsStaff),)
    password_only = ("POST",)
    # A wrong code is counted even though the request fails.
    multi_transaction_actions = ("list", "create")
    filterset_class = StoreCreditFilter
    ordering_fields = {"created_at": ("created_at",), "updated_at": ("updated_at",)}
    ordering = "-created_at"
    key_required_actions = ("create",)

    def rows(self) -> Any:
        """Return the credit with the requested code; none for an empty code."""
        code = self.request.query_params.get("code") if self.action == "list" else None
        return self.model.objects.all() if code is None else self.model.objects.with_code(code)

    @extend_schema(
        request=StoreCreditInput,
        responses={200: IssuedStoreCreditSerializer, 201: IssuedStoreCreditSerializer},
    )
    def create(self, request: Request) -> Response:
        """Issue a gift card or goodwill credit. Only this response shows the full code."""
        given = self.validated(StoreCreditInput)
        given["id"] = self.resource_id(given.get("id"))
        at = request.auth.register_id
        place = get_client_location(request)
        counted = count_code_attempt("issue", by=request.user, place=place)
        with counted if given.get("code") else nullcontext():
            credit, is_new = issue_credit(**given, by=request.user, register=at)
        if is_new:
            credit.full_code = credit.code
        code = status.HTTP_201_CREATED if is_new else status.HTTP_200_OK
        data = IssuedStoreCreditSerializer(credit).data
        headers = {"ETag": f'"{credit.version}"', "Cache-Control": "no-store"}
        return Response(data, status=code, headers=headers)

    def list(self, request: Request) -> Response:
        """List store credits (managers), or look up one by its full `code` (everybody).

        Wrong codes are rate-limited per user and per register or address: 429
        `too_many_attempts`.
        """
        code = request.query_params.get("code")
        if code is not None:
            place = get_client_location(request)
            look_up_credit(code, by=request.user, place=place)
        return super().list(request)

    @extend_schema(request=ReasonInput, responses=StoreCreditSerializer)
    @action(detail=True, methods=["post"], password_only=())
    def block(self, request: Request, pk: Any) -> Response:
        """Block a store credit, such as a lost gift card. It can neither be spent nor receive
        refunds until it is unblocked; its balance stays."""
        given = self.validated(ReasonInput) if request.data else {}
        return self.answer(block_credit(self.get_object_id(), **given, by=request.user))

    @extend_schema(request=ReasonInput, responses=StoreCreditSerializer)
    @action(detail=True, methods=["post"])
    def unblock(self, request: Request, pk: Any) -> Response:
        """Unblock a store credit."""
        given = self.validated(ReasonInput) if request.data else {}
        return self.answer(unblock_credit(self.get_object_id(), **given, by=request.user))

    @extend_schema(responses=StoreCreditEntrySerializer(many=True))
    @action(
        # With the parameters of a list, although the path names a store credit.
        detail=False,
        url_path="<uuid:pk>/entries",
        methods=["get"],
        serializer_class=StoreCreditEntrySerializer,
        filterset_class=StrictFilterSet,
        ordering_fields={"created_at": ("created_at",)},
        ordering="-created_at",
    )
    def entries(self, request: Request, pk: Any) -> Response:
        """List the entries whose sum is the balance."""
        credit = self.get_queryset().filter(pk=pk).first()
        if credit is None:
            raise NotFound
        page = self.paginate_queryset(self.filter_queryset(credit.entries.all()))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)
