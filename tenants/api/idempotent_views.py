"""Base view for idempotent POST requests with the header Idempotency-Key."""

import re
import uuid
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from typing import Any, ClassVar

from django.db import connection, transaction
from django.http import HttpResponse
from django.utils.crypto import salted_hmac
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from tenants import idempotency
from tenants.exceptions import IdempotencyKeyInvalid, IdempotencyKeyRequired
from tenants.models import IdempotencyKey, Tenant
from tenants.scope import tenant_context

HEADER = "HTTP_IDEMPOTENCY_KEY"
SALT = "till.idempotency"
REPLAYED = "Idempotent-Replayed"
KEY_FORMAT = re.compile(r"[\x21-\x7e]{1,255}\Z")
SAVED_HEADERS = ("Content-Type", "ETag", "Location")
# Shown only in the first response, never saved, and null in a replayed response.
SECRETS = frozenset(
    {
        "access",
        "access_token",
        "full_code",
        "pairing_code",
        "refresh",
        "refresh_token",
        "secret",
        "store_credit_codes",
        "temporary_password",
        "terminal_token",
    }
)
Handler = Callable[..., HttpResponse]
Work = Callable[[], HttpResponse]


class IdempotentView(APIView):
    """Runs a POST with an Idempotency-Key once; a retry gets the first response again.

    A key is unique for tenant, user, method and path, and bound to the request body. Errors are
    not saved, since they have no effect: the key may be used again. Secrets are null in a
    replayed response.
    """

    # Actions that move money or stock: they require a key, or an `id` from the client.
    key_required_actions: ClassVar[tuple[str, ...]] = ()
    # Frequent actions that skip the query for the key, because they find a repeated request by
    # its id.
    actions_found_by_id: ClassVar[tuple[str, ...]] = ()
    idempotency_key: IdempotencyKey | None = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if request.method == "POST" and (handler := getattr(self, "post", None)):
            self.post = self.run_once(handler)

    def run_once(self, handler: Handler) -> Handler:
        def run(request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
            self.idempotency_key = self.build_key(request)
            work = partial(handler, request, *args, **kwargs)
            if self.idempotency_key is None:
                self.ensure_key_or_id(request)
                return work()
            run_work = (
                self.run_in_one_transaction
                if self.is_one_transaction
                else self.run_in_several_transactions
            )
            return run_work(self.idempotency_key, work)

        return run

    @property
    def is_one_transaction(self) -> bool:
        """Return whether the view runs in one transaction, in which the key can be saved too."""
        return False

    @property
    def action_name(self) -> str:
        return getattr(self, "action", "post")

    def build_key(self, request: Request) -> IdempotencyKey | None:
        key = request.META.get(HEADER)
        if key is None:
            return None
        if KEY_FORMAT.match(key) is None:
            raise IdempotencyKeyInvalid
        tenant, user = self.get_key_owner(request, key)
        return make_key(key, tenant, user, request.path, self.request_content(request))

    def get_key_owner(self, request: Request, key: str) -> tuple[Tenant, uuid.UUID]:
        """Return the tenant and the user id to which the Idempotency-Key belongs."""
        sender: Any = request.user
        return sender.tenant, sender.pk

    def request_content(self, request: Request) -> bytes:
        """Return the body and the query string, which must be the same in a retry."""
        query: str = request.META.get("QUERY_STRING", "")
        body: bytes = request.body
        return body + f"?{query}".encode() if query else body

    def ensure_key_or_id(self, request: Request) -> None:
        if self.action_name not in self.key_required_actions:
            return
        if isinstance(request.data, dict) and "id" not in request.data:
            raise IdempotencyKeyRequired

    def resource_id(self, given: uuid.UUID | None) -> uuid.UUID:
        """Return the id of the row to create: from the client, or derived from the key."""
        if given is not None:
            return given
        if self.idempotency_key is None:
            raise IdempotencyKeyRequired
        return self.idempotency_key.resource_id

    def run_in_one_transaction(self, idempotency_key: IdempotencyKey, work: Work) -> HttpResponse:
        """Save key and response in the transaction of the effect.

        On PostgreSQL the tenant scope has already opened the transaction.
        """
        with nullcontext() if connection.vendor == "postgresql" else transaction.atomic():
            idempotency.lock_key(idempotency_key)
            saved = idempotency.find_key(idempotency_key)
            if saved is not None and saved.is_answered:
                return replay(saved)
            response = self.render(work())
            if saved is None and status.is_success(response.status_code):
                fill(idempotency_key, response)
                idempotency_key.save(force_insert=True)
            return response

    def run_in_several_transactions(
        self, idempotency_key: IdempotencyKey, work: Work
    ) -> HttpResponse:
        """Run services that save the key in their first transaction, then add the response.

        A retry finds the key before it runs, or fails on the key or on the id of the first.
        """
        with tenant_context(idempotency_key.tenant), idempotency.use_key(idempotency_key):
            finished = self.find_finished(idempotency_key)
            if finished is not None:
                return replay(finished)
            try:
                response = self.render(work())
            except Exception:
                finished = idempotency.find_answered_key(idempotency_key)
                if finished is None:
                    raise
                return replay(finished)
        if not status.is_success(response.status_code):
            return response
        answer = complete_request(idempotency_key, response)
        self.check_saved_answer(idempotency_key, response)
        return answer

    def check_saved_answer(self, idempotency_key: IdempotencyKey, response: HttpResponse) -> None:
        """Do what a saved answer needs, which other transactions have not seen before."""

    def find_finished(self, idempotency_key: IdempotencyKey) -> IdempotencyKey | None:
        """Return the saved key with its response; resume a request that a crash interrupted."""
        if self.action_name in self.actions_found_by_id:
            return None
        saved = idempotency.find_key(idempotency_key)
        if saved is not None and not saved.is_answered:
            idempotency_key.resume(saved)
            return None
        return saved

    def render(self, response: HttpResponse) -> HttpResponse:
        """Render the response, so that the saved body is the one that is sent."""
        unrendered: Any = response
        if isinstance(response, Response):
            unrendered.accepted_renderer = self.request.accepted_renderer
            unrendered.accepted_media_type = self.request.accepted_media_type
            unrendered.renderer_context = self.get_renderer_context()
            unrendered.render()
        return response


def make_key(
    key: str, tenant: Tenant, user: uuid.UUID, path: str, content: bytes
) -> IdempotencyKey:
    """Return the unsaved key of a request with this body and query string."""
    # Keyed, because people send passwords.
    body_hash = salted_hmac(SALT, content, algorithm="sha256").hexdigest()
    return IdempotencyKey(
        tenant=tenant, user=user, method="POST", path=path, key=key, body_hash=body_hash
    )


def complete_request(idempotency_key: IdempotencyKey, response: HttpResponse) -> HttpResponse:
    fill(idempotency_key, response)
    with tenant_context(idempotency_key.tenant):
        if not idempotency.save_answer(idempotency_key):
            return answer_duplicate(idempotency_key, response)
    if idempotency_key.is_resumed:
        response[REPLAYED] = "true"
    return response


def fill(idempotency_key: IdempotencyKey, response: HttpResponse) -> None:
    idempotency_key.status = response.status_code
    idempotency_key.headers = {name: response[name] for name in SAVED_HEADERS if name in response}
    idempotency_key.body = body_without_secrets(response)


def body_without_secrets(response: Any) -> str:
    data: Any = getattr(response, "data", None)
    secrets = SECRETS & data.keys() if isinstance(data, dict) else ()
    body: bytes = response.content
    if secrets:
        body = response.accepted_renderer.render(
            {**data, **dict.fromkeys(secrets)},
            response.accepted_media_type,
            response.renderer_context,
        )
    return body.decode()


def answer_duplicate(idempotency_key: IdempotencyKey, response: HttpResponse) -> HttpResponse:
    """Return the response for an effect that an earlier request had, with or without the key."""
    saved = idempotency.find_key(idempotency_key)
    if saved is None:
        idempotency.save_answered_key(idempotency_key)
        return response
    if saved.is_answered:
        return replay(saved)
    # The first request crashed or is still running: answer with the current state.
    response[REPLAYED] = "true"
    return response


def replay(saved: IdempotencyKey) -> HttpResponse:
    response = HttpResponse(saved.body, status=saved.status)
    del response["Content-Type"]
    for name, value in saved.headers.items():
        response[name] = value
    response[REPLAYED] = "true"
    return response
