"""The drawers of a replay: opened where something is to be sold, counted and closed at the end."""

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
from tests.tools.replay_baskets.sale import order_id, till_of
from tests.tools.replay_baskets.shop import CHUNK, ReadyShop
from tests.tools.replay_baskets.terminal import Terminal

FLOAT = "100.00"
NOTHING = Decimal(0)
Till = tuple[str, int]


@dataclass(slots=True)
class TillSums:
    """One till: what the file says was paid there, and what its Z reports say of that."""

    name: str
    reports: int = 0
    file: Decimal = NOTHING
    z: Decimal = NOTHING

    def problems(self) -> Iterator[str]:
        if self.z != self.file:
            yield f"{self.name}: file {self.file:,.2f}, Z reports {self.z:,.2f}."


def open_drawers(shop: ReadyShop, baskets: Sequence[SoldBasket], url: str) -> int:
    """A shift for every till that has something new to sell and no open one."""
    registers = _to_be_opened(shop, baskets)
    with closing(Terminal(url, shop.log_in)) as terminal:
        for register in registers:
            body = {"id": str(new_id()), "register": str(register), "opening_float": FLOAT}
            answer = terminal.post("shifts/", body)
            if not answer.is_good and answer.code != "shift_already_open":
                raise CommandError(f"Cannot open a shift: {answer.words}.")
    return len(registers)


def _to_be_opened(shop: ReadyShop, baskets: Sequence[SoldBasket]) -> list[uuid.UUID]:
    with tenant_scope(shop.tenant):
        known = _known(shop.tenant.slug, baskets)
        has_open = set(Shift.objects.open().values_list("register", flat=True))
    slug = shop.tenant.slug
    new = {
        shop.registers[basket.store, till_of(slug, basket)]
        for basket in baskets
        if order_id(slug, basket) not in known
    }
    return sorted(new - has_open)


def _known(slug: str, baskets: Sequence[SoldBasket]) -> set[uuid.UUID]:
    """The orders that are there already, sold or on their way."""
    ids = [order_id(slug, basket) for basket in baskets]
    parts = (ids[start : start + CHUNK] for start in range(0, len(ids), CHUNK))
    return {
        pk
        for part in parts
        for pk in Order.objects.filter(pk__in=part).values_list("pk", flat=True)
    }


def close_drawers(shop: ReadyShop, url: str) -> list[str]:
    """Count in every drawer exactly what should be there; tells of those that stay open."""
    with tenant_scope(shop.tenant):
        shifts = Shift.objects.exclude(status=Shift.Status.CLOSED).select_related("register__store")
        uncounted = {_name(shift): shift.pk for shift in shifts.order_by("created_at")}
    if not uncounted:
        return []
    with closing(Terminal(url, shop.log_in)) as terminal:
        refusals = {name: _close(terminal, pk) for name, pk in uncounted.items()}
    return [f"{name} cannot be closed: {words}." for name, words in refusals.items() if words]


def _close(terminal: Terminal, shift: uuid.UUID) -> str:
    """Why it was refused, in few words; nothing where it is closed."""
    seen = terminal.get(f"shifts/{shift}/x-report/")
    if not seen.is_good:
        return seen.words
    answer = terminal.post(f"shifts/{shift}/close/", {"counted": seen.body["expected"]})
    # Its answer was lost, and it was asked for again.
    was_closed = answer.body.get("shift_status") == Shift.Status.CLOSED
    return "" if answer.is_good or was_closed else answer.words


def z_sums(shop: ReadyShop, baskets: Sequence[SoldBasket]) -> list[TillSums]:
    """Till by till, from all Z reports of the shop, without the sales of other baskets."""
    slug = shop.tenant.slug
    paid: dict[Till, Decimal] = defaultdict(Decimal)
    for basket in baskets:
        paid[basket.store, till_of(slug, basket)] += basket.paid
    sums = {
        shop.registers[till]: TillSums(f"Store {till[0]}, till {till[1]}", file=amount)
        for till, amount in sorted(paid.items())
    }
    ours = {order_id(slug, basket) for basket in baskets}
    with tenant_scope(shop.tenant):
        for shift in Shift.objects.filter(register__in=sums, z_report__isnull=False):
            till = sums[shift.register_id]
            till.reports += 1
            till.z += _sold(shift) - _others(shift, ours)
    return list(sums.values())


def _sold(shift: Shift) -> Decimal:
    sales = (shift.z_report or {})["sales"]
    return Decimal(sales["total"]) + Decimal(sales["cash_rounding"])


def _others(shift: Shift, ours: set[uuid.UUID]) -> Decimal:
    sold = Order.objects.filter(shift=shift).sold().values_list("pk", "paid_total")
    return sum((paid for pk, paid in sold.iterator() if pk not in ours), NOTHING)


def total_of(tills: Iterable[TillSums]) -> TillSums:
    total = TillSums("All")
    for till in tills:
        total.reports += till.reports
        total.file += till.file
        total.z += till.z
    return total


def _name(shift: Shift) -> str:
    return f"{shift.register.store.name}, {shift.register.name.lower()}, shift {shift.pk}"
