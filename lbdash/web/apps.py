from django.apps import AppConfig


class WebConfig(AppConfig):
    name = "lbdash.web"
    label = "web"
