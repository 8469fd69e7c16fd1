"""Probes: check a stack's tree out in a worktree of its own, run the gates, give the verdict.

A tree that is known to be green is not run again.  If the gates cannot run at all, they are tried once more.  If the
failed gate has a ``fix_cmd``, its changes become a commit on top of the stack, and the gates run again.
"""

from __future__ import annotations

import os
from contextlib import suppress
from itertools import count
from typing import Protocol

from gastown_core.clock import format_seconds, parse_moment
from gastown_core.errors import GastownError, GitError, SettingsError
from gastown_core.events.log import append_event
from gastown_core.files.atomic import edit_json, read_json
from gastown_core.model.record import Record
from gastown_core.model.refinery import CACHED, ERROR, FAIL, GAVE_UP, PASS, GateRun
from gastown_core.refinery import flakes, flaky_tests
from gastown_core.refinery.gate_slots import gate_slot
from gastown_core.refinery.rig_gates import GateSet, is_set_up
from gastown_core.refinery.stack import Clash, Stacked, Stacker

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from gastown_core.refinery.bisect import Ask
    from gastown_core.refinery.place import Refinery
    from gastown_core.refinery.policy import Gate
    from gastown_core.refinery.report_file import SuiteReport
    from gastown_core.refinery.rig_gates import Gates
    from gastown_core.refinery.state_file import Board
    from gastown_core.refinery.worktrees import Worktrees


class Verdict(Record):
    """The result of a probe; ``stacked`` is what may be pushed, ``gate`` the run that decided if it is not green.

    ``began`` and ``ended`` order the runs of a batch; both are 0 if nothing ran.  ``doubt`` is how often chance makes the
    tests red that failed: 0 unless all of them have changed their mind before.
    ``green_at`` is when a gate that is red now was green on the same tree before, 0 if never.
    """

    result: str
    stacked: Stacked | None = None
    clash: Clash | None = None
    gate: GateRun | None = None
    began: int = 0
    ended: int = 0
    doubt: float = 0.0
    green_at: float = 0.0


class Stacks(Protocol):
    """Where the commits of probes come from."""

    def stack(self, requests: Sequence[str]) -> Stacked | Clash:
        """The commit that has these requests in this order."""


class Prober:
    """Runs the probes of one batch."""

    def __init__(
        self, place: Refinery, batch: str, board: Board, gates: Gates, cache: VerdictCache, worktrees: Worktrees
    ) -> None:
        self.place = place
        self.batch = batch
        self.board = board
        self.gates = gates
        self.cache = cache
        self.worktrees = worktrees
        self.tests: dict[str, dict[str, SuiteReport]] = {}
        """Tree → what the tests of each gate said of it."""
        gates.may_fail = self._may_fail
        self.stacker: Stacks | None = None
        self.trusts_lanes = True
        """Whether a gate counts as green before on what landed without it, since that is in none of its paths."""
        self._ticks = count(1)

    def stack(self, ask: Ask) -> Stacked | Clash:
        """The stack of a probe. Raises GitError, StoppedError."""
        self.place.check_stop()
        assert self.stacker is not None
        return self.stacker.stack(ask.requests)

    def probe(self, ask: Ask, stack: Stacked | Clash) -> Verdict:
        """Run the gates on a stack and give the verdict; probes may run in several threads."""
        if isinstance(stack, Clash):
            return Verdict("", clash=stack)
        number = self.board.probe(ask.requests, ask.purpose, ask.parent, stack.tree)
        known = "" if ask.fresh else self._known(stack)
        if known:
            self.board.judged(number, CACHED if known == PASS else known)
            return Verdict(known, stack)
        began = next(self._ticks)
        verdict = self._run(number, stack)._replace(began=began, ended=next(self._ticks))
        if not ask.requests and verdict.result == PASS:
            self.establish(stack.tree)
        shown = ERROR if verdict.result == GAVE_UP else verdict.result
        self.board.judged(number, shown, verdict.stacked.tree if verdict.stacked else "")
        payload = {"batch": self.batch, "mrs": list(ask.requests), "result": shown, "purpose": ask.purpose}
        place = self.place
        append_event(place.root, "bisect_probe", place.actor, payload, visibility="audit", clock=place.clock)
        return verdict

    def _known(self, stack: Stacked) -> str:
        """A green verdict that is already known; without gates every tree is green."""
        policy = self.gates.policy
        if not policy.gates and not policy.setup:
            return PASS
        return PASS if self._last(stack.tree)[0] == PASS else ""

    def _last(self, tree: str) -> tuple[str, float]:
        """The last verdict of this batch's gates on a tree, and when; all gates of the rig count for some of them."""
        said = self.cache.get(tree, self.gates.policy.gate_set)
        every = self.cache.get(tree)
        return every if every[0] == PASS and every[1] > said[1] else said

    def green_before(self) -> float:
        """When the bare target was last green, 0 if its last verdict is another or there is none."""
        stack = self.stacker.stack(()) if self.stacker is not None else None
        result, at = self._last(stack.tree) if isinstance(stack, Stacked) else ("", 0.0)
        return at if result == PASS else 0.0

    def _run(self, number: int, stack: Stacked) -> Verdict:
        policy = self.gates.policy

        def told(why: str) -> None:
            self.board.waits(number, why)

        with gate_slot(self.place.root, policy.gate_slots, self.gates.stopped, told) as has_slot:
            if not has_slot:
                return Verdict(ERROR, stack)
            for last_try in (False, True):
                found, fixed = self._in_worktree(number, stack)
                if found.result != ERROR or last_try or self.gates.stopped():
                    break
        now = self.place.clock.now()
        green_at = self._green_at(stack.tree, found)
        if policy.looks_at_paths:
            passed = {run.name for run in found.runs if run.result == PASS}
            greens = [policy.set_of([gate]) for gate in policy.gates if gate.name in passed]
            self.cache.put_greens(stack.tree, dict.fromkeys(greens, now))
        if fixed is not None and found.result == PASS:
            self.cache.put(fixed.tree, PASS, now, policy.gate_set)
            return Verdict(PASS, fixed)
        # what is green only by a quarantine is tested again when that has ended
        if found.result in (PASS, FAIL) and not found.excused:
            self.cache.put(stack.tree, found.result, now, policy.gate_set)
        return Verdict(found.result, stack, gate=found.worst, doubt=self._doubt(found), green_at=green_at)

    def _green_at(self, tree: str, found: GateSet) -> float:
        """When any of the gates that are red now was green on this tree before."""
        policy = self.gates.policy
        if not policy.looks_at_paths:
            return 0.0
        red = [policy.set_of([gate]) for gate in policy.gates for run in found.runs if _is_red(run, gate)]
        return max((self.cache.green_at(tree, one, assumed=self.trusts_lanes) for one in red), default=0.0)

    def inherit(self, before: str, tree: str) -> None:
        """What is on the target has this tree now: gates that had no part in what landed are as green as on the tree before."""
        place, cache = self.place, self.cache
        mine = {gate.name for gate in self.gates.policy.gates}
        greens = {}
        for gate in place.policy.gates:
            one = place.policy.set_of([gate])
            at = place.clock.now() if gate.name in mine else cache.green_at(before, one, assumed=True)
            if at and not cache.green_at(tree, one, assumed=True):
                greens[one] = at
        cache.put_greens(tree, greens, assumed=True)

    def _may_fail(self, gate: str, reds: Sequence[str]) -> bool:
        return flaky_tests.excused(flaky_tests.read_tests(self.place.path), gate, reds, self.place.clock.now())

    def _doubt(self, found: GateSet) -> float:
        """How often chance makes red what is red here; 0 if anything is red that is not known to be flaky."""
        red = [run.name for run in found.runs if run.result == FAIL]
        if not red or not all(name in found.reports for name in red):
            return 0.0
        known = flaky_tests.read_tests(self.place.path)
        rates = [flaky_tests.doubt(known, name, found.reports[name].reds) for name in red]
        return max(rates) if all(rates) else 0.0

    def establish(self, tree: str) -> None:
        """The tree is on the target: its tests are no longer new."""
        for gate, report in self.tests.get(tree, {}).items():
            flaky_tests.establish(self.place.path, gate, report.tests)

    def _in_worktree(self, number: int, stack: Stacked) -> tuple[GateSet, Stacked | None]:
        """Run the gates once; returns the outcome, and the stack with the repairs that made it green, if any."""

        def report(run: GateRun) -> None:
            self.board.gate(number, run)

        try:
            with self.worktrees.open(stack.commit) as tree:
                found = self.gates.run(tree, stack.tree, report)
                self._remember(stack.tree, found)
                if is_set_up(found):
                    self.worktrees.keep(tree)
            if found.result != FAIL or not isinstance(self.stacker, Stacker):
                return found, None
            return fix(self.worktrees, self.gates, self.stacker, stack, found, report)
        except (GitError, OSError) as error:
            return GateSet(ERROR, (no_worktree(error),)), None

    def _remember(self, tree: str, found: GateSet) -> None:
        """Tell the flake ledger what each gate said of a tree, and all together."""
        now, policy = self.place.clock.now(), self.gates.policy
        for run in found.runs:
            for gate in policy.gates:
                if gate.name == run.name:
                    flakes.saw(self.place.path, gate.name, gate.cmd, tree, run.result, now)
                    if gate.name in found.reports:
                        self.tests.setdefault(tree, {})[gate.name] = found.reports[gate.name]
                        flaky_tests.saw(self.place.path, gate.name, gate.cmd, tree, found.reports[gate.name], now)
        every = self.place.policy.gate_set
        if self.gates.is_after_push or not found.runs:
            # what these say of a tree is another fact than what those before the push say of it
            return
        if policy.gate_set == every:
            flakes.saw(self.place.path, flakes.ALL, every, tree, found.result, now)
        else:
            # what some of the gates say of a tree is another fact than what all say of it
            flakes.saw(self.place.path, flakes.ALL, every, f"{policy.gate_set[:4]}{tree}", found.result, now)


def _is_red(run: GateRun, gate: Gate) -> bool:
    return run.name == gate.name and run.result == FAIL


def no_worktree(error: Exception) -> GateRun:
    """The outcome for a tree that could not be checked out: no verdict."""
    return GateRun("worktree", ERROR, detail=str(error))


FILE = "gate-cache.json"
MOST = 1000


class VerdictCache:
    """One rig's verdicts, for ``gate_set`` where no other is named; an unreadable file counts as empty.

    A verdict that cannot be written does not stop a merge: without it, the gates run again.
    """

    def __init__(self, runtime: str, gate_set: str) -> None:
        self.path = os.path.join(runtime, FILE)
        self.gate_set = gate_set

    def get(self, tree: str, gate_set: str = "") -> tuple[str, float]:
        """Result and time of the last verdict on a tree, ("", 0) if there is none."""
        found = self._read().get(f"{tree}:{gate_set or self.gate_set}")
        if not isinstance(found, dict):
            return "", 0.0
        return str(found.get("result") or ""), parse_moment(found.get("at")) or 0.0

    def put(self, tree: str, result: str, now: float, gate_set: str = "") -> None:
        """Remember a verdict; beyond a thousand the oldest are forgotten."""
        key = f"{tree}:{gate_set or self.gate_set}"

        def change(value: dict[str, object]) -> None:
            verdicts = value.get("verdicts")
            kept = verdicts if isinstance(verdicts, dict) else {}
            kept.pop(key, None)
            kept[key] = {"result": result, "at": format_seconds(now)}
            value["version"] = 1
            value["verdicts"] = dict(list(kept.items())[-MOST:])

        if not self._edit(change) and self.get(tree, gate_set)[0] not in ("", result):
            # an older verdict must not outlive one that says otherwise: all are forgotten, which a full disk allows
            with suppress(OSError):
                os.unlink(self.path)

    def green_at(self, tree: str, gate: str, *, assumed: bool) -> float:
        """When a gate (by its fingerprint) was last green on a tree, 0 if never; ``assumed``: or passed for green there."""
        found = self._read("gates").get(f"{tree}:{gate}")
        if not isinstance(found, dict) or (found.get("assumed") and not assumed):
            return 0.0
        return parse_moment(found.get("at")) or 0.0

    def put_greens(self, tree: str, greens: Mapping[str, float], *, assumed: bool = False) -> None:
        """Remember since when gates are green on a tree; beyond a thousand the oldest are forgotten."""

        def change(value: dict[str, object]) -> None:
            found = value.get("gates")
            kept = found if isinstance(found, dict) else {}
            for gate, at in greens.items():
                kept.pop(f"{tree}:{gate}", None)
                kept[f"{tree}:{gate}"] = {"at": format_seconds(at)} | ({"assumed": True} if assumed else {})
            value["gates"] = dict(list(kept.items())[-MOST:])

        if greens:
            self._edit(change)

    def _edit(self, change: Callable[[dict[str, object]], None]) -> bool:
        """Change the file, or begin it anew if it cannot be read; whether that could be written."""
        try:
            try:
                edit_json(self.path, change, mode=0o600)
            except SettingsError:
                os.unlink(self.path)
                edit_json(self.path, change, mode=0o600)
        except (GastownError, OSError):
            return False
        return True

    def _read(self, what: str = "verdicts") -> dict[str, Any]:
        try:
            found = (read_json(self.path) or {}).get(what)
        except SettingsError:
            return {}
        return found if isinstance(found, dict) else {}


def fix(
    worktrees: Worktrees,
    gates: Gates,
    stacker: Stacker,
    stack: Stacked,
    found: GateSet,
    on_change: Callable[[GateRun], None],
) -> tuple[GateSet, Stacked | None]:
    """Repair a red stack gate by gate; the last outcome, and the repaired stack if it is green."""
    by_name = {gate.name: gate for gate in gates.policy.gates}
    here, tried = stack, set()
    while found.result == FAIL:
        gate = by_name.get(found.worst.name) if found.worst is not None else None
        if gate is None or not gate.fix_cmd or gate.name in tried:
            break
        tried.add(gate.name)
        mended = _mend(worktrees, gates, stacker, here, gate, on_change)
        if mended is None:
            break
        here = mended
        with worktrees.open(here.commit) as tree:
            found = gates.run(tree, here.tree, on_change)
    return found, here if here is not stack and found.result == PASS else None


def _mend(
    worktrees: Worktrees,
    gates: Gates,
    stacker: Stacker,
    stack: Stacked,
    gate: Gate,
    on_change: Callable[[GateRun], None],
) -> Stacked | None:
    """The stack with what the gate's fixer changed, None if it failed or changed nothing."""
    with worktrees.open(stack.commit) as tree:
        run = gates.run_one(f"{gate.name}-fix", gate.fix_cmd, gate.timeout_s, tree, stack.tree, on_change)
        if run.result != PASS:
            return None
        tree.run("add", "--update")
        made = tree.run("write-tree")
    return stacker.commit_on(stack, made, f"Fix style ({gate.name})\n") if made != stack.tree else None
