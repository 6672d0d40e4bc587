"""Customers and their groups."""

from datetime import datetime
from typing import Any, ClassVar, Self

from django.db import models
from django.db.models import Q

from orders.exceptions import CustomerIsErased
from orders.models.search_text import plain_words
from tenants.email_addresses import EmailAddressField
from tenants.models import ExternalReference, TenantManager, TenantOwned, TenantQuerySet

MAX_NAME_LENGTH = 100
MAX_PHONE_LENGTH = 32
MAX_TAX_NUMBER_LENGTH = 50
# Digits at the end of a phone number, which it has with and without area or country code.
PHONE_TAIL_LENGTH = 7
MIN_SEARCHED_DIGITS = 5
# Name of an erased customer.
ERASED_NAME = "Erased customer"


def normalize_phone(phone: str) -> str:
    """Return the digits of a phone number without prefixes: `+49 (0)30 123` is `4930123`.

    The zeros of `0049` and of an area code `030` are left out, so that the number is the end of the
    number with country code.
    """
    plain = phone.replace("(0)", "")
    return "".join(sign for sign in plain if sign.isdecimal() and sign.isascii()).lstrip("0")


def list_phone_ends(digits: str) -> list[str]:
    """Return the digits themselves and their ends, at least a number without area code."""
    return [digits[start:] for start in range(max(len(digits) - PHONE_TAIL_LENGTH, 0) + 1)]


class CustomerGroup(TenantOwned):
    """A group of customers, such as members or staff."""

    name = models.CharField(max_length=100)

    class Meta(TenantOwned.Meta):
        verbose_name = "customer group"
        verbose_name_plural = "customer groups"
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                fields=["tenant", "name"], name="customer_group_name_is_unique"
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["tenant", "updated_at", "id"], name="customer_group_updated"),
        ]

    def __str__(self) -> str:
        return self.name


class CustomerQuerySet(TenantQuerySet["Customer"]):
    def with_words(self, text: str) -> Self:
        """Filter by words of the name: each must be the beginning of one, in any order."""
        found = self
        for word in plain_words(text).split():
            found = found.filter(search_text__contains=f" {word}")
        return found

    def with_email(self, address: str) -> Self:
        """Filter by the exact e-mail address, in any case."""
        return self.exclude(email_key="").filter(email_key=address.strip().lower())

    def with_phone(self, phone: str) -> Self:
        """Filter by a phone number, with or without area and country code on either side."""
        digits = normalize_phone(phone)
        if len(digits) < MIN_SEARCHED_DIGITS:
            return self.none()
        same = Q(phone_digits__endswith=digits) | Q(phone_digits__in=list_phone_ends(digits))
        return self.filter(same, phone_tail=digits[-PHONE_TAIL_LENGTH:])

    def locked(self) -> Self:
        return self.select_for_update(no_key=True)


class Customer(ExternalReference, TenantOwned):
    """A person or company that buys at the shop.

    Orders copy the name, e-mail address and tax number.
    """

    name = models.CharField(max_length=MAX_NAME_LENGTH)
    email = EmailAddressField("e-mail address", max_length=254, blank=True)
    phone = models.CharField(max_length=MAX_PHONE_LENGTH, blank=True)
    tax_number = models.CharField(max_length=MAX_TAX_NUMBER_LENGTH, blank=True)
    group = models.ForeignKey(
        CustomerGroup,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
    )
    note = models.TextField(max_length=500, blank=True)
    # Set when the personal data was erased, which cannot be undone.
    erased_at = models.DateTimeField(null=True, blank=True, editable=False)
    # What the search compares; computed at every save.
    search_text = models.TextField(blank=True, editable=False)
    email_key = models.CharField(max_length=254, blank=True, editable=False)
    phone_digits = models.CharField(max_length=MAX_PHONE_LENGTH, blank=True, editable=False)
    phone_tail = models.CharField(max_length=PHONE_TAIL_LENGTH, blank=True, editable=False)

    objects = TenantManager.from_queryset(CustomerQuerySet)()  # type: ignore[assignment, misc]

    class Meta(TenantOwned.Meta):
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                fields=["tenant", "external_id"], name="customer_external_id_is_unique"
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["tenant", "updated_at", "id"], name="customer_updated"),
            models.Index(fields=["tenant", "name", "id"], name="customer_by_name"),
            models.Index(fields=["tenant", "group", "id"], name="customer_by_group"),
            models.Index(
                fields=["tenant", "email_key"],
                condition=~Q(email_key=""),
                name="customer_by_email",
            ),
            models.Index(
                fields=["tenant", "phone_tail"],
                condition=~Q(phone_tail=""),
                name="customer_by_phone",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def audit_name(self) -> str:
        """Return the name in the audit log, which cannot be erased: none."""
        return ""

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save the row with what the search compares."""
        digits = normalize_phone(self.phone)
        computed = {
            "search_text": "" if self.is_erased else f" {plain_words(self.name)}",
            "email_key": self.email.lower(),
            "phone_digits": digits,
            "phone_tail": digits[-PHONE_TAIL_LENGTH:],
        }
        for name, value in computed.items():
            setattr(self, name, value)
        if kwargs.get("update_fields") is not None:
            kwargs["update_fields"] = [*kwargs["update_fields"], *computed]
        super().save(*args, **kwargs)

    @property
    def is_erased(self) -> bool:
        return self.erased_at is not None

    def ensure_not_erased(self) -> None:
        if self.is_erased:
            raise CustomerIsErased

    def erase(self, at: datetime) -> None:
        """Replace all personal data; saves nothing. The group and the id stay."""
        self.erased_at, self.name = at, ERASED_NAME
        self.email = self.phone = self.tax_number = self.note = ""
        self.external_id = self.metadata = None
