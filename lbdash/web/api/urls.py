"""Routes of the API."""

urlpatterns = []
