"""Base viewset for tenant rows, with mixins for list, retrieve, create and update."""

import re
import uuid
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
from tenants.api.conditional import answer_if_changed, build_version_etag, tag_list
from tenants.api.filters import check_parameters
from tenants.api.idempotent_views import IdempotentView
from tenants.exceptions import Invalid, PreconditionRequired
from tenants.scope import across_tenants, retry_on_conflict, tenant_context, tenant_scope
from tenants.services import save_row

ETAG = re.compile(r'"(\d{1,9})"\Z')
# The methods for which If-Match is optional. PATCH requires it.
VERSIONED_METHODS = frozenset({"post", "put", "delete"})


class TenantScopedViewSet(IdempotentView, GenericViewSet[Any]):
    """Runs every action in the scope of the user's tenant.

    An action is one transaction, repeated on a deadlock. The actions listed in
    `multi_transaction_actions` leave transactions to their services, which save the request's
    Idempotency-Key in the first one.
    """

    model: ClassVar[type[models.Model]]
    lookup_value_converter = "uuid"
    # The input serializer of CreateUpdateMixin; responses use `serializer_class`.
    input_class: ClassVar[type[Serializer[Any]]]
    # Query parameters that an action reads itself, in addition to the filters.
    query_params: tuple[str, ...] = ()
    multi_transaction_actions: tuple[str, ...] = ()
    # Actions whose services compare If-Match with the locked row themselves.
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
        """Wrap a handler to check the version in If-Match, if the client sent one.

        Resumed requests are not checked: their first attempt has changed the version.
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
        """Return the row whose version If-Match refers to."""
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
        """Return the base queryset; override it to load related rows in few queries."""
        return self.model._default_manager.all()

    def validated(
        self, input_class: type[Serializer[Any]], *, partial: bool = False
    ) -> dict[str, Any]:
        return read_input(input_class, self.request.data, partial=partial)

    def get_object_id(self) -> uuid.UUID:
        """Return the id in the URL, for a service that loads the row by itself.

        Query parameters are checked as they are by `get_object`.
        """
        check_parameters(self.request.query_params, frozenset(self.query_params))
        id: uuid.UUID = self.kwargs["pk"]
        return id

    def get_locked_object(self) -> Any:
        """Return the row of the URL with a lock, which does not block rows that reference it."""
        rows = self.model._default_manager.visible_to(self.request.user)
        return rows.select_for_update(no_key=True, of=("self",)).get(pk=self.get_object_id())

    def if_match(self, *, required: bool) -> int | None:
        """Return the version in If-Match, or None for any version."""
        return parse_if_match(self.request, required=required)

    def answer_created(self, row: Any, is_new: bool) -> Response:
        """Return 201 for a new row, and 200 for one that an earlier request has created."""
        return self.answer(row, status.HTTP_201_CREATED if is_new else status.HTTP_200_OK)

    def answer(self, row: Any, status: int = status.HTTP_200_OK) -> Response:
        """Return a response with the serialized row, and its version as ETag."""
        response = Response(self.get_serializer(row).data, status=status)
        if "version" in response.data:
            response["ETag"] = build_version_etag(row.version)
        return response


def read_input(
    input_class: type[Serializer[Any]], data: Any, *, partial: bool = False
) -> dict[str, Any]:
    """Return the validated data of a request."""
    return dict(get_input_serializer(input_class, partial).run_validation(data))


@cache
def get_input_serializer(input_class: type[Serializer[Any]], partial: bool) -> Serializer[Any]:
    """Return the shared serializer instance for reading input.

    Validation keeps no state in it. Creating one for each request, with a copy of every field,
    took a tenth of the time of a sale.
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
        raise Invalid.field("If-Match", 'Must be one strong entity tag such as "3", or *.')
    return int(tag[1])


class ListRetrieveMixin:
    """GET of the list and of a single row."""

    # Whether the list has an ETag, for clients that load it again and again.
    has_list_etag = True
    # Whether the answer of a row is determined by its version; see `is_determined_by_version`.
    has_conditional_get = False

    def list(self: Any, request: Request) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        response = self.get_paginated_response(self.get_serializer(page, many=True).data)
        return tag_list(request, response) if self.has_list_etag else response

    def retrieve(self: Any, request: Request, pk: Any) -> Response:
        row = self.get_object()
        response = self.answer(row)
        if self.has_conditional_get and self.is_determined_by_version(row):
            return answer_if_changed(request, response)
        return response

    def is_determined_by_version(self, row: Any) -> bool:
        """Return whether nothing in the answer can change without a new version of the row."""
        return True


class CreateUpdateMixin:
    """POST and PATCH of resources without rules beyond their constraints.

    With `audit_name = "store"` the audit events are `store_added` and `store_changed`.
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
