"""Links between the pages of order, receipt, refunds, approvals and shift, in all directions."""

import uuid
from collections.abc import Iterator
from typing import Any

from django.contrib import admin

from accounts.admin.approvals import approval_links
from accounts.admin.tables import (
    Table,
    TableRow,
    admin_list_url,
    admin_url,
    header_cells,
    table_row,
    text_cell,
)
from accounts.models import Approval, User, build_object_key
from orders.admin.amounts import format_time
from orders.models import Order, Payment, Receipt, Refund, Shift
from orders.services.documents.document import format_money
from tenants.api.formats import FormatError, parse_uuid
from tenants.models import Register

COLUMNS = header_cells(("Kind", "Page", "Time"))
MAX_APPROVALS = 50


class ShiftParameterFilter(admin.SimpleListFilter):
    """Filters by one shift, as linked from its page; it lists no others."""

    title = parameter_name = "shift"

    def lookups(self, request: Any, model_admin: Any) -> Any:
        shift = find_row(Shift, request.GET.get(self.parameter_name, ""), request.user)
        return [(str(shift.pk), f"{shift.register}: {shift}")] if shift else []

    def queryset(self, request: Any, queryset: Any) -> Any:
        known = {str(key) for key, _ in self.lookup_choices}
        return queryset.filter(shift=self.value()) if self.value() in known else queryset


def find_row(model: Any, text: str, user: User) -> Any:
    """Return a row that the user may see by the text of its id, or None."""
    try:
        return model.objects.visible_to(user).filter(pk=parse_uuid(text)).first()
    except FormatError:
        return None


def build_sale_links(order: Order, shown: Any) -> Table:
    """Build the table of everything that belongs to a sale, without the row that is shown."""
    rows = [(row, line) for row, line in generate_sale_rows(order) if row != shown]
    return build_links_table([line for _, line in rows])


def generate_sale_rows(order: Order) -> Iterator[tuple[Any, TableRow]]:
    yield order, build_link("Order", order.number, order)
    for receipt in Receipt.objects.filter(order=order).select_related("register"):
        words = f"{receipt.number}, {receipt.register}"
        yield receipt, build_link("Receipt", words, receipt, receipt.issued_at)
    refunds = Refund.objects.filter(order=order).order_by("position")
    for refund in refunds:
        number = f"Receipt {refund.receipt_number}" if refund.receipt_number else "No receipt"
        words = f"{number}: {format_money(refund.total + refund.cash_rounding)}"
        yield refund, build_link("Refund", words, refund)
    for approval in list_approvals("order", order.pk):
        yield approval, build_approval_link(approval)
    for shift in Shift.objects.filter(pk=order.shift_id).defer("z_report"):
        yield shift, build_link("Shift", str(shift), shift)


def build_shift_links(shift: Shift) -> Table:
    """Build the table of lists of a shift, and of the approvals for its cash movements."""
    lists = {"Orders": Order, "Refunds": Refund, "Payments": Payment}
    return build_links_table(
        [
            *(
                table_row("List", text_cell(f"{name} of this shift", url), "")
                for name, model in lists.items()
                if (url := admin_list_url(model, shift=shift.pk))
            ),
            *map(build_approval_link, list_approvals("shift", shift.pk)),
        ]
    )


@approval_links
def build_approval_links(approval: Approval) -> Table:
    """Build the table of what an approval was for, once it exists."""
    ids = approval.object
    order = Order.objects.filter(pk=ids.get("order")).first()
    if order is not None:
        return build_sale_links(order, approval)
    shift = Shift.objects.filter(pk=ids.get("shift")).first()
    register = Register.objects.filter(pk=ids.get("register")).first()
    return build_links_table(
        [
            *([build_link("Shift", str(shift), shift)] if shift else []),
            *([build_link("Register", str(register), register, None)] if register else []),
        ]
    )


def list_approvals(kind: str, pk: uuid.UUID) -> list[Approval]:
    approvals = Approval.objects.filter(object_key=build_object_key({kind: pk}))
    return list(approvals.select_related("requested_by").order_by("created_at")[:MAX_APPROVALS])


def build_approval_link(approval: Approval) -> TableRow:
    words = f"{approval.get_action_display()}, for {approval.requested_by}"
    return build_link("Approval", words, approval)


def build_link(kind: str, words: str, row: Any, at: Any = ...) -> TableRow:
    moment = row.created_at if at is ... else at
    return table_row(kind, text_cell(words, admin_url(row)), format_time(moment) if moment else "")


def build_links_table(rows: list[TableRow]) -> Table:
    return Table("See also", tuple(rows), head=COLUMNS)
