"""E-mail addresses: validation and normalization, for every field that accepts one.

A domain with a dot, in ASCII (international names as punycode), and no address literal: a shop
writes to people on the internet. A local part beyond ASCII only where `EMAIL_SMTPUTF8` says that
the mail server takes it (RFC 6531).
"""

import re
import unicodedata
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models

MAX_LENGTH = 254
# RFC 5321, section 4.5.3.1.1: in octets.
MAX_LOCAL_PART = 64
# RFC 5322: dot-atom. Quoted local parts exist, but no mailbox has one.
ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\u0080-\U0010ffff-]+"
LOCAL_PART = re.compile(rf"{ATOM}(?:\.{ATOM})*")
LABEL = r"(?!-)[a-z0-9-]{1,63}(?<!-)"
DOMAIN = re.compile(rf"(?:{LABEL}\.)+(?:[a-z]{{2,63}}|xn--[a-z0-9-]{{1,58}}[a-z0-9])")
# The standard library implements IDNA 2003, which maps these differently from browsers today.
AMBIGUOUS = frozenset("\u00df\u03c2\u200c\u200d")
INVALID = "Enter an e-mail address such as ann@shop.example."
NO_SMTPUTF8 = "The mail server accepts only ASCII characters before the @. Use another address."
CODES = {"invalid": INVALID, "smtputf8_unavailable": NO_SMTPUTF8}


def normalize_email(address: str) -> str:
    """Return the address as it is stored: its domain in lower case and ASCII, the rest as given.

    Raises ValidationError with one of the CODES.
    """
    local, at, domain = unicodedata.normalize("NFC", address).rpartition("@")
    normalized = f"{local}@{ascii_domain(domain)}"
    if (
        not at
        or LOCAL_PART.fullmatch(local) is None
        or not all(c.isascii() or (c.isprintable() and not c.isspace()) for c in local)
        or len(local.encode()) > MAX_LOCAL_PART
        or len(normalized) > MAX_LENGTH
    ):
        raise ValidationError(INVALID, code="invalid")
    if not local.isascii() and not settings.EMAIL_SMTPUTF8:
        raise ValidationError(NO_SMTPUTF8, code="smtputf8_unavailable")
    return normalized


def ascii_domain(domain: str) -> str:
    try:
        name = domain.encode("idna").decode("ascii").lower()
    except UnicodeError as error:
        raise ValidationError(INVALID, code="invalid") from error
    if AMBIGUOUS & set(domain) or DOMAIN.fullmatch(name) is None:
        raise ValidationError(INVALID, code="invalid")
    return name


class EmailAddressField(models.EmailField):  # type: ignore[type-arg]  # not generic at run time
    """A model field for addresses; validating a row normalizes them."""

    default_validators: list[Any] = []

    def clean(self, value: Any, model_instance: Any) -> Any:
        value = self.to_python(value)
        return super().clean(normalize_email(value) if value else value, model_instance)

    def formfield(self, **kwargs: Any) -> Any:
        """Return a form field without Django's own e-mail rule, which differs."""
        return models.CharField.formfield(
            self, **{"form_class": forms.CharField, "widget": forms.EmailInput, **kwargs}
        )

    def deconstruct(self) -> Any:
        name, _, args, kwargs = super().deconstruct()
        return name, "django.db.models.EmailField", args, kwargs
