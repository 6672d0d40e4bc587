"""Fuzzing: every response is described by the OpenAPI document, and none is a 5xx.

FUZZ_EXAMPLES sets the number of requests for each operation and role.
"""

import pytest
from django.core import mail
from django.core.cache import cache
from hypothesis import given
from hypothesis import strategies as st
from schemathesis import GenerationMode

from config.fast_entry import API, ROUTES
from tenants.api.fast_entry import ONE, hits
from tests.support.fuzz_settings import build_fuzz_settings
from tests.support.schema_requests import (
    CaseFiller,
    ask,
    build_headers,
    check_response,
    operations,
    record_exceptions,
)
from tests.support.till import Till
from tests.support.two_shops import create_two_shops
from tests.support.valid_posts import ShopSetup

ROLES = ("admin", "manager", "cashier", "pin", "platform", "anonymous")
FUZZ_SETTINGS = build_fuzz_settings(2)


@pytest.fixture
def world(admin, cashier, register, store, product):
    return ShopSetup(Till(admin, register), cashier, product, store)


@pytest.fixture
def shops(world, manager, root, foreign, settings):
    settings.SIGNUP_ENABLED = True
    return create_two_shops(world, manager, root, foreign)


@pytest.mark.timeout(0)
@pytest.mark.parametrize("role", ROLES)
def test_every_response_matches_the_openapi_document(role, shops):
    fuzz_operations(operations(), role, shops)


@pytest.mark.sample
def test_responses_of_some_operations_match_the_openapi_document(shops):
    fuzz_operations(operations()[::10], "manager", shops)


@pytest.mark.timeout(0)
@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("role", ["admin", "cashier", "pin"])
def test_every_response_before_django_matches_the_openapi_document(role, shops):
    fast = {route.name.replace(" ", f" {API}").replace(ONE, "{id}/") for route in ROUTES.values()}
    found = [each for each in operations() if each.label in fast]
    assert len(found) == len(fast)
    before = hits.total()

    fuzz_operations(found, role, shops)

    assert hits.total() > before


def fuzz_operations(found, role, shops):
    headers = build_headers(shops.clients[role])
    failures = {}
    for operation in found:
        try:
            fuzz_operation(operation, headers, shops)
        except (Exception, BaseExceptionGroup) as failure:
            failures[operation.label] = str(failure)
    assert not failures, "\n\n".join(f"{name}: {what}" for name, what in failures.items())


def fuzz_operation(operation, headers, shops):
    modes = st.sampled_from(GenerationMode)

    @FUZZ_SETTINGS
    @given(case=modes.flatmap(operation.as_strategy), data=st.data())
    def send_once(case, data):
        cache.clear()
        mail.outbox.clear()
        filled = CaseFiller(data.draw, shops).case(case)
        with record_exceptions() as raised:
            response = ask(filled, headers)
        check_response(filled, response, raised)

    send_once()
