"""The molecules of a ledger at a glance: what runs, what is finished but not closed, when one was last touched."""

from __future__ import annotations

from gastown_core.beads.graph import PARENT_CHILD
from gastown_core.beads.query import BeadQuery
from gastown_core.errors import NotFoundError
from gastown_core.model.bead import CLOSED
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
    """``solid`` for a proto, ``vapor`` for a wisp, ``liquid`` for what stays."""
    return SOLID if is_proto(root) else VAPOR if root.is_ephemeral else LIQUID


class MoleculeRow(Record):
    """A molecule as a list shows it."""

    root: Bead
    completed: int
    total: int

    def as_json(self) -> dict[str, Any]:
        """As ``bd mol list --json`` prints it."""
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
    """Molecules, and epics with children, the newest first; only ``wisps`` or only ``protos`` if asked for."""
    query = BeadQuery(
        types=("molecule", "epic"),
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
    """Whether it is an epic that is a step of a molecule itself."""
    return root.issue_type == "epic" and read_step(root) is not None


class StaleMolecule(Record):
    """A molecule whose steps are all closed while its root is not; ``blocking`` are open beads that wait for it."""

    root: Bead
    total: int
    blocking: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """As ``bd mol stale --json`` lists it."""
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
    """Molecules and epics that are complete but not closed; with ``everything`` also those without a single child."""
    found = []
    query = BeadQuery(
        types=("molecule", "epic"),
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
    """When the molecule last moved (Unix seconds), by what (``step_closed``, ``step_updated``, ``molecule_updated``), and the step."""
    root = store.get(root_id)
    if root is None:
        raise NotFoundError(f"no molecule {root_id}", "", "bd mol list shows them")
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
    """Roots that somebody (any spelling in ``forms``) is at: with steps in their hands, else on their hook."""
    from gastown_core.molecules.steps import root_for

    query = BeadQuery(statuses=("in_progress", "hooked"), assignees=forms, include_wisps=True)
    held = sorted(store.find(query), key=lambda bead: (bead.status != "in_progress", -bead.updated_at))
    roots = dict.fromkeys(root_for(bead) for bead in held)
    roots.pop("", None)
    return [root for root in roots if store.get(root) is not None]
