"""The dashboard and the demo as a user starts them: one process, its ready line, its API, its fleet."""

from __future__ import annotations

import json
import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import grpc

from lbdash.demo.wire import STATS, pack, unpack

READY_S = 60.0
Json = dict[str, Any]


class Dashboard:
    """`lbdash serve` (or what `verb` says) with `options`, as a context manager."""

    verb: ClassVar[tuple[str, ...]] = ("serve",)

    def __init__(self, data: Path, *options: str) -> None:
        self.data = data
        self._command = [sys.executable, "-m", "lbdash", *self.verb, "--data", str(data)]
        self._command += ["--http", "127.0.0.1:0", "--telemetry", "127.0.0.1:0", *options]
        self.http = self.telemetry = self.etcd = self.xds = self.login = self._token = ""
        self.errors: list[str] = []

    def __enter__(self) -> Self:
        pipes: Json = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        self.process = subprocess.Popen(self._command, start_new_session=True, **pipes)
        self._lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._read, args=(self.process.stdout, self._lines.put), daemon=True).start()
        threading.Thread(target=self._read, args=(self.process.stderr, self.errors.append), daemon=True).start()
        try:
            self._learn()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            raise

    @staticmethod
    def _read(pipe: Any, put: Callable[[str], None]) -> None:
        with pipe:
            for line in pipe:
                put(line.rstrip("\n"))

    def _learn(self) -> None:
        ready = self._line()
        found = re.fullmatch(r"lbdash ready http=(\S+) telemetry=(\S+) etcd=(\S+)(?: xds=(\S+))?", ready)
        assert found, f"no ready line but {ready!r}; {self.errors}"
        self.http, self.telemetry, self.etcd, self.xds = found.groups("")
        wait_for(lambda: any("/login#" in line for line in self.errors), "the login URL")
        self.login = re.search(r"http\S+/login#\S+", "\n".join(self.errors))[0]  # type: ignore[index]

    def _line(self) -> str:
        try:
            return self._lines.get(timeout=READY_S)
        except queue.Empty:
            raise AssertionError(f"the demo says nothing: {self.errors}") from None

    # ---- the API

    def token(self) -> str:
        if not self._token:
            command = [sys.executable, "-m", "lbdash", "token", "create", "--role", "operator", "--name", "test"]
            made = subprocess.run([*command, "--data", str(self.data)], check=True, capture_output=True, text=True)
            self._token = made.stdout.strip()
        return self._token

    def get(self, path: str) -> Json:
        return self._ask(urllib.request.Request(self.http + path))

    def service(self, name: str) -> Json:
        return self.get(f"/api/v1/services/{name.replace('/', '~')}")

    def command(self, service: str, **command: Any) -> Json:
        """Sent with the generation as it is now."""
        command.setdefault("generation", self.service(service)["generation"])
        command.setdefault("reason", "test")
        url = f"{self.http}/api/v1/services/{service.replace('/', '~')}/commands"
        request = urllib.request.Request(url, json.dumps(command).encode(), {"Content-Type": "application/json"})
        return self._ask(request)

    def _ask(self, request: urllib.request.Request) -> Json:
        request.add_header("Authorization", f"Bearer {self.token()}")
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                body: Json = json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                body = json.load(error)
                body["status"] = error.code
        return body


class Demo(Dashboard):
    """`lbdash demo`. `fleet` is what `--json` says of it."""

    verb = ("demo", "--json")

    def _learn(self) -> None:
        super()._learn()
        self.fleet: Json = json.loads(self._line())

    def backends(self, service: str, *, version: str = "") -> list[str]:
        return [
            row["address"]
            for row in self.fleet["backends"]
            if row["service"] == service and version in ("", row["version"])
        ]

    def counters(self, addresses: Sequence[str]) -> dict[str, Json]:
        """What the backends themselves count, by address."""
        return {address: _counters(address) for address in addresses}

    def pause(self) -> None:
        """Stop the traffic, or start it again."""
        self.process.send_signal(signal.SIGUSR1)


def _counters(address: str) -> Json:
    """Not the demo's own `stats.read`: Playwright keeps a loop running in this thread."""
    with grpc.insecure_channel(address, options=[("grpc.use_local_subchannel_pool", 1)]) as channel:
        ask = channel.unary_unary(STATS, request_serializer=pack, response_deserializer=unpack)
        answer: Json = ask({}, timeout=10, wait_for_ready=True)
        return answer


def wait_for(condition: Callable[[], Any], what: str, timeout: float = 30.0) -> Any:
    """Poll what cannot be awaited (another process's state) until it is truthy."""
    deadline = time.monotonic() + timeout
    while not (value := condition()):
        assert time.monotonic() < deadline, f"waited {timeout:g} s for {what}"
        time.sleep(0.05)
    return value
