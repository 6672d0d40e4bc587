"""Open and close the shifts of a replay and read their Z reports."""

import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal

from django.core.management import CommandError

from orders.models import Order, Shift
from tenants.ids import new_id
from tenants.scope import tenant_scope
from tests.tools.replay_baskets.files import SoldBasket
from tests.tools.replay_baskets.sale import get_till_number, order_id
from tests.tools.replay_baskets.shop import CHUNK, ReadyShop
from tests.tools.replay_baskets.terminal import Terminal

FLOAT = "100.00"
ZERO = Decimal(0)
Till = tuple[str, int]


@dataclass(slots=True)
class TillSums:
    """Totals of one till from the file and from its Z reports."""

    name: str
    reports: int = 0
    file: Decimal = ZERO
    z: Decimal = ZERO

    def problems(self) -> Iterator[str]:
        if self.z != self.file:
            yield f"{self.name}: file {self.file:,.2f}, Z reports {self.z:,.2f}."


def open_drawers(shop: ReadyShop, baskets: Sequence[SoldBasket], url: str) -> int:
    """Open a shift at every till with new baskets and no open shift; return their number."""
    registers = _list_registers_to_open(shop, baskets)
    with closing(Terminal(url, shop.log_in)) as terminal:
        for register in registers:
            body = {"id": str(new_id()), "register": str(register), "opening_float": FLOAT}
            answer = terminal.post("shifts/", body)
            if not answer.is_good and answer.code != "shift_already_open":
                raise CommandError(f"Cannot open a shift: {answer.summary}.")
    return len(registers)


def _list_registers_to_open(shop: ReadyShop, baskets: Sequence[SoldBasket]) -> list[uuid.UUID]:
    with tenant_scope(shop.tenant):
        known = _load_known_ids(shop.tenant.slug, baskets)
        has_open = set(Shift.objects.open().values_list("register", flat=True))
    slug = shop.tenant.slug
    new = {
        shop.registers[basket.store, get_till_number(slug, basket)]
        for basket in baskets
        if order_id(slug, basket) not in known
    }
    return sorted(new - has_open)


def _load_known_ids(slug: str, baskets: Sequence[SoldBasket]) -> set[uuid.UUID]:
    """Return the ids of orders that exist already."""
    ids = [order_id(slug, basket) for basket in baskets]
    parts = (ids[start : start + CHUNK] for start in range(0, len(ids), CHUNK))
    return {
        pk
        for part in parts
        for pk in Order.objects.filter(pk__in=part).values_list("pk", flat=True)
    }


def close_drawers(shop: ReadyShop, url: str) -> list[str]:
    """Close every shift with its expected cash; return messages about shifts that stay open."""
    with tenant_scope(shop.tenant):
        shifts = Shift.objects.exclude(status=Shift.Status.CLOSED).select_related("register__store")
        uncounted = {_name(shift): shift.pk for shift in shifts.order_by("created_at")}
    if not uncounted:
        return []
    with closing(Terminal(url, shop.log_in)) as terminal:
        refusals = {name: _close(terminal, pk) for name, pk in uncounted.items()}
    return [f"{name} cannot be closed: {words}." for name, words in refusals.items() if words]


def _close(terminal: Terminal, shift: uuid.UUID) -> str:
    """Close a shift; return the reason of a refusal, or an empty text."""
    seen = terminal.get(f"shifts/{shift}/x-report/")
    if not seen.is_good:
        return seen.summary
    answer = terminal.post(f"shifts/{shift}/close/", {"counted": seen.body["expected"]})
    # The first answer was lost, and this is the second request.
    was_closed = answer.body.get("shift_status") == Shift.Status.CLOSED
    return "" if answer.is_good or was_closed else answer.summary


def load_z_totals(shop: ReadyShop, baskets: Sequence[SoldBasket]) -> list[TillSums]:
    """Return the totals per till from all Z reports, without sales of other baskets."""
    slug = shop.tenant.slug
    paid: dict[Till, Decimal] = defaultdict(Decimal)
    for basket in baskets:
        paid[basket.store, get_till_number(slug, basket)] += basket.paid
    sums = {
        shop.registers[till]: TillSums(f"Store {till[0]}, till {till[1]}", file=amount)
        for till, amount in sorted(paid.items())
    }
    ours = {order_id(slug, basket) for basket in baskets}
    with tenant_scope(shop.tenant):
        for shift in Shift.objects.filter(register__in=sums, z_report__isnull=False):
            till = sums[shift.register_id]
            till.reports += 1
            till.z += _load_sold_total(shift) - _load_other_sales(shift, ours)
    return list(sums.values())


def _load_sold_total(shift: Shift) -> Decimal:
    sales = (shift.z_report or {})["sales"]
    return Decimal(sales["total"]) + Decimal(sales["cash_rounding"])


def _load_other_sales(shift: Shift, ours: set[uuid.UUID]) -> Decimal:
    sold = Order.objects.filter(shift=shift).sold().values_list("pk", "paid_total")
    return sum((paid for pk, paid in sold.iterator() if pk not in ours), ZERO)


def sum_tills(tills: Iterable[TillSums]) -> TillSums:
    total = TillSums("All")
    for till in tills:
        total.reports += till.reports
        total.file += till.file
        total.z += till.z
    return total


def _name(shift: Shift) -> str:
    return f"{shift.register.store.name}, {shift.register.name.lower()}, shift {shift.pk}"
