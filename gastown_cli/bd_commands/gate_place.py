"""Gates as ``bd gate`` shows them, and finding one by its id."""

from __future__ import annotations

from gastown_cli.bd_commands.render import issue_object
from gastown_cli.output import clean, style

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from gastown_cli.bd_commands.workspace import Workspace
    from gastown_core.beads.jsonl_store import JsonlStore
    from gastown_core.model.bead import Bead


def gate(space: Workspace, text: str) -> tuple[JsonlStore, Bead]:
    """The store and the gate of an id. Raises NotFoundError, UsageError if it is none."""
    from gastown_core.molecules.gates import need_gate

    store, bead_id = space.locate(text)
    return store, need_gate(store.get(bead_id), bead_id)


def held_by(store: JsonlStore, bead: Bead) -> list[str]:
    """Ids that wait for the gate."""
    return [source for source, kind in store.dependents(bead.id) if kind == "blocks"]


def gate_json(store: JsonlStore, bead: Bead) -> dict[str, Any]:
    """The gate as JSON."""
    return {**issue_object(bead), "blocks": held_by(store, bead)}


def gate_row(store: JsonlStore, bead: Bead) -> list[str]:
    """Its columns in a list."""
    from gastown_core.molecules.gates import timeout_text

    kind = bead.text("await_type") or "?"
    what = " ".join(word for word in (bead.text("await_id"), timeout_text(bead)) if word)
    sign = style("●", "green") if bead.is_closed else style("⊘", "red")
    held = held_by(store, bead)
    return [f"{sign} {clean(bead.id)}", clean(kind), clean(what), f"holds {clean(', '.join(held[:3]))}" if held else ""]
