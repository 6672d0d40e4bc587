"""Actions that edit, hold, resume and void an order."""

import uuid
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from orders.serializers.editing import (
    LineChange,
    NewDiscountInput,
    NewLineInput,
    OrderChange,
    ResumeInput,
    VoidInput,
)
from orders.serializers.order import OrderSerializer
from orders.services.sales.open_orders import (
    NewDiscount,
    OrderEdit,
    add_discount,
    add_line,
    change_line,
    hold_order,
    remove_discount,
    remove_line,
    resume_order,
    update_order_details,
    void_order,
)


class OrderEditingMixin:
    """Actions on an order before it is paid. Each returns the order."""

    actions_checking_version: tuple[str, ...] = (
        "lines",
        "remove_line",
        "discounts",
        "remove_discount",
        "hold",
        "resume",
        "void",
    )

    @extend_schema(request=OrderChange, responses=OrderSerializer)
    def partial_update(self: Any, request: Request, pk: Any) -> Response:
        """Change the note, the customer, or external ID and metadata.

        Managers and service keys change external ID and metadata also when the order is completed
        or voided.

        A customer of another group may have other prices in price lists. Then all lines are priced
        again, which may need an approval or be refused if more was paid.
        """
        changes = self.validated(OrderChange, partial=True)
        edit = self.build_edit(changes, required=True)
        changes.pop("approval", None)
        return self.answer(update_order_details(changes, edit))

    @extend_schema(request=NewLineInput, responses=OrderSerializer)
    @action(detail=True, methods=["post"])
    def lines(self: Any, request: Request, pk: Any) -> Response:
        """Add a product. Repeating a barcode adds it again; repeating an `id` does not."""
        given = self.validated(NewLineInput)
        return self.answer(add_line(given["wanted"], self.build_edit(given)))

    @extend_schema(request=LineChange, responses=OrderSerializer)
    @action(detail=True, methods=["patch"], url_path="lines/<uuid:line>", url_name="line")
    def change_line(self: Any, request: Request, pk: Any, line: uuid.UUID) -> Response:
        """Change quantity, price or note of a line. If-Match takes the version of the order."""
        changes = self.validated(LineChange, partial=True)
        edit = self.build_edit(changes, required=True)
        changes.pop("approval", None)
        return self.answer(change_line(line, changes, edit))

    @extend_schema(request=None, responses={200: OrderSerializer})
    @change_line.mapping.delete
    def remove_line(self: Any, request: Request, pk: Any, line: uuid.UUID) -> Response:
        """Remove a line."""
        return self.answer(remove_line(line, self.build_edit()))

    @extend_schema(request=NewDiscountInput, responses=OrderSerializer)
    @action(detail=True, methods=["post"])
    def discounts(self: Any, request: Request, pk: Any) -> Response:
        """Add a discount to the order or to one of its lines.

        Requires an `id` or an Idempotency-Key, so that a repeated request adds it only once.
        """
        given = self.validated(NewDiscountInput)
        new = NewDiscount(self.resource_id(given["id"]), given["wanted"], given["line"])
        return self.answer(add_discount(new, self.build_edit(given)))

    @extend_schema(request=None, responses={200: OrderSerializer})
    @action(
        detail=True,
        methods=["delete"],
        url_path="discounts/<uuid:discount>",
        url_name="discount",
    )
    def remove_discount(self: Any, request: Request, pk: Any, discount: uuid.UUID) -> Response:
        """Remove a discount."""
        return self.answer(remove_discount(discount, self.build_edit()))

    @extend_schema(request=None, responses=OrderSerializer)
    @action(detail=True, methods=["post"])
    def hold(self: Any, request: Request, pk: Any) -> Response:
        """Hold the order. Any register of the store can resume it."""
        return self.answer(hold_order(self.build_edit()))

    @extend_schema(request=ResumeInput, responses=OrderSerializer)
    @action(detail=True, methods=["post"])
    def resume(self: Any, request: Request, pk: Any) -> Response:
        """Resume a held order, optionally at another `register` of the store."""
        register = self.validated(ResumeInput).get("register")
        return self.answer(resume_order(self.build_edit(), register))

    @extend_schema(request=VoidInput, responses=OrderSerializer)
    @action(detail=True, methods=["post"])
    def void(self: Any, request: Request, pk: Any) -> Response:
        """Void an unpaid order. Cashiers can void their own empty orders, managers all."""
        given = self.validated(VoidInput)
        return self.answer(void_order(given["reason"], self.build_edit(given)))

    def build_edit(
        self: Any, given: dict[str, Any] | None = None, *, required: bool = False
    ) -> OrderEdit:
        """Return the order, user, expected version and approval of the request."""
        return OrderEdit(
            order=self.get_object_id(),
            by=self.request.user,
            expected_version=self.if_match(required=required),
            approval=(given or {}).get("approval"),
            terminal=self.request.auth.terminal_id,
        )
