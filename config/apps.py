"""App configuration of the platform admin."""

from django.contrib.admin.apps import AdminConfig


class PlatformAdminConfig(AdminConfig):
    """Django's admin with the platform's site, which works across tenants."""

    default_site = "accounts.admin_site.platform.ThrottledPlatformSite"
