"""Completing a step: closes it, triggers loops, bonds and gates, and takes the next step, all in one batch.

The state is read and written under the store's lock, so that two workers never take the same step, and a killed
worker leaves either the old state or the new one.
"""

from __future__ import annotations

from gastown_core.clock import format_seconds
from gastown_core.errors import ConflictError, NotFoundError
from gastown_core.model.address import same_agent
from gastown_core.model.bead import CLOSED, IN_PROGRESS, OPEN
from gastown_core.model.metadata import metadata_of, with_values
from gastown_core.model.record import Record
from gastown_core.molecules import gates
from gastown_core.molecules.pour import gate_id, set_state, when_id
from gastown_core.molecules.root_bead import Molecule, attached_to, molecule_of, step_of
from gastown_core.molecules.steps import (
    BLOCKED,
    CURRENT,
    PENDING,
    READY,
    MoleculeProgress,
    StepView,
    parents_in,
    progress_in,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from gastown_core.beads.batch import RuleBatch
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.beads.store import BeadStore
    from gastown_core.clock import Clock
    from gastown_core.formulas.recipe import Recipe
    from gastown_core.model.bead import Bead
    from gastown_core.molecules.live_conditions import LoopRound

    Cook = Callable[[str, Mapping[str, str]], Recipe]
CONTINUE, PARALLEL, FINISHED, NO_MORE = "continue", "parallel", "done", "no_more_ready"


class StepDone(Record):
    """The result of completing a step; ``next`` is the step to do now, ``others`` may be done in parallel.

    ``action`` is continue, parallel, done (all steps are) or no_more_ready.  ``round`` is the number of the loop round
    that starts, 0 if none does.
    """

    step: str
    molecule: str
    closed: bool
    action: str
    next: StepView | None = None
    others: tuple[StepView, ...] = ()
    completed: int = 0
    total: int = 0
    bead: str = ""
    round: int = 0
    spawned: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return the object that ``gt mol step done --json`` prints."""
        return {
            "step_id": self.step,
            "molecule_id": self.molecule,
            "step_closed": self.closed,
            "next_step_id": self.next.id if self.next else "",
            "next_step_title": self.next.title if self.next else "",
            "parallel_steps": [self.next.id, *(one.id for one in self.others)] if self.next and self.others else [],
            "complete": self.action == FINISHED,
            "action": self.action,
            "completed": self.completed,
            "total": self.total,
            "round": self.round,
            "spawned": list(self.spawned),
            "notes": list(self.notes),
        }


class StepPlace(Record):
    """The location of a step: its store, the molecule's root, the step's name in it."""

    store: BeadStore
    root: str
    name: str


def find_step(ledger: TownLedger, text: str, *, molecule: str = "") -> StepPlace:
    """Return the step with id ``<root>.<name>``, or with a bare name in ``molecule``. Raises NotFoundError."""
    home = ledger.home_of(text)
    if home is not None:
        bead = home.get(text)
        root, name = step_of(bead) if bead is not None else ("", "")
        if bead is not None and not root and bead.parent:
            root, name = bead.parent, bead.id.removeprefix(f"{bead.parent}.")
        if root:
            return StepPlace(home, root, name)
    stem, dot, name = text.rpartition(".")
    while dot:
        home = ledger.home_of(stem)
        root_bead = home.get(stem) if home is not None else None
        if home is not None and root_bead is not None and molecule_of(root_bead) is not None:
            return StepPlace(home, stem, text[len(stem) + 1 :])
        stem, dot, _ = stem.rpartition(".")
    home = ledger.home_of(molecule) if molecule else None
    if home is not None:
        return StepPlace(home, molecule, text)
    raise NotFoundError(f"no step {text}", "no molecule has it", "gt mol current lists your steps with their ids")


def step_done(
    root: str,
    ledger: TownLedger,
    text: str,
    *,
    actor: str,
    molecule: str = "",
    output: object = None,
    reason: str = "",
    force: bool = False,
    take_all: bool = True,
    folder: str = "",
    clock: Clock | None = None,
) -> StepDone:
    """Close a step, take the next, and append a ``step`` event in the town at ``root`` (no event if empty).

    ``output`` is JSON for conditions and bonds.  ``take_all`` takes every ready step instead of one.  Raises
    NotFoundError, and ConflictError if the step is still waiting and ``force`` is not set.
    """
    place = find_step(ledger, text, molecule=molecule)

    def cook(name: str, values: Mapping[str, str]) -> Recipe:
        from gastown_core.formulas.resolve import load_recipe

        store = ledger.name_of(place.store)
        return load_recipe(root, name, values, rig="" if store == "town" else store)

    with place.store.write(actor) as batch:
        act = Advance(batch, place.root, actor, cook, folder)
        done = act.close(place.name, output=output, reason=reason, force=force).take(take_all=take_all)
    if root and done.closed:
        tell(root, done, actor, clock)
    return done


class _NotMeantError(Exception):
    """Aborts a batch without writing."""


def foretell(place: StepPlace, actor: str) -> StepDone:
    """Return what closing the step would do, computed in a batch that is discarded."""
    told: list[StepDone] = []
    try:
        with place.store.write(actor) as batch:
            told.append(Advance(batch, place.root, actor).close(place.name).take())
            raise _NotMeantError
    except _NotMeantError:
        return told[0]


def tell(root: str, done: StepDone, actor: str, clock: Clock | None = None) -> None:
    """Append the ``step`` event for a closed step."""
    from gastown_core.clock import SYSTEM_CLOCK
    from gastown_core.events.log import append_event

    name = done.step.removeprefix(f"{done.molecule}.")
    said = f"{name} done" if not done.round else f"{name} done, round {done.round} begins"
    payload = {"bead": done.bead or done.molecule, "step": done.completed, "of": done.total, "message": said}
    append_event(root, "step", actor, {**payload, "molecule": done.molecule}, clock=clock or SYSTEM_CLOCK)


class Advance:
    """One advance of a molecule in a batch: ``close`` a step, then ``take`` the next."""

    def __init__(self, batch: RuleBatch, root_id: str, actor: str, cook: Cook | None = None, folder: str = "") -> None:
        self.batch = batch
        self.actor = actor
        self.now = batch.graph().now
        self._root_id = root_id
        self._cook = cook
        self._folder = folder
        self._result = StepDone("", root_id, False, NO_MORE)
        if self._root.raw.get("is_template") is True:
            raise ConflictError(f"{root_id} is a template", "its steps cannot be done", f"run bd mol pour {root_id}")

    @property
    def _root(self) -> Bead:
        return self.batch.need(self._root_id)

    @property
    def _molecule(self) -> Molecule | None:
        return molecule_of(self._root)

    def seen(self) -> MoleculeProgress:
        """Return the molecule's progress as of this batch."""
        return progress_in(self.batch, self._root)

    # -- closing -------------------------------------------------------------------------------------------

    def close(self, name: str, *, output: object = None, reason: str = "", force: bool = False) -> Advance:
        """Close the step and handle its loops, bonds and parents; a closed step stays closed."""
        seen = self.seen()
        view = seen.step(name)
        if view is None:
            known = ", ".join(one.name for one in seen.steps[:12])
            raise NotFoundError(f"{self._root_id} has no step {name}", "", f"its steps: {known}" if known else "")
        self._result = self._result._replace(step=view.id)
        if view.is_done:
            return self
        if view.status in (BLOCKED, PENDING) and not force:
            why = f"it waits for {', '.join(view.holds[:5])}" if view.holds else "it is deferred"
            raise ConflictError(f"{view.id} cannot be done yet", why, f"bd mol current {self._root_id} shows the order")
        if output is not None:
            self._keep_output(view, output)
        loop = self._round_over(view.name)
        if loop is not None and loop.goes_on:
            self._begin_again(loop)
        else:
            self._end(view, reason, loop)
        self._result = self._result._replace(closed=True)
        return self

    def _round_over(self, name: str) -> LoopRound | None:
        molecule = self._molecule
        if molecule is None or not any(step.until for step in molecule.steps):
            return None
        from gastown_core.molecules.live_conditions import round_over

        return round_over(self.batch, self.seen(), name, self._folder)

    def _keep_output(self, view: StepView, output: object) -> None:
        molecule = self._molecule
        if molecule is not None and not molecule.is_poured:
            set_state(self.batch, self._root, outputs={**molecule.table("outputs"), view.name: output})
            return
        bead = self.batch.need(view.id)
        self.batch.update(view.id, {"metadata": with_values(bead, {"output": output})})

    def _begin_again(self, loop: LoopRound) -> None:
        """Start another round: reopen the loop's steps and their gates."""
        molecule = self._molecule
        if molecule is None:
            return
        body = set(loop.body)
        rounds = {name: count for name, count in molecule.table("rounds").items() if name not in body}
        rounds[loop.step] = loop.round
        if molecule.is_poured:
            for name in (*loop.body, *parents_in(step for step in molecule.steps if step.id in body)):
                self._open_again(molecule.step_bead(name))
            set_state(self.batch, self._root, rounds=rounds)
        else:
            done = {name: at for name, at in molecule.table("done").items() if name not in body}
            current = {name: who for name, who in molecule.table("current").items() if name not in body}
            set_state(self.batch, self._root, rounds=rounds, done=done, current=current)
        for name in loop.body:
            self._open_again(gate_id(self._root_id, name))
            self._open_again(when_id(self._root_id, name))
        self._result = self._result._replace(round=loop.round)

    def _open_again(self, bead_id: str) -> None:
        bead = self.batch.get(bead_id)
        if bead is None:
            return
        # a timer of the new round starts now
        more = {"created_at": self.now} if bead.text("await_type") == gates.TIMER else {}
        self.batch.update(bead_id, {"status": OPEN, "assignee": "", **more})

    def _end(self, view: StepView, reason: str, loop: LoopRound | None) -> None:
        molecule = self._molecule
        step = molecule.step(view.name) if molecule is not None else None
        if loop is not None:
            note = f"{loop.step} ended after {loop.round} rounds, still without {loop.until}"
            self._result = self._result._replace(notes=(*self._result.notes, note))
        if molecule is not None and step is not None and step.on_complete is not None:
            from gastown_core.molecules.bond import spawn

            spawned = spawn(self.batch, molecule, step, self._output_of(view), self.actor, self._cook)
            self._result = self._result._replace(spawned=tuple(spawned))
        if molecule is not None and not molecule.is_poured:
            self._tick(view)
        else:
            self.batch.close(view.id, reason, force=True)
            self._close_parents(molecule, view.parent)

    def _output_of(self, view: StepView) -> object:
        molecule = self._molecule
        if molecule is not None and not molecule.is_poured:
            return molecule.table("outputs").get(view.name)
        return metadata_of(self.batch.need(view.id)).kept.get("output")

    def _tick(self, view: StepView) -> None:
        molecule = self._molecule
        if molecule is None:
            return
        done = {**molecule.table("done"), view.name: format_seconds(self.now)}
        current = {name: who for name, who in molecule.table("current").items() if name != view.name}
        set_state(self.batch, self._root, done=done, current=current)

    def _close_parents(self, molecule: Molecule | None, parent: str) -> None:
        """Close each parent step whose children are all closed, from the inside out."""
        while molecule is not None and parent:
            inside = [self.batch.get(molecule.step_bead(step.id)) for step in molecule.steps if step.parent == parent]
            holder = self.batch.get(molecule.step_bead(parent))
            if any(one is not None and not one.is_closed for one in inside):
                return
            if holder is not None and not holder.is_closed:
                self.batch.close(holder.id, "all its steps are closed", force=True)
            above = molecule.step(parent)
            parent = above.parent if above is not None else ""

    # -- taking the next -----------------------------------------------------------------------------------

    def settle(self) -> StepDone:
        """Open gates that are due and close the root if all steps are done, without taking one; returns the result."""
        return self._settled()[0]

    def _settled(self) -> tuple[StepDone, MoleculeProgress]:
        self._open_gates()
        seen = self.seen()
        self._result = self._result._replace(completed=seen.completed, total=seen.total, bead=seen.bead)
        if not seen.is_complete:
            return self._result, seen
        self._close_root()
        return self._result._replace(action=FINISHED), seen

    def take(self, *, take_all: bool = True) -> StepDone:
        """Mark the next steps as being worked on; returns the result."""
        settled, seen = self._settled()
        if settled.action == FINISHED:
            return settled
        is_owner = self._is_owner(seen)
        mine, fresh = self._candidates(seen, is_owner)
        chosen = sorted([*mine, *(fresh if take_all or not mine else ())], key=lambda view: view.place)
        if not take_all:
            chosen = chosen[:1]
        if not chosen:
            return self._result
        # steps of one's own molecule get no assignee, so that a successor session has them too
        self._claim([view for view in chosen if view.status == READY], "" if is_owner else self.actor)
        action = PARALLEL if len(chosen) > 1 else CONTINUE
        return self._result._replace(action=action, next=chosen[0], others=tuple(chosen[1:]))

    def _open_gates(self) -> None:
        """Open the gates of this molecule that need no person: timers, closed beads, true conditions."""
        molecule = self._molecule
        if molecule is None:
            return
        gates.open_those_due(self.batch, [gate_id(molecule.id, s.id) for s in molecule.steps if s.gate], self.now)
        for step in molecule.steps:
            gate = self.batch.get(when_id(molecule.id, step.id)) if step.only_if else None
            if gate is None or gate.is_closed:
                continue
            from gastown_core.molecules.live_conditions import condition_holds_in

            if condition_holds_in(self.batch, self.seen(), step.only_if, step.id, folder=self._folder):
                self.batch.close(gate.id, "its condition is true", force=True)

    def _close_root(self) -> None:
        """Close the root, and the gates that were passed by force."""
        molecule = self._molecule
        for step in molecule.steps if molecule is not None else ():
            for gate in (gate_id(self._root_id, step.id), when_id(self._root_id, step.id)):
                if (step.gate or step.only_if) and self.batch.get(gate) is not None:
                    self.batch.close(gate, "its step is done", force=True)
        if not self._root.is_closed:
            self.batch.update(self._root_id, {"status": CLOSED, "close_reason": "all steps closed"})

    def _candidates(self, seen: MoleculeProgress, is_owner: bool) -> tuple[list[StepView], list[StepView]]:
        """Return the steps this actor is working on, and the ready steps it may take."""
        mine = [view for view in seen.of(CURRENT) if self._is_me(view.assignee) or (not view.assignee and is_owner)]
        free = [view for view in seen.ready if not view.assignee or self._is_me(view.assignee)]
        return mine, free

    def _is_me(self, who: str) -> bool:
        return bool(who) and (who == self.actor or same_agent(who, self.actor))

    def _is_owner(self, seen: MoleculeProgress) -> bool:
        """Return whether the molecule, or its work bead, is assigned to this actor."""
        work = self.batch.get(seen.bead) if seen.bead else None
        carried = work is not None and attached_to(work) == seen.id
        return self._is_me(work.assignee if work is not None and carried else seen.root.assignee)

    def _claim(self, views: list[StepView], who: str) -> None:
        """Mark steps as being worked on by ``who``."""
        molecule = self._molecule
        if molecule is not None and not molecule.is_poured:
            current = {**molecule.table("current"), **{view.name: who for view in views}}
            set_state(self.batch, self._root, current=current)
            return
        for view in views:
            self.batch.update(view.id, {"status": IN_PROGRESS, "assignee": view.assignee or who})
