"""Every HTTP route. WebSockets are in `lbdash.asgi`."""

from django.urls import include, path

from lbdash.web import converters, login

converters.register()

urlpatterns = [
    path("", include("lbdash.web.api.urls")),
    path("login", login.login, name="login"),
    path("logout", login.logout, name="logout"),
    path("", include("lbdash.web.pages.urls")),
]

handler400 = "lbdash.web.errors.bad_request"
handler403 = "lbdash.web.errors.permission_denied"
handler404 = "lbdash.web.errors.not_found"
handler500 = "lbdash.web.errors.server_error"
