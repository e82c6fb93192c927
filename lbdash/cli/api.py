"""The JSON API of a dashboard that runs, over urllib: one request, one JSON object or one clear error."""

from __future__ import annotations

import json
import socket
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from lbdash.cli.errors import CliError
from lbdash.viewmodels.urls import service_to_url

_TIMEOUT_S = 15.0
Json = dict[str, Any]


class NoAnswer(CliError):
    """The dashboard could not be reached, or what answered is none. `sent`: a write may have been carried out."""

    def __init__(self, text: str, hint: str, *, sent: bool = True) -> None:
        super().__init__(text, hint)
        self.sent = sent


@dataclass(frozen=True, slots=True)
class Api:
    """`url` is the dashboard's origin, e.g. `http://127.0.0.1:8000`; `token` goes into the header only."""

    url: str
    token: str

    def get(self, path: str, **params: object) -> Json:
        """Raises CliError for every answer but 200."""
        query = urlencode({key: value for key, value in params.items() if value not in (None, "")})
        status, body = self._send("GET", path + (f"?{query}" if query else ""))
        if status != 200:
            raise self._refused(status, path, body)
        return body

    def post(self, path: str, data: Mapping[str, Any]) -> tuple[int, Json]:
        """Answers that carry an outcome (200, 409, 422, 503) are for the caller; the rest are CliErrors."""
        status, body = self._send("POST", path, json.dumps(data).encode())
        if "outcome" not in body and status != 200:
            raise self._refused(status, path, body)
        return status, body

    def _send(self, method: str, path: str, data: bytes | None = None) -> tuple[int, Json]:
        request = urllib.request.Request(self._full(path), data, self._headers(data), method=method)
        try:
            with _OPENER.open(request, timeout=_TIMEOUT_S) as answer:
                return answer.status, self._decode(answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return error.code, _decode_error(error.read())
        except (OSError, HTTPException) as error:
            reason = getattr(error, "reason", error)
            raise NoAnswer(
                f"no dashboard answers at {self.url} ({reason})",
                "Is `lbdash serve` running? Name its address with --url or LBDASH_URL.",
                sent=not isinstance(reason, ConnectionRefusedError | socket.gaierror | ssl.SSLError),
            ) from None

    def _full(self, path: str) -> str:
        if urlsplit(self.url).scheme not in ("http", "https"):
            raise CliError(f"--url {self.url!r} is no web address", "Write it as http://HOST:PORT.")
        return self.url.rstrip("/") + "/api/v1" + path

    def _headers(self, data: bytes | None) -> dict[str, str]:
        headers = {"Accept": "application/json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        return headers | ({"Content-Type": "application/json"} if data is not None else {})

    def _decode(self, text: bytes) -> Json:
        try:
            body = json.loads(text)
        except ValueError:
            body = None
        if not isinstance(body, dict):
            raise NoAnswer(f"{self.url} answers, but not as lbdash's API", "Is another server on that port?")
        return body

    def _refused(self, status: int, path: str, body: Json) -> CliError:
        error = body.get("error") or {}
        text = f"{self.url}: {error.get('message') or f'{status} for {path}'}"
        return CliError(text, error.get("hint") or _HINTS.get(status, ""))


_HINTS = {
    401: "Give a token: LBDASH_TOKEN or --token-file; make one with `lbdash token create`.",
    403: "This token's role may not do that; `lbdash token create --role operator` makes one that may.",
    404: "`lbdash services` lists what is there.",
}


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect would carry the token to another place."""

    def redirect_request(self, *_: object, **__: object) -> None:
        return None


_OPENER = urllib.request.build_opener(_NoRedirect)


def _decode_error(text: bytes) -> Json:
    try:
        body = json.loads(text)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def service_path(service: str, rest: str = "") -> str:
    """`/services/<name in its URL spelling><rest>`."""
    return f"/services/{quote(service_to_url(service), safe='~')}{rest}"
