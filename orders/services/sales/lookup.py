"""Find a sale by what its receipt shows: the QR code or a number."""

import re
import uuid
from typing import Any

from django.db.models import Q

from accounts.models import User
from orders.models import Order, Receipt, Refund
from orders.models.order import format_order_number
from tenants.api.formats import FormatError, parse_uuid
from tenants.exceptions import Invalid, NotFound

ORDER_NUMBER = re.compile(r"([0-9]{1,9})-([0-9]{1,18})")
# Printed by a till without a connection: the register, and the till's own number of the sale.
TILL_NUMBER = re.compile(r"([0-9]{1,9})-[Tt]([0-9]{1,18})")
RECEIPT_NUMBER = re.compile(r"[0-9]{1,18}")


def find_sale(code: str, *, register: uuid.UUID | None, by: User) -> Order:
    """Return the sale of a code, in the stores of the user; `register` restricts the search.

    The code is the QR code of a receipt or refund receipt, the number of the order, the number
    that the till gave the sale, or, with a register, the receipt number. Raises `Invalid` for a
    receipt number without a register, and `NotFound`.
    """
    sales = Order.objects.visible_to(by).with_details()
    if register is not None:
        sales = sales.filter(register=register)
    found: Order | None = sales.filter(_build_condition(code.strip(), register)).first()
    if found is None:
        raise NotFound
    return found


def _build_condition(code: str, register: uuid.UUID | None) -> Q:
    if parts := ORDER_NUMBER.fullmatch(code):
        return Q(number=format_order_number(int(parts[1]), int(parts[2])))
    if parts := TILL_NUMBER.fullmatch(code):
        return Q(
            register__number=int(parts[1]), device_sequence=int(parts[2]), sequence_taken=False
        )
    if RECEIPT_NUMBER.fullmatch(code):
        if register is None:
            raise Invalid.field(
                "register",
                "A receipt number is unique only within a register. Add ?register= with its id.",
                code="required",
            )
        return Q(receipt_number=int(code))
    return Q(pk=_find_order_id(code))


def _find_order_id(code: str) -> Any:
    """Return the order of a QR code. Raises `NotFound` for text that is no id.

    Receipts show the id of the order. Those printed by earlier versions show their own id, and
    refund receipts the id of the refund.
    """
    try:
        id = parse_uuid(code)
    except FormatError as error:
        raise NotFound from error
    for model in (Receipt, Refund):
        order = model.objects.filter(pk=id).values_list("order", flat=True).first()
        if order is not None:
            return order
    return id
