"""Create the shop of a replay, and prepare it before each run."""

import secrets
import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.core.exceptions import ValidationError
from django.core.management import CommandError
from django.db.models import Count

from accounts.models import Role, User, build_username_key
from accounts.services.login import log_in
from accounts.services.sessions import ClientInfo, log_out
from accounts.services.users import change_own_password, create_user, reset_password
from orders.management.ids import stable_id
from orders.models import Category, Order, Product
from orders.models.columns import ExactSum
from orders.services.stock.deliveries import DeliveryItem, receive_delivery
from tenants.events.outbox import publish_all
from tenants.models import Register, Store, Tenant
from tenants.scope import tenant_context, tenant_scope
from tenants.services import create_register, create_tenant, save_row
from tests.support.bulk_products import add_products
from tests.tools.replay_baskets.files import Article, SoldBasket
from tests.tools.replay_baskets.sale import TILLS_PER_STORE, delivery_id, order_id
from tests.tools.replay_baskets.terminal import LogIn

CURRENCY = "USD"
OWNER = "owner"
# An admin, because some prices and discounts of the baskets exceed the limits of cashiers and
# managers.
SELLER = "replay"
CHUNK = 500

Places = Mapping[str, Store]
Registers = Mapping[tuple[str, int], uuid.UUID]


@dataclass(frozen=True, slots=True)
class ReadyShop:
    """The registers of all tills and the credentials of the seller."""

    tenant: Tenant
    log_in: LogIn
    registers: Registers
    new_products: int
    new_deliveries: int


@dataclass(frozen=True, slots=True)
class Sold:
    """Stored totals of some baskets of one store."""

    baskets: int = 0
    paid: Decimal = Decimal(0)


def prepare_shop(
    slug: str, articles: Sequence[Article], baskets: Sequence[SoldBasket]
) -> ReadyShop:
    """Create the rows that the baskets need and that do not exist yet."""
    tenant = _shop(slug)
    # Counting a log-in must not be part of another transaction.
    with tenant_context(tenant):
        seller, password = _new_password(slug)
    with tenant_scope(tenant):
        stores = {basket.store: _store(basket.store) for basket in _one_of_each_store(baskets)}
        return ReadyShop(
            tenant=tenant,
            log_in=LogIn(tenant=slug, username=SELLER, password=password),
            registers=dict(_registers(stores)),
            new_products=_list_articles(articles),
            new_deliveries=_deliver(slug, stores, baskets, by=seller),
        )


def _shop(slug: str) -> Tenant:
    """Load or create the shop; the id ensures that it is not a real shop with this slug."""
    known = Tenant.objects.filter(slug=slug).first()
    if known is None:
        return _new_shop(slug)
    if known.pk != stable_id("replay", slug):
        raise CommandError(f"There is a shop {slug} already, and it was not made for replays.")
    return known


def _new_shop(slug: str) -> Tenant:
    try:
        return create_tenant(
            id=stable_id("replay", slug), slug=slug, name=f"Replay {slug}", currency=CURRENCY
        )
    except ValidationError as error:
        raise CommandError(f"{slug}: {' '.join(error.messages)}") from error


def _new_password(slug: str) -> tuple[User, str]:
    """Set a password for this run, which ends the sessions of earlier runs."""
    owner = _person(OWNER) or create_user(username=OWNER, role=Role.ADMIN, by=None)[0]
    seller = _person(SELLER) or create_user(username=SELLER, role=Role.ADMIN, by=owner)[0]
    temporary, password = reset_password(user_id=seller.pk, by=owner), secrets.token_urlsafe(24)
    session, _ = log_in(tenant=slug, username=SELLER, password=temporary, origin=ClientInfo())
    change_own_password(session=session, current=temporary, new=password)
    log_out(session)
    return seller, password


def _person(username: str) -> User | None:
    return User.objects.filter(username_key=build_username_key(username)).first()


def _one_of_each_store(baskets: Iterable[SoldBasket]) -> Iterable[SoldBasket]:
    return {basket.store: basket for basket in baskets}.values()


def _store(name: str) -> Store:
    store = Store.objects.filter(name=f"Store {name}").first()
    if store is None:
        store = save_row(Store(), {"name": f"Store {name}"})
    return store


def _registers(stores: Places) -> Iterator[tuple[tuple[str, int], uuid.UUID]]:
    for place, store in stores.items():
        known = {register.name: register for register in Register.objects.filter(store=store)}
        for number in range(1, TILLS_PER_STORE + 1):
            name = f"Till {number}"
            yield (place, number), (known.get(name) or create_register(store=store, name=name)).pk


def _list_articles(articles: Sequence[Article]) -> int:
    """Add missing products; prices in the catalog are kept, because lines have their own."""
    names = {article.category for article in articles if article.category}
    known = {category.name: category for category in Category.objects.all()}
    missing = [Category(name=name) for name in sorted(names - known.keys())]
    publish_all("category.created", missing)
    known |= {category.name: category for category in Category.objects.bulk_create(missing)}
    return add_products(
        Product(
            sku=article.sku,
            name=article.name,
            price=article.price,
            category=known.get(article.category),
        )
        for article in articles
    )


def _deliver(slug: str, stores: Places, baskets: Iterable[SoldBasket], *, by: User) -> int:
    """Deliver exactly what will be sold, so that the stock is zero at the end."""
    products = dict(Product.objects.values_list("sku", "pk"))
    items: dict[str, list[DeliveryItem]] = defaultdict(list)
    for basket in baskets:
        items[basket.store] += [
            DeliveryItem(delivery_id(slug, basket, position), products[line.sku], line.quantity)
            for position, line in enumerate(basket.lines)
        ]
    return sum(
        receive_delivery(store=stores[place], items=delivered, reason="For the replay", by=by)
        for place, delivered in items.items()
    )


def load_sold(tenant: Tenant, baskets: Sequence[SoldBasket]) -> Mapping[str, Sold]:
    """Load the completed sales of these baskets by store from the database."""
    sold: dict[str, Sold] = defaultdict(Sold)
    with tenant_scope(tenant):
        for start in range(0, len(baskets), CHUNK):
            ids = [order_id(tenant.slug, basket) for basket in baskets[start : start + CHUNK]]
            orders = Order.objects.filter(pk__in=ids, receipt_number__isnull=False)
            rows = orders.values_list("store__name").annotate(Count("pk"), ExactSum("paid_total"))
            for store, count, paid in rows:
                before = sold[place := store.removeprefix("Store ")]
                sold[place] = Sold(before.baskets + count, before.paid + paid)
    return sold
