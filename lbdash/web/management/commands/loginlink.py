"""`manage.py loginlink [USERNAME]`: the path of a new login link."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from lbdash.web.tokens import create_login_link


class Command(BaseCommand):
    help = "Make a login link: works once, within 10 minutes. Append what is printed to the dashboard's address."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username", nargs="?", default="admin", help="made as an admin when new (default admin)")

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"/login#{create_login_link(options['username'])}")
