"""Platform admin site. Its pages are in the `admin` module of each app."""

from accounts.admin_site.login import ThrottledAdminSite
from tenants.admin_site import PlatformSite


class ThrottledPlatformSite(ThrottledAdminSite, PlatformSite):
    """Admin site across all tenants, with a rate-limited log-in."""

    login_template = "admin/platform/log_in.html"

    def __init__(self, name: str = "platform") -> None:
        super().__init__(name)
