"""The list of stock levels in its default order."""

from accounts.fast_entries.reading import BY_IDS, Filter, KeysetList, parse_id, read
from orders.models import StockLevel
from orders.serializers.rendering import render_stock_level
from orders.serializers.rows import StockLevelRow
from tenants.api.fast_entry import FastAnswer, FastRequest

PAGES = KeysetList(
    model=StockLevel,
    select="""
SELECT listed.id, listed.store_id, listed.product_id, listed.quantity, listed.reserved,
 listed.reorder_point, listed.version, listed.updated_at
FROM orders_stocklevel listed WHERE listed.tenant_id = $1::uuid""",
    ordering="id",
    columns=(("id", "uuid"),),
    read_position=lambda row: (row.id,),
    filters={
        "id": BY_IDS,
        "product": Filter("listed.product_id = {}::uuid", parse_id),
        "store": Filter("listed.store_id = {}::uuid", parse_id),
    },
)


def list_stock(request: FastRequest) -> FastAnswer | None:
    page = PAGES.read_page(request)
    found = page and read(request, lambda token: [page.build_call(token.tenant)])
    if not page or not found:
        return None
    rows, *links = page.build_links(request, found.results[0].build(StockLevelRow))
    return found.answer_list(request, [render_stock_level(row) for row in rows], *links)
