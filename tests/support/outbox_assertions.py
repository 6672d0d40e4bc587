"""Whether all that changed in the books was announced: the tables before and after compared."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from accounts.models import AuthSession, Pin, Posting, Terminal, User
from accounts.models.approval import Approval
from orders.models import (
    Barcode,
    CashMovement,
    Category,
    ChainEntry,
    Order,
    OrderLine,
    Payment,
    Payout,
    Product,
    Receipt,
    Refund,
    RefundLine,
    RegisterSeries,
    Shift,
    StockLevel,
    StockMovement,
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

# What the feed tells of. Each change is announced with the version at which it left the row.
WHOLES = (
    Tenant,
    Store,
    Register,
    User,
    TaxClass,
    Category,
    Product,
    StockLevel,
    Order,
    Refund,
    Shift,
)
# What is shown with something else, and told as a change of that.
PARTS = {
    Barcode: "product_id",
    Pin: "user_id",
    Posting: "user_id",
    OrderLine: "order_id",
    Payment: "order_id",
    RefundLine: "refund_id",
    Payout: "refund_id",
    CashMovement: "shift_id",
}
# What nobody keeps a copy of, and why.
UNTOLD = {
    AuditEvent: "a trail is read, and only ever grows",
    ChangeFeed: "the feed itself",
    IdempotencyKey: "answers of one person's own requests",
    OutboxDelivery: "the feed itself",
    OutboxEvent: "the feed itself",
    Webhook: "who is told, which is no news for who is told",
    AuthSession: "a log-in is no change of the person",
    Terminal: "a device is no change of its register",
    Approval: "asked and answered within minutes, at the till that waits for it",
    Receipt: "made with its order, and never changed but for who has printed it",
    ChainEntry: "the seal on what was told",
    RegisterSeries: "the counters behind numbers that were told",
    StockMovement: "why a level is what it is; the level is told",
    StoreCredit: "looked up by its code when it is used: a copy would be spent twice",
    StoreCreditEntry: "looked up by its code when it is used: a copy would be spent twice",
}
# What changes without anybody being able to see it in the row.
UNSEEN = {
    "updated_at",
    "last_login",
    # Of a shop: that its currency is fixed by now.
    "has_orders",
    # Of money: how often a gateway was asked for it, and when the next time is.
    "look_ups",
    "next_look_up_at",
}
# What goods do to the shelves, these say themselves.
MOVES_GOODS = {"order", "refund"}

Rows = dict[tuple[type, Any], dict[str, Any]]


def snapshot_announced_rows() -> Rows:
    """All that the feed tells of, as it lies in the database."""
    with across_tenants():
        return {
            (model, row["id"]): {name: row[name] for name in row if name not in hidden}
            for models, hidden in ((WHOLES, UNSEEN), (PARTS, UNSEEN | {"version"}))
            for model in models
            for row in model._default_manager.values()
        }


def events() -> list[OutboxEvent]:
    with across_tenants():
        return list(OutboxEvent.objects.filter(subject__isnull=False).order_by("pk"))


@contextmanager
def assert_changes_announced(*, but: Sequence[type] = ()) -> Iterator[set[str]]:
    """Whatever changes meanwhile has to be announced; holds the topics afterwards."""
    before, seen, topics = snapshot_announced_rows(), {event.pk for event in events()}, set[str]()
    yield topics
    new = [event for event in events() if event.pk not in seen]
    topics |= {event.topic for event in new}
    kinds = {get_resource_type(model) for model in but}
    untold = [
        each
        for each in find_unannounced(before, snapshot_announced_rows(), new)
        if each.split()[0] not in kinds
    ]
    assert untold == []


def find_unannounced(before: Rows, after: Rows, new: list[OutboxEvent]) -> list[str]:
    """What changed and was not announced as it is now."""
    about = [event for event in new if event.topic != "stock.low"]
    told = {(event.subject_type, event.subject): event for event in about}
    changed = {
        find_root_row(key, before.get(key) or after[key])
        for key in before.keys() | after.keys()
        if before.get(key) != after.get(key)
    }
    return sorted(
        f"{get_resource_type(model)} {pk}"
        for model, pk in changed
        if not is_announced(
            model, after.get((model, pk)), told.get((get_resource_type(model), pk)), told
        )
    )


def find_root_row(key: tuple[type, Any], row: dict[str, Any]) -> tuple[type, Any]:
    """The row itself, or what it is a part of."""
    model, pk = key
    if model not in PARTS:
        return model, pk
    column = PARTS[model]
    return model._meta.get_field(column.removesuffix("_id")).related_model, row[column]


def is_announced(
    model: type, now: dict[str, Any] | None, event: OutboxEvent | None, told: dict[Any, Any]
) -> bool:
    if event is None:
        return model is StockLevel and any(kind in MOVES_GOODS for kind, _ in told)
    if now is None:
        return event.is_tombstone
    return event.subject_version == now["version"] and not event.is_tombstone


def list_unannounced_rows(*models: Any) -> list[str]:
    """Rows of these kinds that somebody has changed, and whose last version was not told."""
    told = {(event.subject_type, event.subject): event.subject_version for event in events()}
    with across_tenants():
        return [
            f"{get_resource_type(model)} {pk} at {version}"
            for model in models
            for pk, version in model._default_manager.values_list("pk", "version")
            if version > 1 and told.get((get_resource_type(model), pk)) != version
        ]
