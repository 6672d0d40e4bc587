"""Every audit event of the code has a row in the table with its actor, target and facts."""

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
# Event names that are computed: the names that each expression can produce.
COMPUTED_NAMES = {
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
    # From the pages of the platform: for a store, a register or the shop.
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
    till, manager_client, cashiers_till = people
    world = (till, cashiers_till.user, product, till.register.store)
    return Scene(
        *world,
        shop,
        manager_client,
        cashiers_till,
        platform_browser,
        install_gateway(monkeypatch),
        settings,
    )


@pytest.mark.slow
def test_table_contains_every_event_of_the_code():
    names, expressions = names_in_code()

    assert expressions == set(COMPUTED_NAMES)
    assert set(ROWS) == names.union(*COMPUTED_NAMES.values())


@pytest.mark.parametrize("event", sorted(ROWS))
def test_recorded_event_matches_the_table(event, scene):
    expected = ROWS[event](scene)

    expected = expected if isinstance(expected, list) else [expected]
    rows = [each.as_row(scene.shop) for each in expected]
    recorded = [
        {name: getattr(each, name) for name in rows[0]} for each in list_audit_events(event)
    ]
    assert recorded == rows
