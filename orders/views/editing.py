"""Changing an order while it is open, parking it, ending it."""

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
    """What happens to an order between the first scan and the payment; each answers the order."""

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
        """The note, and who the customer is."""
        edit = self.edit(required=True)
        changes = self.validated(OrderChange, partial=True)
        return self.answer(update_order_details(changes, edit))

    @extend_schema(request=NewLineInput, responses=OrderSerializer)
    @action(detail=True, methods=["post"])
    def lines(self: Any, request: Request, pk: Any) -> Response:
        """Add a product. The same barcode sent twice counts twice, the same `id` once."""
        given = self.validated(NewLineInput)
        return self.answer(add_line(given["wanted"], self.edit(given)))

    @extend_schema(request=LineChange, responses=OrderSerializer)
    @action(detail=True, methods=["patch"], url_path="lines/<uuid:line>", url_name="line")
    def change_line(self: Any, request: Request, pk: Any, line: uuid.UUID) -> Response:
        """Another quantity, price or note. If-Match names the version of the order."""
        changes = self.validated(LineChange, partial=True)
        edit = self.edit(changes, required=True)
        changes.pop("approval", None)
        return self.answer(change_line(line, changes, edit))

    @extend_schema(request=None, responses={200: OrderSerializer})
    @change_line.mapping.delete
    def remove_line(self: Any, request: Request, pk: Any, line: uuid.UUID) -> Response:
        return self.answer(remove_line(line, self.edit()))

    @extend_schema(request=NewDiscountInput, responses=OrderSerializer)
    @action(detail=True, methods=["post"])
    def discounts(self: Any, request: Request, pk: Any) -> Response:
        """Give a discount on the order, or on one line of it.

        Needs an `id` or an Idempotency-Key: the same discount sent again is not given twice.
        """
        given = self.validated(NewDiscountInput)
        new = NewDiscount(self.resource_id(given["id"]), given["wanted"], given["line"])
        return self.answer(add_discount(new, self.edit(given)))

    @extend_schema(request=None, responses={200: OrderSerializer})
    @action(
        detail=True,
        methods=["delete"],
        url_path="discounts/<uuid:discount>",
        url_name="discount",
    )
    def remove_discount(self: Any, request: Request, pk: Any, discount: uuid.UUID) -> Response:
        return self.answer(remove_discount(discount, self.edit()))

    @extend_schema(request=None, responses=OrderSerializer)
    @action(detail=True, methods=["post"])
    def hold(self: Any, request: Request, pk: Any) -> Response:
        """Put it aside; every till of the store may take it up again."""
        return self.answer(hold_order(self.edit()))

    @extend_schema(request=ResumeInput, responses=OrderSerializer)
    @action(detail=True, methods=["post"])
    def resume(self: Any, request: Request, pk: Any) -> Response:
        """Take it up again, at another `register` of the store where one is named."""
        register = self.validated(ResumeInput).get("register")
        return self.answer(resume_order(self.edit(), register))

    @extend_schema(request=VoidInput, responses=OrderSerializer)
    @action(detail=True, methods=["post"])
    def void(self: Any, request: Request, pk: Any) -> Response:
        """End it without a sale: a manager's, or anybody's own empty order. Nothing is paid."""
        given = self.validated(VoidInput)
        return self.answer(void_order(given["reason"], self.edit(given)))

    def edit(self: Any, given: dict[str, Any] | None = None, *, required: bool = False) -> Any:
        """Who changes which order, from which version of it, and with whose leave."""
        return OrderEdit(
            order=self.get_object().pk,
            by=self.request.user,
            expected_version=self.if_match(required=required),
            approval=(given or {}).get("approval"),
            terminal=self.request.auth.terminal_id,
        )
