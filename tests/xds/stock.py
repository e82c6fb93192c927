"""A stock grpcio client that knows nothing of lbdash: dials `xds:///service`, calls as told on stdin, tells on stdout.

Run as a script, in a process of its own: C-core reads its bootstrap once per process. One JSON object a line, each
answered by one: {"do": "calls", "n": 100, "metadata": [["version", "v1"]]} by {"by": {"b0": 60, ...}, "errors": {...}}.
"hold" starts slow calls and "held" waits for them; "load" calls on and on until "unload".
"""

from __future__ import annotations

import json
import sys
import threading
from collections import Counter
from typing import Any

import grpc

WHO, SLOW = "/test.Who/Who", "/test.Who/Slow"
Json = dict[str, Any]


class Client:
    def __init__(self, target: str, who: str = WHO) -> None:
        self.channel = grpc.insecure_channel(target, options=[("grpc.enable_retries", 0)])
        self.who, self.slow = self.channel.unary_unary(who), self.channel.unary_unary(SLOW)
        self.pending: list[Any] = []
        self.stopping = threading.Event()
        self.result: Json = {}

    def calls(self, n: int, metadata: list[list[str]] | None = None) -> Json:
        by: Counter[str] = Counter()
        errors: Counter[str] = Counter()
        for _ in range(n):
            self._call(by, errors, metadata)
        return {"by": by, "errors": errors}

    def _call(self, by: Counter[str], errors: Counter[str], metadata: list[list[str]] | None = None) -> None:
        try:
            by[self.who(b"{}", timeout=15, metadata=[(k, v) for k, v in metadata or ()]).decode()] += 1
        except grpc.RpcError as error:
            errors[f"{error.code().name}: {error.details()}"] += 1

    def connect(self) -> Json:
        grpc.channel_ready_future(self.channel).result(timeout=15)
        return {}

    def hold(self, n: int) -> Json:
        self.pending = [self.slow.future(b"", timeout=30) for _ in range(n)]
        return {}

    def held(self) -> Json:
        return self._gather(self.pending)

    def _gather(self, calls: list[Any]) -> Json:
        by: Counter[str] = Counter()
        errors: Counter[str] = Counter()
        for call in calls:
            try:
                by[call.result().decode()] += 1
            except grpc.RpcError as error:
                errors[f"{error.code().name}: {error.details()}"] += 1
        return {"by": by, "errors": errors}

    def load(self) -> Json:
        self.stopping.clear()
        self.worker = threading.Thread(target=self._load)
        self.worker.start()
        return {}

    def _load(self) -> None:
        by: Counter[str] = Counter()
        errors: Counter[str] = Counter()
        while not self.stopping.wait(0.005):
            self._call(by, errors)
        self.result = {"by": by, "errors": errors}

    def unload(self) -> Json:
        self.stopping.set()
        self.worker.join()
        return self.result


def main() -> None:
    client = Client(*sys.argv[1:])
    for line in sys.stdin:
        request = json.loads(line)
        answer = getattr(client, request.pop("do"))(**request)
        print(json.dumps(answer), flush=True)
    client.channel.close()


if __name__ == "__main__":
    main()
