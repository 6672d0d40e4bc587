"""The site of those who run the installation; its pages are in the `admin` of each app."""

from accounts.admin_site.login import Door
from tenants.admin_site import PlatformSite


class GuardedSite(Door, PlatformSite):
    """Across all shops, behind a door that counts guesses."""

    login_template = "admin/platform/log_in.html"

    def __init__(self, name: str = "platform") -> None:
        super().__init__(name)
