"""Customers and their groups."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import IsManager, IsStaff, ReadOnly
from orders.models import Customer, CustomerGroup
from orders.serializers.customer import (
    CustomerGroupInput,
    CustomerGroupSerializer,
    CustomerInput,
    CustomerSerializer,
    EraseInput,
    may_list_customers,
)
from orders.services.customer_erasure import erase_customer, erase_late_answer, list_customers
from orders.services.customers import (
    count_look_up,
    ensure_specific,
    save_customer,
    search_customers,
)
from tenants.api.filters import (
    IdFilter,
    StrictBooleanFilter,
    StrictFilterSet,
    TextFilter,
    UpdatedSinceFilter,
    UpdatedSinceFilterSet,
)
from tenants.api.views import CreateUpdateMixin, ListRetrieveMixin, TenantScopedViewSet
from tenants.exceptions import NotPermitted
from tenants.models import IdempotencyKey
from tenants.scope import tenant_context


class ErasedCustomersMixin:
    """Views whose answers contain orders with customers, and are saved after their transactions."""

    def check_saved_answer(self, idempotency_key: IdempotencyKey, response: Any) -> None:
        """Erase a saved answer if the customer of an order was erased meanwhile."""
        if customers := set(list_customers(getattr(response, "data", None))):
            with tenant_context(idempotency_key.tenant):
                erase_late_answer(idempotency_key, customers)


class CustomerGroupViewSet(CreateUpdateMixin, ListRetrieveMixin, TenantScopedViewSet):
    """Groups of customers, such as members. Price lists can be for one group."""

    model = CustomerGroup
    serializer_class = CustomerGroupSerializer
    input_class = CustomerGroupInput
    audit_name = "customer_group"
    permission_classes = (IsManager | (IsStaff & ReadOnly),)
    filterset_class = UpdatedSinceFilterSet
    has_conditional_get = True
    ordering_fields = {"name": ("name",), "updated_at": ("updated_at",)}
    ordering = "name"


SEARCH_DESCRIPTION = """\
The beginnings of words of the name, in any case and order; a whole e-mail address; or a phone
number, with or without country and area code. Required for cashiers and in PIN sessions, with at
least three letters of the name."""


class CustomerFilter(StrictFilterSet):
    search = TextFilter(method="filter_search", help_text=SEARCH_DESCRIPTION)
    external_id = TextFilter()
    group = IdFilter()
    is_erased = StrictBooleanFilter(field_name="erased_at", lookup_expr="isnull", exclude=True)
    updated_since = UpdatedSinceFilter()

    def filter_search(self, customers: Any, name: str, value: str) -> Any:
        return search_customers(customers, value)


class CustomerViewSet(ListRetrieveMixin, TenantScopedViewSet):
    """Customers of the shop."""

    model = Customer
    serializer_class = CustomerSerializer
    permission_classes = (IsStaff,)
    filterset_class = CustomerFilter
    has_conditional_get = True
    ordering_fields = {"name": ("name",), "updated_at": ("updated_at",)}
    ordering = "name"
    # Look-ups are counted in a transaction of their own, so that refused ones count too.
    multi_transaction_actions = ("list", "retrieve")

    # Overridden by an action.
    password_only: tuple[str, ...] = ()
    # Each compares the version with the locked row.
    actions_checking_version = ("erase",)

    def get_permissions(self) -> Any:
        return [IsManager()] if self.action == "partial_update" else super().get_permissions()

    def list(self, request: Request) -> Response:
        """List customers. Cashiers and PIN sessions have to search for somebody.

        Their look-ups, here and by id, are limited: 429 with `Retry-After` above the limit.
        """
        if not may_list_customers(request):
            count_look_up(request.auth)
            ensure_specific(request.query_params.get("search", ""))
        return super().list(request)

    def retrieve(self, request: Request, pk: Any) -> Response:
        """Retrieve a customer. Of an erased one, only the id and the group remain."""
        if not may_list_customers(request):
            count_look_up(request.auth)
        return super().retrieve(request, pk)

    def read_customer(self, *, partial: bool = False) -> dict[str, Any]:
        """Return the values of the request. A group may have prices of its own, as a discount."""
        given = self.validated(CustomerInput, partial=partial)
        if given.get("group") is not None and not may_list_customers(self.request):
            raise NotPermitted
        return given

    @extend_schema(request=CustomerInput, responses={201: CustomerSerializer})
    def create(self, request: Request) -> Response:
        """Add a customer. Only managers put one into a group, in a session by password."""
        customer = save_customer(Customer(), self.read_customer(), by=request.user)
        return self.answer(customer, status=status.HTTP_201_CREATED)

    @extend_schema(request=CustomerInput, responses=CustomerSerializer)
    def partial_update(self, request: Request, pk: Any) -> Response:
        """Change a customer. Orders that are not completed take it over when they are."""
        customer = save_customer(
            self.get_object(),
            self.read_customer(partial=True),
            expected_version=self.if_match(required=True),
            by=request.user,
        )
        return self.answer(customer)

    @extend_schema(request=EraseInput, responses=CustomerSerializer)
    @action(detail=True, methods=["post"], permission_classes=[IsManager], password_only=("POST",))
    def erase(self, request: Request, pk: Any) -> Response:
        """Erase the personal data of a customer and its copies in orders and elsewhere permanently.

        Receipts, amounts and the hash chain stay. `name` confirms who is meant.
        """
        customer = erase_customer(
            self.get_object_id(),
            name=self.validated(EraseInput)["name"],
            expected_version=self.if_match(required=False),
            by=request.user,
        )
        return self.answer(customer)
