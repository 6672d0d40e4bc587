"""Fixtures of all tests: a shop and its users, another shop with leak markers, and clients."""

import gc
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
import structlog
from django.conf import settings
from django.contrib.admin import autodiscover
from django.core.cache import cache
from django.test import Client, TransactionTestCase

from accounts.models import User
from orders.models import Product
from tenants.database.postgres.pipeline import Prepared
from tenants.models import Register, Store, Tenant
from tenants.scope import tenant_scope
from tests.factories.accounts import AuthSessionFactory, PlatformUserFactory, UserFactory
from tests.factories.orders import (
    BarcodeFactory,
    CategoryFactory,
    OrderFactory,
    OrderLineFactory,
    PaymentFactory,
    ProductFactory,
    RefundFactory,
    StockLevelFactory,
    TaxClassFactory,
)
from tests.factories.tenants import RegisterFactory, StoreFactory, TenantFactory
from tests.support.api import Api, Person
from tests.support.before_django import (  # noqa: F401
    answer_before_django,
    pytest_addoption,
    register_if_wanted,
)
from tests.support.database_cache import copy_cached, remove_copy, save_to_cache
from tests.support.database_selection import pytest_collection_modifyitems, pytest_report_header  # noqa: F401
from tests.support.decimals import decimals, watch_decimals
from tests.support.documented_codes import codes, is_test_of_api, watch_codes
from tests.support.problems import assert_problem
from tests.support.schema_digest import cache_lock
from tests.support.secret_leaks import leaks, watch_leaks
from tests.support.statements import assert_statement_count, record_messages
from tests.support.tenant_leak_markers import create_foreign_shift
from tests.support.truncation import empty_tables

# The database of a cluster: see tests/support/cluster.py.
KEPT_DATABASE = "TEST_KEPT_DATABASE"
LEAK_MARKER = "LEAKMARK_B"
NOT_DOCUMENTED = (
    "The OpenAPI document does not list these errors. Run `python -m tests.tools.error_codes`, and "
    "add what it does not find to its SEEN_IN_TESTS:"
)


def pytest_configure(config: pytest.Config) -> None:
    """Run the garbage collector less often, because almost all objects live to the end.

    Import the admin pages, as their first request does.
    """
    register_if_wanted(config)
    gc.set_threshold(20_000, 20, 100)
    autodiscover()


def pytest_collection_finish() -> None:
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True, scope="session")
def watch_responses_and_logs() -> Iterator[None]:
    patch = pytest.MonkeyPatch
    with watch_leaks(patch), watch_decimals(patch), watch_codes(patch):
        yield


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """Reset what the previous test recorded or bound to the log context."""
    leaks.begin()
    decimals.begin()
    codes.begin()
    structlog.contextvars.clear_contextvars()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[Any]:
    """Fail every test in whose responses a secret or an amount with wrong decimals was found.

    Fail a test of the API for an error code that the document does not list.
    """
    outcome = yield
    if leaks.found:
        pytest.fail("\n".join(["A secret was found:", *leaks.found]), pytrace=False)
    if decimals.found:
        found = "\n".join(["An amount with the wrong decimals:", *decimals.found])
        pytest.fail(found, pytrace=False)
    if codes.found and is_test_of_api(item.path):
        found = "\n".join([NOT_DOCUMENTED, *codes.found])
        pytest.fail(found, pytrace=False)
    return outcome


@pytest.fixture(autouse=True, scope="session")
def truncate_tables_quickly() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", empty_tables)
        yield


@pytest.fixture(scope="session")
def cache_turn() -> Iterator[ExitStack]:
    """The lock of the cache, released once there is a migrated database to copy."""
    with ExitStack() as turn:
        turn.enter_context(cache_lock("sqlite"))
        yield turn


@pytest.fixture(scope="session")
def django_db_keepdb(django_db_modify_db_settings: None, cache_turn: ExitStack) -> bool:
    """Whether a migrated database is used, from the cache or of a cluster, instead of a new one."""
    is_copied = copy_cached()
    if is_copied or not settings.IS_SQLITE:
        cache_turn.close()
    return is_copied or KEPT_DATABASE in os.environ


@pytest.fixture(scope="session")
def django_db_setup(
    django_db_setup: None, django_db_keepdb: bool, django_db_blocker: Any, cache_turn: ExitStack
) -> Iterator[None]:
    with django_db_blocker.unblock():
        if not django_db_keepdb:
            save_to_cache()
    cache_turn.close()
    yield
    if django_db_keepdb:
        with django_db_blocker.unblock():
            remove_copy()


@pytest.fixture(autouse=True)
def empty_cache() -> None:
    """Reset all rate limits between tests."""
    cache.clear()


# --- the shop ---------------------------------------------------------------------------------


@pytest.fixture
def shop(db: None) -> Tenant:
    return TenantFactory(slug="green", name="Green Grocery")


@pytest.fixture
def in_shop(shop: Tenant) -> Iterator[Tenant]:
    """The shop, with its tenant context set during the test, for tests of services and models."""
    with tenant_scope(shop):
        yield shop


@pytest.fixture
def admin(shop: Tenant) -> User:
    return UserFactory(tenant=shop, username="adm", email="adm@green.example", admin=True)


@pytest.fixture
def manager(shop: Tenant) -> User:
    return UserFactory(tenant=shop, username="mgr", email="mgr@green.example", manager=True)


@pytest.fixture
def cashier(shop: Tenant) -> User:
    return UserFactory(tenant=shop, username="c1", email="c1@green.example")


@pytest.fixture
def store(shop: Tenant) -> Store:
    return StoreFactory(tenant=shop, name="Main")


@pytest.fixture
def register(store: Store) -> Register:
    return RegisterFactory(tenant=store.tenant, store=store, name="Till 1", number=1)


@pytest.fixture
def product(store: Store) -> Product:
    """A product that costs 2.50, with a stock of 10."""
    product = ProductFactory(tenant=store.tenant, sku="APPLE", name="Apple")
    StockLevelFactory(product=product, store=store)
    return product


@pytest.fixture
def root(db: None) -> User:
    """A platform user."""
    return PlatformUserFactory(username="root")


@pytest.fixture
def platform_browser(root: User) -> Client:
    """A browser in which `root` is signed in to the admin."""
    browser = Client()
    browser.force_login(root)
    return browser


# --- another shop -----------------------------------------------------------------------------


@pytest.fixture
def foreign(db: None) -> SimpleNamespace:
    """One row of every model in another shop; each text contains the leak marker.

    The other shop's users have the same usernames as those of `shop`.
    """
    tenant = TenantFactory(slug="leakmark-b-slug", name=f"{LEAK_MARKER}_TENANT")
    people = {role: create_foreign_user(tenant, name, role) for role, name in PEOPLE.items()}
    store = StoreFactory(
        tenant=tenant, name=f"{LEAK_MARKER}_STORE", address=f"{LEAK_MARKER}_ADDRESS"
    )
    register = RegisterFactory(tenant=tenant, store=store, name=f"{LEAK_MARKER}_REGISTER", number=1)
    return SimpleNamespace(
        tenant=tenant,
        store=store,
        register=register,
        session=AuthSessionFactory(user=people["admin"], user_agent=f"{LEAK_MARKER}_AGENT"),
        **people,
        **create_foreign_catalog(tenant, store),
        **create_foreign_order(people["cashier"], register),
        **create_foreign_shift(people["cashier"], register, LEAK_MARKER),
    )


PEOPLE = {"admin": "adm", "manager": "mgr", "cashier": "c1"}


def create_foreign_user(tenant: Tenant, username: str, role: str) -> User:
    return UserFactory(
        tenant=tenant,
        username=username,
        display_name=f"{LEAK_MARKER}_{role}",
        email=f"{LEAK_MARKER}_{role}@blue.example",
        role=role,
    )


def create_foreign_catalog(tenant: Tenant, store: Store) -> dict[str, Any]:
    tax_class = TaxClassFactory(tenant=tenant, name=f"{LEAK_MARKER}_TAX")
    category = CategoryFactory(tenant=tenant, name=f"{LEAK_MARKER}_CATEGORY")
    product = ProductFactory(
        tenant=tenant,
        sku=f"{LEAK_MARKER}_SKU",
        name=f"{LEAK_MARKER}_PRODUCT",
        price=Decimal("6.66"),
        category=category,
        tax_class=tax_class,
    )
    return {
        "tax_class": tax_class,
        "category": category,
        "product": product,
        "barcode": BarcodeFactory(product=product, code=f"{LEAK_MARKER}_BARCODE"),
        "stock_level": StockLevelFactory(
            product=product, store=store, movement__reason=f"{LEAK_MARKER}_REASON"
        ),
    }


def create_foreign_order(cashier: User, register: Register) -> dict[str, Any]:
    order = OrderFactory(
        cashier=cashier,
        register=register,
        number=f"{LEAK_MARKER}_NUMBER",
        customer_name=f"{LEAK_MARKER}_CUSTOMER",
        customer_email=f"{LEAK_MARKER}@customer.example",
        note=f"{LEAK_MARKER}_NOTE",
    )
    line = OrderLineFactory(
        order=order, product__name=f"{LEAK_MARKER}_LINE", note=f"{LEAK_MARKER}_LINE"
    )
    payment = PaymentFactory(order=order, reference=f"{LEAK_MARKER}_REFERENCE")
    refund = RefundFactory(order=order, reason=f"{LEAK_MARKER}_REASON")
    return {"order": order, "line": line, "payment": payment, "refund": refund}


@pytest.fixture
def other_shop(foreign: SimpleNamespace) -> Tenant:
    tenant: Tenant = foreign.tenant
    return tenant


@pytest.fixture
def foreign_admin(foreign: SimpleNamespace) -> User:
    """The admin of the other shop."""
    user: User = foreign.admin
    return user


# --- clients and assertions -------------------------------------------------------------------


@pytest.fixture
def client_of(db: None) -> Callable[..., Person]:
    """`client_of(user)` returns an API client that is logged in as this user, in a new session."""
    return Person


@pytest.fixture
def cashier_client(cashier: User) -> Person:
    return Person(cashier)


@pytest.fixture
def manager_client(manager: User) -> Person:
    return Person(manager)


@pytest.fixture
def admin_client(admin: User) -> Person:
    return Person(admin)


@pytest.fixture
def anonymous(db: None) -> Api:
    return Api()


@pytest.fixture
def statements() -> Callable[[int], AbstractContextManager[None]]:
    """`with statements(3):` asserts the number of SQL statements, except those of transactions.

    The number is therefore the same on both engines, which open different transactions.
    """
    return assert_statement_count


@pytest.fixture
def messages(monkeypatch: pytest.MonkeyPatch) -> list[list[Prepared]]:
    """Return the statements of each message sent to PostgreSQL by a pipeline."""
    return record_messages(monkeypatch)


@pytest.fixture
def problem() -> Callable[..., dict[str, Any]]:
    """`problem(response, status, code, {field: code})` asserts a complete RFC 9457 problem."""
    return assert_problem


@pytest.fixture
def url(django_db_setup: None, live_server: Any) -> str:
    """The URL of a server with its own connections to the test database.

    Depends on `django_db_setup`, because a server that starts before it shares our connection.
    """
    return str(live_server.url)
