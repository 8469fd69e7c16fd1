"""The merge-queue view: the selected rig and gate, the log being tailed, and the ticks while gates run."""

from __future__ import annotations

import os

from gastown_core.errors import GastownError
from gastown_core.model.flights import state_of
from gastown_core.model.refinery import CACHED, RUNNING, SKIPPED, gate_to_show
from gastown_core.state.sources.refineries import GateLog
from gastown_tui.selection import BATCH, PROBE, REQUEST, queued_rig
from gastown_tui.text import clean
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
    """Keeps batch and log in step with the selection; it does nothing while no gate runs or the view is hidden."""

    def __init__(self, console: Console, calls: CoreCalls, stage: Stage) -> None:
        self.console = console
        self.calls = calls
        self.stage = stage
        self.rig = ""
        self.batch = ""
        """The batch of those in flight that is selected, itself or by a request; empty for the oldest."""
        self._log: GateLog | None = None
        self._gate = 0
        self._gates_of = ("", "", 0)

    def start(self) -> None:
        """Create the timer, paused until it is needed."""
        self._timer = self.stage.queue.screen.set_interval(SPIN_S, self.spin, name="refinery", pause=True)

    def actions(self) -> dict[str, Callable[[], str | None]]:
        """The handlers of the gate log's actions, by action id."""
        return {
            "gates.follow": self.hold,
            "gates.next": lambda: self.step(1),
            "gates.previous": lambda: self.step(-1),
            "gates.pager": self.page,
        }

    @property
    def view(self) -> RefineryView | None:
        """The refinery shown, with the batch that is selected in full."""
        view = self.console.snapshot.refinery(self.rig)
        return view._replace(state=state_of(view.state, self.batch)) if view is not None and self.batch else view

    @property
    def is_in_view(self) -> bool:
        """Whether the screen shows any refinery: in its own view, or as a line under the convoys."""
        stage = self.stage
        return stage.view == "queue" or (stage.view == "feed" and stage.convoys.size.height > 1)

    def follow(self) -> None:
        """Run the timer only while an engine is busy and visible."""
        busy = any(view.is_busy for view in self.console.snapshot.refineries)
        if busy and self.is_in_view:
            self._timer.resume()
        else:
            self._timer.pause()

    def spin(self) -> None:
        """Update the view; called every quarter of a second while a gate runs."""
        if not self.stage.is_in_front:
            return
        if self.stage.view == "queue":
            self.show()
        else:
            self.stage.convoys.guard(lambda: self.stage.convoys.spin(self.console.now))

    def show(self) -> None:
        """Update all three panels."""
        stage, now, snapshot = self.stage, self.console.now, self.console.snapshot
        stage.queue.guard(lambda: stage.queue.show(snapshot, now))
        self._choose_rig()
        stage.probes.process_key = self.console.key_of("mq.process")
        stage.probes.guard(lambda: stage.probes.show(snapshot, self.rig, self.view, now))
        stage.gates.guard(lambda: self._show_log(now))

    def _choose_rig(self) -> None:
        """Choose the rig of the selected row; without a selection, a rig with something going on."""
        snapshot = self.console.snapshot
        selection = self.stage.queue.selection
        if selection is not None and selection.kind == BATCH:
            self.rig, self.batch = selection.rig, selection.id
        elif selection is not None and selection.kind == REQUEST:
            request, name = snapshot.request(selection.id), selection.id
            held = [view.rig for view in snapshot.refineries if any(one.id == name for one in view.state.requests)]
            self.rig = request.rig if request is not None else held[0] if held else self.rig
            shown = snapshot.refinery(self.rig)
            flights = shown.state.flights if shown is not None else ()
            self.batch = next((one.batch for one in flights if name in one.requests), "")
        self.rig = self.stage.gates.rig = self.rig or queued_rig(snapshot)

    # gate and log

    @property
    def probe(self) -> Probe | None:
        """The selected probe, else the current one."""
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
        """Return the gate whose log is shown: the one stepped to, else a running one, a failed one, or the last."""
        if self._gates_of == (self.rig, self.batch, probe.id) and self._gate < len(probe.gates):
            return probe.gates[self._gate]
        return gate_to_show(probe)

    def step(self, by: int) -> str:
        """Step to the next or previous gate of the probe; return why not, or an empty string."""
        probe = self.probe
        if probe is None or len(probe.gates) < 2:
            return "there is no other gate here"
        gate = self.gate(probe)
        at = probe.gates.index(gate) if gate is not None else 0
        self._gates_of, self._gate = (self.rig, self.batch, probe.id), (at + by) % len(probe.gates)
        self.show()
        return ""

    def _show_log(self, now: float) -> None:
        view, probe = self.view, self.probe
        gate = self.gate(probe) if probe is not None else None
        panel = self.stage.gates
        if view is None or probe is None or gate is None:
            self._log = None
            panel.show_log(None, (), _no_gate(probe))
            return
        purpose = PURPOSES.get(probe.purpose, probe.purpose)
        is_live = view.is_alive and probe.result == RUNNING
        subject = gate_subject(probe, gate, now, panel.look.ascii_only, is_live=is_live, purpose=purpose)
        panel.show_log(self._read(self.path_of(view, gate)), subject, _silence(gate, is_live=is_live))

    def path_of(self, view: RefineryView, gate: GateRun) -> str:
        """Return the path of a gate's log; empty if it has none, or names one outside its rig."""
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
        """Open the whole log in the pager; return why not, or an empty string."""
        if self._log is None:
            return f"no gate log is shown; {self.console.key_of('view.queue')} shows the merge queue"
        try:
            with self.console.lend_terminal():
                status = self.calls.page(self._log.path)
        except GastownError as error:
            return str(error)
        return f"the pager ended with status {status}" if status else ""

    def hold(self) -> str:
        """Pause the log, or resume it."""
        held = self.stage.gates.hold()
        self.console.say(f"paused; {self.console.key_of('gates.follow')} resumes" if held else "resumed", "dim")
        return ""


def _no_gate(probe: Probe | None) -> str:
    """Return why there is no gate to show."""
    if probe is not None and probe.result == RUNNING and probe.waits:
        return f"This run waits: {clean(probe.waits)}. The output of its gates will appear here."
    return "No gate has run here yet. Its output will appear here as it runs."


def _silence(gate: GateRun, *, is_live: bool) -> str:
    """Return why there is no output."""
    if gate.result == CACHED:
        return "This tree was tested before: the verdict was reused and the gate did not run again."
    if gate.result == SKIPPED:
        return "This gate was skipped."
    return "Running; no output yet." if is_live and gate.result == RUNNING else "No output."
