"""A real etcd for tests, with the faults it may meet."""

from __future__ import annotations

import asyncio
import shutil
import signal
from pathlib import Path

from lbdash.demo.etcd import EmbeddedEtcd
from lbdash.registry.etcd import EtcdRegistry
from lbdash.registry.watch import Tuning

# Everything that waits waits less, so that faults are noticed within a test.
QUICK = Tuning(heartbeat=0.1, silence=0.6, safety_list=600, denied_retry=0.2, retry_limit=0.3)


class EtcdServer(EmbeddedEtcd):
    """`async with EtcdServer(tmp_path) as etcd: registry = etcd.registry()`."""

    def registry(self, tuning: Tuning = QUICK, **options: object) -> EtcdRegistry:
        return EtcdRegistry([self.endpoint], tuning=tuning, **options)  # type: ignore[arg-type]

    async def crash(self) -> None:
        """kill -9, then start again on the same data and port."""
        await self.kill()
        await self.start()

    async def forget_tokens(self) -> None:
        """Stop in order and start again. After a crash the newest tokens come back from the log."""
        await self.stop()
        await self.start()

    async def wipe(self) -> None:
        """Lose the data directory; cluster id and port stay the same."""
        await self.kill()
        shutil.rmtree(self.directory / "data")
        await self.start()

    def freeze(self) -> None:
        self.signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.signal(signal.SIGCONT)

    async def ctl(self, *arguments: str) -> str:
        """Run etcdctl; returns its output, raises AssertionError when it fails."""
        tool = Path(self._binary).with_name("etcdctl")
        command = (str(tool), f"--endpoints={self.endpoint}", *arguments)
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=asyncio.subprocess.STDOUT)
        output, _ = await process.communicate()
        assert process.returncode == 0, output.decode()
        return output.decode()
