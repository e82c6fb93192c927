"""The only writer of `/lbdash/` keys: judges, audits, writes, and follows each command to every client."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from lbdash.control.audit import AuditError, AuditLog
from lbdash.control.checks import stale
from lbdash.control.commands import Command, Request, Restore, Undo
from lbdash.control.decide import Go, No, Rules, decide, refused, undoable
from lbdash.control.guards import Impact, impact, objections
from lbdash.control.leases import OwnLeases
from lbdash.control.objection import Objection
from lbdash.control.progress import Progress
from lbdash.control.records import answer, cleaned, entry_of, recovered, replay, result_of, reused, track_of
from lbdash.control.result import Difference, Result
from lbdash.control.tracker import Tracker
from lbdash.control.write import revoke, write
from lbdash.live.events import CommandRecorded, Event
from lbdash.live.store import Subscription
from lbdash.live.view import LiveView
from lbdash.registry.control_keys import admin_key
from lbdash.registry.kv import Registry
from lbdash.tasks import spawn

__all__ = ["Difference", "Executor", "Result"]

log = logging.getLogger(__name__)
REMEMBERED = 500  # commands
_BY_WATCH = {"applied": "Applied: the watch shows it.", "failed": "Not applied: another command came first."}
_CATCH_UP_S = 1.0  # how long the watch may lag behind a generation the operator has seen


class StoreLike(Protocol):
    def view(self) -> LiveView: ...

    def apply(self, events: Sequence[Event]) -> None: ...

    def subscribe(self) -> Subscription: ...


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request and the task that answers it, so that the same id again gets the first answer."""

    request: Request
    answer: asyncio.Task[Result]


class Executor:
    """`clock`: the store's. `armed`: globs of service names. All methods belong to the store's loop."""

    def __init__(
        self,
        registry: Registry,
        store: StoreLike,
        audit: AuditLog,
        clock: Callable[[], float],
        armed: Sequence[str] = (),
        *,
        capacity_floor: int = 1,
    ) -> None:
        self._registry, self._store, self._audit, self._clock = registry, store, audit, clock
        self._rules = Rules(tuple(armed), capacity_floor)
        self._tracker = Tracker(REMEMBERED)
        self._asked: dict[str, _Asked] = {}
        self._leases = OwnLeases()
        self._moved = asyncio.Event()  # replaced whenever the store was looked at

    # ---- asking

    async def run(self, request: Request) -> Result:
        """Never raises for what a registry or an audit trail may do; see Result for the outcomes.

        Goes on when the caller is cancelled: a browser that leaves must not leave a command half recorded.
        """
        known = self._asked.get(request.id)
        if known is None:
            known = _Asked(request, spawn(self._run(request), f"command {request.id}"))
            self._remember(known)
        elif known.request != request:
            return reused(request)
        return self._updated(await asyncio.shield(known.answer))

    async def preview(self, service_key: str, command: Command) -> tuple[Impact, tuple[Objection, ...]]:
        """What `command` would do and what is said against it, an Undo looked up. Raises AuditError."""
        undone = await self._audit.find(command.of) if isinstance(command, Undo) else None
        view, now = self._store.view(), self._clock()
        found: Command | Restore = command
        service = view.state.services.get(service_key)
        if isinstance(command, Undo) and service is not None:
            restore = undoable(command.of, service, undone)
            if isinstance(restore, No):
                against = restore.objections or (Objection("conflict", restore.text, False),)
                return Impact(()), against
            found = restore
        against = objections(view, service_key, found, now, self._rules.capacity_floor)
        return impact(view, service_key, found, now), against

    def is_armed(self, service: str) -> bool:
        """May this dashboard steer the service of that name or key?"""
        return self._rules.is_armed(service)

    # ---- following

    async def follow(self) -> None:
        """For ever: watch commands take effect. Owned by the runtime."""
        await self._recover()
        changes = self._store.subscribe()
        try:
            await self.observe()
            while True:
                if (await changes.wait()).topology:
                    await self.observe()
        finally:
            changes.close()

    async def observe(self) -> None:
        """Look at the store once, and record what is decided by it."""
        decided = self._tracker.observe(self._store.view())
        self._moved.set()
        self._moved = asyncio.Event()
        for track in decided:
            text, at = _BY_WATCH[track.outcome], self._clock()
            event = CommandRecorded(track.id, track.service, at, track.verb, track.by, track.outcome, text)
            await self._record(event, track.generation, track.revision)

    def progress(self, id: str) -> Progress | None:
        return self._tracker.progress(id, self._store.view())

    def active(self) -> Sequence[Progress]:
        """Newest first: drains in force, what is not decided yet, and the commands of the last minute."""
        return self._tracker.active(self._store.view())

    async def returns_in(self, service: str, address: str) -> int | None:
        """Seconds until the override of `address` ends, no earlier; None = it has no end. Raises RegistryError."""
        found = self._store.view().state.services.get(service)
        raw = found.routing.raw.get(admin_key(found.routing.service, address)) if found else None
        left = await self._registry.lease_ttl(raw.lease) if raw and raw.lease else None
        track = self._tracker.holding(service, address)
        if track is not None and left is not None:
            self._tracker.put(replace(track, returns_at=self._clock() + left))
        return left

    # ---- one command

    async def _run(self, asked: Request) -> Result:
        request = cleaned(asked)
        if reason := stale(self._store.view().state, self._clock()):
            self._asked.pop(request.id, None)  # nothing was judged, so the same id may try again
            return Result(request.id, "stale", f"Refused, nothing was tried: {reason}.")
        await self._caught_up(request)
        try:
            if (earlier := await self._audit.find(request.id)) is not None:
                return replay(request, earlier)
            undone = await self._audit.find(request.command.of) if isinstance(request.command, Undo) else None
            view, now = self._store.view(), self._clock()
            decision = decide(view, request, undone, self._rules, now)
            await self._audit.begin(entry_of(request, decision, now))
        except AuditError as error:
            self._asked.pop(request.id, None)  # as above: not on record, so it may be asked again
            text = f"The audit trail cannot be written, so nothing was tried: {error}"
            return answer(request, refused(Objection("audit", text, False)))
        if isinstance(decision, No):
            return await self._concluded(request, answer(request, decision))
        return await self._try(request, decision, view, now)

    async def _caught_up(self, request: Request) -> None:
        """A script that chains commands knows a generation that our watch has not shown yet: wait a moment."""
        try:
            async with asyncio.timeout(_CATCH_UP_S):
                while self._is_behind(request):
                    await self._moved.wait()
        except TimeoutError:
            return

    def _is_behind(self, request: Request) -> bool:
        service = self._store.view().state.services.get(request.service)
        return service is not None and (request.generation or 0) > service.routing.generation.number

    async def _try(self, request: Request, go: Go, view: LiveView, now: float) -> Result:
        self._tracker.put(track_of(request, go, view.state, now))
        written = await write(self._registry, go.changes, go.plan.lease_s)
        result = result_of(request, go, written)
        self._tracker.answered(request.id, result.outcome, result.generation, result.revision, self._clock())
        if written.outcome == "applied":
            for lease in self._leases.moved(go.changes, written.lease):
                await revoke(self._registry, lease)
        return await self._concluded(request, self._updated(result))

    def _updated(self, result: Result) -> Result:
        """An unknown outcome that has become known since."""
        track = self._tracker.get(result.id)
        if result.outcome != "unknown" or track is None or track.outcome not in _BY_WATCH:
            return result
        text = _BY_WATCH[track.outcome]
        return replace(result, outcome=track.outcome, text=text, generation=track.generation, revision=track.revision)

    # ---- recording

    async def _concluded(self, request: Request, result: Result) -> Result:
        """What was written stays written when the audit trail fails now: then the answer says so."""
        verb, by = request.command.verb, request.by
        event = CommandRecorded(result.id, request.service, self._clock(), verb, by, result.outcome, result.text)
        failure = await self._record(event, result.generation, result.revision)
        if not failure:
            return result
        return replace(result, text=f"{result.text} Its outcome could not be recorded: {failure}")

    async def _record(self, event: CommandRecorded, generation: int | None, revision: int | None) -> str:
        """Returns why the audit trail could not take it; "" = it did."""
        self._store.apply([event])
        try:
            await self._audit.finish(event.id, event.outcome, text=event.text, generation=generation, revision=revision)
        except AuditError as error:
            log.error("outcome %s of command %s is not in the audit trail: %s", event.outcome, event.id, error)
            return str(error)
        return ""

    async def _recover(self) -> None:
        """Commands that were under way when we last stopped: unknown until the watch tells."""
        try:
            for entry in await self._audit.recent(REMEMBERED):
                if entry.outcome == "attempted":
                    await self._audit.finish(entry.id, "unknown", text="The dashboard stopped before the answer came.")
                if entry.outcome in ("attempted", "unknown"):
                    self._tracker.put(recovered(entry))
        except AuditError as error:
            log.error("what was under way cannot be looked up: %s", error)

    def _remember(self, asked: _Asked) -> None:
        self._asked[asked.request.id] = asked
        if len(self._asked) > REMEMBERED:
            done = (id for id, other in self._asked.items() if other.answer.done())
            del self._asked[next(done, next(iter(self._asked)))]
