"""Squashing: ends a molecule with one digest bead and deletes its ephemeral steps."""

from __future__ import annotations

from gastown_core.errors import NotFoundError, UsageError
from gastown_core.model.bead import CLOSED, PARENT_CHILD, Edge, usable_priority
from gastown_core.model.metadata import MOLECULE, metadata_of
from gastown_core.model.record import Record
from gastown_core.molecules.pour import delete_all, finish, members
from gastown_core.molecules.proto import is_proto
from gastown_core.molecules.steps import progress_in

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from gastown_core.beads.batch import RuleBatch
    from gastown_core.model.bead import Bead
    from gastown_core.molecules.steps import MoleculeProgress
SHORT = 200
"""Characters of a step's text that a digest includes."""


class Squashed(Record):
    """The result; ``digest`` is empty if none was requested."""

    molecule: str
    digest: str
    squashed: tuple[str, ...]
    deleted: tuple[str, ...]
    kept_children: bool
    was_wisp: bool

    def as_json(self) -> dict[str, Any]:
        """Return the object that ``bd mol squash --json`` prints."""
        return {
            "molecule_id": self.molecule,
            "digest_id": self.digest,
            "squashed_ids": list(self.squashed),
            "squashed_count": len(self.squashed),
            "deleted_count": len(self.deleted),
            "kept_children": self.kept_children,
            "wisp_squash": self.was_wisp,
        }


def squash(
    batch: RuleBatch,
    root_id: str,
    *,
    summary: str = "",
    keep_children: bool = False,
    digest: bool = True,
    ephemeral: bool = False,
) -> Squashed:
    """Close the molecule, write its digest (a wisp if ``ephemeral``), and delete its ephemeral steps.

    A wisp's root becomes permanent, so that a permanent digest has a parent.  Raises NotFoundError, UsageError for a
    proto.
    """
    root = batch.get(root_id)
    if root is None:
        raise NotFoundError(f"no molecule {root_id}", "", "bd mol list lists them")
    if is_proto(root):
        raise UsageError(f"{root_id} is a proto", "only molecules poured from it can be squashed")
    seen = progress_in(batch, root)
    below = members(batch, root_id)
    text = summary or digest_text(batch, seen)
    finish(batch, root_id, "squashed")
    going = [] if keep_children else [one for one in below if (bead := batch.get(one)) and bead.is_ephemeral]
    deleted = delete_all(batch, going, "squashed")
    made = _digest(batch, root, text, ephemeral) if digest else ""
    if root.is_ephemeral and digest and not ephemeral:
        batch.update(root_id, {"ephemeral": None, "wisp_type": None})
    steps = {"done_steps": seen.completed, "total_steps": seen.total}
    batch.tell("mol.squash", mol_id=root_id, digest_created=bool(made), **steps)
    return Squashed(root_id, made, tuple(below), tuple(deleted), keep_children, root.is_ephemeral)


def _digest(batch: RuleBatch, root: Bead, text: str, ephemeral: bool) -> str:
    fields = {
        "title": f"Digest: {root.title}"[:500],
        "description": text,
        "status": CLOSED,
        "close_reason": "squashed",
        "priority": 4 if ephemeral else usable_priority(root.priority),
        "labels": ["digest"],
        "ephemeral": ephemeral,
        "dependencies": [Edge(root.id, PARENT_CHILD, "", "", "")],
    }
    return batch.create(fields, kind="wisp" if ephemeral else "").id


def digest_text(batch: RuleBatch, seen: MoleculeProgress) -> str:
    """Return the steps in order, each with its status, the start of its text, and its close reason."""
    lines = [f"{seen.completed} of {seen.total} steps done" + (f", formula {seen.formula}" if seen.formula else "")]
    kept = metadata_of(seen.root).section(MOLECULE).section("outputs").kept
    for view in seen.steps:
        lines.append(f"- {view.title} [{view.status}]")
        bead = batch.get(view.id)
        if bead is None:
            lines += [f"  output: {_short(str(kept[view.name]))}"] if view.name in kept else []
            continue
        text, reason = _short(bead.description), bead.text("close_reason")
        lines += [f"  {text}"] if text else []
        lines += [f"  closed: {_short(reason)}"] if reason else []
    return "\n".join(lines)


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= SHORT else line[: SHORT - 1] + "…"
