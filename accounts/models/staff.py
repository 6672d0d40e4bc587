"""Proxies of User for the pages of the admin site."""

from accounts.models.user import User


class Cashier(User):
    """Users with the role cashier, managed by managers."""

    class Meta:
        proxy = True
        verbose_name = "cashier"


class StaffMember(User):
    """All users of the tenant, managed by admins."""

    class Meta:
        proxy = True
        verbose_name = "staff member"
