"""Routes of the API."""

from lbdash.web.api.endpoint import url_patterns
from lbdash.web.api.routes import ENDPOINTS

urlpatterns = url_patterns(ENDPOINTS)
