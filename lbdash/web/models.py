"""What survives a restart: users, API tokens, login links, the audit log. Secrets are kept as sha256 only."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models

from lbdash.web.roles import Role

ROLES = [(role.value, role.value) for role in Role]


class UserManager(BaseUserManager["User"]):
    def create_user(self, username: str, password: str | None = None, role: str = Role.VIEWER) -> User:
        """`password` None = cannot log in by password, only by a login link."""
        user = self.model(username=username, role=role)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, username: str, password: str | None = None, **_: Any) -> User:
        return self.create_user(username, password, Role.ADMIN)


class User(AbstractBaseUser):
    username = models.CharField(max_length=150, unique=True)
    role = models.CharField(max_length=10, choices=ROLES, default=Role.VIEWER.value)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "username"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    def __str__(self) -> str:
        return self.username


class ApiToken(models.Model):
    """A machine's key. `digest` = sha256 of 256 random bits, so a leaked database opens nothing."""

    name = models.CharField(max_length=100)
    role = models.CharField(max_length=10, choices=ROLES)
    digest = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.name} ({self.role})"


class LoginLink(models.Model):
    """The secret of a login URL: works once, until `expires_at`."""

    user = models.ForeignKey(User, on_delete=models.CASCADE)
    digest = models.CharField(max_length=64, unique=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"login link of {self.user_id}"


class AuditRecord(models.Model):
    """One command as `control.audit.AuditEntry` has it. Rows are never deleted here; `id` is their order."""

    command_id = models.CharField(max_length=100, unique=True)
    service = models.TextField(db_index=True)
    verb = models.CharField(max_length=20)
    command = models.JSONField()
    by = models.TextField()
    reason = models.TextField()
    at = models.FloatField()
    seen = models.BigIntegerField(null=True)
    text = models.TextField()
    forced = models.TextField()
    objections = models.JSONField()
    before = models.JSONField()
    after = models.JSONField()
    outcome = models.CharField(max_length=20)
    generation = models.BigIntegerField(null=True)
    revision = models.BigIntegerField(null=True)

    def __str__(self) -> str:
        return f"{self.command_id}: {self.verb} {self.outcome}"
