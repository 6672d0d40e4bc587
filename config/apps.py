"""App configuration of the platform admin."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.apps import SimpleAdminConfig
from django.contrib.admin.checks import check_admin_app, check_dependencies
from django.core.checks import CheckMessage, Tags, register


class PlatformAdminConfig(SimpleAdminConfig):
    """Django's admin with the platform's site, which works across tenants.

    The admin pages are imported by their URLs (config/shop_urls.py, config/platform_urls.py), so
    that a worker that serves only terminals does not hold them in memory.
    """

    default_site = "accounts.admin_site.platform.ThrottledPlatformSite"

    def ready(self) -> None:
        register(check_dependencies, Tags.admin)
        register(check_pages, Tags.admin)


def check_pages(app_configs: Any, **options: Any) -> list[CheckMessage]:
    """Import the admin pages, and check them."""
    admin.autodiscover()
    return list(check_admin_app(app_configs, **options))
