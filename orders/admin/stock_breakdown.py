"""Breakdown of a stock level: the movements that add up to it."""

from accounts.admin.tables import (
    Table,
    TableRow,
    admin_list_url,
    admin_url,
    header_cells,
    number_cell,
    table_row,
    text_cell,
    total_row,
)
from orders.admin.amounts import format_quantity_change, format_time
from orders.models import StockLevel, StockMovement
from orders.services.stock.consistency import set_levels_after
from tenants.api.formats import format_number

MAX_MOVEMENTS = 50
MOVEMENT_COLUMNS = header_cells(("Time", "Type", "Reason", "By", "Order"), "Change", "Level after")


def build_movements_table(level: StockLevel) -> Table:
    """Build the table of the newest movements, with one row for all older ones."""
    rows = StockMovement.objects.for_level(level).select_related("by", "order")
    movements = list(rows.order_by("-created_at", "-id")[:MAX_MOVEMENTS])
    set_levels_after(movements)
    all_of_it = admin_list_url(StockMovement, product=level.product_id, store=level.store_id)
    in_stock = format_number(level.quantity)
    return Table(
        f"Movements that add up to {in_stock}",
        (
            *map(build_movement_row, movements),
            *build_older_row(movements),
            total_row("In stock", "", "", "", "", number_cell(in_stock), number_cell("")),
        ),
        head=MOVEMENT_COLUMNS,
        more=(all_of_it, "All movements of this product in this store"),
    )


def build_movement_row(movement: StockMovement) -> TableRow:
    counted = [] if movement.counted is None else [f"counted {format_number(movement.counted)}"]
    why = [movement.get_waste_reason_display()] if movement.waste_reason else []
    return table_row(
        format_time(movement.created_at),
        text_cell(movement.get_type_display(), admin_url(movement), *counted, *why),
        movement.reason,
        text_cell(movement.by),
        text_cell(movement.order, admin_url(movement.order)) if movement.order else text_cell(None),
        number_cell(format_quantity_change(movement.quantity)),
        number_cell(None if movement.level_after is None else format_number(movement.level_after)),
    )


def build_older_row(movements: list[StockMovement]) -> list[TableRow]:
    """Return the row for older movements, or none if there are no others."""
    if not movements or movements[-1].level_after is None:
        return []
    before = movements[-1].level_after - movements[-1].quantity
    if not before and len(movements) < MAX_MOVEMENTS:
        return []
    return [
        table_row(
            "",
            "Older movements",
            "",
            "",
            "",
            number_cell(format_quantity_change(before)),
            number_cell(format_number(before)),
        )
    ]
