"""Users of a tenant, and platform users who run the installation."""

import unicodedata
import uuid
from collections.abc import Collection
from contextlib import suppress
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar, Self

from django.contrib.auth.hashers import check_password, make_password
from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import connection, models

from tenants.database.bulk_insert import Statement
from tenants.email_addresses import EmailAddressField, normalize_email
from tenants.ids import to_db_id
from tenants.models import Tenant, TenantQuerySet, Versioned
from tenants.scope import AllTenants, across_tenants, current_scope, has_scope

# ASCII only, the simplest defence against look-alike names.
USERNAME = RegexValidator(r"^[a-zA-Z0-9._-]{2,32}\Z", "Use 2 to 32 of a-z, 0-9, dot, - and _.")


LOG_IN_SQL = (
    "UPDATE accounts_user SET last_login = %s WHERE id = %s AND is_active AND token_version = %s"
)


class Role(models.TextChoices):
    """Roles of a tenant. Each role includes the permissions of the one before."""

    CASHIER = "cashier", "Cashier"
    MANAGER = "manager", "Manager"
    ADMIN = "admin", "Admin"

    @property
    def rank(self) -> int:
        return ROLES.index(self)


# In the order of their rank.
ROLES = tuple(Role.values)


def normalize_username(username: str) -> str:
    """Return the username in Unicode form NFKC."""
    return unicodedata.normalize("NFKC", username)


def build_username_key(username: str) -> str:
    """Return the key by which usernames are unique: NFKC and case-folded."""
    return normalize_username(username).casefold()


class UsernameField(models.CharField):  # type: ignore[type-arg]  # not generic at run time
    """Username column that normalizes values and lookups to NFKC."""

    def to_python(self, value: Any) -> Any:
        value = super().to_python(value)
        return normalize_username(value) if value else value

    def deconstruct(self) -> Any:
        name, _, args, kwargs = super().deconstruct()
        return name, "django.db.models.CharField", args, kwargs


class UserQuerySet(TenantQuerySet["User"]):
    def active(self) -> Self:
        return self.filter(is_active=True)

    def people(self) -> Self:
        """Filter by users who are not those of service keys."""
        return self.filter(is_service=False)

    def admins(self) -> Self:
        return self.filter(role=Role.ADMIN)

    def working_in_store(self, store_id: uuid.UUID) -> Self:
        """Filter by users who are assigned to this store or to none."""
        return self.filter(models.Q(postings__store=store_id) | models.Q(postings=None))

    def with_usable_pin(self) -> Self:
        """Filter by active users with a PIN and no temporary password."""
        return self.active().filter(pin__isnull=False, must_change_password=False)


class UserManager(BaseUserManager["User"]):
    """Return users of the current tenant; without a tenant scope, only platform users.

    So code without knowledge of tenants, such as Django's own, never finds a tenant's user.
    """

    def active(self) -> UserQuerySet:
        return self.get_queryset().active()

    def get_queryset(self) -> UserQuerySet:
        people = UserQuerySet(self.model, using=self._db)
        scope = current_scope() if has_scope() else None
        if isinstance(scope, AllTenants):
            return people
        return people.filter(tenant=scope)

    def visible_to(self, user: "User") -> UserQuerySet:
        return self.get_queryset().visible_to(user)

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get_queryset().get(tenant=None, username_key=build_username_key(username or ""))

    def create_superuser(
        self, username: str, email: str = "", password: str | None = None, **extra: Any
    ) -> "User":
        """Create a platform user, without tenant and role.

        Raises ValidationError for a password that breaks the rules, also with --noinput.
        """
        user = self.model(username=username, email=email, is_superuser=True, **extra)
        if password is not None:
            validate_password(password, user)
        user.set_password(password)
        user.full_clean()
        user.save()
        return user


class User(Versioned, AbstractBaseUser, PermissionsMixin):
    """User account. Tenant users have a tenant and a role, platform users have neither."""

    tenant = models.ForeignKey(
        Tenant, on_delete=models.PROTECT, null=True, blank=True, editable=False, related_name="+"
    )
    username = UsernameField(max_length=32, validators=[USERNAME])
    username_key = models.CharField(max_length=32, editable=False)
    display_name = models.CharField(max_length=100, blank=True)
    email = EmailAddressField(max_length=254, blank=True)
    role = models.CharField(max_length=7, choices=Role, blank=True)
    is_active = models.BooleanField(default=True)
    must_change_password = models.BooleanField(default=False)
    # Incremented to invalidate all tokens at once.
    token_version = models.PositiveIntegerField(default=1, editable=False)

    # The user of a service key, which has no role, cannot log in and is not listed.
    is_service = models.BooleanField(default=False, db_default=False, editable=False)

    # Store of the paired terminal of this request's session, or None.
    at_store: uuid.UUID | None = None
    # Scopes of the service key of this request, or None for people.
    scopes: Collection[str] | None = None

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "username"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["email"]

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["tenant", "username_key"], name="username_is_unique"),
            models.UniqueConstraint(
                fields=["username_key"],
                condition=models.Q(tenant__isnull=True),
                name="platform_username_is_unique",
            ),
            models.UniqueConstraint(
                fields=["tenant", "email"],
                condition=~models.Q(email=""),
                name="email_is_unique",
            ),
            models.CheckConstraint(
                condition=models.Q(username_key=models.functions.Lower("username_key")),
                name="username_key_is_folded",
            ),
            models.CheckConstraint(
                condition=models.Q(tenant__isnull=True, is_superuser=True, role="")
                | models.Q(tenant__isnull=False, is_superuser=False, role__in=Role.values)
                | models.Q(tenant__isnull=False, is_superuser=False, role="", is_service=True),
                name="only_platform_users_have_no_tenant",
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["tenant", "updated_at", "id"], name="user_updated"),
        ]

    def __str__(self) -> str:
        return self.display_name or self.username

    def normalize(self) -> None:
        """Normalize username and e-mail address; `full_clean` rejects invalid ones."""
        self.username = normalize_username(self.username)
        with suppress(ValidationError):
            self.email = normalize_email(self.email)

    def clean_fields(self, exclude: Any = None) -> None:
        self.username_key = build_username_key(self.username)
        super().clean_fields(exclude=exclude)

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.username_key = build_username_key(self.username)
        super().save(*args, **kwargs)

    def check_password(self, raw_password: str | None) -> bool:
        """Return whether the password matches; rehash it if the hash parameters changed."""
        return check_password(raw_password, self.password, self._renew_hash)

    def _renew_hash(self, raw_password: str) -> None:
        """Save the new hash unless the password was changed concurrently.

        The password stays the same, so no session ends and no version changes.
        """
        renewed = make_password(raw_password)
        with across_tenants():
            unchanged = User.objects.filter(pk=self.pk, password=self.password)
            if unchanged.update(password=renewed):
                self.password = renewed

    def log_in_statement(self, at: datetime) -> Statement:
        """Return the statement that records a log-in and locks the row.

        It matches no row if the password, role or activation has changed since this user was read.
        """
        logged_in_at = connection.ops.adapt_datetimefield_value(at)
        return LOG_IN_SQL, [logged_in_at, to_db_id(self.pk), self.token_version]

    @property
    def is_staff(self) -> bool:
        """Return whether the user may open the platform admin."""
        return self.is_active and self.is_superuser

    @property
    def is_platform(self) -> bool:
        return self.tenant_id is None

    # --- permissions ------------------------------------------------------------------------

    def is_at_least(self, role: Role) -> bool:
        """Return whether this is an active tenant user with this role or a higher one."""
        own = self.role_of_limits
        return bool(
            self.is_active and self.tenant_id and own and ROLES.index(own) >= ROLES.index(role)
        )

    @property
    def role_of_limits(self) -> str:
        """Return the role, and for a service key the lowest one, whose limits it has."""
        return ROLES[0] if self.is_service else self.role

    def may_view_users(self) -> bool:
        return self.is_at_least(Role.MANAGER)

    def may_create(self, role: Role) -> bool:
        """Return whether the user may create this role: admins any, managers cashiers."""
        return self.is_at_least(Role.ADMIN) or (
            self.is_at_least(Role.MANAGER) and role == Role.CASHIER
        )

    def may_manage(self, target: "User") -> bool:
        """Return whether the user may edit, (de)activate or reset the password of `target`.

        Nobody manages themselves here. Platform users manage users of every tenant; they manage
        each other on the command line.
        """
        if target.pk == self.pk or not target.role:
            return False
        if self.is_platform:
            return self.is_staff
        return target.tenant_id == self.tenant_id and self.may_create(Role(target.role))

    def may_log_out(self, target: "User") -> bool:
        """Return whether the user may see and end sessions of `target`, also their own."""
        return (self.pk == target.pk and self.is_active) or self.may_manage(target)

    def may_set_pin(self, target: "User") -> bool:
        """Return whether the user may set the PIN of `target`, also their own."""
        return (self.pk == target.pk and self.is_active) or self.may_manage(target)

    def may_assign_stores(self, target: "User") -> bool:
        """Return whether the user may assign stores to `target`; only admins to themselves."""
        own = self.pk == target.pk and self.is_at_least(Role.ADMIN)
        return own or self.may_manage(target)

    def may_pair_terminals(self) -> bool:
        """Return whether the user may pair and unpair terminals."""
        return self.is_at_least(Role.MANAGER)

    def may_change_role(self, target: "User") -> bool:
        """Return whether the user may change the role: admins and platform users, not their own."""
        return (self.is_at_least(Role.ADMIN) or self.is_platform) and self.may_manage(target)

    def own_limit(self, name: str) -> Decimal | None:
        """Return the user's limit without an approval; None is unlimited."""
        if not self.may_sell():
            return Decimal(0)
        if self.is_at_least(Role.ADMIN) or self.tenant is None:
            return None
        return self.tenant.limit(self.role_of_limits, name)

    def may_move_money(self, limit: str, amount: Decimal) -> bool:
        """Return whether the amount is within a limit in money, such as `paid_out_amount`."""
        return self._is_within_limit(limit, amount)

    def is_limited(self, limit: str) -> bool:
        """Return whether an amount exists that is above this limit."""
        return not self._is_within_limit(limit, Decimal("Infinity"))

    def may_refund_unconfirmed_cards_in_cash(self) -> bool:
        """Return whether the user may refund unconfirmed cards in cash without approval."""
        return self.is_at_least(Role.ADMIN)

    def may_approve(self) -> bool:
        """Return whether the user may decide on approvals of others, within their limits."""
        return self.is_at_least(Role.MANAGER)

    def may_accept_difference(self, amount: Decimal) -> bool:
        """Return whether the user may close a shift with a cash variance of this amount."""
        return self._is_within_limit("drawer_difference_amount", amount)

    def may_run_shifts_of_others(self) -> bool:
        return self.is_at_least(Role.MANAGER)

    @property
    def works_in_all_stores(self) -> bool:
        """Return whether store assignments do not restrict this user."""
        return self.is_at_least(Role.MANAGER) or self.is_platform

    def may_void(self) -> bool:
        """Return whether the user may void an order that has lines."""
        return self.is_at_least(Role.MANAGER)

    def may_sell(self) -> bool:
        return self.is_at_least(Role.CASHIER)

    def _is_within_limit(self, limit: str, value: Decimal) -> bool:
        if not self.may_sell():
            return False
        if self.is_at_least(Role.ADMIN) or self.tenant is None:
            return True
        allowed = self.tenant.limit(self.role_of_limits, limit)
        return allowed is None or value <= allowed
