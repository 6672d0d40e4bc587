import uuid
from datetime import timedelta

import pytest
from django.db.models import Q
from django.test import override_settings
from django.urls import path
from django.utils.module_loading import import_string
from django_filters import CharFilter, ChoiceFilter
from rest_framework.exceptions import ValidationError
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView

from config.problems import build_problem
from tenants.api.filters import (
    DateTimeFilter,
    DecimalFilter,
    IdFilter,
    SearchFilter,
    StrictBooleanFilter,
    StrictFilterBackend,
    StrictFilterSet,
    TextFilter,
    UpdatedSinceFilter,
)
from tenants.api.formats import format_datetime
from tenants.exceptions import Invalid
from tenants.models import Register
from tests.factories.tenants import RegisterFactory, StoreFactory


class RegisterFilter(StrictFilterSet):
    store = IdFilter(field_name="store_id")
    is_active = StrictBooleanFilter()
    number_min = DecimalFilter(field_name="number", lookup_expr="gte")
    created_before = DateTimeFilter(field_name="created_at", lookup_expr="lt")
    updated_since = UpdatedSinceFilter()
    size = ChoiceFilter(choices=[("big", "Big"), ("small", "Small")], method="of_size")
    search = SearchFilter(method="search_name")
    name = TextFilter()

    class Meta:
        model = Register
        fields = ()

    def of_size(self, registers, name, value):
        return registers.filter(number__gt=1) if value == "big" else registers.filter(number=1)

    def search_name(self, registers, name, value):
        return registers.filter(Q(name__icontains=value))


class List:
    """The attributes of a list view that filters read."""

    filterset_class = RegisterFilter
    detail = False
    query_params = ("dry_run",)


class Detail(List):
    detail = True


class Unfiltered:
    pass


def filter_names(query, view=List):
    """Return the names of the filtered rows."""
    request = Request(APIRequestFactory().get(f"/list/{query}"))
    rows = StrictFilterBackend().filter_queryset(request, Register.objects.all(), view)
    return sorted(row.name for row in rows)


def get_refusal(query, view=List):
    """Return the code of the refusal and the codes of the parameters."""
    with pytest.raises((Invalid, ValidationError)) as refusal:
        filter_names(query, view)
    problem = build_problem(refusal.value)
    return problem.code, {error.field: error.code for error in problem.errors}


@pytest.fixture
def registers(in_shop):
    near, far = StoreFactory(tenant=in_shop, name="near"), StoreFactory(tenant=in_shop, name="far")
    return [
        RegisterFactory(tenant=in_shop, store=near, name="a", number=1),
        RegisterFactory(tenant=in_shop, store=near, name="b%", number=2, is_active=False),
        RegisterFactory(tenant=in_shop, store=far, name="c_\\", number=3),
    ]


def test_list_without_filters_contains_all_rows(registers):
    assert filter_names("") == ["a", "b%", "c_\\"]
    assert filter_names("?page_size=2&cursor=x&ordering=y&dry_run=1") == ["a", "b%", "c_\\"]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("?is_active=true", ["a", "c_\\"]),
        ("?is_active=false", ["b%"]),
        ("?number_min=2", ["b%", "c_\\"]),
        ("?number_min=99999999999.999", []),
        ("?size=big&is_active=true", ["c_\\"]),
        ("?size=small", ["a"]),
        ("?search=A", ["a"]),
        ("?search=", ["a", "b%", "c_\\"]),
        pytest.param("?search=%25", ["b%"], id="attack-95-percent"),
        pytest.param("?search=_", ["c_\\"], id="attack-95-underscore"),
        pytest.param("?search=%5C", ["c_\\"], id="attack-95-backslash"),
    ],
)
def test_filters_are_applied(registers, query, names):
    assert filter_names(query) == names


def test_id_filter_ignores_case(registers):
    assert filter_names(f"?store={registers[0].store_id}") == ["a", "b%"]
    assert filter_names(f"?store={str(registers[2].store_id).upper()}") == ["c_\\"]


def test_id_of_another_shop_lists_nothing_like_an_unknown_one(registers, foreign):
    # attack 98
    assert filter_names(f"?store={foreign.store.pk}") == []
    assert filter_names(f"?store={uuid.uuid4()}") == []


def test_updated_since_includes_and_created_before_excludes_the_time(registers):
    moment = registers[1].updated_at

    assert filter_names(f"?updated_since={format_datetime(moment)}") == ["b%", "c_\\"]
    assert filter_names(f"?updated_since={format_datetime(moment + timedelta(days=1))}") == []
    assert filter_names(f"?created_before={format_datetime(registers[1].created_at)}") == ["a"]


def test_time_offset_must_be_escaped(registers):
    assert filter_names("?updated_since=2026-01-01T00:00:00%2B02:00") == ["a", "b%", "c_\\"]
    assert get_refusal("?updated_since=2026-01-01T00:00:00+02:00") == (
        "invalid",
        {"updated_since": "invalid"},
    )


# --- refusals ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        *("pin_hash__startswith", "password", "tenant", "tenant__slug", "tenant_id", "id__in"),
        *("page", "limit", "offset", "format", "store__name", "is_active__exact", "Search", ""),
    ],
    ids=lambda name: f"attack-92-{name}",
)
def test_unknown_parameter_is_rejected(in_shop, name):
    assert get_refusal(f"?{name}=1") == ("unknown_filter", {name: "unknown_filter"})


def test_list_of_ids_is_not_a_filter(in_shop):
    ids = ",".join(["0190b1a2-7b3c-7def-8abc-0123456789ab"] * 10_000)  # attack 96

    assert get_refusal(f"?id__in={ids}") == ("unknown_filter", {"id__in": "unknown_filter"})
    assert get_refusal(f"?store={ids}") == ("invalid", {"store": "max_length"})


def test_list_without_filters_accepts_page_parameters_only(in_shop):
    assert filter_names("?page_size=2", Unfiltered) == []
    assert get_refusal("?is_active=true", Unfiltered) == (
        "unknown_filter",
        {"is_active": "unknown_filter"},
    )


def test_detail_has_no_filters(registers):
    assert filter_names("?dry_run=1", Detail) == ["a", "b%", "c_\\"]
    for name in ("is_active", "cursor", "page_size", "ordering"):
        assert get_refusal(f"?{name}=true", Detail) == ("unknown_filter", {name: "unknown_filter"})


def test_repeated_parameter_is_rejected(in_shop):
    assert get_refusal("?is_active=true&is_active=false") == (
        "invalid",
        {"is_active": "repeated_parameter"},
    )
    assert get_refusal("?cursor=a&cursor=b") == ("invalid", {"cursor": "repeated_parameter"})


@pytest.mark.parametrize("name", ["search", "store", "is_active", "cursor", "size", "dry_run"])
def test_nul_character_is_rejected(in_shop, name):
    assert get_refusal(f"?{name}=a%00") == ("invalid", {name: "nul_character"})  # attack 95


@pytest.mark.parametrize(
    ("name", "length"), [("search", 256), ("search", 10_000), ("cursor", 2_049)]
)
def test_long_value_is_rejected(in_shop, name, length):
    assert get_refusal(f"?{name}={'x' * length}") == ("invalid", {name: "max_length"})  # attack 95


@pytest.mark.parametrize(
    ("query", "name"),
    [
        *((f"?store={value}", "store") for value in ("1", "abc", "%7B%7D", "null", "' OR 1=1--")),
        *((f"?is_active={value}", "is_active") for value in ("True", "1", "yes", "on", "null")),
        *((f"?number_min={value}", "number_min") for value in ("1e9999", "NaN", "Infinity", "-1")),
        *((f"?number_min={value}", "number_min") for value in ("1" * 200, "1_0", "%D9%A1", "0x1")),
        *((f"?updated_since={value}", "updated_since") for value in ("2026-01-01", "now", "0")),
        ("?created_before=9999-12-31T23:59:59-10:00", "created_before"),
    ],
)
def test_value_of_another_type_is_rejected(in_shop, query, name):
    assert get_refusal(query) == ("invalid", {name: "invalid"})


def test_invalid_choice_is_rejected(in_shop):
    assert get_refusal("?size=huge") == ("invalid", {"size": "invalid_choice"})
    assert get_refusal("?size=null") == ("invalid", {"size": "invalid_choice"})


@pytest.mark.parametrize("blank", ["", "%20", "%09%0A", "%C2%A0"])
@pytest.mark.parametrize(
    "name", ["store", "is_active", "number_min", "updated_since", "size", "name"]
)
def test_empty_filter_is_rejected(in_shop, name, blank):
    assert get_refusal(f"?{name}={blank}") == ("invalid", {name: "blank"})


def test_only_a_search_of_words_may_be_empty():
    """An empty text filter would list everything: each is refused, whichever list has it."""
    import_string("config.urls.urlpatterns")
    texts = {
        (filterset.__qualname__, name): type(each)
        for filterset in find_subclasses(StrictFilterSet)
        for name, each in filterset.base_filters.items()
        if isinstance(each, CharFilter) and filterset.__module__ != __name__
    }

    assert len(texts) >= 9
    assert {place for place, kind in texts.items() if kind is SearchFilter} == {
        ("ProductFilter", "search")
    }
    assert set(texts.values()) == {TextFilter, SearchFilter}


def find_subclasses(kind):
    for each in kind.__subclasses__():
        yield each
        yield from find_subclasses(each)


@pytest.mark.parametrize("search", ["(a%2B)%2B$", "%25" * 80, "_" * 255, "a%25_%5C" * 30])
@pytest.mark.timeout(20)  # attack 95: backtracking would not end
def test_search_with_special_characters_finds_nothing(registers, search):
    assert list(filter_names(f"?search={search}")) == []


def test_only_requested_filters_are_created(registers):
    made = RegisterFilter({"is_active": "true"}, queryset=Register.objects.all())

    assert list(made.filters) == ["is_active"]
    assert len(RegisterFilter.base_filters) == 9


# --- responses ---------------------------------------------------------------------------------


class RegisterList(APIView):
    authentication_classes = ()
    permission_classes = (AllowAny,)
    filterset_class = RegisterFilter

    def get(self, request):
        rows = StrictFilterBackend().filter_queryset(request, Register.objects.none(), self)
        return Response([row.name for row in rows])


urlpatterns = [path("api/registers/", RegisterList.as_view())]


@override_settings(ROOT_URLCONF=__name__)
@pytest.mark.parametrize(
    ("query", "code", "errors"),
    [
        ("?tenant=x&limit=1e9", "unknown_filter", {"tenant": "unknown_filter", "limit": "u"}),
        ("?store=1&is_active=yes", "invalid", {"store": "invalid", "is_active": "invalid"}),
        ("?" + "&".join(f"a{n}=1" for n in range(2_000)), "bad_request", {}),
    ],
)
def test_rejected_parameters_are_named_in_the_problem(
    client, in_shop, problem, query, code, errors
):
    response = client.get(f"/api/registers/{query}")

    errors = {name: code if code == "unknown_filter" else error for name, error in errors.items()}
    problem(response, 400, code, errors)
