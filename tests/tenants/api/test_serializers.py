import uuid

import pytest
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail

from tenants.api.fields import QuantityField, StrictCharField
from tenants.api.serializers import StrictSerializer, TenantRelatedField, flatten_errors
from tenants.models import Register, Store
from tenants.scope import tenant_scope
from tests.factories.tenants import RegisterFactory, StoreFactory


class PlaceInput(StrictSerializer):
    store = TenantRelatedField(Store)
    open_registers = TenantRelatedField(
        Register.objects.in_use, many=True, required=False, max_length=5
    )


class RegisterAnswer(serializers.Serializer):
    store = TenantRelatedField(Store, read_only=True)
    keeper = TenantRelatedField(Store, source="store.tenant", read_only=True)


class StoreAnswer(serializers.Serializer):
    registers = TenantRelatedField(Register, many=True, read_only=True)


class LineInput(StrictSerializer):
    max_items = 3

    quantity = QuantityField()
    id = StrictCharField(max_length=36, read_only=True)
    secret = StrictCharField(max_length=36, write_only=True, required=False)


class OrderInput(StrictSerializer):
    lines = LineInput(many=True, required=False)
    customer = LineInput(required=False)

    def validate(self, attrs):
        if not attrs:
            raise serializers.ValidationError("Nothing was sent.", code="empty")
        return attrs


def get_errors(serializer: serializers.BaseSerializer) -> dict[str, tuple[str, str]]:
    with pytest.raises(serializers.ValidationError) as refusal:
        serializer.is_valid(raise_exception=True)
    return {e.field: (e.code, e.detail) for e in flatten_errors(refusal.value.detail)}


def get_codes(serializer: serializers.BaseSerializer) -> dict[str, str]:
    return {field: code for field, (code, _) in get_errors(serializer).items()}


# --- unknown fields ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ["tenant", "tenant_id", "is_staff", "is_superuser", "role", "created_at", "id", "__proto__"],
    ids=lambda name: f"attack-75-{name}",
)
def test_fields_that_cannot_be_set_are_unknown(name):
    line = {"quantity": "1", name: "x"}

    assert get_codes(LineInput(data=line)) == {name: "unknown_field"}
    assert get_codes(OrderInput(data={"lines": [{"quantity": "1"}, line]})) == {
        f"lines[1].{name}": "unknown_field"
    }
    assert get_codes(OrderInput(data={"customer": line})) == {f"customer.{name}": "unknown_field"}


def test_unknown_and_invalid_fields_are_listed_together():
    data = {"quantity": "x", "qty": 1, "note": None}

    assert get_codes(LineInput(data=data)) == {
        "quantity": "invalid",
        "qty": "unknown_field",
        "note": "unknown_field",
    }


def test_unknown_field_of_a_partial_update_is_rejected():
    assert get_codes(LineInput(data={"qty": 1}, partial=True)) == {"qty": "unknown_field"}


def test_long_names_of_unknown_fields_are_truncated():
    data = {"n" * 500 + str(n): n for n in range(1_000)} | {"quantity": "1"}

    codes = get_codes(LineInput(data=data))

    assert set(codes) == {"n" * 100}


def test_known_fields_are_accepted():
    line = LineInput(data={"quantity": "1", "secret": "s"})

    assert line.is_valid()
    assert line.validated_data["secret"] == "s"


@pytest.mark.parametrize("data", [[], "text", 7, True, [{"quantity": "1"}]])
def test_data_that_is_not_an_object_is_rejected(data):
    assert get_codes(LineInput(data=data)) == {"": "invalid"}
    assert get_codes(OrderInput(data={"customer": data})) == {"customer": "invalid"}


def test_list_length_is_checked_before_its_items():
    lines = [{"quantity": "1"}] * 3

    assert OrderInput(data={"lines": lines}).is_valid()
    assert get_codes(OrderInput(data={"lines": [*lines, "not even an object"]})) == {
        "lines": "max_length"
    }
    assert get_codes(LineInput(data=[*lines, 4], many=True)) == {"": "max_length"}


def test_error_of_the_whole_object_has_no_field():
    assert get_errors(OrderInput(data={})) == {"": ("empty", "Nothing was sent.")}


# --- paths ------------------------------------------------------------------------------------


def build_detail(code: str) -> ErrorDetail:
    return ErrorDetail("Wrong.", code)


@pytest.mark.parametrize(
    ("detail", "paths"),
    [
        (build_detail("a"), {"": "a"}),
        ([build_detail("a")], {"": "a"}),
        ({"name": [build_detail("a")]}, {"name": "a"}),
        ({"non_field_errors": [build_detail("a")]}, {"": "a"}),
        ({"lines": [{}, {"quantity": [build_detail("a")]}]}, {"lines[1].quantity": "a"}),
        ({"lines": {1: {"quantity": [build_detail("a")]}}}, {"lines[1].quantity": "a"}),
        (
            {"lines": {0: [build_detail("a")], 2: {"x": [build_detail("b")]}}},
            {"lines[0]": "a", "lines[2].x": "b"},
        ),
        ({"lines": {"non_field_errors": [build_detail("a")]}}, {"lines": "a"}),
        ([{}, {"q": [build_detail("a")]}], {"[1].q": "a"}),
        ({3: {"q": [build_detail("a")]}}, {"[3].q": "a"}),
        ({"a": {"b": {"c": [{}, [build_detail("a")]]}}}, {"a.b.c[1]": "a"}),
        ({"name": ["plain words"]}, {"name": "invalid"}),
    ],
)
def test_every_error_has_a_path(detail, paths):
    assert {error.field: error.code for error in flatten_errors(detail)} == paths


# --- foreign keys -----------------------------------------------------------------------------


@pytest.mark.parametrize("field", ["store", "open_registers"])
def test_id_of_another_shop_is_rejected_like_an_unknown_one(shop, foreign, field):
    mine = str(StoreFactory(tenant=shop).pk)
    details = set()

    for pk in (foreign.store.pk, foreign.register.pk, uuid.uuid4()):
        data = {"store": mine, "open_registers": []}
        data[field] = [str(pk)] if field == "open_registers" else str(pk)
        with tenant_scope(shop):
            (error,) = get_errors(PlaceInput(data=data)).items()
        details.add(error)

    path = "open_registers[0]" if field == "open_registers" else "store"
    assert details == {(path, ("does_not_exist", "Object does not exist."))}


def test_id_of_this_shop_becomes_the_row(in_shop):
    store = StoreFactory(tenant=in_shop)
    registers = [RegisterFactory(tenant=in_shop, store=store) for _ in range(3)]
    ids = [str(register.pk) for register in reversed(registers)]

    place = PlaceInput(data={"store": str(store.pk), "open_registers": ids})

    assert place.is_valid(), place.errors
    assert place.validated_data == {"store": store, "open_registers": registers[::-1]}


def test_rows_outside_of_the_queryset_are_rejected(in_shop):
    store = StoreFactory(tenant=in_shop)
    closed = RegisterFactory(tenant=in_shop, store=store, is_active=False)

    place = PlaceInput(data={"store": str(store.pk), "open_registers": [str(closed.pk)]})

    assert get_codes(place) == {"open_registers[0]": "does_not_exist"}


@pytest.mark.parametrize(
    "data",
    [True, 1, 10**30, "1\0", "", {"id": 1}, ["a"], "' OR 1=1--", None],
    ids=lambda data: f"attack-107-{data!a}",
)
def test_id_that_is_not_a_uuid_is_rejected(in_shop, data):
    assert get_codes(PlaceInput(data={"store": data})) == {
        "store": "null" if data is None else "invalid"
    }


def test_several_ids_take_one_query(in_shop, django_assert_num_queries):
    store = StoreFactory(tenant=in_shop)
    ids = [str(RegisterFactory(tenant=in_shop, store=store).pk) for _ in range(5)]
    place = PlaceInput(data={"store": str(store.pk), "open_registers": ids})

    with django_assert_num_queries(2):
        assert place.is_valid()


@pytest.mark.parametrize(
    ("ids", "errors"),
    [
        ("text", {"open_registers": "not_a_list"}),
        ({}, {"open_registers": "not_a_list"}),
        (None, {"open_registers": "null"}),
        (["x"] * 6, {"open_registers": "max_length"}),
        ([1, None], {"open_registers[0]": "invalid", "open_registers[1]": "invalid"}),
    ],
)
def test_invalid_list_of_ids_is_rejected(in_shop, ids, errors):
    store = StoreFactory(tenant=in_shop)

    place = PlaceInput(data={"store": str(store.pk), "open_registers": ids})

    assert get_codes(place) == errors


def test_repeated_id_is_rejected(in_shop):
    register = RegisterFactory(tenant=in_shop)
    ids = [str(register.pk)] * 2

    place = PlaceInput(data={"store": str(register.store_id), "open_registers": ids})

    assert get_codes(place) == {"open_registers[1]": "repeated"}


def test_output_shows_the_id_without_a_query(in_shop, django_assert_num_queries):
    made = RegisterFactory(tenant=in_shop)
    register = Register.objects.select_related("store").get(pk=made.pk)

    with django_assert_num_queries(0):
        answer = RegisterAnswer(register).data

    assert answer == {"store": str(register.store_id), "keeper": str(in_shop.pk)}


def test_output_shows_the_ids_of_many(in_shop):
    store = StoreFactory(tenant=in_shop)
    registers = [RegisterFactory(tenant=in_shop, store=store) for _ in range(2)]

    assert sorted(StoreAnswer(store).data["registers"]) == sorted(str(r.pk) for r in registers)
