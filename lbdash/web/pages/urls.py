"""Routes of the pages."""

from __future__ import annotations

from django.urls import path

from lbdash.web import actions
from lbdash.web.pages.activity import activity
from lbdash.web.pages.backend import backend
from lbdash.web.pages.client import client
from lbdash.web.pages.lease import lease
from lbdash.web.pages.overview import overview
from lbdash.web.pages.routing import forms as routing_forms
from lbdash.web.pages.search import search
from lbdash.web.pages.series import series
from lbdash.web.pages.service import service
from lbdash.web.pages.status import status
from lbdash.web.pages.subconns import panel

urlpatterns = [
    path("", overview, name="overview"),
    path("search", search, name="search"),
    path("activity", activity, name="activity"),
    path("status", status, name="status"),
    path("services/<name:svc>", service, name="service"),
    path("services/<name:svc>/subconn", panel, name="subconn"),
    path("services/<name:svc>/routing-form", routing_forms, name="routing-form"),
    path("services/<name:svc>/series", series, name="series"),
    path("services/<name:svc>/confirm", actions.confirm_drawer, name="confirm"),
    path("services/<name:svc>/impact", actions.impact, name="impact"),
    path("services/<name:svc>/actions", actions.apply, name="actions"),
    path("services/<name:svc>/trace", actions.trace, name="trace"),
    path("services/<name:svc>/backends/<name:address>", backend, name="backend"),
    path("services/<name:svc>/backends/<name:address>/lease", lease, name="lease"),
    path("services/<name:svc>/clients/<name:client>", client, name="client"),
    path("freeze", actions.apply, name="freeze"),
    path("freeze/confirm", actions.confirm_drawer, name="freeze-confirm"),
    path("freeze/impact", actions.impact, name="freeze-impact"),
]
