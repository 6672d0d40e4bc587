"""The site of those who run the installation; its pages are in the `admin` of each app."""

from accounts.admin_site.login import ThrottledAdminSite
from tenants.admin_site import PlatformSite


class ThrottledPlatformSite(ThrottledAdminSite, PlatformSite):
    """Across all shops, behind a door that counts guesses."""

    login_template = "admin/platform/log_in.html"

    def __init__(self, name: str = "platform") -> None:
        super().__init__(name)
