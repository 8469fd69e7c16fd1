"""Closing a step of a molecule by ``bd close``: what hangs on the step happens, and ``--continue`` takes the next."""

from __future__ import annotations

from gastown_core.errors import NotFoundError
from gastown_core.model.bead import Bead
from gastown_core.molecules.advance import Advance
from gastown_core.molecules.record import molecule_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Mapping

    from gastown_cli.bd_commands.workspace import Workspace
    from gastown_core.beads.batch import RuleBatch
    from gastown_core.beads.jsonl_store import JsonlStore
    from gastown_core.formulas.recipe import Recipe
    from gastown_core.molecules.advance import StepDone
    from gastown_core.molecules.steps import StepView


def close_step(
    space: Workspace, args: Namespace, batch: RuleBatch, root: str, name: str, reason: str
) -> tuple[Bead, Bead | None]:
    """Close the step in the batch; the step as it then is, and the one that was taken next.

    Raises ConflictError if it still waits for something.
    """

    def cook(formula: str, values: Mapping[str, str]) -> Recipe:
        from gastown_cli.bd_commands.mol_place import rig_of
        from gastown_core.formulas.resolve import load_recipe

        return load_recipe(space.root, formula, values, rig=rig_of(space))

    act = Advance(batch, root, space.actor, cook, space.place)
    act.close(name, reason=reason, force=args.force)
    done = act.take(take_all=False) if args.go_on and not args.no_auto else act.settle()
    taken = (batch.get(done.next.id) or _stand_in(done.next, "in_progress")) if done.next is not None else None
    return batch.get(done.step) or _closed(done, act), taken


def _closed(done: StepDone, act: Advance) -> Bead:
    view = act.seen().step(done.step)
    return (
        _stand_in(view, "closed")
        if view is not None
        else Bead({"id": done.step, "title": done.step, "status": "closed"})
    )


def _stand_in(view: StepView, status: str) -> Bead:
    """A step of a checklist as if it were a bead, to be shown."""
    return Bead(
        {
            "id": view.id,
            "title": view.title,
            "status": status,
            "priority": 2,
            "issue_type": "task",
            "ephemeral": True,
            "assignee": view.assignee,
        }
    )


def on_checklist(space: Workspace, text: str) -> tuple[JsonlStore, str, str] | None:
    """(store, root, step) if the id is that of a step of a root-only molecule, which is no bead of its own."""
    if "." not in text:
        return None
    try:
        space.locate(text)
    except NotFoundError:
        pass
    else:
        return None
    stem = text
    while "." in stem:
        stem = stem.rpartition(".")[0]
        try:
            store, root = space.locate(stem)
        except NotFoundError:
            continue
        bead = store.get(root)
        if bead is not None and molecule_of(bead) is not None:
            return store, root, text[len(stem) + 1 :]
    return None
