"""The merge-queue view: which rig and which gate it is about, the log that is tailed, and the ticks while gates run."""

from __future__ import annotations

import os

from gastown_core.errors import GastownError
from gastown_core.model.refinery import PASS, RUNNING
from gastown_core.state.sources.refineries import GateLog
from gastown_tui.selection import BATCH, PROBE, REQUEST, queued_rig
from gastown_tui.widgets.gate_panel import gate_subject
from gastown_tui.widgets.probe_panel import shown_state
from gastown_tui.widgets.refinery_text import PURPOSES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from gastown_core.model.refinery import GateRun, Probe
    from gastown_core.model.snapshot import RefineryView
    from gastown_tui.console import Console
    from gastown_tui.controllers.stage import Stage
    from gastown_tui.core_calls import CoreCalls
SPIN_S = 0.25


class MergeQueueController:
    """Keeps batch and log true to what is selected; costs nothing while no gate runs or nobody looks."""

    def __init__(self, console: Console, calls: CoreCalls, stage: Stage) -> None:
        self.console = console
        self.calls = calls
        self.stage = stage
        self.rig = ""
        self._log: GateLog | None = None
        self._gate = 0
        self._gates_of = ("", 0)

    def start(self) -> None:
        """The ticks, paused until they are needed."""
        self._timer = self.stage.queue.screen.set_interval(SPIN_S, self.spin, name="refinery", pause=True)

    def actions(self) -> dict[str, Callable[[], str | None]]:
        """What keys do with the gate's log, by the ids of the table."""
        return {
            "gates.follow": self.hold,
            "gates.next": lambda: self.step(1),
            "gates.previous": lambda: self.step(-1),
            "gates.pager": self.page,
        }

    @property
    def view(self) -> RefineryView | None:
        """The refinery that is shown."""
        return self.console.snapshot.refinery(self.rig)

    @property
    def is_in_view(self) -> bool:
        """Whether the screen shows anything of a refinery now: its own view, or its line under the convoys."""
        stage = self.stage
        return stage.view == "queue" or (stage.view == "feed" and stage.convoys.size.height > 1)

    def follow(self) -> None:
        """Ticks run only while an engine is at work and somebody can see it."""
        busy = any(view.is_busy for view in self.console.snapshot.refineries)
        if busy and self.is_in_view:
            self._timer.resume()
        else:
            self._timer.pause()

    def spin(self) -> None:
        """A quarter of a second has passed while a gate runs."""
        if not self.stage.is_in_front:
            return
        if self.stage.view == "queue":
            self.show()
        else:
            self.stage.convoys.guard(lambda: self.stage.convoys.spin(self.console.now))

    def show(self) -> None:
        """All three panels."""
        stage, now, snapshot = self.stage, self.console.now, self.console.snapshot
        stage.queue.guard(lambda: stage.queue.show(snapshot, now))
        self._choose_rig()
        stage.probes.guard(lambda: stage.probes.show(snapshot, self.rig, now))
        stage.gates.guard(lambda: self._show_log(now))

    def _choose_rig(self) -> None:
        """The rig of the queue's row; before there is one, the rig where something happens."""
        snapshot = self.console.snapshot
        selection = self.stage.queue.selection
        if selection is not None and selection.kind == BATCH:
            self.rig = selection.rig
        elif selection is not None and selection.kind == REQUEST:
            request, name = snapshot.request(selection.id), selection.id
            held = [view.rig for view in snapshot.refineries if any(one.id == name for one in view.state.requests)]
            self.rig = request.rig if request is not None else held[0] if held else self.rig
        self.rig = self.stage.gates.rig = self.rig or queued_rig(snapshot)

    # the gate and its log

    @property
    def probe(self) -> Probe | None:
        """The probe under the cursor of the batch, else the present one."""
        view = self.view
        if view is None:
            return None
        state, _ = shown_state(view)
        for selection in (self.stage.probes.selection, self.stage.probes.present):
            number = selection.id if selection is not None and selection.kind == PROBE else ""
            found = next((probe for probe in state.probes if str(probe.id) == number), None)
            if found is not None:
                return found
        return None

    def gate(self, probe: Probe) -> GateRun | None:
        """The gate whose log is shown: the one that was stepped to, else the most telling one."""
        if not probe.gates:
            return None
        if self._gates_of == (self.rig, probe.id) and self._gate < len(probe.gates):
            return probe.gates[self._gate]
        running = [gate for gate in probe.gates if gate.result == RUNNING]
        bad = [gate for gate in probe.gates if gate.result not in (RUNNING, PASS, "cached", "skipped")]
        return (running or bad or list(probe.gates))[-1 if running or not bad else 0]

    def step(self, by: int) -> str:
        """To the next gate of the probe, or the one before; returns why not."""
        probe = self.probe
        if probe is None or len(probe.gates) < 2:
            return "there is no other gate here"
        gate = self.gate(probe)
        at = probe.gates.index(gate) if gate is not None else 0
        self._gates_of, self._gate = (self.rig, probe.id), (at + by) % len(probe.gates)
        self.show()
        return ""

    def _show_log(self, now: float) -> None:
        view, probe = self.view, self.probe
        gate = self.gate(probe) if probe is not None else None
        panel = self.stage.gates
        if view is None or probe is None or gate is None:
            self._log = None
            panel.show_log(None, (), "No gate has run here yet. What it writes will be here, line by line.")
            return
        purpose = PURPOSES.get(probe.purpose, probe.purpose)
        is_live = view.is_alive and probe.result == RUNNING
        subject = gate_subject(probe, gate, now, panel.look.ascii_only, is_live=is_live, purpose=purpose)
        panel.show_log(self._read(self.path_of(view, gate)), subject, _silence(gate, is_live=is_live))

    def path_of(self, view: RefineryView, gate: GateRun) -> str:
        """The file of a gate's log, empty if it has none or names one outside its rig."""
        if not gate.log:
            return ""
        path = os.path.realpath(os.path.join(view.path, gate.log))
        return path if path.startswith(os.path.realpath(view.path) + os.sep) else ""

    def _read(self, path: str) -> GateLog | None:
        if not path:
            self._log = None
        elif self._log is None or self._log.path != path:
            self._log = GateLog(path)
        if self._log is not None:
            self._log.read()
        return self._log

    def page(self) -> str:
        """The whole log in the pager; returns why not."""
        if self._log is None:
            return "no gate log is shown; m shows the merge queue"
        try:
            with self.console.lend_terminal():
                status = self.calls.page(self._log.path)
        except GastownError as error:
            return str(error)
        return f"the pager ended with status {status}" if status else ""

    def hold(self) -> str:
        """Hold the log still, or let it go on."""
        held = self.stage.gates.hold()
        self.console.say("held: the log waits, Space lets it go on" if held else "following again", "dim")
        return ""


def _silence(gate: GateRun, *, is_live: bool) -> str:
    """Why there is nothing to read."""
    if gate.result == "cached":
        return "This tree was tested before: its verdict was known, and nothing ran again."
    if gate.result == "skipped":
        return "This gate was skipped."
    return "It runs and has said nothing yet." if is_live and gate.result == RUNNING else "It said nothing."
