"""Workers of the former version sell while the database has columns of the next one."""

import pytest
from django.db import connection
from django.test import override_settings

from tenants.database.postgres.roles import as_owner
from tests.support.fast_sales import SALES, build_shop

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]
TABLES = ("orders_order", "orders_orderline", "orders_payment", "orders_receipt")


def run_as_owner(sql):
    with as_owner(connection), connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(sql.format(table))


@pytest.fixture
def newer_columns(transactional_db):
    run_as_owner("ALTER TABLE {} ADD COLUMN newer integer NOT NULL DEFAULT 7")
    yield
    run_as_owner("ALTER TABLE {} DROP COLUMN newer")


@pytest.mark.parametrize("is_fast", [True, False])
def test_columns_of_a_newer_migration_get_their_defaults(newer_columns, is_fast):
    shop = build_shop()

    with override_settings(FAST_PATHS=is_fast):
        answer = shop.post(SALES["several payments"](shop))

    assert answer.status == "201 Created", answer.body
