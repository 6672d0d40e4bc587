"""What is done to one person at the push of a button: asked once more, done by a service."""

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
    """A button on a person's page. What `done` returns is a password, to be shown once."""

    label: str
    question: str
    done: Callable[..., str | None]
    told: str
    # On whose page it stands.
    fits: Callable[[User], bool] = lambda user: True
    # What has to be typed, read as the API reads it; it is a secret and not shown again.
    asks: type[Serializer[Any]] | None = None


def activate(*, user: User, by: User) -> None:
    set_activation(user=user, active=True, by=by)


def deactivate(*, user: User, by: User) -> None:
    set_activation(user=user, active=False, by=by)


def is_active(user: User) -> bool:
    return user.is_active


USER_ACTIONS = {
    "reset-password": UserAction(
        label="Reset password",
        question="Make a temporary password? Every log-in of this person ends at once, and they "
        "have to choose a password of their own when they come in.",
        done=reset_password,
        told="has a temporary password.",
    ),
    "pin": UserAction(
        label="Set PIN",
        question="The PIN lets this person in at paired terminals. Let them type it themselves.",
        done=set_pin,
        told="has another PIN.",
        fits=is_active,
        asks=PinInput,
    ),
    "end-sessions": UserAction(
        label="End log-ins",
        question="End whatever this person has open, on every device? They may log in again.",
        done=end_sessions_of_user,
        told="is logged out everywhere.",
        fits=is_active,
    ),
    "deactivate": UserAction(
        label="Deactivate",
        question="Keep this person out, at once and on every device?",
        done=deactivate,
        told="may not log in any more.",
        fits=is_active,
    ),
    "activate": UserAction(
        label="Let in again",
        question="Let this person log in again?",
        done=activate,
        told="may log in again.",
        fits=lambda user: not user.is_active,
    ),
}


class UserActionsMixin:
    """The buttons of a person's page, and the page behind each that asks once more."""

    change_form_template = "admin/shop/person.html"

    def get_urls(self: Any) -> list[Any]:
        view = self.admin_site.admin_view(self.action_view)
        name = f"{self.opts.app_label}_{self.opts.model_name}_deed"
        pages = [path(f"<uuid:pk>/{deed}/", view, {"deed": deed}, name) for deed in USER_ACTIONS]
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
            (deed.label, f"../{name}/") for name, deed in USER_ACTIONS.items() if deed.fits(person)
        ]

    def action_view(self: Any, request: Any, pk: Any, deed: str) -> HttpResponse:
        person = self.get_object(request, str(pk))
        if person is None:
            raise Http404
        if not request.user.may_manage(person):
            raise PermissionDenied
        if request.method == "POST":
            return self.do(request, person, USER_ACTIONS[deed])
        return self.render_confirmation(request, person, USER_ACTIONS[deed])

    def do(self: Any, request: Any, person: User, deed: UserAction) -> HttpResponse:
        try:
            typed = (
                validate_input(deed.asks(), read_post_fields(deed.asks, request))
                if deed.asks
                else {}
            )
            password = deed.done(user=person, by=request.user, **typed)
        except DomainError as refusal:
            return self.render_confirmation(request, person, deed, refusal=refusal)
        if password is not None:
            return self.render_temporary_password(request, person, password)
        messages.success(request, f"{person} {deed.told}")
        return HttpResponseRedirect(self.page_of(person))

    def render_confirmation(
        self: Any, request: Any, person: User, deed: UserAction, refusal: DomainError | None = None
    ) -> HttpResponse:
        wrong = [error.detail for error in refusal.errors] or [str(refusal)] if refusal else []
        return self.render_user_page(
            request, "admin/shop/question.html", person, deed=deed, wrong=wrong
        )

    def render_temporary_password(
        self: Any, request: Any, person: User, password: str
    ) -> HttpResponse:
        """The one answer that holds the password: kept by no cache, no message and no log."""
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
            "page": self.page_of(person),
            **facts,
        }
        return TemplateResponse(request, template, context)

    def page_of(self: Any, person: User) -> str:
        name = f"{self.admin_site.name}:{self.opts.app_label}_{self.opts.model_name}_change"
        return reverse(name, args=[person.pk])


def read_post_fields(kind: type[Serializer[Any]], request: HttpRequest) -> dict[str, str]:
    return {name: request.POST.get(name, "") for name in map(str, kind().fields)}
