"""What the API takes and shows: no field that is not a client's business, no way to other shops."""

import pytest
from rest_framework import serializers
from rest_framework.relations import ManyRelatedField, RelatedField

from accounts.serializers.shop import ClockField
from tenants.api.fields import PlainNumberField, StrictCharField, StrictUUIDField
from tenants.api.serializers import StrictSerializer, TenantReference
from tests.support.discovery import list_fields, routes, serializer_classes

INPUTS = [each for each in serializer_classes() if issubclass(each, StrictSerializer)]
OUTPUTS = [
    each
    for each in serializer_classes()
    if issubclass(each, serializers.Serializer) and each not in INPUTS
]
inputs = pytest.mark.parametrize("serializer", INPUTS, ids=lambda each: each.__name__)
outputs = pytest.mark.parametrize("serializer", OUTPUTS, ids=lambda each: each.__name__)

# What only the server says of a row.
NOT_FOR_CLIENTS = {
    "tenant",
    "tenant_id",
    "is_staff",
    "is_superuser",
    "groups",
    "user_permissions",
    "token_version",
    "password_hash",
    "username_key",
    "version",
    "created_at",
    "updated_at",
    "number",
    "status",
    "cashier",
    "by",
    "fingerprint",
    "has_orders",
}
# At log-in and at sign-up `tenant` is which shop, and gives no row its owner.
# And a role has limits.
MEANS_ANOTHER_THING = {
    ("LogInInput", "tenant"),
    ("OAuthLogInInput", "tenant"),
    ("SignupInput", "tenant"),
    ("LimitsInput", "cashier"),
    ("TenantInput", "limits.cashier"),
    # Whose sales are asked about.
    ("ReportQuery", "cashier"),
    # Who sold it offline need not be who uploads it.
    ("OfflineSaleInput", "cashier"),
    ("SyncInput", "batch[].cashier"),
    ("SyncInputWithRegister", "batch[].cashier"),
}
# Passwords are for who logs in, for their owner, and at the beginning for who hires.
TAKES_PASSWORDS = {
    ("LogInInput", "password"),
    ("OAuthLogInInput", "password"),
    ("OwnPasswordInput", "current_password"),
    ("OwnPasswordInput", "new_password"),
    ("ReauthInput", "password"),
    ("HireInput", "password"),
    ("FirstAdminInput", "password"),
    ("SignupInput", "admin.password"),
    # Somebody with a right to it, at the till of somebody without.
    ("CredentialsInput", "password"),
}
# Nobody gets to see these, not even their owner.
SECRET = {
    "password",
    "password_hash",
    "token_version",
    "fingerprint",
    "username_key",
    "current_jti",
    "previous_jti",
    "pin",
    "digits_hash",
    "token_hash",
    "is_superuser",
    "is_staff",
    "groups",
    "user_permissions",
}
# Ids that a service looks up itself, all of a basket in one query and in the shop's scope.
LOOKED_UP_BY_SERVICES = {
    ("BasketInput", "register"),
    ("OrderInput", "register"),
    ("OrderInputWithRegister", "register"),
    ("LineInput", "product"),
    ("BasketInput", "lines[].product"),
    ("OrderInput", "lines[].product"),
    ("OrderInputWithRegister", "lines[].product"),
    # What leave is asked for may be still to be made, and is compared by its id.
    ("ApprovalObjectInput", "order"),
    ("ApprovalObjectInput", "shift"),
    ("ApprovalObjectInput", "register"),
    ("ApprovalInput", "object.order"),
    ("ApprovalInput", "object.shift"),
    ("ApprovalInput", "object.register"),
    ("BasketInput", "approval"),
    ("OrderInput", "approval"),
    ("OrderInputWithRegister", "approval"),
    ("NewLineInput", "product"),
    ("NewLineInput", "approval"),
    ("LineChange", "approval"),
    ("NewDiscountInput", "line"),
    ("NewDiscountInput", "approval"),
    ("ResumeInput", "register"),
    ("VoidInput", "approval"),
    ("OptionalApprovalInput", "approval"),
    ("RefundLineInput", "line"),
    ("RefundInput", "lines[].line"),
    ("RefundInput", "register"),
    ("RefundInput", "approval"),
    ("ResolveInput", "approval"),
    ("ShiftInput", "register"),
    ("CashMovementInput", "approval"),
    # Of a sale that was made already; what it names may not be there any more.
    ("ChargedLineInput", "product"),
    ("OfflineSaleInput", "cashier"),
    ("OfflineSaleInput", "lines[].product"),
    *(
        (name, field)
        for name in ("SyncInput", "SyncInputWithRegister")
        for field in ("register", "batch[].cashier", "batch[].lines[].product")
    ),
    # Somebody of this shop who works at this terminal, or nobody.
    ("CredentialsInput", "user"),
    ("PinLogInInput", "user"),
}
# Fields of the framework that pass on what fields of our own have read.
CONTAINERS = (serializers.ListField, serializers.DictField, serializers.ListSerializer)


def last(path: str) -> str:
    return path.rpartition(".")[2].removesuffix("[]")


def test_there_are_serializers_of_both_kinds():
    assert {"OrderInput", "HireInput", "ProductInput"} <= {each.__name__ for each in INPUTS}
    assert {"OrderSerializer", "UserSerializer"} <= {each.__name__ for each in OUTPUTS}


@inputs
def test_a_row_named_by_an_input_can_only_be_one_of_the_shop(serializer):
    fields = dict(list_fields(serializer()))
    related = {
        path for path, field in fields.items() if isinstance(field, RelatedField | ManyRelatedField)
    }
    ids = {
        (serializer.__name__, path)
        for path, field in fields.items()
        if isinstance(field, serializers.UUIDField) and last(path) != "id"
    }

    assert related == set()
    assert ids <= LOOKED_UP_BY_SERVICES


@inputs
def test_an_input_takes_nothing_that_only_the_server_says(serializer):
    forbidden = {
        (serializer.__name__, path)
        for path, field in list_fields(serializer())
        if last(path) in NOT_FOR_CLIENTS and not field.read_only
    }

    assert forbidden <= MEANS_ANOTHER_THING


@inputs
def test_an_input_takes_a_password_only_where_one_is_due_and_never_shows_it(serializer):
    taken = {
        (serializer.__name__, path)
        for path, field in list_fields(serializer())
        if "password" in last(path) and not field.read_only
    }

    assert taken <= TAKES_PASSWORDS


@inputs
def test_an_input_reads_with_strict_fields_alone(serializer):
    """DRF's own take "yes" for true, 1e5 for an amount and 123 for a name."""
    for path, field in list_fields(serializer()):
        ours = isinstance(field, StrictSerializer | TenantReference | PlainNumberField | ClockField)
        kinds = {kind.__module__ for kind in type(field).__mro__}
        ours = ours or StrictCharField.__module__ in kinds
        assert ours or isinstance(field, CONTAINERS), path


@inputs
def test_every_list_and_text_of_an_input_has_an_end(serializer):
    for path, field in list_fields(serializer()):
        if isinstance(field, serializers.ListField | serializers.ListSerializer):
            assert field.max_length, path
        if isinstance(field, serializers.CharField):
            assert field.max_length, path


@outputs
def test_an_answer_shows_no_secrets(serializer):
    shown = {last(path) for path, field in list_fields(serializer()) if not field.write_only}

    assert shown.isdisjoint(SECRET)


@pytest.mark.parametrize(
    "serializer",
    [each for each in OUTPUTS if issubclass(each, serializers.ModelSerializer)],
    ids=lambda each: each.__name__,
)
def test_an_answer_of_a_model_can_never_be_written_through(serializer):
    assert [name for name, field in serializer().fields.items() if not field.read_only] == []


def test_only_strict_serializers_read_requests():
    views = {route.view for route in routes() if route.view is not None}
    named = {view.input_class for view in views if hasattr(view, "input_class")}

    assert named
    assert all(issubclass(each, StrictSerializer) for each in named)


def test_ids_of_clients_are_read_strictly():
    ids = [
        field
        for serializer in INPUTS
        for path, field in list_fields(serializer())
        if last(path) == "id"
    ]

    assert ids
    assert all(type(field) is StrictUUIDField for field in ids)
