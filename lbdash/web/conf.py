"""Django's settings from a `Config`. `serve` calls `setup(config)`; `manage.py` goes through `lbdash.settings`."""

from __future__ import annotations

import hashlib
import os
import secrets
import sysconfig
from pathlib import Path
from typing import Any

import dj_database_url
import django
from django.conf import settings

from lbdash.config import Config, ConfigError, host_port

_CHECKOUT = Path(__file__).resolve().parents[2]


def setup(config: Config) -> None:
    """Configure Django from `config`, once per process, before any model is imported. Raises ConfigError."""
    settings.configure(**django_settings(config))
    django.setup(set_prefix=False)


def django_settings(config: Config) -> dict[str, Any]:
    """Makes the data directory and the secret key when they are missing. Raises ConfigError."""
    key = secret_key(config.data)
    return {
        "SECRET_KEY": key,
        "DEBUG": False,
        "ALLOWED_HOSTS": allowed_hosts(config),
        "ROOT_URLCONF": "lbdash.urls",
        "INSTALLED_APPS": [
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.sessions",
            "django.contrib.staticfiles",
            "lbdash.web",
        ],
        "MIDDLEWARE": [
            "django.middleware.security.SecurityMiddleware",
            "lbdash.web.middleware.Headers",
            "lbdash.web.middleware.StaticFiles",
            "django.middleware.common.CommonMiddleware",
            "django.contrib.sessions.middleware.SessionMiddleware",
            "lbdash.web.access.Access",
            "lbdash.web.middleware.Csrf",
        ],
        "DATABASES": {"default": database(config)},
        "DEFAULT_AUTO_FIELD": "django.db.models.BigAutoField",
        "USE_TZ": True,
        "TIME_ZONE": "UTC",
        "USE_I18N": False,
        "APPEND_SLASH": False,
        "DATA_UPLOAD_MAX_MEMORY_SIZE": 256 * 1024,
        "LOGGING": LOGGING,
        **_templates(),
        **_static(),
        **_auth(key),
    }


def secret_key(data: Path) -> str:
    """Read `DATA/secret_key`, or make it (0600; the directory 0700). Raises ConfigError when it cannot."""
    path = data / "secret_key"
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(48))
    except FileExistsError:
        pass
    except OSError as error:
        raise ConfigError(f"--data {data}: {error.strerror}; name a directory that can be written") from error
    return _read_key(path)


def _read_key(path: Path) -> str:
    try:
        key = path.read_text().strip()
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    if len(key) < 40:
        raise ConfigError(f"{path} is cut short; delete it and a new one is made (every session ends)")
    return key


def allowed_hosts(config: Config) -> list[str]:
    """Names this dashboard answers to: loopback, the bind address unless it binds all, and `config.hosts`."""
    if "*" in config.hosts:
        raise ConfigError("--host *: a wildcard would let any name that resolves here pass; name the hosts")
    host, _ = host_port(config.http, "--http")
    bind = {f"[{host}]" if ":" in host else host} - {"0.0.0.0", "[::]"}
    return sorted({"localhost", "127.0.0.1", "[::1]", *bind, *config.hosts})


def database(config: Config) -> dict[str, Any]:
    """SQLite in the data directory, or what DATABASE_URL names."""
    if config.database_url:
        return _by_url(config.database_url)
    path = config.data / "lbdash.sqlite3"
    path.touch(mode=0o600)  # sessions are in it; SQLite gives its side files the same mode
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(path),
        "OPTIONS": {"transaction_mode": "IMMEDIATE", "timeout": 5, "init_command": "PRAGMA journal_mode=WAL"},
    }


def _by_url(url: str) -> dict[str, Any]:
    # Connections are not kept: each ASGI request has a thread of its own, and takes its connection with it.
    try:
        return dict(dj_database_url.parse(url))
    except ValueError:
        # The parser's own message holds the URL, and with it the password.
        raise ConfigError("DATABASE_URL cannot be read; write postgres://USER:PASSWORD@HOST:PORT/NAME") from None


def _shipped(name: str) -> list[Path]:
    """`templates` or `static`: in a checkout beside the package, else where the wheel put its data."""
    roots = [Path(sysconfig.get_path("data")), Path(sysconfig.get_path("data", sysconfig.get_preferred_scheme("user")))]
    places = [_CHECKOUT / name, *(root / "share" / "lbdash" / name for root in roots)]
    return [place for place in places if place.is_dir()][:1]


def _templates() -> dict[str, Any]:
    return {
        "TEMPLATES": [
            {
                "BACKEND": "django.template.backends.jinja2.Jinja2",
                "DIRS": _shipped("templates"),
                "OPTIONS": {"environment": "lbdash.web.jinja.environment"},
            }
        ]
    }


def _static() -> dict[str, Any]:
    # Found where they lie: an installed command has no collectstatic step. Browsers revalidate by ETag.
    return {
        "STATIC_URL": "/static/",
        "STATICFILES_DIRS": _shipped("static"),
        "STATICFILES_FINDERS": ["django.contrib.staticfiles.finders.FileSystemFinder"],
        "WHITENOISE_USE_FINDERS": True,
        "WHITENOISE_MAX_AGE": 0,
        "WHITENOISE_ALLOW_ALL_ORIGINS": False,
    }


def _auth(key: str) -> dict[str, Any]:
    # Cookies are shared by all ports of a host, so two dashboards on one machine need names of their own.
    own = hashlib.sha256(key.encode()).hexdigest()[:8]
    return {
        "AUTH_USER_MODEL": "web.User",
        "AUTH_PASSWORD_VALIDATORS": [
            {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
            {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
        ],
        "LOGIN_URL": "login",
        "SESSION_COOKIE_NAME": f"lbdash_session_{own}",
        "SESSION_COOKIE_AGE": 7 * 24 * 3600,
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "CSRF_COOKIE_NAME": f"lbdash_csrf_{own}",
        "CSRF_COOKIE_HTTPONLY": True,
        "CSRF_COOKIE_SAMESITE": "Strict",
        "CSRF_FAILURE_VIEW": "lbdash.web.errors.csrf_failure",
        "SECURE_REFERRER_POLICY": "same-origin",
        "X_FRAME_OPTIONS": "DENY",
    }


LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"stderr": {"class": "logging.StreamHandler"}},
    "loggers": {
        "django": {"handlers": ["stderr"], "level": "WARNING", "propagate": False},
        # What callers do wrong they are told, and commands are in the audit log; here only what we do wrong.
        "django.request": {"level": "ERROR"},
        "django.security": {"level": "CRITICAL"},
    },
}
