"""The form of the shop's pages: the last step of its validation is the deed itself."""

from collections.abc import Iterator, Mapping
from datetime import time
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import models
from rest_framework.exceptions import ValidationError as InvalidInput

from accounts.models import User
from tenants.api.serializers import flatten_errors
from tenants.exceptions import DomainError, FieldError, Invalid, VersionConflict

if TYPE_CHECKING:
    from accounts.admin.pages import ShopAdmin

STALE_MESSAGE = (
    "Somebody has changed this since you opened the page. Nothing of yours was saved: "
    "open the page again, and repeat what is still needed."
)


class ServiceForm(forms.ModelForm):
    """Does through a service what it is about, so that a refusal is an error of the form.

    What was typed is read by the same class as the API's input: one spelling of an amount, one
    set of foreign keys, the shop's own.
    """

    page: ClassVar["ShopAdmin"]
    by: ClassVar[User]
    # Of the row as it was shown; a change of what somebody else changed meanwhile is refused.
    expected_version = forms.IntegerField(widget=forms.HiddenInput, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.is_new:
            del self.fields["expected_version"]
        else:
            self.initial["expected_version"] = self.instance.version

    @property
    def is_new(self) -> bool:
        return self.instance._state.adding

    def _post_clean(self) -> None:
        """In the place of Django's checks of the model: the services make them."""
        if self.errors:
            return
        try:
            self.instance = self.done()
        except DomainError as refusal:
            self.refuse(refusal)
        except ValidationError as error:
            self.refuse(Invalid(errors=tuple(list_model_errors(error))))

    def done(self) -> Any:
        expected = self.cleaned_data.get("expected_version")
        given = self.page.read(self.cleaned_data, partial=not self.is_new)
        if self.is_new:
            return self.page.add(given, by=self.by)
        if expected is None:
            raise VersionConflict(current=self.instance.version)
        return self.page.change(self.instance, given, expected_version=expected, by=self.by)

    def refuse(self, refusal: DomainError) -> None:
        if isinstance(refusal, VersionConflict):
            self.add_error(None, ValidationError(STALE_MESSAGE, code=refusal.code))
            return
        for error in refusal.errors:
            self.add_error_at(error.field, error.detail, error.code)
        if not refusal.errors:
            field = self.page.fields_of_errors.get(refusal.code, "")
            self.add_error_at(field, str(refusal), refusal.code)

    def add_error_at(self, path: str, detail: str, code: str) -> None:
        """Beside the field that it is about; of a part of a field it says which."""
        field = path.replace("[", ".").partition(".")[0]
        words = f"{path}: {detail}" if path != field else detail
        self.add_error(field if field in self.fields else None, ValidationError(words, code=code))


def validate_input(reader: Any, given: Mapping[str, Any]) -> dict[str, Any]:
    """What the serializer makes of it; its errors are those of one of our own inputs."""
    try:
        return dict(reader.run_validation({name: to_json_value(given[name]) for name in given}))
    except InvalidInput as error:
        raise Invalid(errors=tuple(flatten_errors(error.detail))) from error


def to_json_value(value: Any) -> Any:
    """As a client would send it."""
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, time):
        return f"{value:%H:%M}"
    return str(value.pk) if isinstance(value, models.Model) else value


def list_model_errors(error: ValidationError) -> Iterator[FieldError]:
    """What `full_clean` found, in words that do not speak of tenants."""
    for name, found in error.error_dict.items() if hasattr(error, "error_dict") else ():
        for each in found:
            yield build_model_error("" if name == NON_FIELD_ERRORS else name, each)


def build_model_error(name: str, error: Any) -> FieldError:
    if error.code in {"unique", "unique_together"}:
        *_, name = [part for part in error.params["unique_check"] if part != "tenant"]
        return FieldError(name, "unique", f"There is one with this {name} already.")
    return FieldError(name, error.code or "invalid", " ".join(error.messages))
