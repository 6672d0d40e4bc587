"""People as the pages of the admin sort them: the same rows, under names of their own."""

from accounts.models.user import User


class Cashier(User):
    """Somebody whom managers may manage."""

    class Meta:
        proxy = True
        verbose_name = "cashier"


class StaffMember(User):
    """Anybody who works in the shop, as its admins see them."""

    class Meta:
        proxy = True
        verbose_name = "person"
        verbose_name_plural = "staff"
