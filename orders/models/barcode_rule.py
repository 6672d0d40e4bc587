"""Rules for barcodes of scales."""

from collections.abc import Sequence
from typing import Any, ClassVar

from django.db import models

from orders.codes import (
    Label,
    LabelKind,
    build_key,
    is_label_pattern,
    may_be_label,
    read_label,
)
from orders.models.catalog import normalize_code
from orders.models.columns import QUANTITY_DECIMALS
from tenants.exceptions import Invalid
from tenants.models import TenantOwned
from tenants.scope import current_tenant


class BarcodeRule(TenantOwned):
    """How labels of scales are read: 13 digits with the PLU of a product and a weight or price."""

    class Kind(models.TextChoices):
        WEIGHT = "weight", "Weight"
        PRICE = "price", "Price"

    pattern = models.CharField(
        max_length=13,
        help_text="13 characters: digits, I for the PLU, V for the value, K for the check digit of "
        "the price, C for the check digit of the barcode.",
    )
    kind = models.CharField(max_length=6, choices=Kind)
    value_decimals = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        help_text="Decimals of the value. Default: 3 for a weight, those of the currency for a "
        "price.",
    )
    priority = models.PositiveSmallIntegerField(
        default=0, help_text="If several rules match, the highest priority wins."
    )
    is_active = models.BooleanField(default=True)

    class Meta(TenantOwned.Meta):
        verbose_name = "barcode rule"
        verbose_name_plural = "barcode rules"
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                fields=["tenant", "pattern"], name="barcode_rule_pattern_is_unique"
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["tenant", "updated_at", "id"], name="barcode_rule_updated"),
        ]

    def __str__(self) -> str:
        return self.pattern

    def full_clean(self, *args: Any, **kwargs: Any) -> None:
        """Raise `Invalid` for a malformed pattern, and for more decimals than values have."""
        if not is_label_pattern(self.pattern):
            detail = (
                "Enter 13 characters that begin with a digit, with one group of I and one of V. "
                "C may only be the last one."
            )
            raise Invalid.field("pattern", detail, code="invalid_pattern")
        if (self.value_decimals or 0) > self.max_decimals:
            detail = f"At most {self.max_decimals} decimals."
            raise Invalid.field("value_decimals", detail, code="max_decimal_places")
        super().full_clean(*args, **kwargs)

    @property
    def max_decimals(self) -> int:
        """Return the decimals of a quantity or of the currency, which are also the default."""
        is_weight = self.kind == self.Kind.WEIGHT
        return QUANTITY_DECIMALS if is_weight else current_tenant().currency_exponent

    @property
    def decimals(self) -> int:
        return self.max_decimals if self.value_decimals is None else self.value_decimals

    def read(self, code: str) -> Label | None:
        """Return what the code says as a label, or None if it does not match."""
        return read_label(code, self.pattern, LabelKind(self.kind), self.decimals)


class BarcodeKeys:
    """What barcodes are compared by in a shop: their GTIN, unless a rule reads them as labels.

    Codes that match a rule keep their text as key, so that their other spellings are other codes.
    """

    def __init__(self, rules: Sequence[BarcodeRule]) -> None:
        self.rules = rules

    def build(self, code: str) -> str:
        """Return the key of a barcode."""
        text = normalize_code(code)
        is_label = may_be_label(text) and any(rule.read(text) for rule in self.rules)
        return text if is_label else build_key(text)


def read_by_rules(rules: Sequence[BarcodeRule], code: str) -> Label | None:
    """Return what the code says by the rule with the highest priority, the oldest of equal ones."""
    for rule in sorted(rules, key=lambda each: (-each.priority, each.pk)):
        if label := rule.read(code):
            return label
    return None
