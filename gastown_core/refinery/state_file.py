"""The refinery's current state, rewritten at every step for the console and ``gt`` (``model.refinery``)."""

from __future__ import annotations

import contextlib
import copy
import json
import os
import threading

from gastown_core.errors import SettingsError, StoreError
from gastown_core.files.atomic import read_json, write_atomic
from gastown_core.files.folders import private_folder
from gastown_core.model.ahead import AHEAD_FILE, read_ahead
from gastown_core.model.flights import flight_line
from gastown_core.model.refinery import (
    HELD,
    IDLE,
    RUNNING,
    STATE_FILE,
    BatchEntry,
    GateRun,
    Landing,
    Probe,
    QuarantinedTest,
    RefineryState,
    RequestLanes,
    from_json,
    to_json,
)
from gastown_core.process_table import start_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from gastown_core.clock import Clock
    from gastown_core.model.ahead import ConflictAhead


def read_state(rig_path: str) -> RefineryState | None:
    """The state that the rig's engine wrote last, None if there is none or it cannot be read."""
    try:
        return from_json(read_json(os.path.join(rig_path, STATE_FILE)))
    except SettingsError:
        return None


def conflicts_ahead(path: str) -> tuple[ConflictAhead, ...]:
    """The branches of the rig at ``path`` that conflicted at the last look; of a file that cannot be read none."""
    try:
        return read_ahead(read_json(os.path.join(path, AHEAD_FILE)))
    except SettingsError:
        return ()


class Board:
    """The state of one batch, and the file that shows all batches in flight; safe to use from the threads of the probes.

    The file has the oldest batch in full, and a line for each of the others.
    """

    def __init__(self, rig: str, rig_path: str, clock: Clock) -> None:
        self.path = os.path.join(rig_path, STATE_FILE)
        self.clock = clock
        self._lock = threading.Lock()
        self._wall: list[Board] = []
        self._parent: Board | None = None
        before = read_state(rig_path)
        self.state = RefineryState(rig, pid=os.getpid(), pid_start=start_of(os.getpid()))
        if before is not None:
            self.state = self.state._replace(
                last=before.last, quarantined=before.quarantined, needs_approval=before.needs_approval
            )

    def now(self) -> RefineryState:
        """The state as the file has it: the oldest batch in full, and a line for each of several."""
        flights = [flight_line(one.state) for one in self._wall] if len(self._wall) > 1 else []
        # the state itself has these of the oldest
        flights[:1] = [one._replace(tree=(), judged=()) for one in flights[:1]]
        return self.shown._replace(flights=tuple(flights))

    @property
    def shown(self) -> RefineryState:
        """The state of the oldest batch in flight, which the file has in full."""
        return self._wall[0].state if self._wall else self.state

    def beside(self) -> Board:
        """The board of another batch in the same file."""
        made = copy.copy(self)
        made._parent = self
        return made

    def join(self, entries: Iterable[BatchEntry]) -> None:
        """Requests of another batch join this one."""
        self._put(requests=(*self.state.requests, *entries))

    def begin(
        self,
        batch: str,
        target: str,
        entries: Iterable[BatchEntry],
        *,
        phase: str,
        on: str = "",
        why: tuple[str, ...] = (),
    ) -> None:
        """A batch begins, for these reasons, on the stack of the batch ``on`` if that is given."""
        with self._lock:
            self._wall.append(self)
        self._put(
            phase=phase,
            batch=batch,
            target=target,
            on=on,
            base="",
            started_at=self.clock.now(),
            requests=tuple(entries),
            probes=(),
            lanes=(),
            union=(),
            pushed=(),
            why=why,
            clean=(),
            window=(),
            suspects=(),
            good=(),
            lands_next=False,
            hold_reason="",
            hold_kind="",
        )

    def foresee(self, forecast: Iterable[Landing]) -> None:
        """Show when the requests of the queue are expected to land."""
        found = tuple(forecast)
        with self._lock:
            for other in self._wall:
                other.state = other.state._replace(forecast=found)
            self._write(forecast=found)

    def show_quarantine(self, tests: Iterable[QuarantinedTest]) -> None:
        """Show which tests may be red without blame; what is shown already is not written again."""
        found = tuple(tests)
        with self._lock:
            if found != self.state.quarantined:
                for other in self._wall:
                    other.state = other.state._replace(quarantined=found)
                self._write(quarantined=found)

    def show_reaches(self, reaches: Iterable[RequestLanes]) -> None:
        """Show which lanes the requests of the queue affect; what is shown already is not written again."""
        found = tuple(reaches)
        with self._lock:
            if found != self.state.reaches:
                for other in self._wall:
                    other.state = other.state._replace(reaches=found)
                self._write(reaches=found)

    def show_alone(self, why: str) -> None:
        """Show why batches run one after the other; what is shown already is not written again."""
        self._tell(alone=why)

    def show_hold(self, kind: str, reason: str) -> None:
        """Show why nothing lands while a batch is at work, empty if something may; what is shown already is not written again."""
        self._tell(hold_kind=kind, hold_reason=reason)

    def show_next(self, why: str) -> None:
        """Show why no other batch begins; what is shown already is not written again."""
        self._tell(next=why)

    def _tell(self, **facts: Any) -> None:
        with self._lock:
            shown = (self._wall[0] if self._wall else self).state
            if shown._replace(**facts) != shown:
                for other in (self, *self._wall):
                    other.state = other.state._replace(**facts)
                if self._wall:
                    self._write(**facts)

    def phase(self, phase: str, **fields: object) -> None:
        """The engine enters another phase."""
        self._put(phase=phase, **fields)

    def mark(self, ids: Iterable[str], state: str, why: str = "") -> None:
        """Set the state of these requests of the batch."""
        wanted = set(ids)
        requests = self.state.requests
        if wanted:
            self._put(
                requests=tuple(one._replace(state=state, why=why) if one.id in wanted else one for one in requests)
            )

    def searched(self, clean: tuple[str, ...], window: tuple[str, ...], suspects: Iterable[str]) -> None:
        """How far the search in a red stack is; what is shown already is not written again."""
        singled_out = tuple(sorted(suspects))
        shown = self.state.clean, self.state.window, self.state.suspects, self.state.good
        if (clean, window, singled_out, ()) != shown:
            self._put(clean=clean, window=window, suspects=singled_out, good=())

    def waits_to_land(self, good: tuple[str, ...]) -> None:
        """These requests are green together, and land when it is their turn."""
        self._put(good=good, clean=(), window=())

    def lands_next(self) -> None:
        """What was green is tested once more, and lands next."""
        self._put(lands_next=True)

    def probe(self, requests: tuple[str, ...], purpose: str, parent: tuple[str, ...], tree: str) -> int:
        """A probe begins; returns its number."""
        with self._lock:
            number = len(self.state.probes) + 1
            above = next((one.id for one in reversed(self.state.probes) if one.requests == parent), 0) if parent else 0
            made = Probe(number, requests, purpose, above, tree, RUNNING, (), self.clock.now())
            self._write(probes=(*self.state.probes, made))
        return number

    def waits(self, number: int, why: str) -> None:
        """A probe waits for its gate place, for this reason; no longer if it is empty."""
        with self._lock:
            began = self.clock.now()
            self._write(probes=self._with(self.state.probes[number - 1]._replace(waits=why, started_at=began)))

    def gate(self, number: int, run: GateRun) -> None:
        """A gate of a probe has begun or ended."""
        with self._lock:
            probe = self.state.probes[number - 1]
            gates = {one.name: one for one in probe.gates}
            gates[run.name] = run
            self._write(probes=self._with(probe._replace(gates=tuple(gates.values()))))

    def judged(self, number: int, result: str, tree: str = "") -> None:
        """A probe has its verdict."""
        with self._lock:
            probe = self.state.probes[number - 1]
            secs = round(self.clock.now() - probe.started_at, 3)
            self._write(probes=self._with(probe._replace(result=result, secs=secs, tree=tree or probe.tree, waits="")))

    def rest(self, last: dict[str, object] | None = None, *, hold: str = "", kind: str = "", target: str = "") -> None:
        """The batch is over, or the queue is held for a reason of this kind; ``last`` is the finished batch's record.

        ``target`` is what is held, where that is another one than the batch's.
        """
        with self._lock:
            if self in self._wall:
                self._wall.remove(self)
            kept = last if last is not None else self.state.last
            for other in self._wall:
                other.state = other.state._replace(last=kept)
            if target and target != self.state.target:
                # what is shown of another target's batch is in its record
                self.state = self.state._replace(target=target, batch="", base="", requests=(), probes=())
            self._write(phase=HELD if hold else IDLE, hold_reason=hold, hold_kind=kind, last=kept, forecast=(), next="")
            if self._parent is not None:
                self._parent.state = self.state

    def _with(self, probe: Probe) -> tuple[Probe, ...]:
        return tuple(probe if one.id == probe.id else one for one in self.state.probes)

    def _put(self, **fields: object) -> None:
        with self._lock:
            self._write(**fields)

    def _write(self, **fields: Any) -> None:
        self.state = self.state._replace(
            **fields, pid=os.getpid(), pid_start=start_of(os.getpid()), updated_at=self.clock.now()
        )
        shown = self.now()._replace(updated_at=self.state.updated_at)
        data = json.dumps(to_json(shown), ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
        # a state that cannot be written (a full disk) must not stop a merge
        with contextlib.suppress(StoreError, OSError):
            private_folder(os.path.dirname(self.path))
            write_atomic(self.path, data + b"\n", mode=0o600, sync=False)
