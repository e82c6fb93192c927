"""An etcd apart from the demo's, for tests that take it away or look into it."""

from __future__ import annotations

import subprocess
from pathlib import Path

from lbdash.demo.etcd import find_etcd, free_port


class Etcd:
    def __init__(self, directory: Path) -> None:
        self.directory, self.address = directory, f"127.0.0.1:{free_port()}"

    def start(self) -> None:
        peer = f"http://127.0.0.1:{free_port()}"
        options = [f"--listen-client-urls=http://{self.address}", f"--advertise-client-urls=http://{self.address}"]
        options += [f"--listen-peer-urls={peer}", f"--initial-advertise-peer-urls={peer}"]
        options += [f"--initial-cluster=default={peer}", f"--data-dir={self.directory}"]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self.process = subprocess.Popen([find_etcd(), *options], **quiet)  # type: ignore[call-overload]

        self._ctl("endpoint", "health")

    def put(self, key: str, value: str) -> None:
        self._ctl("put", "--", key, value)

    def dump(self) -> str:
        """Every key with its value and revisions."""
        return self._ctl("get", "--prefix", "", "--write-out=fields").partition('"Key"')[2]

    def require_login(self, user: str, password: str, prefix: str) -> None:
        """From now on nobody gets in without a password, and `user` may only read `prefix`."""
        for steps in (
            ("user", "add", "root:root"),
            ("user", "grant-role", "root", "root"),
            ("user", "add", f"{user}:{password}"),
            ("role", "add", user),
            ("role", "grant-permission", user, "read", "--prefix=true", prefix),
            ("user", "grant-role", user, user),
            ("auth", "enable"),
        ):
            self._ctl(*steps)

    def _ctl(self, *arguments: str) -> str:
        tool = Path(find_etcd()).with_name("etcdctl")
        command = [str(tool), f"--endpoints={self.address}", "--dial-timeout=20s", "--command-timeout=20s", *arguments]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        return done.stdout

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
