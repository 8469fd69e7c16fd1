"""What lies below an epic, in whichever rig it lives: the work of convoys made from epics, staging, mountains."""

from __future__ import annotations

from gastown_core.beads.query import PARENT_CHILD
from gastown_core.model.record import Record
from gastown_core.work.scheduler.board import SLINGABLE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.beads.store import Excerpt


class Node(Record):
    """A bead in the tree of an epic, with its children in the order of their ids."""

    bead: Excerpt
    children: tuple[Node, ...]


def tree_of(ledger: TownLedger, root: Excerpt) -> Node:
    """The epic with everything below it; a bead that is reached twice hangs where it was met first."""
    return _node(ledger, root, {root.id})


def _node(ledger: TownLedger, bead: Excerpt, seen: set[str]) -> Node:
    children = [child for child in children_of(ledger, bead.id) if child.id not in seen]
    seen.update(child.id for child in children)
    return Node(bead, tuple(_node(ledger, child, seen) for child in children))


def children_of(ledger: TownLedger, bead_id: str) -> list[Excerpt]:
    """Its children in every store, in the order of their ids."""
    ids = {
        source
        for store in ledger.stores().values()
        for source, kind in store.dependents(bead_id)
        if kind == PARENT_CHILD
    }
    return sorted(ledger.excerpts(ids).values(), key=lambda bead: _natural(bead.id)) if ids else []


def _natural(bead_id: str) -> tuple[tuple[str, int, str], ...]:
    """``x.10`` after ``x.9``."""
    parts = bead_id.split(".")
    return tuple(("", int(part), "") if part.isdigit() else (part, 0, part) for part in parts)


def flatten(tree: Node) -> list[Excerpt]:
    """Every bead of the tree, breadth first, the root first."""
    level, out = [tree], []
    while level:
        out += [node.bead for node in level]
        level = [child for node in level for child in node.children]
    return out


def work_below(ledger: TownLedger, epic: Excerpt) -> list[Excerpt]:
    """What can be slung below an epic, breadth first."""
    return [bead for bead in flatten(tree_of(ledger, epic))[1:] if bead.issue_type in SLINGABLE]
