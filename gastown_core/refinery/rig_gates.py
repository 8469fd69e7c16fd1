"""A rig's gates on one tree: set-up first, then phase after phase: the fast gates, the others, those of the post-squash phase.

The first failure stops the others: the tree is red whatever their results.
"""

from __future__ import annotations

import os
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor

from gastown_core.model.record import Record
from gastown_core.model.refinery import ERROR, FAIL, GAVE_UP, PASS, RUNNING, SKIPPED, GateRun
from gastown_core.refinery.gate_run import run_command
from gastown_core.refinery.gate_slots import own_place
from gastown_core.refinery.policy import PHASES, POST_PUSH, Gate
from gastown_core.refinery.report_file import clear_report, read_report
from gastown_core.town.identity import in_nobodys_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from gastown_core.git.repo import Git
    from gastown_core.refinery.policy import Policy
    from gastown_core.refinery.report_file import SuiteReport

SETUP = "setup"


class GateSet(Record):
    """The results of all gates on one tree, in the order of the settings, and what their tests said one by one.

    ``excused`` are gates that were red only in tests in quarantine, and count as green.
    """

    result: str
    runs: tuple[GateRun, ...] = ()
    reports: Mapping[str, SuiteReport] = {}
    excused: frozenset[str] = frozenset()

    @property
    def worst(self) -> GateRun | None:
        """The gate that decided: the failed one, else the one without a verdict."""
        for wanted in (FAIL, ERROR):
            for run in self.runs:
                if run.result == wanted:
                    return run
        return None


def is_set_up(found: GateSet) -> bool:
    """Whether the set-up succeeded (or there is none), so that the gates could run."""
    return found.result in (PASS, FAIL) and all(run.result == PASS for run in found.runs if run.name == SETUP)


def _sum(runs: Sequence[GateRun]) -> str:
    """One failure makes the tree red, all passes make it green; else it is an error, ``gave-up`` if each gate gave up."""
    results = {run.result for run in runs}
    if FAIL in results or results <= {PASS}:
        return FAIL if FAIL in results else PASS
    return GAVE_UP if all(run.gave_up for run in runs if run.result == ERROR) and ERROR in results else ERROR


def _in_order(gates: Sequence[Gate]) -> list[Gate]:
    """The gates, each after those that it needs; otherwise in the same order."""
    out: list[Gate] = []
    names = {gate.name for gate in gates}
    while len(out) < len(names):
        done = {gate.name for gate in out}
        out.append(
            next(one for one in gates if one.name not in done and done.issuperset(names.intersection(one.needs)))
        )
    return out


class Gates:
    """Runs a policy's gates in worktrees; ``logs`` is the batch's folder, ``on_change`` is called at every step."""

    def __init__(
        self,
        policy: Policy,
        logs: str,
        relative: Callable[[str], str],
        stopped: Callable[[], bool],
        now: Callable[[], float],
    ) -> None:
        self.policy = policy
        self.logs = logs
        self.relative = relative
        self.stopped = stopped
        self.now = now
        self.count = 0
        self.times: list[float] = []
        """How long each run took that was not cut off, in seconds."""
        self.is_after_push = False
        """Whether those of phase ``post-push`` run, and no others; before the push they never do."""
        self.may_fail: Callable[[str, Sequence[str]], bool] = lambda gate, reds: False
        """Whether a gate may be red in these tests."""
        self._lock = threading.Lock()
        self._logs_made: set[str] = set()

    def run(self, tree: Git, tree_hash: str, on_change: Callable[[GateRun], None]) -> GateSet:
        """Run all gates in the worktree ``tree``; nothing that a gate does raises."""
        began = time.monotonic()
        done: list[GateRun] = []
        reports: dict[str, SuiteReport] = {}
        setup = [Gate(SETUP, self.policy.setup)] if self.policy.setup else []
        phases = ("", POST_PUSH, "") if self.is_after_push else PHASES
        stages = [[gate for gate in self.policy.gates if gate.phase == phase] for phase in phases]
        together = self.policy.gates_parallel
        for gates, side_by_side in zip([setup, *stages], (False, together, together, False), strict=True):
            done += self._phase(tree, tree_hash, gates, on_change, reports, side_by_side=side_by_side)
            results = [run.result for run in done]
            if any(result != PASS for result in results):
                break
        with self._lock:
            self.count += 1 if done else 0
            self.times += [time.monotonic() - began] if done and not self.stopped() else []
        excused = frozenset(
            run.name for run in done if run.result == PASS and run.name in reports and reports[run.name].reds
        )
        return GateSet(_sum(done), tuple(done), reports, excused)

    def _phase(
        self,
        tree: Git,
        tree_hash: str,
        gates: Sequence[Gate],
        on_change: Callable[[GateRun], None],
        reports: dict[str, SuiteReport],
        *,
        side_by_side: bool,
    ) -> list[GateRun]:
        failed = threading.Event()

        def one(gate: Gate) -> GateRun:
            run = self._placed(gate, tree, tree_hash, on_change, failed.is_set, reports)
            if run.result == FAIL:
                failed.set()
            return run

        ordered = _in_order(gates)
        if side_by_side and len(gates) > 1:
            with ThreadPoolExecutor(max_workers=len(gates), thread_name_prefix="gate") as pool:
                runs: dict[str, Future[GateRun]] = {}

                def after(gate: Gate) -> GateRun:
                    bad = next((one for one in gate.needs if one in runs and runs[one].result().result != PASS), "")
                    return GateRun(gate.name, SKIPPED, detail=f"needs {bad}") if bad else one(gate)

                for gate in ordered:
                    runs[gate.name] = pool.submit(after, gate)
                return [runs[gate.name].result() for gate in gates]
        done: list[GateRun] = []
        for gate in ordered:
            done.append(one(gate))
            if done[-1].result != PASS:
                break
        return done

    def _placed(
        self,
        gate: Gate,
        tree: Git,
        tree_hash: str,
        on_change: Callable[[GateRun], None],
        given_up: Callable[[], bool],
        reports: dict[str, SuiteReport],
    ) -> GateRun:
        """Run a gate in a place of its own, if it has few; until then it is shown as waiting."""

        def told(why: str) -> None:
            on_change(GateRun(gate.name, RUNNING, started_at=self.now(), detail=why))

        def stopped() -> bool:
            return given_up() or self.stopped()

        if not gate.places:
            return self._reported(gate, tree, tree_hash, on_change, given_up, reports)
        folder = os.path.join(os.path.dirname(self.logs), "gate-places")
        with own_place(folder, gate.name, gate.places, stopped, told) as has_place:
            if not has_place:
                return GateRun(gate.name, SKIPPED, detail="ended early")
            return self._reported(gate, tree, tree_hash, on_change, given_up, reports)

    def _reported(
        self,
        gate: Gate,
        tree: Git,
        tree_hash: str,
        on_change: Callable[[GateRun], None],
        given_up: Callable[[], bool],
        reports: dict[str, SuiteReport],
    ) -> GateRun:
        """Run a gate and read what its tests said; one that is red only where it may be is green."""
        is_read = bool(gate.report) and clear_report(tree.path, gate.report)
        run = self.run_one(
            gate.name, gate.cmd, gate.timeout_s, tree, tree_hash, on_change, given_up, report=gate.report
        )
        found = read_report(tree.path, gate.report) if is_read and run.result in (PASS, FAIL) else None
        if found is None or (run.result == PASS and found.reds):
            return run
        reports[gate.name] = found
        reds = found.reds
        # another exit code tells of more than failed tests
        if run.result == FAIL and run.detail in ("exit 1", f"exit {len(reds)}") and self.may_fail(gate.name, reds):
            run = run._replace(result=PASS, detail=f"red only in quarantine: {', '.join(reds[:3])}")
            on_change(run)
        return run

    def run_one(
        self,
        name: str,
        cmd: str,
        timeout_s: float,
        tree: Git,
        tree_hash: str,
        on_change: Callable[[GateRun], None],
        given_up: Callable[[], bool] = lambda: False,
        *,
        report: str = "",
    ) -> GateRun:
        """Run one command under the name of a gate, with its own log."""
        log = self._log(name, tree_hash)
        run = GateRun(name, RUNNING, log=self.relative(log), started_at=self.now())
        on_change(run)
        ran = run_command(
            cmd,
            tree.path,
            log,
            self._environment(tree, name, report),
            timeout_s=timeout_s,
            limit=self.policy.log_bytes,
            stopped=lambda: given_up() or self.stopped(),
        )
        run = run._replace(result=ran.result, secs=round(ran.secs, 3), detail=ran.detail, gave_up=ran.gave_up)
        on_change(run)
        return run

    def _log(self, name: str, tree_hash: str) -> str:
        """The log file of one run of a gate on a tree."""
        with self._lock:
            stem, number = os.path.join(self.logs, f"{name}-{tree_hash[:8]}"), 1
            path = f"{stem}.log"
            while path in self._logs_made:
                number += 1
                path = f"{stem}.{number}.log"
            self._logs_made.add(path)
        return path

    def _environment(self, tree: Git, name: str, report: str) -> dict[str, str]:
        env = in_nobodys_name(tree.environment())
        env.pop("GIT_EDITOR", None)
        more = {"GT_REPORT": os.path.join(tree.path, report)} if report else {}
        return {**env, "GT_GATE": name, **more}
