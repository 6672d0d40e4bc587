"""Form of admin pages that saves through a service as the last step of its validation."""

from collections.abc import Mapping
from datetime import time
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.db import models
from rest_framework.exceptions import ValidationError as InvalidInput

from accounts.models import User
from tenants.api.serializers import flatten_errors, list_model_errors
from tenants.exceptions import DomainError, Invalid, VersionConflict

if TYPE_CHECKING:
    from accounts.admin.pages import ShopAdmin

STALE_MESSAGE = (
    "Someone else has changed this since you opened the page. "
    "Your changes were not saved. Reload the page and enter them again."
)


class ServiceForm(forms.ModelForm):
    """Model form that saves through a service, so that domain errors become form errors.

    Input is validated by the API's serializer, so that both accept the same values.
    """

    page: ClassVar["ShopAdmin"]
    by: ClassVar[User]
    # Version of the row when the page was opened; detects concurrent changes.
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
        """Save through the service instead of validating the model; the service validates."""
        if self.errors:
            return
        try:
            self.instance = self.save_through_service()
        except DomainError as refusal:
            self.add_domain_error(refusal)
        except ValidationError as error:
            self.add_domain_error(Invalid(errors=tuple(list_model_errors(error))))

    def save_through_service(self) -> Any:
        expected = self.cleaned_data.get("expected_version")
        given = self.page.read(self.cleaned_data, partial=not self.is_new)
        if self.is_new:
            return self.page.add(given, by=self.by)
        if expected is None:
            raise VersionConflict(current=self.instance.version)
        return self.page.change(self.instance, given, expected_version=expected, by=self.by)

    def add_domain_error(self, refusal: DomainError) -> None:
        if isinstance(refusal, VersionConflict):
            self.add_error(None, ValidationError(STALE_MESSAGE, code=refusal.code))
            return
        for error in refusal.errors:
            self.add_error_at(error.field, error.detail, error.code)
        if not refusal.errors:
            field = self.page.fields_of_errors.get(refusal.code, "")
            self.add_error_at(field, str(refusal), refusal.code)

    def add_error_at(self, path: str, detail: str, code: str) -> None:
        """Add an error to the field of this path; name the nested part in the message."""
        field = path.replace("[", ".").partition(".")[0]
        message = f"{path}: {detail}" if path != field else detail
        self.add_error(field if field in self.fields else None, ValidationError(message, code=code))


def validate_input(reader: Any, given: Mapping[str, Any]) -> dict[str, Any]:
    """Validate with a serializer and return its data; raises Invalid."""
    try:
        return dict(reader.run_validation({name: to_json_value(given[name]) for name in given}))
    except InvalidInput as error:
        raise Invalid(errors=tuple(flatten_errors(error.detail))) from error


def to_json_value(value: Any) -> Any:
    """Convert a form value to the JSON value that an API client would send."""
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, time):
        return f"{value:%H:%M}"
    return str(value.pk) if isinstance(value, models.Model) else value
