"""Load the prices that price lists have for some products, in a store at a moment."""

import uuid
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Self
from zoneinfo import ZoneInfo

from django.db.models import Q
from django.utils import timezone

from orders.models import Customer, Price, Product
from orders.models.columns import format_local_time
from orders.money import ListPrice, choose_price
from tenants.database.compiled_queries import CompiledQuery, PreparedQuery
from tenants.models import Store
from tenants.scope import current_tenant, current_tenant_id

PRICES = CompiledQuery(
    lambda tenant, products, at: (
        Price.objects.filter(
            Q(valid_from__isnull=True) | Q(valid_from__lte=at),
            Q(valid_to__isnull=True) | Q(valid_to__gt=at),
            tenant=tenant,
            product__in=products,
            is_active=True,
            price_list__is_active=True,
        )
        .select_related("price_list")
        .defer("created_at", "updated_at", "price_list__created_at", "price_list__updated_at")
    )
)


@dataclass(frozen=True, slots=True)
class PriceContext:
    """What decides about prices besides product and quantity.

    The store and the time of a sale by its clock, without a store by that of the shop, and the
    group of the customer.
    """

    store: uuid.UUID | None
    at: datetime
    customer_group: uuid.UUID | None = None

    @classmethod
    def find(
        cls,
        store: Store | None,
        at: datetime | None = None,
        *,
        customer: uuid.UUID | None = None,
    ) -> Self:
        """Return the context of a sale at a moment, which defaults to now.

        The group of a customer is looked up in shops with price lists only.
        """
        zone = ZoneInfo((store and store.timezone) or current_tenant().timezone)
        local = (at or timezone.now()).astimezone(zone).replace(tzinfo=None, microsecond=0)
        return cls(store.pk if store else None, local, find_customer_group(customer))


def find_customer_group(customer: uuid.UUID | None) -> uuid.UUID | None:
    """Return the group of a customer, if price lists may depend on it."""
    if customer is None or not current_tenant().has_price_lists:
        return None
    group: uuid.UUID | None = (
        Customer.objects.filter(pk=customer).values_list("group_id", flat=True).first()
    )
    return group


class ApplicablePrices:
    """The prices of some products; of other products the base price applies."""

    def __init__(self, context: PriceContext | None = None, prices: Iterable[Price] = ()) -> None:
        self.context = context
        self.by_product: dict[uuid.UUID, list[ListPrice]] = {}
        for price in prices:
            self.by_product.setdefault(price.product_id, []).append(price.build_list_price())

    @classmethod
    def load(cls, products: Collection[uuid.UUID], context: PriceContext) -> Self:
        """Load the prices with one query; with none if the shop has no price lists."""
        if not products or not current_tenant().has_price_lists:
            return cls()
        at = format_local_time(context.at)
        return cls(context, PRICES.all(tenant=current_tenant_id(), products=products, at=at))

    @classmethod
    def prepare(
        cls, products: Collection[uuid.UUID], context: PriceContext
    ) -> PreparedQuery[Price] | None:
        """Return the query of `load` as a part of a message, or None without price lists."""
        if not products or not current_tenant().has_price_lists:
            return None
        at = format_local_time(context.at)
        return PRICES.prepare(tenant=current_tenant_id(), products=products, at=at)

    @property
    def depend_on_store(self) -> bool:
        """Return whether one of the prices is of a list that applies in some stores only."""
        return any(each.stores for prices in self.by_product.values() for each in prices)

    def find(self, product: Product, quantity: Decimal) -> Decimal:
        """Return the price of the product in this quantity."""
        prices = self.by_product.get(product.pk)
        if prices is None or self.context is None:
            base: Decimal = product.price
            return base
        at, group = self.context, self.context.customer_group
        return choose_price(
            product.price, prices, quantity, str(at.store), at.at, str(group) if group else None
        )

    def find_for_line(
        self, product: Product, quantity: Decimal, fixed_gross: Decimal | None
    ) -> Decimal:
        """Return the price of a line. A label with a price knows no quantity breaks."""
        return self.find(product, quantity if fixed_gross is None else Decimal(0))


BASE_PRICES = ApplicablePrices()
