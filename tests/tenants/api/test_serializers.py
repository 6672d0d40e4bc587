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


def errors_of(serializer: serializers.BaseSerializer) -> dict[str, tuple[str, str]]:
    with pytest.raises(serializers.ValidationError) as refusal:
        serializer.is_valid(raise_exception=True)
    return {e.field: (e.code, e.detail) for e in flatten_errors(refusal.value.detail)}


def codes_of(serializer: serializers.BaseSerializer) -> dict[str, str]:
    return {field: code for field, (code, _) in errors_of(serializer).items()}


# --- unknown fields ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ["tenant", "tenant_id", "is_staff", "is_superuser", "role", "created_at", "id", "__proto__"],
    ids=lambda name: f"attack-75-{name}",
)
def test_what_may_not_be_set_is_unknown(name):
    line = {"quantity": "1", name: "x"}

    assert codes_of(LineInput(data=line)) == {name: "unknown_field"}
    assert codes_of(OrderInput(data={"lines": [{"quantity": "1"}, line]})) == {
        f"lines[1].{name}": "unknown_field"
    }
    assert codes_of(OrderInput(data={"customer": line})) == {f"customer.{name}": "unknown_field"}


def test_unknown_and_wrong_fields_are_named_together():
    data = {"quantity": "x", "qty": 1, "note": None}

    assert codes_of(LineInput(data=data)) == {
        "quantity": "invalid",
        "qty": "unknown_field",
        "note": "unknown_field",
    }


def test_a_partial_change_knows_its_fields_too():
    assert codes_of(LineInput(data={"qty": 1}, partial=True)) == {"qty": "unknown_field"}


def test_many_unknown_fields_are_not_all_told():
    data = {"n" * 500 + str(n): n for n in range(1_000)} | {"quantity": "1"}

    told = codes_of(LineInput(data=data))

    assert set(told) == {"n" * 100}


def test_what_is_known_passes():
    line = LineInput(data={"quantity": "1", "secret": "s"})

    assert line.is_valid()
    assert line.validated_data["secret"] == "s"


@pytest.mark.parametrize("data", [[], "text", 7, True, [{"quantity": "1"}]])
def test_anything_but_an_object_is_refused(data):
    assert codes_of(LineInput(data=data)) == {"": "invalid"}
    assert codes_of(OrderInput(data={"customer": data})) == {"customer": "invalid"}


def test_a_list_is_bounded_before_its_items_are_read():
    lines = [{"quantity": "1"}] * 3

    assert OrderInput(data={"lines": lines}).is_valid()
    assert codes_of(OrderInput(data={"lines": [*lines, "not even an object"]})) == {
        "lines": "max_length"
    }
    assert codes_of(LineInput(data=[*lines, 4], many=True)) == {"": "max_length"}


def test_a_rule_over_the_whole_has_no_field():
    assert errors_of(OrderInput(data={})) == {"": ("empty", "Nothing was sent.")}


# --- paths ------------------------------------------------------------------------------------


def word(code: str) -> ErrorDetail:
    return ErrorDetail("Wrong.", code)


@pytest.mark.parametrize(
    ("detail", "paths"),
    [
        (word("a"), {"": "a"}),
        ([word("a")], {"": "a"}),
        ({"name": [word("a")]}, {"name": "a"}),
        ({"non_field_errors": [word("a")]}, {"": "a"}),
        ({"lines": [{}, {"quantity": [word("a")]}]}, {"lines[1].quantity": "a"}),
        ({"lines": {1: {"quantity": [word("a")]}}}, {"lines[1].quantity": "a"}),
        ({"lines": {0: [word("a")], 2: {"x": [word("b")]}}}, {"lines[0]": "a", "lines[2].x": "b"}),
        ({"lines": {"non_field_errors": [word("a")]}}, {"lines": "a"}),
        ([{}, {"q": [word("a")]}], {"[1].q": "a"}),
        ({3: {"q": [word("a")]}}, {"[3].q": "a"}),
        ({"a": {"b": {"c": [{}, [word("a")]]}}}, {"a.b.c[1]": "a"}),
        ({"name": ["plain words"]}, {"name": "invalid"}),
    ],
)
def test_every_error_has_a_path(detail, paths):
    assert {error.field: error.code for error in flatten_errors(detail)} == paths


# --- foreign keys -----------------------------------------------------------------------------


@pytest.mark.parametrize("field", ["store", "open_registers"])
def test_an_id_of_another_shop_is_refused_like_one_that_nobody_has(shop, foreign, field):
    mine = str(StoreFactory(tenant=shop).pk)
    details = set()

    for pk in (foreign.store.pk, foreign.register.pk, uuid.uuid4()):
        data = {"store": mine, "open_registers": []}
        data[field] = [str(pk)] if field == "open_registers" else str(pk)
        with tenant_scope(shop):
            (error,) = errors_of(PlaceInput(data=data)).items()
        details.add(error)

    path = "open_registers[0]" if field == "open_registers" else "store"
    assert details == {(path, ("does_not_exist", "Object does not exist."))}


def test_an_id_of_this_shop_is_its_row(in_shop):
    store = StoreFactory(tenant=in_shop)
    registers = [RegisterFactory(tenant=in_shop, store=store) for _ in range(3)]
    ids = [str(register.pk) for register in reversed(registers)]

    place = PlaceInput(data={"store": str(store.pk), "open_registers": ids})

    assert place.is_valid(), place.errors
    assert place.validated_data == {"store": store, "open_registers": registers[::-1]}


def test_rows_that_the_queryset_leaves_out_are_not_there(in_shop):
    store = StoreFactory(tenant=in_shop)
    closed = RegisterFactory(tenant=in_shop, store=store, is_active=False)

    place = PlaceInput(data={"store": str(store.pk), "open_registers": [str(closed.pk)]})

    assert codes_of(place) == {"open_registers[0]": "does_not_exist"}


@pytest.mark.parametrize(
    "data",
    [True, 1, 10**30, "1\0", "", {"id": 1}, ["a"], "' OR 1=1--", None],
    ids=lambda data: f"attack-107-{data!a}",
)
def test_an_id_is_a_uuid(in_shop, data):
    assert codes_of(PlaceInput(data={"store": data})) == {
        "store": "null" if data is None else "invalid"
    }


def test_several_ids_are_one_query(in_shop, django_assert_num_queries):
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
def test_several_ids_are_a_bounded_list(in_shop, ids, errors):
    store = StoreFactory(tenant=in_shop)

    place = PlaceInput(data={"store": str(store.pk), "open_registers": ids})

    assert codes_of(place) == errors


def test_one_row_is_named_once(in_shop):
    register = RegisterFactory(tenant=in_shop)
    ids = [str(register.pk)] * 2

    place = PlaceInput(data={"store": str(register.store_id), "open_registers": ids})

    assert codes_of(place) == {"open_registers[1]": "repeated"}


def test_an_answer_shows_the_id_without_fetching_the_row(in_shop, django_assert_num_queries):
    made = RegisterFactory(tenant=in_shop)
    register = Register.objects.select_related("store").get(pk=made.pk)

    with django_assert_num_queries(0):
        answer = RegisterAnswer(register).data

    assert answer == {"store": str(register.store_id), "keeper": str(in_shop.pk)}


def test_an_answer_shows_the_ids_of_many(in_shop):
    store = StoreFactory(tenant=in_shop)
    registers = [RegisterFactory(tenant=in_shop, store=store) for _ in range(2)]

    assert sorted(StoreAnswer(store).data["registers"]) == sorted(str(r.pk) for r in registers)
