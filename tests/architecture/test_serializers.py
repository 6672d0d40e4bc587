"""Rules for serializers: inputs are strict, outputs show no secrets and no rows of other shops."""

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

# Fields that only the server sets.
SERVER_FIELDS = {
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
# At log-in and sign-up `tenant` selects a shop and is not the owner of a row.
# `cashier` is a role with limits.
EXCEPTIONS_TO_SERVER_FIELDS = {
    # the number that a tax office has given
    ("TaxNumberInput", "number"),
    ("ReceiptProfileFields", "tax_numbers[].number"),
    ("ReceiptProfileInput", "tax_numbers[].number"),
    ("LogInInput", "tenant"),
    ("OAuthLogInInput", "tenant"),
    ("SignupInput", "tenant"),
    ("LimitsInput", "cashier"),
    ("TenantInput", "limits.cashier"),
    # Filter of the sales report.
    ("ReportQuery", "cashier"),
    # The seller of an offline sale can differ from the user who uploads it.
    ("OfflineSaleInput", "cashier"),
    ("SyncInput", "batch[].cashier"),
    ("SyncInputWithRegister", "batch[].cashier"),
}
# Inputs with a password: log-in, own password, sign-up and new users.
TAKES_PASSWORDS = {
    ("LogInInput", "password"),
    ("OAuthLogInInput", "password"),
    ("OwnPasswordInput", "current_password"),
    ("OwnPasswordInput", "new_password"),
    ("ReauthInput", "password"),
    ("HireInput", "password"),
    ("FirstAdminInput", "password"),
    ("SignupInput", "admin.password"),
    # An approver's credentials at the cashier's terminal.
    ("CredentialsInput", "password"),
}
# Never shown, not even to their owner.
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
# Ids that services look up in the tenant scope, all of a basket in one query.
LOOKED_UP_BY_SERVICES = {
    ("ReceiptProfileInput", "replaces"),
    ("BasketInput", "register"),
    ("OrderInput", "register"),
    ("OrderInputWithRegister", "register"),
    ("LineInput", "product"),
    ("BasketInput", "lines[].product"),
    ("OrderInput", "lines[].product"),
    ("OrderInputWithRegister", "lines[].product"),
    # The object of an approval may not exist yet and is compared by id.
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
    ("OrderChange", "approval"),
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
    # Offline sales may refer to rows that no longer exist.
    ("ChargedLineInput", "product"),
    ("OfflineSaleInput", "cashier"),
    ("OfflineSaleInput", "lines[].product"),
    *(
        (name, field)
        for name in ("SyncInput", "SyncInputWithRegister")
        for field in ("register", "batch[].cashier", "batch[].lines[].product")
    ),
    # Looked up among the lines of the same sale.
    ("ChargedLineInput", "deposit_for"),
    ("OfflineSaleInput", "lines[].deposit_for"),
    ("SyncInput", "batch[].lines[].deposit_for"),
    ("SyncInputWithRegister", "batch[].lines[].deposit_for"),
    # Looked up among the modifiers of the product.
    ("ModifierChoiceInput", "modifier"),
    ("LineInput", "modifiers[].modifier"),
    ("NewLineInput", "modifiers[].modifier"),
    ("LineChange", "modifiers[].modifier"),
    *(
        (name, "lines[].modifiers[].modifier")
        for name in ("BasketInput", "OrderInput", "OrderInputWithRegister", "OfflineSaleInput")
    ),
    ("ChargedModifierInput", "modifier"),
    ("ChargedLineInput", "modifiers[].modifier"),
    ("SyncInput", "batch[].lines[].modifiers[].modifier"),
    ("SyncInputWithRegister", "batch[].lines[].modifiers[].modifier"),
    # Looked up among the users of the terminal.
    ("CredentialsInput", "user"),
    ("PinLogInInput", "user"),
    # Looked up in the current tenant with those of the other movements.
    ("BatchedMovementInput", "product"),
    ("BatchedMovementInput", "store"),
    ("BatchedMovementInput", "to_store"),
    ("MovementBatchInput", "movements[].product"),
    ("CountedProductInput", "product"),
    ("CountedProductsInput", "lines[].product"),
    ("TransferItemInput", "product"),
    ("TransferLinesInput", "lines[].product"),
    ("ArrivedItemInput", "product"),
    ("ArrivedLinesInput", "lines[].product"),
    ("MovementBatchInput", "movements[].store"),
    ("MovementBatchInput", "movements[].to_store"),
    # Looked up in the current tenant with those of the other prices.
    ("BatchedPriceInput", "product"),
    ("PriceBatchInput", "prices[].product"),
    # Looked up in the current tenant with those of the other modifiers.
    ("ModifierInput", "product"),
    ("ModifierListInput", "modifiers[].product"),
}
# Framework fields whose children are our own fields.
CONTAINERS = (serializers.ListField, serializers.DictField, serializers.ListSerializer)


def last_part(path: str) -> str:
    return path.rpartition(".")[2].removesuffix("[]")


def test_input_and_output_serializers_are_found():
    assert {"OrderInput", "HireInput", "ProductInput"} <= {each.__name__ for each in INPUTS}
    assert {"OrderSerializer", "UserSerializer"} <= {each.__name__ for each in OUTPUTS}


@inputs
def test_inputs_have_no_related_fields_and_only_known_ids(serializer):
    fields = dict(list_fields(serializer()))
    related = {
        path for path, field in fields.items() if isinstance(field, RelatedField | ManyRelatedField)
    }
    ids = {
        (serializer.__name__, path)
        for path, field in fields.items()
        if isinstance(field, serializers.UUIDField) and last_part(path) != "id"
    }

    assert related == set()
    assert ids <= LOOKED_UP_BY_SERVICES


@inputs
def test_inputs_have_no_server_fields(serializer):
    forbidden = {
        (serializer.__name__, path)
        for path, field in list_fields(serializer())
        if last_part(path) in SERVER_FIELDS and not field.read_only
    }

    assert forbidden <= EXCEPTIONS_TO_SERVER_FIELDS


@inputs
def test_only_known_inputs_have_passwords(serializer):
    taken = {
        (serializer.__name__, path)
        for path, field in list_fields(serializer())
        if "password" in last_part(path) and not field.read_only
    }

    assert taken <= TAKES_PASSWORDS


@inputs
def test_inputs_use_only_strict_fields(serializer):
    """DRF's fields accept "yes" as true, 1e5 as an amount and 123 as a name."""
    for path, field in list_fields(serializer()):
        ours = isinstance(field, StrictSerializer | TenantReference | PlainNumberField | ClockField)
        kinds = {kind.__module__ for kind in type(field).__mro__}
        ours = ours or StrictCharField.__module__ in kinds
        assert ours or isinstance(field, CONTAINERS), path


@inputs
def test_lists_and_texts_of_inputs_have_a_maximum_length(serializer):
    for path, field in list_fields(serializer()):
        if isinstance(field, serializers.ListField | serializers.ListSerializer):
            assert field.max_length, path
        if isinstance(field, serializers.CharField):
            assert field.max_length, path


@outputs
def test_outputs_contain_no_secrets(serializer):
    shown = {last_part(path) for path, field in list_fields(serializer()) if not field.write_only}

    assert shown.isdisjoint(SECRET)


@pytest.mark.parametrize(
    "serializer",
    [each for each in OUTPUTS if issubclass(each, serializers.ModelSerializer)],
    ids=lambda each: each.__name__,
)
def test_model_serializers_are_read_only(serializer):
    assert [name for name, field in serializer().fields.items() if not field.read_only] == []


def test_views_use_only_strict_input_serializers():
    views = {route.view for route in routes() if route.view is not None}
    named = {view.input_class for view in views if hasattr(view, "input_class")}

    assert named
    assert all(issubclass(each, StrictSerializer) for each in named)


def test_client_ids_use_strict_uuid_fields():
    ids = [
        field
        for serializer in INPUTS
        for path, field in list_fields(serializer())
        if last_part(path) == "id"
    ]

    assert ids
    assert all(type(field) is StrictUUIDField for field in ids)
