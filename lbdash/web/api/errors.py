"""Saying no in the API."""

from __future__ import annotations

from django.http import JsonResponse

from lbdash.web.errors import error


class ApiError(Exception):
    """Answered as `{"error": {"code", "message", "hint"}}` with `status`."""

    def __init__(self, status: int, code: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.hint = status, code, message, hint

    def response(self) -> JsonResponse:
        return error(self.status, self.code, self.message, self.hint)


def bad_field(field: str, why: str) -> ApiError:
    return ApiError(400, "bad_field", f"{field}: {why}", "The document at /api/v1/openapi.json has every field.")
