"""Order views: calculate, sell, look up, pay, refund and receipts."""

from dataclasses import replace
from typing import Any

from django.http import HttpResponse
from django_filters import ChoiceFilter
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.client_info import get_client_location
from accounts.permissions import IsStaff
from orders.models import Flag, Order, Payment
from orders.serializers.basket import (
    BasketInput,
    OrderInput,
    OrderInputWithRegister,
    build_discount_requests,
    build_line_requests,
    build_new_order,
)
from orders.serializers.calculation import CalculationSerializer
from orders.serializers.customer import may_list_customers
from orders.serializers.fingerprint import compute_fingerprint
from orders.serializers.order import OrderSerializer, PaidOrderSerializer
from orders.serializers.payment import PaymentInput, render_declined
from orders.serializers.receipt import (
    FiscalTextsInput,
    FiscalTextsSerializer,
    ReceiptMailInput,
    ReceiptMailSerializer,
    ReceiptSerializer,
)
from orders.serializers.refund import RefundInput, RefundSerializer
from orders.services.customers import count_look_up, ensure_specific
from orders.services.documents.email import email_receipt
from orders.services.documents.sale_receipt import build_gift_receipt, build_sale_receipt
from orders.services.payments.capture import take_payment
from orders.services.payments.store_credit import list_codes_paid_out, list_issued_codes
from orders.services.refunds.request import NewRefund, refund_order
from orders.services.sales.checkout import calculate_basket, create_order
from orders.views.customer import ErasedCustomersMixin
from orders.views.document import (
    GIFT_DESCRIPTION,
    GIFT_PARAMETER,
    PRINT_DESCRIPTION,
    FormatParameterNegotiation,
    build_document_response,
    build_receipt_response,
    extend_document_schema,
    parse_flag,
    parse_format,
    write_fiscal,
)
from orders.views.editing import OrderEditingMixin
from tenants.api.filters import (
    CreationTimeFilterSet,
    IdFilter,
    SignedDecimalFilter,
    StrictBooleanFilter,
    TextFilter,
    UpdatedSinceFilter,
    WholeNumberFilter,
)
from tenants.api.formats import CANONICAL_UUID
from tenants.api.views import ListRetrieveMixin, TenantScopedViewSet


class OrderFilter(CreationTimeFilterSet):
    status = ChoiceFilter(choices=Order.Status.choices)
    register = IdFilter()
    store = IdFilter()
    cashier = IdFilter()
    shift = IdFilter()
    number = TextFilter()
    external_id = TextFilter()
    flag = ChoiceFilter(choices=Flag.choices, method="filter_flag")
    discounted = StrictBooleanFilter(
        method="filter_boolean", help_text="Orders with a discount on a line or on the whole order."
    )
    price_overridden = StrictBooleanFilter(
        method="filter_boolean",
        help_text="Orders with a line at a price other than the catalog price.",
    )
    receipt_number = WholeNumberFilter(
        help_text="Unique within a register: add `register`, or use `receipts/{code}/`."
    )
    customer = TextFilter(
        method="filter_customer",
        help_text="The id of a customer, or a part of the name or e-mail address, in any case. "
        "Cashiers and PIN sessions have to enter three letters of the name or the whole address, "
        "and their searches are limited as those of `customers/`: 429 with `Retry-After`.",
    )
    total_min = SignedDecimalFilter(field_name="total", lookup_expr="gte")
    total_max = SignedDecimalFilter(field_name="total", lookup_expr="lte")
    payment_reference = TextFilter(
        method="filter_payment_reference",
        help_text="The reference of a payment, or that of the gateway. Not the code of a store "
        "credit.",
    )
    updated_since = UpdatedSinceFilter()

    def filter_customer(self, orders: Any, name: str, value: str) -> Any:
        if CANONICAL_UUID.fullmatch(value):
            return orders.filter(customer=value)
        if may_list_customers(self.request):
            return orders.of_customer(value)
        return orders.of_specific_customer(value)

    def filter_payment_reference(self, orders: Any, name: str, value: str) -> Any:
        return orders.filter(pk__in=Payment.objects.with_reference(value).values("order"))

    def filter_flag(self, orders: Any, name: str, value: str) -> Any:
        return orders.with_flag(Flag(value))

    def filter_boolean(self, orders: Any, name: str, value: bool) -> Any:
        return getattr(orders, name)(value)


class OrderViewSet(ErasedCustomersMixin, OrderEditingMixin, ListRetrieveMixin, TenantScopedViewSet):
    """Orders, newest first."""

    model = Order
    serializer_class = OrderSerializer
    permission_classes = (IsStaff,)
    filterset_class = OrderFilter
    has_conditional_get = True
    ordering_fields = {
        "created_at": ("created_at",),
        "updated_at": ("updated_at",),
    }
    ordering = "-created_at"
    # The gateway is called between two transactions; e-mails and prints are counted in a
    # transaction of their own.
    multi_transaction_actions = ("create", "payments", "refunds", "email_receipt", "receipt")
    key_required_actions = ("create", "discounts", "payments", "refunds")
    actions_found_by_id = ("create", "payments", "refunds")
    actions_checking_version = (*OrderEditingMixin.actions_checking_version, "payments", "refunds")

    def rows(self) -> Any:
        if self.action == "receipt":
            return Order.objects.with_receipt()
        if self.action in {"email_receipt", "fiscal"}:
            return Order.objects.all()
        return Order.objects.with_details()

    @property
    def is_one_transaction(self) -> bool:
        # Searches for a customer are counted in a transaction of their own.
        return super().is_one_transaction and not self.searches_customer

    @property
    def searches_customer(self) -> bool:
        """Return whether the request lists orders by a text about the customer."""
        text = self.request.query_params.get("customer", "")
        return self.action == "list" and bool(text) and not CANONICAL_UUID.fullmatch(text)

    def list(self, request: Request) -> Response:
        """List orders, newest first. Cashiers see those of their stores."""
        if self.searches_customer and not may_list_customers(request):
            count_look_up(request.auth)
            ensure_specific(request.query_params["customer"], field="customer")
        return super().list(request)

    def is_determined_by_version(self, row: Order) -> bool:
        return row.is_settled

    @extend_schema(request=OrderInput, responses={200: OrderSerializer, 201: OrderSerializer})
    def create(self, request: Request) -> Response:
        """Create an order. It is completed at once if the payments cover the total.

        Repeating the same `id` with the same content returns the same sale (200). Discounts
        above one's limits are answered with 403 `approval_required`, with the body to send to
        `approvals/`; send the id of the approval with the order, which uses it up.
        """
        session = request.auth
        given = self.validated(OrderInput if session.register_id else OrderInputWithRegister)
        given["id"] = self.resource_id(given.get("id"))
        order, is_new = create_order(
            build_new_order(
                given,
                request.data,
                session,
                place=get_client_location(request),
            ),
            by=request.user,
        )
        return self.answer_paid(order, is_new)

    def answer_paid(self, order: Order, is_new: bool) -> Response:
        """Return the order, once with the codes of store credits that returned goods made."""
        if is_new:
            order.issued_codes = list_codes_paid_out(order) or None
        return self.answer_created(order, is_new)

    @extend_schema(request=BasketInput, responses=CalculationSerializer)
    @action(detail=False, methods=["post"])
    def calculate(self, request: Request) -> Response:
        """Calculate the price of an order with a trace of each line. Nothing is stored.

        Prices are those of the paired or named register. Without one, and if price lists of some
        stores have prices for the products, `register` is required.
        """
        given = self.validated(BasketInput)
        register = request.auth.resolve_register(given.get("register"))
        basket = calculate_basket(
            build_line_requests(given),
            build_discount_requests(given),
            register=register,
            customer=given.get("customer", {}).get("id"),
            by=request.user,
        )
        return Response(CalculationSerializer(basket).data)

    @extend_schema(
        request=PaymentInput, responses={200: PaidOrderSerializer, 201: PaidOrderSerializer}
    )
    @action(detail=True, methods=["post"])
    def payments(self, request: Request, pk: Any) -> Response:
        """Add a payment to an open order.

        A card at a reader is `pending` until the customer has presented it: wait for the outcome
        with `GET payments/{id}/?wait=20`. `declined_payment` says if it was declined at once.
        """
        new = self.validated(PaymentInput)["new"]
        new = replace(new, id=self.resource_id(new.id))
        order, is_new = take_payment(
            self.get_object_id(),
            new,
            expected_version=self.if_match(required=False),
            by=request.user,
            place=get_client_location(request),
        )
        response = self.answer_paid(order, is_new)
        payment = next(each for each in order.loaded_payments if each.pk == new.id)
        response.data["declined_payment"] = render_declined(payment)
        return response

    @extend_schema(request=RefundInput, responses={200: RefundSerializer, 201: RefundSerializer})
    @action(detail=True, methods=["post"], serializer_class=RefundSerializer)
    def refunds(self, request: Request, pk: Any) -> Response:
        """Refund some lines, an amount, or everything that is left; never more than was paid."""
        given = self.validated(RefundInput)
        given["id"] = self.resource_id(given.get("id"))
        given["register"] = request.auth.resolve_register(given.get("register"))
        new = NewRefund(
            **given,
            fingerprint=compute_fingerprint(request.data),
            terminal=request.auth.terminal_id,
            expected_version=self.if_match(required=False),
            place=get_client_location(request),
        )
        refund, is_new = refund_order(self.get_object_id(), new, by=request.user)
        if is_new:
            refund.issued_codes = list_issued_codes(refund) or None
        return self.answer_created(refund, is_new)

    @extend_document_schema(
        ReceiptSerializer, f"{PRINT_DESCRIPTION} {GIFT_DESCRIPTION}", GIFT_PARAMETER
    )
    @action(
        detail=True,
        methods=["get"],
        query_params=("format", "prices"),
        content_negotiation_class=FormatParameterNegotiation,
    )
    def receipt(self, request: Request, pk: Any) -> HttpResponse:
        form = parse_format(request)
        is_gift = not parse_flag(request, "prices", default=True)
        order = self.get_object()
        receipt = build_gift_receipt(order) if is_gift else build_sale_receipt(order)
        if form == "json":
            return Response(ReceiptSerializer(receipt).data)
        if is_gift:
            return build_document_response(receipt.build_document(), form)
        return build_receipt_response(receipt, form, request)

    @extend_schema(request=FiscalTextsInput, responses={201: FiscalTextsSerializer})
    @action(detail=True, methods=["post"], url_path="receipt/fiscal", url_name="receipt-fiscal")
    def fiscal(self, request: Request, pk: Any) -> Response:
        """Write the texts of an outside signing service on the receipt, before its first print.

        They can be written once, by a manager or at the register of the receipt.
        """
        order = self.get_object()
        order.receipt_number_and_time()
        return write_fiscal(order.receipt, self)

    @extend_schema(request=ReceiptMailInput, responses={202: ReceiptMailSerializer})
    @action(detail=True, methods=["post"], url_path="receipt/email", url_name="receipt-email")
    def email_receipt(self, request: Request, pk: Any) -> Response:
        """E-mail the receipt of a completed order. It is sent shortly after the response (202)."""
        to = self.validated(ReceiptMailInput)["email"]
        order = self.get_object()
        email_receipt(order, to=to, session=request.auth, by=request.user)
        sent = ReceiptMailSerializer({"order": order.pk, "email": to})
        return Response(sent.data, status=status.HTTP_202_ACCEPTED)
