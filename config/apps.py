"""How Django's admin is wired into Till."""

from django.contrib.admin.apps import AdminConfig


class PlatformAdminConfig(AdminConfig):
    """Django's admin with a site that works across tenants and counts guesses."""

    default_site = "accounts.admin_site.platform.ThrottledPlatformSite"
