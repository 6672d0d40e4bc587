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
VISIBLE = re.compile(r"[\x21-\x7e]{1,255}\Z")
KEPT_HEADERS = ("Content-Type", "ETag", "Location")
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


class KeyedView(APIView):
    """A POST with an Idempotency-Key is done once; sent again, it gets the first answer again.

    A key belongs to its shop, person, method and path, and to what was asked with it. Refusals
    are not kept: they had no effect, and the same key may try again. In an answer that is given
    again secrets are null.
    """

    # Actions that move money or stock: they need a key, or an `id` of the client's own.
    needs_key: ClassVar[tuple[str, ...]] = ()
    # Actions that are asked too often for a look at their key first: what they did already they
    # find by its id.
    found_by_id: ClassVar[tuple[str, ...]] = ()
    claim: IdempotencyKey | None = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if request.method == "POST" and (handler := getattr(self, "post", None)):
            self.post = self.done_once(handler)

    def done_once(self, handler: Handler) -> Handler:
        def run(request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
            self.claim = self.claim_of(request)
            work = partial(handler, request, *args, **kwargs)
            if self.claim is None:
                self.ensure_harmless_again(request)
                return work()
            once = self.in_one_transaction if self.is_one_transaction else self.in_several
            return once(self.claim, work)

        return run

    @property
    def is_one_transaction(self) -> bool:
        """Whether the view does all its work in a transaction that it may share with the key."""
        return False

    @property
    def name_of_action(self) -> str:
        return getattr(self, "action", "post")

    def claim_of(self, request: Request) -> IdempotencyKey | None:
        key = request.META.get(HEADER)
        if key is None:
            return None
        if VISIBLE.match(key) is None:
            raise IdempotencyKeyInvalid
        tenant, user = self.owner_of(request, key)
        return IdempotencyKey(
            tenant=tenant,
            user=user,
            method="POST",
            path=request.path,
            key=key,
            # Keyed, because people send passwords.
            body_hash=salted_hmac(SALT, self.asked(request), algorithm="sha256").hexdigest(),
        )

    def owner_of(self, request: Request, key: str) -> tuple[Tenant, uuid.UUID]:
        """Return the shop and the person whose key this is."""
        sender: Any = request.user
        return sender.tenant, sender.pk

    def asked(self, request: Request) -> bytes:
        """What the same key must ask again, beside its path."""
        query: str = request.META.get("QUERY_STRING", "")
        body: bytes = request.body
        return body + f"?{query}".encode() if query else body

    def ensure_harmless_again(self, request: Request) -> None:
        if self.name_of_action not in self.needs_key:
            return
        if isinstance(request.data, dict) and "id" not in request.data:
            raise IdempotencyKeyRequired

    def natural_id(self, given: uuid.UUID | None) -> uuid.UUID:
        """The id of what is to be made: the client's, or else one that follows from its key."""
        if given is not None:
            return given
        if self.claim is None:
            raise IdempotencyKeyRequired
        return self.claim.natural_id

    def in_one_transaction(self, claim: IdempotencyKey, work: Work) -> HttpResponse:
        """The key and its answer are written together with the effect.

        On PostgreSQL the scope has opened the transaction; on SQLite this is where it begins.
        """
        with nullcontext() if connection.vendor == "postgresql" else transaction.atomic():
            idempotency.lock(claim)
            known = idempotency.known(claim)
            if known is not None and known.is_answered:
                return replay(known)
            response = self.rendered(work())
            if known is None and status.is_success(response.status_code):
                fill(claim, response)
                claim.save(force_insert=True)
            return response

    def in_several(self, claim: IdempotencyKey, work: Work) -> HttpResponse:
        """The deed writes the key in its first transaction; only here the answer is known.

        What was done already is found by its key, or stumbles over it or over its id.
        """
        with tenant_context(claim.tenant), idempotency.claimed(claim):
            done = self.done_before(claim)
            if done is not None:
                return replay(done)
            try:
                response = self.rendered(work())
            except Exception:
                done = idempotency.answered(claim)
                if done is None:
                    raise
                return replay(done)
        return kept(claim, response) if status.is_success(response.status_code) else response

    def done_before(self, claim: IdempotencyKey) -> IdempotencyKey | None:
        """What has its answer; without one, what a crash has cut off is gone on with."""
        if self.name_of_action in self.found_by_id:
            return None
        known = idempotency.known(claim)
        if known is not None and not known.is_answered:
            claim.resume(known)
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


def kept(claim: IdempotencyKey, response: HttpResponse) -> HttpResponse:
    fill(claim, response)
    with tenant_context(claim.tenant):
        if not idempotency.complete(claim):
            return latecomer(claim, response)
    if claim.is_resumed:
        response[REPLAYED] = "true"
    return response


def fill(claim: IdempotencyKey, response: HttpResponse) -> None:
    claim.status = response.status_code
    claim.headers = {name: response[name] for name in KEPT_HEADERS if name in response}
    claim.body = kept_body(response)


def kept_body(response: Any) -> str:
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


def latecomer(claim: IdempotencyKey, response: HttpResponse) -> HttpResponse:
    """Somebody was here before: with the key, or with the same thing under another or no key."""
    known = idempotency.known(claim)
    if known is None:
        idempotency.keep(claim)
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
