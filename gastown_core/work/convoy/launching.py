"""From a plan to a running convoy: staged (or staged again), launched, its first wave dispatched."""

from __future__ import annotations

from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.errors import ConflictError, UsageError
from gastown_core.events.log import append_event
from gastown_core.model.bead import OPEN, TRACKS
from gastown_core.model.record import Record
from gastown_core.work.convoy import feeding, staging
from gastown_core.work.convoys import create_convoy, get_convoy, member_ids, wrap

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from gastown_core.beads.ledger import TownLedger
    from gastown_core.clock import Clock
    from gastown_core.work.convoy.staging import Node, StagingPlan
    from gastown_core.work.scheduler.dispatch import Dispatched


class Staged(Record):
    """A plan and its convoy (none if the plan has errors); ``restaged`` if the convoy existed before."""

    plan: StagingPlan
    convoy: str
    title: str
    restaged: bool

    def as_json(self) -> dict[str, Any]:
        """As ``gt convoy stage --json`` prints it."""
        plan = self.plan
        return {
            "status": plan.status,
            "convoy_id": self.convoy,
            "title": self.title,
            "restaged": self.restaged,
            "errors": [one.as_json() for one in plan.errors],
            "warnings": [one.as_json() for one in plan.warnings],
            "waves": [
                {"number": number, "tasks": [_task_json(task) for task in wave]}
                for number, wave in enumerate(plan.waves, 1)
            ],
            "gated": [
                {"id": bead.id, "title": bead.title, "type": bead.issue_type, "gated_by": gate}
                for bead, gate in plan.gated
            ],
            "tree": [_node_json(node, plan) for node in plan.tree],
        }


def _task_json(task: staging.Task) -> dict[str, object]:
    bead = task.bead
    told = {"id": bead.id, "title": bead.title, "type": bead.issue_type, "rig": task.rig}
    return {**told, "blocked_by": list(task.blocked_by)}


def _node_json(node: Node, plan: StagingPlan) -> dict[str, object]:
    rigs = {task.bead.id: task.rig for wave in plan.waves for task in wave}
    bead = node.bead
    return {
        "id": bead.id,
        "title": bead.title,
        "type": bead.issue_type,
        "status": bead.status,
        "rig": rigs.get(bead.id, ""),
        "children": [_node_json(child, plan) for child in node.children],
    }


class Launched(Record):
    """A launched convoy; ``started`` are the results of its first wave, ``waiting`` counts ready beads without room."""

    convoy: str
    title: str
    started: tuple[Dispatched, ...]
    waiting: int

    def as_json(self) -> dict[str, Any]:
        """As ``gt convoy launch --json`` prints it."""
        told = {"convoy_id": self.convoy, "title": self.title, "status": OPEN, "waiting": self.waiting}
        return {**told, "dispatched": [one.as_json() for one in self.started]}


def stage(
    root: str,
    ledger: TownLedger,
    ids: Sequence[str],
    *,
    actor: str,
    title: str = "",
    labels: Sequence[str] = (),
    clock: Clock = SYSTEM_CLOCK,
) -> Staged:
    """Analyse and save the result as a staged convoy; an earlier staged one is updated.

    A plan with errors creates no convoy.  A convoy staged again keeps owner, notify and watchers.  Raises the same as
    ``analyse`` and ``overlapping``.
    """
    plan = staging.analyse(root, ledger, ids, clock=clock)
    before = staging.overlapping(ledger, plan)
    if before is not None and before.status == OPEN:
        raise UsageError(
            f"{before.id} is already open", "an open convoy cannot be staged again", f"gt convoy show {before.id}"
        )
    if before is not None and before.is_closed:
        raise UsageError(f"{before.id} is closed", before.text("close_reason"), "stage its epic or tasks anew")
    if before is not None and plan.kind == staging.TASKS:
        # tasks are added to those already staged, and all are analysed
        known = ledger.excerpts(member_ids(before))
        plan = staging.analyse(root, ledger, list(dict.fromkeys([*known, *plan.members])), clock=clock)
    name = title or (before.title if before is not None else plan.title())
    if plan.errors:
        return Staged(plan, "", name, False)
    town = ledger.store_for("hq-x")
    if before is None:
        made = create_convoy(
            root, ledger, name, plan.members, owner=actor, status=plan.status, labels=labels, clock=clock
        )
        convoy = made.id
    else:
        convoy = before.id
        gone = set(member_ids(before)) - set(plan.members) if plan.kind != staging.TASKS else set()
        with town.write(actor) as batch:
            for bead_id in gone:
                batch.remove_edge(convoy, bead_id)
            for bead_id in plan.members:
                if bead_id not in member_ids(before):
                    batch.add_edge(convoy, wrap(ledger, bead_id), TRACKS)
            batch.update(convoy, {"status": plan.status, "title": name, "labels": sorted({*before.labels, *labels})})
    payload = {"convoy": convoy, "title": name, "waves": len(plan.waves), "restaged": before is not None}
    append_event(root, "convoy_staged", actor, payload, clock=clock)
    return Staged(plan, convoy, name, before is not None)


def launch(
    root: str, ledger: TownLedger, convoy_id: str, *, actor: str, force: bool = False, clock: Clock = SYSTEM_CLOCK
) -> Launched:
    """Open a staged convoy and dispatch its first wave as far as there is room; the rest follows later.

    Raises ConflictError, before anything changes, if it is not staged, has errors, or (unless forced) has warnings or
    work for closed rigs.
    """
    convoy = get_convoy(ledger, convoy_id)
    bead = convoy.bead
    if not bead.status.startswith("staged_"):
        raise ConflictError(
            f"{bead.id} is not staged", f"it is {bead.status}", "gt convoy stage EPIC|TASKS stages work"
        )
    plan = staging.analyse(root, ledger, [bead.id], clock=clock)
    _check(plan, bead.id, bead.status, force)
    town = ledger.store_for("hq-x")
    with town.write(actor) as batch:
        now = batch.get(bead.id)
        if now is None or not now.status.startswith("staged_"):
            raise ConflictError(f"{bead.id} was launched just now", "by somebody else", f"gt convoy show {bead.id}")
        batch.update(bead.id, {"status": OPEN})
    append_event(root, "convoy_launched", actor, {"convoy": bead.id, "title": bead.title}, clock=clock)
    return set_going(root, ledger, bead.id, actor=actor, clock=clock)


def set_going(root: str, ledger: TownLedger, convoy_id: str, *, actor: str, clock: Clock = SYSTEM_CLOCK) -> Launched:
    """Dispatch one open convoy now; a failure does not stop the others."""
    from gastown_core.work.board import Board

    convoy = get_convoy(ledger, convoy_id).bead
    started = feeding.feed(
        root, actor=actor, clock=clock, ledger=ledger, only=(convoy.id,), everything=True, wait_s=10.0
    )
    board = Board(root, ledger, clock.now())
    left = feeding.plan_feed(root, ledger, board, only=(convoy.id,), with_holds=False, with_room=False)
    return Launched(convoy.id, convoy.title, tuple(started), len(left.line))


def _check(plan: StagingPlan, convoy_id: str, status: str, force: bool) -> None:
    if plan.errors:
        first = plan.errors[0]
        raise ConflictError(f"{convoy_id} cannot be launched", first.message, first.suggested_fix)
    closed = [one for one in plan.warnings if one.category == "blocked-rig"]
    if force:
        return
    if closed:
        raise ConflictError(f"{convoy_id} has work for a closed rig", closed[0].message, closed[0].suggested_fix)
    if status == staging.WARNINGS:
        told = "; ".join(one.message for one in plan.warnings[:3]) or "they may be gone by now: stage it again"
        raise ConflictError(
            f"{convoy_id} was staged with warnings", told, f"gt convoy launch {convoy_id} --force goes on"
        )
