"""Buttons on a user's page: confirmation page, then a call of a service."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from rest_framework.serializers import Serializer

from accounts.admin.forms import validate_input
from accounts.models import User
from accounts.serializers.pins import PinInput
from accounts.services.pins import set_pin
from accounts.services.users import end_sessions_of_user, reset_password, set_activation
from tenants.exceptions import DomainError


@dataclass(frozen=True)
class UserAction:
    """Button on a user's page. `perform` may return a temporary password to show once."""

    label: str
    question: str
    perform: Callable[..., str | None]
    success: str
    # Whether it is shown for this user.
    applies_to: Callable[[User], bool] = lambda user: True
    # Serializer of a secret that must be entered.
    input: type[Serializer[Any]] | None = None


def activate(*, user_id: uuid.UUID, by: User) -> None:
    set_activation(user_id=user_id, active=True, by=by)


def deactivate(*, user_id: uuid.UUID, by: User) -> None:
    set_activation(user_id=user_id, active=False, by=by)


def is_active(user: User) -> bool:
    return user.is_active


USER_ACTIONS = {
    "reset-password": UserAction(
        label="Reset password",
        question="Create a temporary password? All sessions of this user end now, and they must "
        "choose a new password at the next log-in.",
        perform=reset_password,
        success="now has a temporary password.",
    ),
    "pin": UserAction(
        label="Set PIN",
        question="The PIN is for log-in at paired terminals. Let the user enter it.",
        perform=set_pin,
        success="now has a new PIN.",
        applies_to=is_active,
        input=PinInput,
    ),
    "end-sessions": UserAction(
        label="End sessions",
        question="End all sessions of this user on all devices? They can log in again.",
        perform=end_sessions_of_user,
        success="was logged out on all devices.",
        applies_to=is_active,
    ),
    "deactivate": UserAction(
        label="Deactivate",
        question="Deactivate this user and end all their sessions?",
        perform=deactivate,
        success="was deactivated.",
        applies_to=is_active,
    ),
    "activate": UserAction(
        label="Activate",
        question="Allow this user to log in again?",
        perform=activate,
        success="was activated.",
        applies_to=lambda user: not user.is_active,
    ),
}


class UserActionsMixin:
    """Buttons of a user's page and their confirmation pages."""

    change_form_template = "admin/shop/user.html"

    def get_urls(self: Any) -> list[Any]:
        view = self.admin_site.admin_view(self.action_view)
        name = f"{self.opts.app_label}_{self.opts.model_name}_action"
        pages = [
            path(f"<uuid:pk>/{action}/", view, {"action": action}, name) for action in USER_ACTIONS
        ]
        return [*pages, *super().get_urls()]

    def change_view(
        self: Any,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: Any = None,
    ) -> HttpResponse:
        person = self.get_object(request, object_id)
        buttons = self.buttons(request.user, person) if person else []
        context = {"buttons": buttons} | (extra_context or {})
        response: HttpResponse = super().change_view(request, object_id, form_url, context)
        return response

    def buttons(self: Any, by: User, person: User) -> list[tuple[str, str]]:
        if not by.may_manage(person):
            return []
        return [
            (action.label, f"../{name}/")
            for name, action in USER_ACTIONS.items()
            if action.applies_to(person)
        ]

    def action_view(self: Any, request: Any, pk: Any, action: str) -> HttpResponse:
        person = self.get_object(request, str(pk))
        if person is None:
            raise Http404
        if not request.user.may_manage(person):
            raise PermissionDenied
        if request.method == "POST":
            return self.perform_action(request, person, USER_ACTIONS[action])
        return self.render_confirmation(request, person, USER_ACTIONS[action])

    def perform_action(self: Any, request: Any, person: User, action: UserAction) -> HttpResponse:
        try:
            given = {}
            if action.input:
                reader = action.input()
                entered = {name: request.POST.get(name, "") for name in map(str, reader.fields)}
                given = validate_input(reader, entered)
            password = action.perform(user_id=person.pk, by=request.user, **given)
        except DomainError as refusal:
            return self.render_confirmation(request, person, action, refusal=refusal)
        if password is not None:
            return self.render_temporary_password(request, person, password)
        messages.success(request, f"{person} {action.success}")
        return HttpResponseRedirect(self.get_user_url(person))

    def render_confirmation(
        self: Any,
        request: Any,
        person: User,
        action: UserAction,
        refusal: DomainError | None = None,
    ) -> HttpResponse:
        errors = [error.detail for error in refusal.errors] or [str(refusal)] if refusal else []
        return self.render_user_page(
            request, "admin/shop/confirmation.html", person, action=action, errors=errors
        )

    def render_temporary_password(
        self: Any, request: Any, person: User, password: str
    ) -> HttpResponse:
        """Show the temporary password once; it is not stored in a message or log."""
        template = "admin/shop/temporary_password.html"
        return self.render_user_page(request, template, person, password=password)

    def render_user_page(
        self: Any, request: Any, template: str, person: User, **facts: Any
    ) -> HttpResponse:
        request.current_app = self.admin_site.name
        context = self.admin_site.each_context(request) | {
            "title": str(person),
            "opts": self.opts,
            "person": person,
            "page": self.get_user_url(person),
            **facts,
        }
        return TemplateResponse(request, template, context)

    def get_user_url(self: Any, person: User) -> str:
        name = f"{self.admin_site.name}:{self.opts.app_label}_{self.opts.model_name}_change"
        return reverse(name, args=[person.pk])
