"""Products, barcodes, categories and tax classes."""

import unicodedata
from decimal import Decimal
from fractions import Fraction
from typing import Any, ClassVar, Self

from django.core.validators import MinValueValidator, RegexValidator
from django.db import models
from django.db.models import Prefetch, Q

from orders.codes import build_key, normalize_plu
from orders.models.columns import QUANTITY_DECIMALS, money_column, quantity_column
from orders.models.search_text import SearchTextField
from orders.models.variant_options import Options, OptionsKeyField, fold_option_names
from orders.money import ContentUnit, TaxRate, build_tax_rate, round_to
from tenants.exceptions import FieldError, Invalid
from tenants.models import ExternalReference, TenantManager, TenantOwned, TenantQuerySet


def normalize_code(code: str) -> str:
    """Return a SKU or barcode in NFKC, without format characters and outer blanks."""
    if code.isascii():
        return code.strip()
    visible = "".join(char for char in code if unicodedata.category(char) != "Cf")
    return unicodedata.normalize("NFKC", visible).strip()


def build_barcode_key(code: str) -> str:
    """Return what a barcode is compared by: equal for all spellings of a GTIN."""
    return build_key(normalize_code(code))


MAX_SKU_LENGTH = 64
MAX_PLU_LENGTH = 12
# Source: the international avoirdupois pound.
KILOGRAMS_PER_POUND = Decimal("0.45359237")


class BarcodeKeyField(models.CharField):  # type: ignore[type-arg]  # no generic when run
    """Column that is computed from the code, unless the key of a label was set: `BarcodeKeys`."""

    def pre_save(self, model_instance: Any, add: bool) -> str:
        if model_instance.key is None:
            setattr(model_instance, self.attname, build_barcode_key(model_instance.code))
        key: str = model_instance.key
        return key


class SoldByUnitOrWeight:
    """Quantity rule of products and order lines: whole numbers if sold by the unit."""

    name: Any
    sold_by: Any

    def find_quantity_error(self, quantity: Decimal, field: str) -> FieldError | None:
        """Return the error for a fraction of a product that is sold by the unit."""
        if self.sold_by != Product.SoldBy.UNIT or quantity % 1 == 0:
            return None
        detail = f"{self.name} is sold by the piece. Enter a whole number."
        return FieldError(field, "not_whole", detail)

    def ensure_whole_units(self, quantity: Decimal, field: str = "quantity") -> None:
        """Raise `Invalid` for a fraction of a product that is sold by the unit."""
        if error := self.find_quantity_error(quantity, field):
            raise Invalid(errors=(error,))


class TaxClass(TenantOwned):
    """A set of tax rates for products, in the order of their computation."""

    name = models.CharField(max_length=100)
    # JSON, because rates are always used as a whole and copied into each order line.
    rates = models.JSONField(default=list, blank=True)

    class Meta(TenantOwned.Meta):
        verbose_name_plural = "tax classes"
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["tenant", "name"], name="tax_class_name_is_unique"),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["tenant", "updated_at", "id"], name="tax_class_updated"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def tax_rates(self) -> tuple[TaxRate, ...]:
        return tuple(
            [
                build_tax_rate(rate["name"], rate["percent"], rate["included"], rate["compound"])
                for rate in self.rates
            ]
        )


class Category(TenantOwned):
    """A category of products."""

    name = models.CharField(max_length=100)

    class Meta(TenantOwned.Meta):
        verbose_name_plural = "categories"
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["tenant", "name"], name="category_name_is_unique"),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["tenant", "updated_at", "id"], name="category_updated"),
        ]

    def __str__(self) -> str:
        return self.name


class ProductQuerySet(TenantQuerySet["Product"]):
    def with_barcodes(self) -> Self:
        return self.prefetch_related(Prefetch("barcodes", to_attr="loaded_barcodes"))


class Product(SoldByUnitOrWeight, ExternalReference, TenantOwned):
    """A product of the shop."""

    class SoldBy(models.TextChoices):
        UNIT = "unit", "Unit"
        WEIGHT = "weight", "Weight"

    class WeightUnit(models.TextChoices):
        KG = "kg", "Kilograms"
        LB = "lb", "Pounds"

    sku = models.CharField("SKU", max_length=MAX_SKU_LENGTH)
    name = models.CharField(max_length=200)
    price = money_column(validators=[MinValueValidator(Decimal(0))])
    tax_class = models.ForeignKey(
        TaxClass, on_delete=models.PROTECT, null=True, blank=True, related_name="products"
    )
    category = models.ForeignKey(
        Category, on_delete=models.PROTECT, null=True, blank=True, related_name="products"
    )
    sold_by = models.CharField(max_length=6, choices=SoldBy, default=SoldBy.UNIT)
    open_price = models.BooleanField(
        default=False, help_text="The cashier types the price, such as for a service."
    )
    track_stock = models.BooleanField(default=True)
    is_active = models.BooleanField(default=True)
    weight_unit = models.CharField(
        max_length=2,
        choices=WeightUnit,
        default=WeightUnit.KG,
        db_default="kg",
        help_text="Unit of its quantities, if it is sold by weight.",
    )
    # Null, because each shop has many products without one.
    plu = models.CharField(  # noqa: DJ001
        "PLU",
        max_length=MAX_PLU_LENGTH,
        null=True,
        blank=True,
        validators=[RegexValidator(r"\A[0-9]+\Z", "Enter digits only.", code="not_digits")],
        help_text="Number of the product on scales and their labels, without leading zeros.",
    )
    deposit = models.ForeignKey(
        "self",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
        help_text="The product that is charged with every unit, such as the deposit of a bottle.",
    )
    returnable = models.BooleanField(
        default=False,
        db_default=False,
        help_text="Customers bring it back for its price, such as an empty bottle.",
    )
    cost = money_column(
        null=True,
        blank=True,
        validators=[MinValueValidator(Decimal(0))],
        help_text="What the shop pays for one unit. Cashiers do not see it.",
    )
    content = quantity_column(
        null=True, blank=True, help_text="What one unit contains, for the unit price on labels."
    )
    # Null, because most products have none.
    content_unit = models.CharField(  # noqa: DJ001
        max_length=5,
        choices=[(unit.value, unit.value) for unit in ContentUnit],
        null=True,
        blank=True,
    )
    # Ids in their order, null without any. JSON, because a sale reads them with the product.
    modifier_lists = models.JSONField(null=True, blank=True)
    parent = models.ForeignKey(
        "self",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="variants",
        db_index=False,
        help_text="The product that this is a variant of.",
    )
    # Pairs of name and value; null for products that are no variant.
    options = models.JSONField(null=True, blank=True)
    options_key = OptionsKeyField(max_length=32, null=True, editable=False)
    # Stored, so that sales need not look for variants.
    has_variants = models.BooleanField(default=False, db_default=False, editable=False)
    # The hash, width and height of its image; null without one. The bytes are in `ProductImage`.
    image = models.JSONField(null=True, editable=False)
    search_text = SearchTextField(editable=False, blank=True)

    objects = TenantManager.from_queryset(ProductQuerySet)()  # type: ignore[assignment, misc]

    class Meta(TenantOwned.Meta):
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["tenant", "sku"], name="product_sku_is_unique"),
            # Partial, so that no query of other products takes it for their shop's.
            models.UniqueConstraint(
                fields=["tenant", "plu"],
                condition=Q(plu__isnull=False),
                name="product_plu_is_unique",
            ),
            models.UniqueConstraint(
                fields=["tenant", "external_id"],
                condition=Q(external_id__isnull=False),
                name="product_external_id_is_unique",
            ),
            models.CheckConstraint(condition=Q(price__gte=0), name="product_price_is_not_negative"),
            models.CheckConstraint(
                condition=Q(cost__isnull=True) | Q(cost__gte=0),
                name="product_cost_is_not_negative",
            ),
            models.CheckConstraint(
                condition=Q(content__isnull=True, content_unit__isnull=True)
                | Q(content__gt=0, content_unit__isnull=False),
                name="product_content_has_a_unit",
            ),
            # Also the index of the variants of a product.
            models.UniqueConstraint(
                fields=["tenant", "parent", "options_key"],
                condition=Q(parent__isnull=False),
                name="variant_options_are_unique",
            ),
            models.CheckConstraint(
                condition=Q(parent__isnull=True, options_key__isnull=True)
                | Q(parent__isnull=False, options_key__isnull=False, has_variants=False),
                name="variant_has_options",
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["tenant", "name", "id"], name="product_by_name"),
            models.Index(fields=["tenant", "price", "id"], name="product_by_price"),
            models.Index(fields=["tenant", "updated_at", "id"], name="product_updated"),
            models.Index(
                fields=["tenant", "deposit"],
                condition=Q(deposit__isnull=False),
                name="product_by_deposit",
            ),
        ]

    def convert_weight(self, weight: Decimal, unit: str) -> Decimal:
        """Return a weight in the unit of the product, in thousandths."""
        if unit == self.weight_unit:
            return round_to(weight, QUANTITY_DECIMALS)
        factor = Fraction(KILOGRAMS_PER_POUND)
        exact = Fraction(weight) * (factor if unit == self.WeightUnit.LB else 1 / factor)
        return round_to(exact, QUANTITY_DECIMALS)

    @property
    def modifier_list_ids(self) -> list[str]:
        """Return the ids of its modifier lists, in the order in which they are offered."""
        return self.modifier_lists or []

    def find_returnable_error(self, *, has_deposit: bool | None = None) -> FieldError | None:
        """Return the error for a returnable product with an open price, deposit or modifiers."""
        has_deposit = self.deposit_id is not None if has_deposit is None else has_deposit
        if self.returnable and self.open_price:
            detail = "A returnable product needs a fixed price."
            return FieldError("returnable", "price_not_fixed", detail)
        if self.returnable and has_deposit:
            detail = "A returnable product cannot have a deposit."
            return FieldError("returnable", "has_deposit", detail)
        if self.returnable and self.modifier_lists:
            detail = "A returnable product cannot have modifiers."
            return FieldError("returnable", "has_modifiers", detail)
        return None

    def find_quantity_sign_error(self, quantity: Decimal, field: str) -> FieldError | None:
        """Return the error for a negative quantity, unless the product is brought back."""
        if self.returnable and quantity > 0:
            detail = f"{self.name} is taken back. Enter a negative quantity."
            return FieldError(field, "not_negative", detail)
        if quantity < 0 and not self.returnable:
            return FieldError(field, "invalid", "Must be greater than zero.")
        return None

    @property
    def is_on_sale(self) -> bool:
        return self.is_active and not self.has_variants

    @property
    def has_own_stock(self) -> bool:
        """Return whether its sales take stock. Empties are not stock of the shop: it sells none."""
        return self.track_stock and not self.returnable and not self.has_variants

    def find_content_error(self) -> FieldError | None:
        """Return the error for a content without its unit, or a unit without a content."""
        if self.content is not None and not self.content_unit:
            return FieldError("content_unit", "required", "Enter the unit of the content.")
        if self.content_unit and self.content is None:
            return FieldError("content", "required", "Enter the content in this unit.")
        return None

    def find_variant_error(self) -> FieldError | None:
        """Return the error for a parent that this product cannot have, or for its options."""
        if self.parent is None:
            detail = "Only variants have options. Enter the parent."
            return FieldError("options", "no_parent", detail) if self.options else None
        if not self.options:
            return FieldError("options", "required", "Enter the options of the variant.")
        if self.parent.pk == self.pk:
            detail = "A product cannot be a variant of itself."
            return FieldError("parent", "same_product", detail)
        if self.parent.parent_id:
            detail = f"{self.parent.name} is a variant itself. Choose its parent."
            return FieldError("parent", "is_variant", detail)
        if self.has_variants:
            detail = "This product has variants and cannot become one."
            return FieldError("parent", "has_variants", detail)
        return None

    def find_option_names_error(self, options: Options) -> FieldError | None:
        """Return the error for other names of options than another variant has."""
        if fold_option_names(self.options or ()) == fold_option_names(options):
            return None
        names = ", ".join(name for name, _ in options)
        detail = f"The other variants have these options: {names}. Enter the same ones."
        return FieldError("options", "other_options", detail)

    def find_deposit_error(self) -> FieldError | None:
        """Return the error for a deposit that this product cannot have."""
        if self.deposit is None:
            return None
        if self.deposit.pk == self.pk:
            return FieldError("deposit", "same_product", "A product cannot be its own deposit.")
        if error := self.deposit.find_error_as_deposit():
            return error
        if self.sold_by != self.SoldBy.UNIT:
            detail = "Only products that are sold by the unit can have a deposit."
            return FieldError("deposit", "not_by_unit", detail)
        return None

    def find_error_as_deposit(self) -> FieldError | None:
        """Return the error for this product as the deposit of another one."""
        if self.deposit_id:
            detail = f"{self.name} has a deposit itself. Choose another product."
            return FieldError("deposit", "has_deposit", detail)
        if self.returnable:
            detail = f"{self.name} is returnable. Choose the product that is charged."
            return FieldError("deposit", "is_returnable", detail)
        if self.has_variants:
            detail = f"{self.name} has variants. Choose one of them."
            return FieldError("deposit", "has_variants", detail)
        return None

    def ensure_stock_quantity(self, quantity: Decimal) -> None:
        """Raise `Invalid` unless stock is tracked and units are whole.

        A product that became a parent can be counted as zero, for what returns or races left.
        """
        if not self.track_stock:
            raise Invalid.field(
                "product", "Stock is not tracked for this product.", code="not_tracked"
            )
        if self.has_variants and quantity:
            detail = f"{self.name} has variants, which have the stock. Choose one of them."
            raise Invalid.field("product", detail, code="has_variants")
        self.ensure_whole_units(quantity)

    # Set by `with_barcodes`.
    loaded_barcodes: list["Barcode"]

    @property
    def barcode_codes(self) -> list[str]:
        return [barcode.code for barcode in self.loaded_barcodes]

    def __str__(self) -> str:
        return self.name

    def clean_fields(self, exclude: Any = None) -> None:
        self.sku = normalize_code(self.sku)
        self.content_unit = self.content_unit or None
        self.plu = normalize_plu(normalize_code(self.plu or "")) or None
        super().clean_fields(exclude=exclude)

    def save_changes(self, *fields: str) -> None:
        searched = ("search_text",) if {"name", "sku"} & set(fields) else ()
        keyed = ("options_key",) if "options" in fields else ()
        super().save_changes(*fields, *searched, *keyed)

    @property
    def tax_rates(self) -> tuple[TaxRate, ...]:
        taxes = self.tax_class
        return taxes.tax_rates if taxes else ()

    @property
    def deposit_tax_rates(self) -> tuple[TaxRate, ...]:
        """Return the rates of its deposit: those of the deposit's own tax class, if it has one."""
        deposit = self.deposit
        return deposit.tax_rates if deposit and deposit.tax_class_id else self.tax_rates


class Barcode(TenantOwned):
    """A barcode of a product: `code` as it was entered, and the `key` it is compared by."""

    product = models.ForeignKey(Product, on_delete=models.CASCADE, related_name="barcodes")
    code = models.CharField(max_length=64)
    # One longer than a code, and null where an older version saved it: see `fill_barcode_keys`.
    key = BarcodeKeyField(max_length=65, null=True, editable=False)

    class Meta(TenantOwned.Meta):
        ordering: ClassVar[list[str]] = ["code"]
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["tenant", "key"], name="barcode_key_is_unique"),
        ]

    def __str__(self) -> str:
        return self.code

    def clean_fields(self, exclude: Any = None) -> None:
        self.code = normalize_code(self.code)
        super().clean_fields(exclude=exclude)
