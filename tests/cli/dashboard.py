"""A dashboard that answers what a test tells it to, over real HTTP."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Dashboard:
    """`answers`: path -> [(status, body), ...], one after another, the last one for ever. A body of None hangs up."""

    def __init__(self) -> None:
        self.answers: dict[str, list[tuple[int, Any]]] = {}
        self.asked: list[tuple[str, str, dict[str, str], Any]] = []
        self.url = ""

    def next(self, path: str) -> tuple[int, Any]:
        queue = self.answers.get(path, [(404, {"error": {"message": f"no {path}"}})])
        return queue.pop(0) if len(queue) > 1 else queue[0]

    @property
    def posted(self) -> list[Any]:
        return [body for method, _, _, body in self.asked if method == "POST"]


@contextmanager
def running() -> Iterator[Dashboard]:
    dashboard = Dashboard()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            dashboard.asked.append((self.command, self.path, dict(self.headers), body))
            status, answer = dashboard.next(self.path.partition("?")[0])
            if answer is None:
                self.close_connection = True
                return
            data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            self.send_response(status)
            if status in (301, 302, 307):
                self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_POST = do_GET

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    dashboard.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield dashboard
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
