"""Every event that the code can write is in the table, with its actor, its target and its facts."""

import pytest

from accounts.services.approvals import DECISION_EVENTS
from orders.models import CashMovement
from orders.services.reconciliation import GatewayReconciliation
from orders.services.stock.movements import AUDIT_EVENTS
from tenants.api.views import CreateUpdateMixin
from tests.support.audit import list_audit_events
from tests.support.audit_names import names_in_code
from tests.support.audit_table import ROWS, Scene
from tests.support.discovery import subclasses
from tests.support.gateway import install_gateway
from tests.support.till import Till

pytestmark = pytest.mark.once

PLAIN = sorted({view.audit_name for view in subclasses(CreateUpdateMixin) if view.audit_name})
# Where the name is made while the code runs: the names that each expression can make.
MADE = {
    "DECISION_EVENTS[decision]": set(DECISION_EVENTS.values()),
    "AUDIT_EVENTS[new.type]": set(AUDIT_EVENTS.values()),
    "f'cash_{new.type}'": {f"cash_{each}" for each in CashMovement.Type.values},
    "f'{way}_failed'": {"log_in_failed", "reauth_failed"},
    "f'{self.noun}_stays_unknown'": {
        f"{job.noun}_stays_unknown" for job in subclasses(GatewayReconciliation)
    },
    "f'{self.audit_name}_{done}'": {
        f"{name}_{done}" for name in PLAIN for done in ("added", "changed")
    },
    "f\"{name}_{('added' if is_new else 'changed')}\"": {
        f"{name}_{done}"
        for name in ("store", "register", "category", "tax_class")
        for done in ("added", "changed")
    },
    # Of the platform's pages: of a store, a register, or of the shop itself.
    "self.audit_event_name(changed)": {
        "store_changed",
        "register_changed",
        "settings_changed",
        "tenant_suspended",
        "tenant_restored",
    },
}


@pytest.fixture
def people(admin, manager, cashier, register):
    return [Till(person, register) for person in (admin, manager, cashier)]


@pytest.fixture
def scene(people, product, shop, platform_browser, settings, monkeypatch):
    till, manager_client, small = people
    world = (till, small.user, product, till.register.store)
    return Scene(
        *world,
        shop,
        manager_client,
        small,
        platform_browser,
        install_gateway(monkeypatch),
        settings,
    )


def test_the_table_has_a_row_for_every_event_that_the_code_can_write():
    names, expressions = names_in_code()

    assert expressions == set(MADE)
    assert set(ROWS) == names.union(*MADE.values())


@pytest.mark.parametrize("event", sorted(ROWS))
def test_what_is_written(event, scene):
    expected = ROWS[event](scene)

    expected = expected if isinstance(expected, list) else [expected]
    rows = [each.as_row(scene.shop) for each in expected]
    written = [{name: getattr(each, name) for name in rows[0]} for each in list_audit_events(event)]
    assert written == rows
