"""Lists of molecules: those in progress, those complete but not closed, and their last activity."""

from __future__ import annotations

from gastown_core.beads.query import BeadQuery
from gastown_core.errors import NotFoundError
from gastown_core.model.bead import CLOSED, EPIC, HOOKED, IN_PROGRESS, PARENT_CHILD
from gastown_core.model.metadata import read_step
from gastown_core.model.record import Record
from gastown_core.molecules.proto import is_proto
from gastown_core.molecules.root_bead import molecule_of
from gastown_core.molecules.steps import progress_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from gastown_core.beads.store import BeadStore
    from gastown_core.model.bead import Bead
VAPOR, LIQUID, SOLID = "vapor", "liquid", "solid"


def phase_of(root: Bead) -> str:
    """``solid`` for a proto, ``vapor`` for a wisp, ``liquid`` for a permanent molecule."""
    return SOLID if is_proto(root) else VAPOR if root.is_ephemeral else LIQUID


class MoleculeRow(Record):
    """A molecule as a row of a list."""

    root: Bead
    completed: int
    total: int

    def as_json(self) -> dict[str, Any]:
        """Return the object that ``bd mol list --json`` prints."""
        root = self.root
        molecule = molecule_of(root)
        return {
            "id": root.id,
            "title": root.title,
            "formula": root.text("source_formula"),
            "phase": phase_of(root),
            "status": root.status,
            "completed": self.completed,
            "total": self.total,
            "assignee": root.assignee,
            "bead": molecule.bead if molecule is not None else "",
            "updated_at": root.text("updated_at"),
        }


def list_molecules(
    store: BeadStore, *, closed: bool = False, wisps: bool = False, protos: bool = False
) -> list[MoleculeRow]:
    """Molecules, and epics with children, newest first; only wisps or only protos if requested."""
    query = BeadQuery(
        types=("molecule", EPIC),
        exclude_statuses=() if closed else (CLOSED,),
        include_wisps=True,
        only_wisps=wisps,
        exclude_templates=not protos,
        sort="created",
    )
    rows = []
    for root in store.find(query):
        if protos != is_proto(root) or _is_inner(root):
            continue
        seen = progress_of(store, root.id)
        if seen.total or root.issue_type == "molecule":
            rows.append(MoleculeRow(root, seen.completed, seen.total))
    return rows


def _is_inner(root: Bead) -> bool:
    """Return whether it is an epic that is a step of a molecule."""
    return root.issue_type == EPIC and read_step(root) is not None


class StaleMolecule(Record):
    """A molecule whose steps are all closed but whose root is open; ``blocking`` are open beads that wait for it."""

    root: Bead
    total: int
    blocking: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Return the object that ``bd mol stale --json`` lists."""
        return {
            "id": self.root.id,
            "title": self.root.title,
            "total_children": self.total,
            "closed_children": self.total,
            "assignee": self.root.assignee,
            "blocking_issues": list(self.blocking),
            "blocking_count": len(self.blocking),
        }


def stale(
    store: BeadStore, *, blocking: bool = False, unassigned: bool = False, everything: bool = False
) -> list[StaleMolecule]:
    """Molecules and epics that are complete but not closed; with ``everything`` also those without children."""
    found = []
    query = BeadQuery(
        types=("molecule", EPIC),
        exclude_statuses=(CLOSED,),
        include_wisps=True,
        exclude_templates=True,
        sort="oldest",
    )
    for root in store.find(query):
        seen = progress_of(store, root.id)
        if not (seen.is_complete or (everything and not seen.total)) or (unassigned and root.assignee):
            continue
        held = tuple(
            bead.id
            for bead in store.get_many(
                source for source, kind in store.dependents(root.id) if kind != PARENT_CHILD
            ).values()
            if not bead.is_closed
        )
        if held or not blocking:
            found.append(StaleMolecule(root, seen.total, held))
    return found


def last_activity(store: BeadStore, root_id: str) -> tuple[float, str, str]:
    """Return when the molecule last changed (Unix seconds), the kind of change, and the step. Raises NotFoundError.

    The kind is ``step_closed``, ``step_updated`` or ``molecule_updated``.
    """
    root = store.get(root_id)
    if root is None:
        raise NotFoundError(f"no molecule {root_id}", "", "bd mol list lists them")
    seen = progress_of(store, root_id)
    best = (root.updated_at, "molecule_updated", "")
    beads = store.get_many(view.id for view in seen.steps)
    for view in seen.steps:
        bead = beads.get(view.id)
        moved = bead.updated_at if bead is not None else view.closed_at
        if moved and moved >= best[0]:
            best = (moved, "step_closed" if view.is_done else "step_updated", view.id)
    return best


def molecules_of(store: BeadStore, forms: tuple[str, ...]) -> list[str]:
    """Roots that an agent (any spelling in ``forms``) works on: with steps in progress first, then hooked ones."""
    from gastown_core.molecules.steps import root_for

    query = BeadQuery(statuses=(IN_PROGRESS, HOOKED), assignees=forms, include_wisps=True)
    held = sorted(store.find(query), key=lambda bead: (bead.status != IN_PROGRESS, -bead.updated_at))
    roots = dict.fromkeys(root_for(bead) for bead in held)
    roots.pop("", None)
    return [root for root in roots if store.get(root) is not None]
