"""The base of every viewset that shows a shop's rows."""

import re
from collections.abc import Callable
from contextlib import nullcontext
from functools import cache
from typing import Any, ClassVar

from django.db import connection, models, transaction
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.viewsets import GenericViewSet

from tenants import audit
from tenants.api.idempotent_views import IdempotentView
from tenants.exceptions import Invalid, PreconditionRequired
from tenants.scope import across_tenants, retry_on_conflict, tenant_context, tenant_scope
from tenants.services import save_row

ETAG = re.compile(r'"(\d{1,9})"\Z')
# What changes something without being a PATCH, which names its version always.
VERSIONED_METHODS = frozenset({"post", "put", "delete"})


class TenantScopedViewSet(IdempotentView, GenericViewSet[Any]):
    """Runs every action for the shop of the person who asks, and shows nothing of another.

    An action is one unit of work, tried again as a whole on a deadlock. Those named in
    `several_transactions` leave it to their services to open them, and to write the request's
    Idempotency-Key in the first.
    """

    model: ClassVar[type[models.Model]]
    lookup_value_converter = "uuid"
    # What the write actions of the plain resources read; the answer is `serializer_class`.
    input_class: ClassVar[type[Serializer[Any]]]
    # Query parameters that an action reads itself, beside the filters of its list.
    query_params: tuple[str, ...] = ()
    multi_transaction_actions: tuple[str, ...] = ()
    # Actions whose deeds themselves compare If-Match with the row that they have locked.
    actions_checking_version: tuple[str, ...] = ()

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        handler = str(request.method).lower()
        if handler in VERSIONED_METHODS and "pk" in kwargs and hasattr(self, handler):
            setattr(self, handler, self.checking_version(getattr(self, handler)))
        super().initial(request, *args, **kwargs)
        if handler in self.http_method_names and hasattr(self, handler):
            setattr(self, handler, self.in_scope(getattr(self, handler)))

    def in_scope(self, handler: Callable[..., Response]) -> Callable[..., Response]:
        once = self.is_one_transaction
        scope = tenant_scope if once else tenant_context

        def run(request: Request, *args: Any, **kwargs: Any) -> Response:
            with scope(request.user.tenant):
                return handler(request, *args, **kwargs)

        return retry_on_conflict(run) if once else run

    def checking_version(self, handler: Callable[..., Response]) -> Callable[..., Response]:
        """Act only from the version that the client names in If-Match, if it names one.

        A request that a crash cut off has changed the version itself.
        """

        def run(request: Request, *args: Any, **kwargs: Any) -> Response:
            is_resumed = self.idempotency_key is not None and self.idempotency_key.is_resumed
            if self.action in self.actions_checking_version or is_resumed:
                return handler(request, *args, **kwargs)
            expected = self.if_match(required=False)
            if expected is None:
                return handler(request, *args, **kwargs)
            with transaction.atomic() if self.is_one_transaction else nullcontext():
                self.ensure_version(expected)
                return handler(request, *args, **kwargs)

        return run

    def ensure_version(self, expected: int) -> None:
        row = self.get_versioned_row()
        if connection.in_atomic_block:
            row = type(row)._default_manager.select_for_update(no_key=True).get(pk=row.pk)
        row.ensure_version(expected)

    def get_versioned_row(self) -> Any:
        """What the path names, and If-Match a version of."""
        return self.get_object()

    @property
    def is_one_transaction(self) -> bool:
        return self.action not in self.multi_transaction_actions

    def get_queryset(self) -> models.QuerySet[Any]:
        if getattr(self, "swagger_fake_view", False):
            with across_tenants():
                return self.model._default_manager.none()
        return self.rows().visible_to(self.request.user)

    def rows(self) -> Any:
        """The rows with what the API shows of them; overridden to load it in few queries."""
        return self.model._default_manager.all()

    def validated(
        self, input_class: type[Serializer[Any]], *, partial: bool = False
    ) -> dict[str, Any]:
        return dict(get_input_serializer(input_class, partial).run_validation(self.request.data))

    def get_locked_object(self) -> Any:
        """The row as it is now, for nobody else to change; sales that only name it go on."""
        rows = self.model._default_manager.select_for_update(no_key=True)
        return rows.get(pk=self.get_object().pk)

    def if_match(self, *, required: bool) -> int | None:
        """The version that the client read; None when any will do."""
        return parse_if_match(self.request, required=required)

    def answer(self, row: Any, status: int = status.HTTP_200_OK) -> Response:
        """The row as the API shows it, with its version as entity tag where it ever has another."""
        response = Response(self.get_serializer(row).data, status=status)
        if "version" in response.data:
            response["ETag"] = f'"{row.version}"'
        return response


@cache
def get_input_serializer(input_class: type[Serializer[Any]], partial: bool) -> Serializer[Any]:
    """The one instance that reads every input of its kind.

    Reading leaves nothing behind in it; making it anew each time, with a copy of every field,
    was a tenth of the time of a sale.
    """
    return input_class(partial=partial)


def parse_if_match(request: Request, *, required: bool) -> int | None:
    header = request.headers.get("If-Match")
    if header is None:
        if required:
            raise PreconditionRequired
        return None
    if header.strip() == "*":
        return None
    tag = ETAG.match(header.strip())
    if tag is None:
        raise Invalid.field("If-Match", 'One strong entity tag such as "3", or *.')
    return int(tag[1])


class ListRetrieveMixin:
    """GET of the list and of one row."""

    def list(self: Any, request: Request) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    def retrieve(self: Any, request: Request, pk: Any) -> Response:
        return self.answer(self.get_object())


class CreateUpdateMixin:
    """POST and PATCH of a plain resource: no rule but that its constraints hold.

    With `recorded_as = "store"` it is written down as `store_added` and `store_changed`.
    """

    audit_name = ""

    def create(self: Any, request: Request) -> Response:
        with transaction.atomic():
            row = self.write(self.model(), self.validated(self.input_class))
            self.record("added", row)
        return self.answer(row, status=status.HTTP_201_CREATED)

    def partial_update(self: Any, request: Request, pk: Any) -> Response:
        expected = self.if_match(required=True)
        with transaction.atomic():
            row = self.get_locked_object()
            row.ensure_version(expected)
            values = self.validated(self.input_class, partial=True)
            changed = audit.changes(row, values)
            row = self.write(row, values)
            if changed:
                self.record("changed", row, changes=changed)
        return self.answer(row)

    def record(self: Any, done: str, row: Any, **facts: Any) -> None:
        if self.audit_name:
            event = f"{self.audit_name}_{done}"
            audit.record(event, actor=self.request.user, target=row, **facts)

    def write(self: Any, row: Any, values: dict[str, Any]) -> Any:
        return save_row(row, values)
