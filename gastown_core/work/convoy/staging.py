"""Staging: an epic's tree as waves of work, with its errors and warnings, before anything is slung."""

from __future__ import annotations

from gastown_core.beads.graph import BLOCKING_TYPES, find_cycles, is_released
from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.errors import ConflictError, NotFoundError, UsageError
from gastown_core.model.bead import EPIC, PARENT_CHILD, SLINGABLE, TOMBSTONE, TRACKS, is_convoy, unwrap_external
from gastown_core.model.record import Record
from gastown_core.model.states import RigState
from gastown_core.work.board import Board
from gastown_core.work.convoys import member_ids
from gastown_core.work.sling.bases import branch_of_epic

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from gastown_core.beads.ledger import TownLedger
    from gastown_core.beads.query import Excerpt
    from gastown_core.clock import Clock
    from gastown_core.model.bead import Bead


def waves_of(waits_for: Mapping[str, Sequence[str]]) -> list[list[str]]:
    """Return Kahn's levels: each task once, in the first wave after all that it waits for.

    ``waits_for`` has every task as a key; other ids are ignored.  Within a wave the mapping's order is kept.  Tasks on
    or behind a cycle are in no wave: look for cycles first.
    """
    left = {task: len({other for other in others if other in waits_for}) for task, others in waits_for.items()}
    behind: dict[str, list[str]] = {task: [] for task in waits_for}
    for task, others in waits_for.items():
        for other in dict.fromkeys(others):
            if other in behind:
                behind[other].append(task)
    place = {task: number for number, task in enumerate(waits_for)}
    wave = [task for task, count in left.items() if count == 0]
    found = []
    while wave:
        found.append(wave)
        following = []
        for task in wave:
            for dependent in behind[task]:
                left[dependent] -= 1
                if left[dependent] == 0:
                    following.append(dependent)
        wave = sorted(following, key=place.__getitem__)
    return found


class Node(Record):
    """A bead in an epic's tree, with its children in the order of their ids."""

    bead: Excerpt
    children: tuple[Node, ...]


def tree_of(ledger: TownLedger, root: Excerpt) -> Node:
    """Return the epic with everything below it; a bead reached twice is where it was found first."""
    return _node(ledger, root, {root.id})


def _node(ledger: TownLedger, bead: Excerpt, seen: set[str]) -> Node:
    children = [child for child in children_of(ledger, bead.id) if child.id not in seen]
    seen.update(child.id for child in children)
    return Node(bead, tuple(_node(ledger, child, seen) for child in children))


def children_of(ledger: TownLedger, bead_id: str) -> list[Excerpt]:
    """Return a bead's children in every store, in the order of their ids."""
    ids = {
        source
        for store in ledger.stores().values()
        for source, kind in store.dependents(bead_id)
        if kind == PARENT_CHILD
    }
    return sorted(ledger.excerpts(ids).values(), key=lambda bead: _natural(bead.id)) if ids else []


def _natural(bead_id: str) -> tuple[tuple[str, int, str], ...]:
    """Return a sort key that puts ``x.10`` after ``x.9``."""
    parts = bead_id.split(".")
    return tuple(("", int(part), "") if part.isdigit() else (part, 0, part) for part in parts)


def flatten(tree: Node) -> list[Excerpt]:
    """Return every bead of the tree, breadth first, the root first."""
    level, out = [tree], []
    while level:
        out += [node.bead for node in level]
        level = [child for node in level for child in node.children]
    return out


def work_below(ledger: TownLedger, epic: Excerpt) -> list[Excerpt]:
    """Return the slingable beads below an epic, breadth first."""
    return [bead for bead in flatten(tree_of(ledger, epic))[1:] if bead.issue_type in SLINGABLE]


READY, WARNINGS, ERROR = "staged_ready", "staged_warnings", "error"
ORDERING = BLOCKING_TYPES - {PARENT_CHILD}
MANY = 5
"""More tasks than this in one wave give a warning."""
TASKS, CONVOY = "tasks", "convoy"


class PlanProblem(Record):
    """A problem: its category, the beads concerned, a message, and what to do."""

    category: str
    bead_ids: tuple[str, ...]
    message: str
    suggested_fix: str

    def as_json(self) -> dict[str, Any]:
        """As ``gt convoy stage --json`` prints it."""
        return {**self._asdict(), "bead_ids": list(self.bead_ids)}


class Task(Record):
    """A bead in its wave; ``blocked_by`` are the tasks of the set that come before it."""

    bead: Excerpt
    rig: str
    blocked_by: tuple[str, ...]


class StagingPlan(Record):
    """The analysis; ``source`` is its epic or convoy, None for loose tasks.

    ``gated`` are (task, blocker outside the set); ``members`` are all that the convoy tracks, closed ones too.
    """

    kind: str
    source: Excerpt | None
    members: tuple[str, ...]
    waves: tuple[tuple[Task, ...], ...]
    gated: tuple[tuple[Excerpt, str], ...]
    errors: tuple[PlanProblem, ...]
    warnings: tuple[PlanProblem, ...]
    tree: tuple[Node, ...]
    rigs: tuple[str, ...]

    @property
    def status(self) -> str:
        """``staged_ready``, ``staged_warnings`` or ``error``."""
        return ERROR if self.errors else WARNINGS if self.warnings else READY

    def title(self) -> str:
        """Return the convoy's name if none is given."""
        if self.source is not None:
            return self.source.title if self.kind == CONVOY else f"Convoy: {self.source.title}"
        count, rigs = len(self.members), len(self.rigs)
        return f"Staged: {count} bead{'' if count == 1 else 's'} across {rigs} rig{'' if rigs == 1 else 's'}"


def analyse(root: str, ledger: TownLedger, ids: Sequence[str], *, clock: Clock = SYSTEM_CLOCK) -> StagingPlan:
    """Analyse an epic, tasks, or a convoy. Raises NotFoundError, UsageError for a mix of them or nothing to do."""
    board = Board(root, ledger, clock.now(), live=None)
    kind, named = _input(ledger, ids)
    source = named[0] if kind != TASKS else None
    tree: tuple[Node, ...] = ()
    if kind == EPIC:
        top = tree_of(ledger, named[0])
        tree, found = (top,), flatten(top)[1:]
    elif kind == CONVOY:
        known = ledger.excerpts(member_ids(named[0]))
        found = [known[bead_id] for bead_id in member_ids(named[0]) if bead_id in known]
    else:
        found = named
    tree = tree or tuple(Node(bead, ()) for bead in found)
    work = [bead for bead in found if bead.issue_type in SLINGABLE]
    if not work:
        raise UsageError("there is nothing to stage", "only tasks, bugs, features and chores are work", "bd list")
    still = {bead.id: bead for bead in work if not is_released(bead)}
    board.learn(still)
    edges = {bead_id: _targets(bead) for bead_id, bead in still.items()}
    look = _Look(root, ledger, board, still, edges, kind, tree)
    return StagingPlan(
        kind,
        source,
        tuple(bead.id for bead in work),
        tuple(tuple(look.task(one) for one in wave) for wave in waves_of(edges)),
        tuple(look.gated()),
        tuple(look.errors()),
        tuple(look.warnings()),
        tree,
        tuple(sorted({rig for one in still if (rig := board.rig_of(one))})),
    )


def _input(ledger: TownLedger, ids: Sequence[str]) -> tuple[str, list[Excerpt]]:
    """Return what to stage: one epic, one convoy, or tasks."""
    wanted = [unwrap_external(one) for one in dict.fromkeys(ids)]
    known = ledger.excerpts(wanted)
    missing = [one for one in wanted if one not in known or known[one].status == TOMBSTONE]
    if missing or not wanted:
        raise NotFoundError(
            f"no bead {', '.join(missing)}" if missing else "stage what?", "", "name an epic, tasks or a convoy"
        )
    beads = [known[one] for one in wanted]
    kinds = {EPIC if bead.issue_type == EPIC else CONVOY if is_convoy(bead) else TASKS for bead in beads}
    if len(kinds) > 1:
        raise UsageError(
            f"{' and '.join(sorted(kinds))} cannot be staged together", "", "name one epic, one convoy, or tasks"
        )
    kind = kinds.pop()
    if kind != TASKS and len(beads) > 1:
        raise UsageError(f"{len(beads)} {kind}s cannot be staged together", "", f"name one {kind}")
    odd = [bead for bead in beads if kind == TASKS and bead.issue_type not in SLINGABLE]
    if odd:
        raise UsageError(f"{odd[0].id} is a {odd[0].issue_type}, not work", "only tasks, bugs, features and chores are")
    return kind, beads


def _targets(bead: Excerpt) -> list[str]:
    return [edge.target for edge in bead.edges if edge.type in ORDERING]


class _Look:
    """The findings about the tasks of a set that are not done."""

    def __init__(
        self,
        root: str,
        ledger: TownLedger,
        board: Board,
        still: dict[str, Excerpt],
        edges: dict[str, list[str]],
        kind: str,
        tree: tuple[Node, ...],
    ) -> None:
        self.root = root
        self.ledger = ledger
        self.board = board
        self.still = still
        self.edges = edges
        self.kind = kind
        self.tree = tree

    def task(self, bead_id: str) -> Task:
        """Return the bead as it is shown in its wave."""
        before = tuple(one for one in dict.fromkeys(self.edges[bead_id]) if one in self.still)
        return Task(self.still[bead_id], self.board.rig_of(bead_id), before)

    def gated(self) -> list[tuple[Excerpt, str]]:
        """Return tasks that wait for something outside the set, with that."""
        found = []
        for bead_id, bead in self.still.items():
            for hold in self.board.graph.own_holds(bead_id):
                if hold.id not in self.still:
                    found.append((bead, hold.id))
        return found

    def errors(self) -> list[PlanProblem]:
        """Return cycles, and beads without a rig."""
        found = []
        for cycle in find_cycles(self.edges):
            path = " → ".join(cycle)
            fix = f"bd dep remove {cycle[0]} {cycle[1]}, or another link of it"
            found.append(PlanProblem("cycle", tuple(cycle[:-1]), f"these wait for each other: {path}", fix))
        homeless = tuple(one for one in self.still if not self.board.rig_of(one))
        if homeless:
            told = f"no rig works on {', '.join(homeless)}: no rig has the prefix"
            found.append(
                PlanProblem("no-rig", homeless, told, "create them in the ledger of the rig that should do them")
            )
        return found

    def warnings(self) -> list[PlanProblem]:
        """Return everything questionable."""
        found = [*self._orphans(), *self._closed_rigs(), *self._several_rigs(), *self._crowds()]
        return [*found, *self._branches(), *self._gates()]

    def _orphans(self) -> list[PlanProblem]:
        """Return tasks without order in an epic whose other tasks are ordered."""
        if self.kind != EPIC or len(self.still) < 2:
            return []
        tied = {one for one, others in self.edges.items() if any(other in self.still for other in others)}
        tied |= {other for others in self.edges.values() for other in others}
        loose = tuple(one for one in self.still if one not in tied) if tied & set(self.still) else ()
        told = f"nothing ties {', '.join(loose)} to the rest of the epic"
        return (
            [PlanProblem("orphan", loose, told, "bd dep add it where it belongs, or leave it: it begins at once")]
            if loose
            else []
        )

    def _closed_rigs(self) -> list[PlanProblem]:
        found = []
        for name, rig in self.board.rigs.items():
            if rig.state == RigState.OPERATIONAL:
                continue
            ids = tuple(one for one in self.still if self.board.rig_of(one) == name)
            if ids:
                found.append(PlanProblem("blocked-rig", ids, f"rig {name} is {rig.state}", f"gt rig unpark {name}"))
        return found

    def _several_rigs(self) -> list[PlanProblem]:
        crossing = [
            (one, other)
            for one, others in self.edges.items()
            for other in others
            if other in self.still and self.board.rig_of(one) != self.board.rig_of(other)
        ]
        if not crossing:
            return []
        shown = ", ".join(f"{one} after {other}" for one, other in crossing[:4])
        ids = tuple(dict.fromkeys(one for pair in crossing for one in pair))
        fix = "fine if meant so: the later rig starts when the earlier one has merged"
        return [PlanProblem("cross-rig", ids, f"work of one rig waits for another's: {shown}", fix)]

    def _crowds(self) -> list[PlanProblem]:
        found = []
        for number, wave in enumerate(waves_of(self.edges), 1):
            if len(wave) > MANY:
                told = f"wave {number} has {len(wave)} tasks; they start as polecats become free"
                found.append(PlanProblem("capacity", tuple(wave), told, "gt scheduler status tells how many may work"))
        return found

    def _branches(self) -> list[PlanProblem]:
        """Return sub-epics without an integration branch, if other epics of the tree have one."""
        epics = [bead for top in self.tree for bead in flatten(top) if bead.issue_type == EPIC]
        known = self.ledger.get_many(bead.id for bead in epics) if len(epics) > 1 else {}
        have = {bead_id for bead_id, bead in known.items() if branch_of_epic(bead)}
        lacking = tuple(bead.id for bead in epics[1:] if bead.id not in have and not is_released(bead)) if have else ()
        told = f"no integration branch: {', '.join(lacking)}"
        return [PlanProblem("missing-branch", lacking, told, "gt mq integration create EPIC")] if lacking else []

    def _gates(self) -> list[PlanProblem]:
        found = []
        for bead, gate in self.gated():
            hold = self.board.hold(bead.id)
            told = f"{bead.id} waits for {gate}, which is not part of this"
            fix = hold.hint if hold is not None and hold.hint else f"bd show {gate}; it begins when that is done"
            found.append(PlanProblem("gated", (bead.id, gate), told, fix))
        return found


def overlapping(ledger: TownLedger, plan: StagingPlan) -> Bead | None:
    """Return the staged convoy that already has some of the tasks, None if there is none.

    Raises ConflictError if an open convoy has one of them, or several staged ones do.
    """
    town = ledger.store_for("hq-x")
    own = plan.source.id if plan.kind == CONVOY and plan.source is not None else ""
    tasks = [task.bead.id for wave in plan.waves for task in wave]
    sources = {source for one in tasks for source, kind in town.dependents(one) if kind == TRACKS}
    convoys = [one for one in town.get_many(sorted(sources)).values() if is_convoy(one) and not one.is_closed]
    at_work = [one for one in convoys if not one.status.startswith("staged_") and one.id != own]
    if at_work:
        shared = sorted(set(tasks) & set(member_ids(at_work[0])))
        raise ConflictError(
            f"{', '.join(shared[:4])} already belong to convoy {at_work[0].id}",
            f"{at_work[0].title} is open",
            f"gt convoy add {at_work[0].id} BEAD puts more into it; gt convoy close {at_work[0].id} ends it",
        )
    staged = [one for one in convoys if one.status.startswith("staged_")]
    if own:
        return town.get(own)
    if len(staged) > 1:
        names = ", ".join(one.id for one in staged)
        raise ConflictError(
            "it is not clear which convoy to stage again",
            f"{names} share tasks with it",
            f"name one of them: gt convoy stage {staged[0].id}",
        )
    return staged[0] if staged else None
