"""`manage.py createuser NAME --role operator`: asks for the password."""

from __future__ import annotations

import getpass
from argparse import ArgumentParser
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from lbdash.web.models import User
from lbdash.web.roles import Role


class Command(BaseCommand):
    help = "Make a user with a role; the password is asked for."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--role", choices=[role.value for role in Role], default=Role.VIEWER.value)

    def handle(self, *args: Any, **options: Any) -> None:
        username = options["username"]
        if User.objects.filter(username=username).exists():
            raise CommandError(f"there is a user {username!r} already; `manage.py changepassword` changes the password")
        User.objects.create_user(username, self._password(username), options["role"])
        self.stdout.write(f"{username} may log in as {options['role']}")

    def _password(self, username: str) -> str:
        password = getpass.getpass()
        try:
            validate_password(password, User(username=username))
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from None
        if getpass.getpass("Again: ") != password:
            raise CommandError("the passwords differ")
        return password
