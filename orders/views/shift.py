"""Shift views: open, move cash, end, close, X and Z reports."""

from functools import partial
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django_filters import ChoiceFilter
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import IsStaff
from orders.exceptions import NoCurrentShift, ShiftNotInState
from orders.models import Shift
from orders.serializers.fingerprint import compute_fingerprint
from orders.serializers.shift import (
    CashMovementInput,
    CashMovementSerializer,
    CloseInput,
    ShiftInput,
    ShiftSerializer,
    XReportSerializer,
    ZReportSerializer,
)
from orders.services.documents.cash_movement import (
    build_cash_movement_slip,
    print_cash_movement_slip,
)
from orders.services.documents.print import ensure_renderable
from orders.services.documents.z_report import build_z_document
from orders.services.registers import find_register
from orders.services.shifts.cash_drawer import (
    NewCashMovement,
    NewShift,
    end_shift,
    find_cash_movement,
    load_suggested_float,
    move_cash,
    open_shift,
)
from orders.services.shifts.close import close_shift
from orders.services.shifts.report import build_x_report
from orders.views.document import (
    FormatParameterNegotiation,
    build_document_response,
    extend_document_schema,
    parse_format,
)
from tenants.api.filters import CreationTimeFilterSet, IdFilter, UpdatedSinceFilter
from tenants.api.formats import FormatError, parse_uuid
from tenants.api.views import ListRetrieveMixin, TenantScopedViewSet
from tenants.exceptions import Invalid
from tenants.models import Register

SLIP_DESCRIPTION = (
    "`json` returns the cash movement, every other format its slip. With `escpos` the slip opens "
    "the cash drawer, if the printer of the store does, within two minutes after the movement. "
    "Cashiers see their own movements and those of shifts that they opened."
)
# Fields that reveal the expected amounts, which a blind count must not show.
BLIND_COUNT_FIELDS = ("carried", "payments", "cash", "expected")


class ShiftFilter(CreationTimeFilterSet):
    register = IdFilter()
    store = IdFilter()
    status = ChoiceFilter(choices=Shift.Status.choices)
    updated_since = UpdatedSinceFilter()


class ShiftViewSet(ListRetrieveMixin, TenantScopedViewSet):
    """Shifts, newest first."""

    model = Shift
    serializer_class = ShiftSerializer
    permission_classes = (IsStaff,)
    filterset_class = ShiftFilter
    ordering_fields = {"created_at": ("created_at",), "updated_at": ("updated_at",)}
    ordering = "-created_at"
    # Refused counts and refused cash movements are recorded although the request fails.
    multi_transaction_actions = ("cash_movement", "cash_movements", "close")
    key_required_actions = ("create", "cash_movements")
    actions_checking_version = ("cash_movements", "end", "close")

    @extend_schema(request=ShiftInput, responses={200: ShiftSerializer, 201: ShiftSerializer})
    def create(self, request: Request) -> Response:
        """Open a shift at a register with an opening float."""
        given = self.validated(ShiftInput)
        register = self.require_register(request.auth.resolve_register(given.get("register")))
        new = NewShift(
            id=self.resource_id(given.get("id")),
            register=register,
            opening_float=given.get("opening_float"),
            fingerprint=compute_fingerprint(request.data, register=str(register)),
        )
        shift, is_new = open_shift(new, by=request.user)
        return self.answer_created(shift, is_new)

    @extend_schema(
        parameters=[OpenApiParameter("register", str)],
        responses=ShiftSerializer,
    )
    @action(detail=False, methods=["get"], query_params=("register",), filterset_class=None)
    def current(self, request: Request) -> Response:
        """Return the open shift of a register, or 404 with a suggested opening float."""
        named = parse_id_parameter("register", request.query_params)
        register = find_register(self.require_register(named), request.user)
        if register is None:
            raise Register.DoesNotExist
        shift = Shift.objects.open().filter(register=register).first()
        if shift is None:
            suggested = request.user.tenant.quantize_amount(load_suggested_float(register))
            raise NoCurrentShift(register=register.name, suggested_float=str(suggested))
        return self.answer(shift)

    @extend_schema(
        request=CashMovementInput,
        responses={200: CashMovementSerializer, 201: CashMovementSerializer},
    )
    @action(
        detail=True,
        methods=["post"],
        url_path="cash-movements",
        url_name="cash-movements",
        serializer_class=CashMovementSerializer,
    )
    def cash_movements(self, request: Request, pk: Any) -> Response:
        """Record cash paid in, paid out, moved to the safe, or a drawer opened without a sale."""
        given = self.validated(CashMovementInput)
        new = NewCashMovement(
            id=self.resource_id(given.get("id")),
            type=given["type"],
            amount=given["amount"],
            reason=given["reason"],
            fingerprint=compute_fingerprint(request.data),
            at=request.auth.register_id,
            approval=given.get("approval"),
            terminal=request.auth.terminal_id,
            expected_version=self.if_match(required=False),
        )
        movement, is_new = move_cash(self.get_object_id(), new, by=request.user)
        return self.answer_created(movement, is_new)

    @extend_document_schema(CashMovementSerializer, SLIP_DESCRIPTION)
    @action(
        detail=True,
        methods=["get"],
        url_path="cash-movements/<uuid:movement>",
        url_name="cash-movement",
        query_params=("format",),
        content_negotiation_class=FormatParameterNegotiation,
    )
    def cash_movement(self, request: Request, pk: Any, movement: UUID) -> HttpResponse:
        form, shift = parse_format(request), self.get_object()
        found = find_cash_movement(shift, movement, request.user)
        if form == "json":
            return Response(CashMovementSerializer(found).data)
        ensure_renderable(form)
        is_print = request.method != "HEAD"
        build = partial(print_cash_movement_slip, by=request.user)
        slip = (build if is_print else build_cash_movement_slip)(found, shift)
        return build_document_response(slip, form)

    @extend_schema(request=None, responses=ShiftSerializer)
    @action(detail=True, methods=["post"])
    def end(self, request: Request, pk: Any) -> Response:
        """End the shift: no more sales; the drawer is counted when it is closed."""
        expected = self.if_match(required=False)
        shift = end_shift(self.get_object_id(), expected_version=expected, by=request.user)
        return self.answer(shift)

    @extend_schema(request=CloseInput, responses=ShiftSerializer)
    @action(detail=True, methods=["post"])
    def close(self, request: Request, pk: Any) -> Response:
        """Close the shift: blind count, variance check, immutable Z report. Ends an open shift."""
        shift = close_shift(
            self.get_object_id(),
            self.validated(CloseInput)["count"],
            expected_version=self.if_match(required=False),
            by=request.user,
        )
        return self.answer(shift)

    @extend_schema(responses=XReportSerializer)
    @action(detail=True, methods=["get"], url_path="x-report", url_name="x-report")
    def x_report(self, request: Request, pk: Any) -> Response:
        """Return the X report. Expected amounts are hidden from users who must count blind."""
        shift = self.get_object()
        report = {"shift": str(shift.pk), **build_x_report(shift)}
        is_blind = shift.status != Shift.Status.CLOSED
        if is_blind and not request.user.may_run_shifts_of_others():
            report |= dict.fromkeys(BLIND_COUNT_FIELDS)
        return Response(report)

    @extend_document_schema(ZReportSerializer)
    @action(
        detail=True,
        methods=["get"],
        url_path="z-report",
        url_name="z-report",
        query_params=("format",),
        content_negotiation_class=FormatParameterNegotiation,
    )
    def z_report(self, request: Request, pk: Any) -> HttpResponse:
        """Return the Z report of a closed shift."""
        form, shift = parse_format(request), self.get_object()
        if shift.z_report is None:
            raise ShiftNotInState(shift_status=shift.status)
        if form == "json":
            return Response(shift.z_report)
        ensure_renderable(form)
        return build_document_response(build_z_document(shift), form)

    def require_register(self, register: UUID | None) -> UUID:
        """Return the register of the request or of the log-in; raise `Invalid` if there is none."""
        register = register or self.request.auth.register_id
        if register is None:
            raise Invalid.field(
                "register", "Required for a log-in without a register.", code="required"
            )
        return register


def parse_id_parameter(name: str, params: Any) -> UUID | None:
    """Return the id in a query parameter, or None if it is missing."""
    try:
        return parse_uuid(params[name]) if name in params else None
    except FormatError as error:
        raise Invalid.field(name, "Must be a UUID.", code=error.code) from error
