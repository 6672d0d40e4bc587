"""Receipt profiles: what the receipts of a store say about the shop, and how they are printed."""

from typing import Any, ClassVar, Self

from django.db import models
from django.db.models import Exists, OuterRef

from accounts.models import User, build_store_filter
from tenants.models import Store, TenantManager, TenantOwned, TenantQuerySet


class ReceiptProfileQuerySet(TenantQuerySet["ReceiptProfile"]):
    def visible_to(self, user: User) -> Self:
        """Filter by the stores in which the user works."""
        return self.filter(build_store_filter(user))

    def current(self, value: bool) -> Self:
        """Filter by whether it is the newest version of its store."""
        newest = Exists(Store.objects.filter(pk=OuterRef("store"), receipt_profile=OuterRef("pk")))
        return self.filter(newest if value else ~newest)


class ReceiptProfile(TenantOwned):
    """A version of the receipt profile of a store; `version` counts the versions of the store.

    Receipts name the version that they were issued with, and the hash chain contains its hash.
    Database triggers refuse changes and deletions.
    """

    class Language(models.TextChoices):
        EN = "en", "English"
        DE = "de", "German"
        FR = "fr", "French"
        ES = "es", "Spanish"
        IT = "it", "Italian"
        NL = "nl", "Dutch"
        PL = "pl", "Polish"
        PT = "pt", "Portuguese"

    class Paper(models.IntegerChoices):
        MM_80 = 80, "80 mm"
        MM_58 = 58, "58 mm"

    store = models.ForeignKey(
        Store, on_delete=models.PROTECT, related_name="receipt_profiles", db_index=False
    )
    legal_name = models.CharField(max_length=200)
    address = models.TextField(max_length=500, blank=True)
    # [{label, number}]; a number without a label has the label "Tax number".
    tax_numbers = models.JSONField(default=list, blank=True)
    # Lines below the address, and below the payments.
    header = models.JSONField(default=list, blank=True)
    footer = models.JSONField(default=list, blank=True)
    return_policy = models.TextField(max_length=1000, blank=True)
    # A PNG image.
    logo = models.BinaryField(null=True, blank=True)
    # SHA-256 of the logo; blank without one.
    logo_hash = models.CharField(max_length=64, blank=True, editable=False)
    language = models.CharField(max_length=2, choices=Language, default=Language.EN)
    paper_mm = models.PositiveSmallIntegerField(
        choices=Paper, default=Paper.MM_80, verbose_name="paper width"
    )
    code_page = models.CharField(max_length=20, default="pc858")
    drawer_pulse = models.BooleanField(
        default=False,
        verbose_name="open the drawer",
        help_text="Receipts of cash sales and cash refunds open the drawer at the printer.",
    )
    hash = models.CharField(max_length=64, editable=False)

    objects = TenantManager.from_queryset(ReceiptProfileQuerySet)()  # type: ignore[assignment, misc]

    class Meta(TenantOwned.Meta):
        verbose_name = "receipt profile"
        verbose_name_plural = "receipt profiles"
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                fields=["tenant", "store", "version"], name="receipt_profile_version_is_unique"
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["tenant", "-created_at", "-id"], name="receipt_profile_by_time"),
        ]

    def __str__(self) -> str:
        return f"Version {self.version}"
