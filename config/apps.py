"""How Django's admin is wired into Till."""

from django.contrib.admin.apps import AdminConfig


class PlatformAdminConfig(AdminConfig):
    """Django's admin with a site that works across tenants."""

    default_site = "tenants.admin_site.PlatformSite"
