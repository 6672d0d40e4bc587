"""Audit events of the shop, its stores, its webhooks and of the platform."""

from django.urls import reverse

from accounts.models import ServiceKey
from tenants.events.delivery import DeliveryFailed
from tenants.events.webhooks.subscriber import disable_if_failing
from tenants.models import OutboxDelivery, Register, Store, Tenant, Webhook
from tests.factories.accounts import PASSWORD
from tests.factories.tenants import OutboxDeliveryFactory
from tests.support.audit_table.scene import PLATFORM, ExpectedEvent, anonymous, row
from tests.support.service_keys import create_key
from tests.support.valid_posts import HOOK

# --- the shop ----------------------------------------------------------------------------------


@row("tenant_created")
def tenant_created(scene):
    scene.settings.SIGNUP_ENABLED = True
    tenant = {"slug": "corner", "name": "Corner Shop", "currency": "EUR"}
    admin = {"username": "owner", "email": "o@corner.example", "password": PASSWORD}
    scene.post("auth/signup/", {"tenant": tenant, "admin": admin}, anonymous())
    scene.shop = scene.the_only(Tenant, slug="corner")
    return ExpectedEvent(None, scene.shop, {"slug": "corner", "currency": "EUR"})


@row("settings_changed")
def settings_changed(scene):
    scene.done("PATCH", "tenant/", {"name": "Greener"})
    changes = {"name": {"from": "Green Grocery", "to": "Greener"}}
    return ExpectedEvent(scene.admin, scene.row(Tenant, scene.shop.pk), {"changes": changes})


def set_tenant_active(scene, was, form):
    """Recorded for the platform with the user, and for the shop without."""
    Tenant.objects.filter(pk=scene.shop.pk).update(is_active=was)
    form |= {name: getattr(scene.shop, name) for name in ("name", "timezone", "country")}
    page = reverse("platform:tenants_tenant_change", args=[scene.shop.pk])
    assert scene.platform_browser.post(page, form).status_code == 302
    changes = {"changes": {"is_active": {"from": was, "to": not was}}}
    of_platform = changes | {"shop": scene.shop.slug}
    return [
        ExpectedEvent(scene.root, scene.shop, of_platform, shop=False),
        ExpectedEvent(None, scene.shop, changes, name=PLATFORM),
    ]


@row("tenant_suspended")
def tenant_suspended(scene):
    return set_tenant_active(scene, True, {})


@row("tenant_restored")
def tenant_restored(scene):
    return set_tenant_active(scene, False, {"is_active": "on"})


# --- stores and registers ----------------------------------------------------------------------


@row("store_added")
def store_added(scene):
    made = scene.post("stores/", {"name": "Harbor"})
    return ExpectedEvent(scene.admin, scene.row(Store, made["id"]))


@row("store_changed")
def store_changed(scene):
    scene.done("PATCH", f"stores/{scene.store.pk}/", {"name": "Port"})
    changes = {"name": {"from": "Main", "to": "Port"}}
    return ExpectedEvent(scene.admin, scene.row(Store, scene.store.pk), {"changes": changes})


@row("register_added")
def register_added(scene):
    made = scene.post("registers/", {"name": "Bar", "store": str(scene.store.pk)})
    return ExpectedEvent(scene.admin, scene.row(Register, made["id"]), {"store": "Main"})


@row("register_changed")
def register_changed(scene):
    register = scene.till.register
    scene.done("PATCH", f"registers/{register.pk}/", {"is_active": False})
    changes = {"is_active": {"from": True, "to": False}}
    return ExpectedEvent(scene.admin, register, {"changes": changes})


# --- webhooks ----------------------------------------------------------------------------------


@row("service_key_added")
def service_key_added(scene):
    made = scene.post("service-keys/", {"name": "Web shop", "scopes": ["stock:read"]})
    facts = {"scopes": ["stock:read"], "stores": []}
    return ExpectedEvent(scene.admin, scene.row(ServiceKey, made["id"]), facts)


@row("service_key_revoked")
def service_key_revoked(scene):
    key = create_key(scene.shop, scene.admin)
    scene.done("DELETE", f"service-keys/{key.pk}/")
    return ExpectedEvent(scene.admin, scene.row(ServiceKey, key.pk))


@row("webhook_added")
def webhook_added(scene):
    made = scene.post("webhooks/", {"url": HOOK, "events": ["order.completed"]})
    facts = {"events": ["order.completed"]}
    return ExpectedEvent(scene.admin, scene.row(Webhook, made["id"]), facts)


@row("webhook_changed")
def webhook_changed(scene):
    webhook = scene.webhook()
    scene.done("PATCH", f"webhooks/{webhook.pk}/", {"description": "Books"})
    changes = {"description": {"from": "", "to": "Books"}}
    return ExpectedEvent(scene.admin, webhook, {"changes": changes})


@row("webhook_secret_rotated")
def webhook_secret_rotated(scene):
    webhook = scene.webhook()
    scene.post(f"webhooks/{webhook.pk}/rotate/")
    return ExpectedEvent(scene.admin, webhook)


@row("webhook_removed")
def webhook_removed(scene):
    webhook = scene.webhook()
    scene.done("DELETE", f"webhooks/{webhook.pk}/")
    return ExpectedEvent(scene.admin, webhook)


@row("webhook_tested")
def webhook_tested(scene):
    webhook = scene.webhook()
    scene.post(f"webhooks/{webhook.pk}/test/")
    return ExpectedEvent(scene.admin, webhook)


@row("webhook_redelivered")
def webhook_redelivered(scene):
    webhook = scene.webhook_with_delivery()
    delivery = scene.the_only(OutboxDelivery, subscriber=webhook.subscriber)
    scene.post(f"webhooks/{webhook.pk}/deliveries/{delivery.pk}/redeliver/")
    return ExpectedEvent(scene.admin, webhook, {"delivery": str(delivery.pk)})


@row("webhook_disabled")
def webhook_disabled(scene):
    """Disabled automatically after the answer 410."""
    webhook = scene.webhook_with_delivery()
    delivery = scene.the_only(OutboxDelivery, subscriber=webhook.subscriber)
    with scene.in_shop():
        disable_if_failing(delivery, DeliveryFailed("Gone.", response_code=410))
    return ExpectedEvent(None, webhook, {"reason": "gone"})


@row("delivery_taken_up")
def delivery_taken_up(scene):
    dead = OutboxDeliveryFactory(
        event__tenant=scene.shop, status="dead", attempts=17, last_error="TimeoutError"
    )
    form = {"action": "try_again", "_selected_action": [dead.pk]}
    scene.platform_browser.post("/platform/tenants/outboxdelivery/", form)
    retried = scene.row(OutboxDelivery, dead.pk)
    return [
        ExpectedEvent(scene.root, retried, {"shop": scene.shop.slug}, shop=False),
        ExpectedEvent(None, retried, name=PLATFORM),
    ]
