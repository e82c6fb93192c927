"""Django's settings for `manage.py` and tools, from the environment. `serve` passes its own to `web.conf.setup`."""

from lbdash.config import Config
from lbdash.web.conf import django_settings

globals().update(django_settings(Config.from_env()))
