"""A browser without a screen: speaks ASGI to the app, keeps cookies, finds CSRF tokens."""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import dataclass
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urlencode

from asgiref.sync import sync_to_async

from lbdash.web.models import User
from lbdash.web.tokens import create_login_link

HOST = "127.0.0.1:8000"


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    def json(self) -> Any:
        assert self.headers["content-type"] == "application/json"
        return json.loads(self.body)


class Browser:
    """`token` makes it a script instead: it sends the token and keeps no cookies."""

    def __init__(self, app: Any, token: str = "") -> None:
        self.app, self.token = app, token
        self.cookies: dict[str, str] = {}
        self.csrf = ""

    async def get(self, path: str, **headers: str) -> Answer:
        return await self.send("GET", path, headers=headers)

    async def post(self, path: str, form: dict[str, str] | None = None, **headers: str) -> Answer:
        """A form of one of our pages: with its CSRF token and Origin."""
        fields = {"csrfmiddlewaretoken": self.csrf, **(form or {})}
        headers = {"content_type": "application/x-www-form-urlencoded", "origin": f"http://{HOST}", **headers}
        return await self.send("POST", path, urlencode(fields).encode(), headers)

    async def post_json(self, path: str, data: Any, **headers: str) -> Answer:
        """What a page's script sends."""
        if not self.token:
            headers = {"x_csrftoken": self.csrf, "origin": f"http://{HOST}", **headers}
        body = data if isinstance(data, bytes) else json.dumps(data).encode()
        return await self.send("POST", path, body, {"content_type": "application/json", **headers})

    async def log_in(self, role: str) -> Browser:
        user = await User.objects.acreate(username=f"{role}-{id(self)}", role=role, password="!")
        secret = await sync_to_async(create_login_link)(user.username)
        await self.open_login()
        answer = await self.post("/login", {"token": secret, "next": "/"})
        assert answer.status == 302, answer.text
        await self.open_login()  # a login changes the CSRF token
        return self

    async def open_login(self) -> Answer:
        answer = await self.get("/login")
        found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', answer.text)
        assert found is not None
        self.csrf = found[1]
        return answer

    async def send(self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None) -> Answer:
        sent: list[Any] = []
        waiting = [{"type": "http.request", "body": body}]

        async def receive() -> Any:
            return waiting.pop() if waiting else await asyncio.get_running_loop().create_future()

        async def send(message: Any) -> None:
            sent.append(message)

        await self.app(self._scope(method, path, body, headers or {}), receive, send)
        return self._answer(sent)

    def _scope(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> dict[str, Any]:
        path, _, query = path.partition("?")
        given = {"host": HOST, "content-length": str(len(body)), **{k.replace("_", "-"): v for k, v in headers.items()}}
        if self.token:
            given.setdefault("authorization", f"Bearer {self.token}")
        if self.cookies:
            given["cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        return {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": [(k.encode(), v.encode("latin-1")) for k, v in given.items()],
            "client": ("192.0.2.7", 50000),
            "server": ("127.0.0.1", 8000),
        }

    def _answer(self, sent: list[Any]) -> Answer:
        headers: dict[str, str] = {}
        for raw_name, value in sent[0]["headers"]:
            name = raw_name.decode().lower()
            headers[name] = value.decode("latin-1")
            if name == "set-cookie" and not self.token:
                self.cookies |= {key: morsel.value for key, morsel in SimpleCookie(headers[name]).items()}
        return Answer(sent[0]["status"], headers, b"".join(message.get("body", b"") for message in sent[1:]))
