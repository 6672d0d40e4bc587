"""The base of every view whose POSTs may be sent again: under an Idempotency-Key they act once."""

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
# Shown once, to whoever did it: kept nowhere, and null in an answer that is given again.
SECRETS = frozenset(
    {
        "access",
        "access_token",
        "full_code",
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
    """A POST with an Idempotency-Key is done once; sent again, it gets the first answer again.

    A key belongs to its shop, person, method and path, and to what was asked with it. Refusals
    are not kept: they had no effect, and the same key may try again. In an answer that is given
    again secrets are null.
    """

    # Actions that move money or stock: they need a key, or an `id` of the client's own.
    key_required_actions: ClassVar[tuple[str, ...]] = ()
    # Actions that are asked too often for a look at their key first: what they did already they
    # find by its id.
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
            once = (
                self.run_in_one_transaction
                if self.is_one_transaction
                else self.run_in_several_transactions
            )
            return once(self.idempotency_key, work)

        return run

    @property
    def is_one_transaction(self) -> bool:
        """Whether the view does all its work in a transaction that it may share with the key."""
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
        return IdempotencyKey(
            tenant=tenant,
            user=user,
            method="POST",
            path=request.path,
            key=key,
            # Keyed, because people send passwords.
            body_hash=salted_hmac(
                SALT, self.request_content(request), algorithm="sha256"
            ).hexdigest(),
        )

    def get_key_owner(self, request: Request, key: str) -> tuple[Tenant, uuid.UUID]:
        """Return the shop and the person whose key this is."""
        sender: Any = request.user
        return sender.tenant, sender.pk

    def request_content(self, request: Request) -> bytes:
        """What the same key must ask again, beside its path."""
        query: str = request.META.get("QUERY_STRING", "")
        body: bytes = request.body
        return body + f"?{query}".encode() if query else body

    def ensure_key_or_id(self, request: Request) -> None:
        if self.action_name not in self.key_required_actions:
            return
        if isinstance(request.data, dict) and "id" not in request.data:
            raise IdempotencyKeyRequired

    def resource_id(self, given: uuid.UUID | None) -> uuid.UUID:
        """The id of what is to be made: the client's, or else one that follows from its key."""
        if given is not None:
            return given
        if self.idempotency_key is None:
            raise IdempotencyKeyRequired
        return self.idempotency_key.resource_id

    def run_in_one_transaction(self, idempotency_key: IdempotencyKey, work: Work) -> HttpResponse:
        """The key and its answer are written together with the effect.

        On PostgreSQL the scope has opened the transaction; on SQLite this is where it begins.
        """
        with nullcontext() if connection.vendor == "postgresql" else transaction.atomic():
            idempotency.lock_key(idempotency_key)
            known = idempotency.find_key(idempotency_key)
            if known is not None and known.is_answered:
                return replay(known)
            response = self.rendered(work())
            if known is None and status.is_success(response.status_code):
                fill(idempotency_key, response)
                idempotency_key.save(force_insert=True)
            return response

    def run_in_several_transactions(
        self, idempotency_key: IdempotencyKey, work: Work
    ) -> HttpResponse:
        """The deed writes the key in its first transaction; only here the answer is known.

        What was done already is found by its key, or stumbles over it or over its id.
        """
        with tenant_context(idempotency_key.tenant), idempotency.use_key(idempotency_key):
            done = self.find_finished(idempotency_key)
            if done is not None:
                return replay(done)
            try:
                response = self.rendered(work())
            except Exception:
                done = idempotency.find_answered_key(idempotency_key)
                if done is None:
                    raise
                return replay(done)
        return (
            complete_request(idempotency_key, response)
            if status.is_success(response.status_code)
            else response
        )

    def find_finished(self, idempotency_key: IdempotencyKey) -> IdempotencyKey | None:
        """What has its answer; without one, what a crash has cut off is gone on with."""
        if self.action_name in self.actions_found_by_id:
            return None
        known = idempotency.find_key(idempotency_key)
        if known is not None and not known.is_answered:
            idempotency_key.resume(known)
            return None
        return known

    def rendered(self, response: HttpResponse) -> HttpResponse:
        """The answer to the byte, as it leaves and as it is kept."""
        unrendered: Any = response
        if isinstance(response, Response):
            unrendered.accepted_renderer = self.request.accepted_renderer
            unrendered.accepted_media_type = self.request.accepted_media_type
            unrendered.renderer_context = self.get_renderer_context()
            unrendered.render()
        return response


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
    """Somebody was here before: with the key, or with the same thing under another or no key."""
    known = idempotency.find_key(idempotency_key)
    if known is None:
        idempotency.save_answered_key(idempotency_key)
        return response
    if known.is_answered:
        return replay(known)
    # Left behind by a crash, or being answered at this moment: what is known by now.
    response[REPLAYED] = "true"
    return response


def replay(known: IdempotencyKey) -> HttpResponse:
    response = HttpResponse(known.body, status=known.status)
    del response["Content-Type"]
    for name, value in known.headers.items():
        response[name] = value
    response[REPLAYED] = "true"
    return response
