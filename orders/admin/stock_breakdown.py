"""Why a level is what it is: the movements that it is the sum of."""

from accounts.admin.tables import Line, Table, figure, head, line, list_of, page_of, total, words
from orders.admin.amounts import many, moment
from orders.models import StockLevel, StockMovement
from orders.services.documents.document import short
from orders.services.stock.consistency import note_levels_after

MOST = 50
MOVED = head(("Time", "What", "Reason", "By", "Order"), "Change", "There after it")


def shelf(level: StockLevel) -> Table:
    """The newest movements, newest first; all older ones are one line, what they came to."""
    rows = StockMovement.objects.of_shelf(level).select_related("by", "order")
    movements = list(rows.order_by("-created_at", "-id")[:MOST])
    note_levels_after(movements)
    all_of_it = list_of(StockMovement, product=level.product_id, store=level.store_id)
    return Table(
        f"Why there are {short(level.quantity)}",
        (*map(movement_line, movements), *older(movements), sum_of(level)),
        head=MOVED,
        more=(all_of_it, "All movements of this shelf") if len(movements) == MOST else None,
    )


def movement_line(movement: StockMovement) -> Line:
    counted = [] if movement.counted is None else [f"counted {short(movement.counted)}"]
    return line(
        moment(movement.created_at),
        words(movement.get_type_display(), page_of(movement), *counted),
        movement.reason,
        words(movement.by),
        words(movement.order, page_of(movement.order)) if movement.order else words(None),
        figure(many(movement.quantity)),
        figure(None if movement.level_after is None else short(movement.level_after)),
    )


def older(movements: list[StockMovement]) -> list[Line]:
    """Of a short history there is nothing before the first movement."""
    if not movements or movements[-1].level_after is None:
        return []
    before = movements[-1].level_after - movements[-1].quantity
    if not before and len(movements) < MOST:
        return []
    return [line("", "All older ones", "", "", "", figure(many(before)), figure(short(before)))]


def sum_of(level: StockLevel) -> Line:
    return total("In stock", "", "", "", "", figure(short(level.quantity)), figure(""))
