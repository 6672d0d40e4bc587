"""Topics of events. The names are part of the public API and never change."""

TOPIC_SUFFIXES = {
    "product": "created updated deleted",
    "category": "created updated deleted",
    "bookkeeping_profile": "created updated deleted",
    "modifier_list": "created updated deleted",
    "barcode_rule": "created updated deleted",
    "price_list": "created updated deleted",
    "price": "created updated deleted",
    "tax_class": "created updated deleted",
    "stock_level": "updated",
    "stock_count": "created updated closed canceled",
    "stock_transfer": "created updated sent received canceled",
    "tenant": "updated",
    "store": "created updated deleted",
    "register": "created updated deleted device_sequence_set",
    "user": "created updated deleted",
    "customer_group": "created updated deleted",
    "customer": "created updated erased",
    "payment_provider": "created updated",
    "card_reader": "created updated",
    "receipt_profile": "created",
    "order": "opened updated held resumed completed voided refunded",
    "payment": "pending captured declined unknown canceled",
    "refund": "pending updated completed failed",
    "shift": "opened cash_moved ended closed",
    "stock": "low",
}
# The resource types of the change feed; the subject of `stock.low` is a stock level.
RESOURCE_TYPES = tuple(kind for kind in TOPIC_SUFFIXES if kind != "stock")
TOPICS = tuple(f"{kind}.{word}" for kind, words in TOPIC_SUFFIXES.items() for word in words.split())
# What a webhook may subscribe to: topics, all topics of a resource type, or everything.
PATTERNS = frozenset({*TOPICS, *(f"{kind}.*" for kind in TOPIC_SUFFIXES), "*"})
# Sent to a single webhook, on request.
TEST = "webhook.test"


def is_subscribed(topic: str, wanted: list[str]) -> bool:
    kind, _, _ = topic.partition(".")
    return topic == TEST or any(each in wanted for each in (topic, f"{kind}.*", "*"))
