"""Check that all changed rows were announced, by comparing the tables before and after."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from accounts.models import AuthSession, PairingCode, Pin, Posting, ServiceKey, Terminal, User
from accounts.models.approval import Approval
from orders.models import (
    Barcode,
    BarcodeRule,
    BookkeepingProfile,
    CardReader,
    CashMovement,
    Category,
    ChainEntry,
    Customer,
    CustomerGroup,
    Modifier,
    ModifierList,
    Order,
    OrderLine,
    Payment,
    PaymentProvider,
    Payout,
    Price,
    PriceList,
    Product,
    ProductImage,
    Receipt,
    ReceiptProfile,
    Refund,
    RefundLine,
    RegisterSeries,
    SalesHour,
    SalesSummary,
    Shift,
    StockCount,
    StockCountLine,
    StockLevel,
    StockMovement,
    StockTransfer,
    StockTransferLine,
    StoreCredit,
    StoreCreditEntry,
    TaxClass,
)
from tenants.events.outbox import get_resource_type
from tenants.models import (
    AuditEvent,
    ChangeFeed,
    IdempotencyKey,
    OutboxDelivery,
    OutboxEvent,
    Register,
    Store,
    Tenant,
    Webhook,
)
from tenants.scope import across_tenants

# Models of the change feed; each change is announced with the new version of the row.
ANNOUNCED_MODELS = (
    Tenant,
    Store,
    Register,
    User,
    TaxClass,
    BarcodeRule,
    Customer,
    CustomerGroup,
    ModifierList,
    Category,
    PriceList,
    Price,
    Product,
    StockLevel,
    PaymentProvider,
    CardReader,
    Order,
    Refund,
    Shift,
    StockCount,
    StockTransfer,
    BookkeepingProfile,
    ReceiptProfile,
)
# Models that are part of another one and announced as its change, with the column.
PART_MODELS = {
    Barcode: "product_id",
    ProductImage: "product_id",
    Modifier: "modifier_list_id",
    Pin: "user_id",
    Posting: "user_id",
    OrderLine: "order_id",
    Payment: "order_id",
    RefundLine: "refund_id",
    Payout: "refund_id",
    CashMovement: "shift_id",
    StockCountLine: "stock_count_id",
    StockTransferLine: "transfer_id",
}
# Models without announcements, and why.
UNANNOUNCED_MODELS = {
    AuditEvent: "the audit log is read only and only grows",
    ChangeFeed: "the feed itself",
    IdempotencyKey: "answers of one person's own requests",
    OutboxDelivery: "the feed itself",
    OutboxEvent: "the feed itself",
    Webhook: "the subscribers themselves",
    AuthSession: "a log-in is no change of the person",
    ServiceKey: "a key is a secret, and its user is not listed",
    PairingCode: "a code is a secret for minutes",
    Terminal: "a device is no change of its register",
    Approval: "asked and answered within minutes, at the till that waits for it",
    Receipt: "made with its order, and never changed but for who has printed it",
    ChainEntry: "the hash of rows that are published",
    SalesHour: "sums of what was announced",
    SalesSummary: "sums of what was announced",
    RegisterSeries: "the counters behind published numbers",
    StockMovement: "the reason of a level; the level is published",
    StoreCredit: "looked up by its code when it is used: a copy would be spent twice",
    StoreCreditEntry: "looked up by its code when it is used: a copy would be spent twice",
}
# Columns whose changes are not announced.
HIDDEN_COLUMNS = {
    "updated_at",
    "last_login",
    # Only fixes the currency of the shop.
    "has_orders",
    # Announced as the creation of a price list.
    "has_price_lists",
    # Announced as the creation of a receipt profile.
    "receipt_profile",
    "receipt_profile_hash",
    # State of the look-ups at the gateway.
    "look_ups",
    "next_look_up_at",
}
# These announce their changes of stock themselves.
MOVES_STOCK = {"order", "refund"}

Rows = dict[tuple[type, Any], dict[str, Any]]


def snapshot_announced_rows() -> Rows:
    """Return all rows of the change feed."""
    with across_tenants():
        return {
            (model, row["id"]): {name: row[name] for name in row if name not in hidden}
            for models, hidden in (
                (ANNOUNCED_MODELS, HIDDEN_COLUMNS),
                (PART_MODELS, HIDDEN_COLUMNS | {"version"}),
            )
            for model in models
            for row in list_rows(model)
        }


def list_rows(model: Any) -> Any:
    """Return the rows of a model; users of service keys are not listed, and not announced."""
    rows = model._default_manager.values()
    return rows.filter(is_service=False) if model is User else rows


def events() -> list[OutboxEvent]:
    with across_tenants():
        return list(OutboxEvent.objects.filter(subject__isnull=False).order_by("pk"))


@contextmanager
def assert_changes_announced(*, but: Sequence[type] = ()) -> Iterator[set[str]]:
    """Assert that all changes are announced; yields the set of topics."""
    before, seen, topics = snapshot_announced_rows(), {event.pk for event in events()}, set[str]()
    yield topics
    new = [event for event in events() if event.pk not in seen]
    topics |= {event.topic for event in new}
    kinds = {get_resource_type(model) for model in but}
    unannounced = [
        each
        for each in find_unannounced(before, snapshot_announced_rows(), new)
        if each.split()[0] not in kinds
    ]
    assert unannounced == []


def find_unannounced(before: Rows, after: Rows, new: list[OutboxEvent]) -> list[str]:
    """Return changed rows that were not announced with their current version."""
    about = [event for event in new if event.topic != "stock.low"]
    announced = {(event.subject_type, event.subject): event for event in about}
    changed = {
        find_root_row(key, before.get(key) or after[key])
        for key in before.keys() | after.keys()
        if before.get(key) != after.get(key)
    }
    return sorted(
        f"{get_resource_type(model)} {pk}"
        for model, pk in changed
        if not is_announced(
            model, after.get((model, pk)), announced.get((get_resource_type(model), pk)), announced
        )
    )


def find_root_row(key: tuple[type, Any], row: dict[str, Any]) -> tuple[type, Any]:
    """Return the row itself, or the row that it is part of."""
    model, pk = key
    if model not in PART_MODELS:
        return model, pk
    column = PART_MODELS[model]
    return model._meta.get_field(column.removesuffix("_id")).related_model, row[column]


def is_announced(
    model: type, now: dict[str, Any] | None, event: OutboxEvent | None, announced: dict[Any, Any]
) -> bool:
    if event is None:
        return model is StockLevel and any(kind in MOVES_STOCK for kind, _ in announced)
    if now is None:
        return event.is_tombstone
    return event.subject_version == now["version"] and not event.is_tombstone


def list_unannounced_rows(*models: Any) -> list[str]:
    """Return changed rows of these models whose last version was not announced."""
    announced = {(event.subject_type, event.subject): event.subject_version for event in events()}
    with across_tenants():
        return [
            f"{get_resource_type(model)} {pk} at {version}"
            for model in models
            for pk, version in model._default_manager.values_list("pk", "version")
            if version > 1 and announced.get((get_resource_type(model), pk)) != version
        ]
