"""Giving work a molecule after it was filed, and taking it away: by a formula's name, a proto, or a molecule that stands."""

from __future__ import annotations

from gastown_core.clock import format_seconds
from gastown_core.errors import ConflictError, NotFoundError
from gastown_core.formulas.molecules import attach, detach, make_molecule
from gastown_core.formulas.proto import is_proto, recipe_of
from gastown_core.formulas.record import attached_to, molecule_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from gastown_core.beads.jsonl_store import JsonlStore
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.formulas.hooks import Subject
    from gastown_core.model.bead import Bead


def subject_of(bead: Bead) -> Subject:
    """What a formula's hooks look at in a piece of work."""
    from gastown_core.formulas.hooks import Subject

    return Subject(bead.labels, bead.issue_type, bead.priority)


def attach_to_work(
    root: str, ledger: TownLedger, bead: Bead, what: str, variables: Mapping[str, str], *, actor: str
) -> str:
    """Let the work carry ``what``: a molecule of its store, a proto, or a formula; the molecule's id.

    Raises ConflictError if it carries an open one already, NotFoundError, FormulaError.
    """
    store = ledger.home_of(bead.id)
    if store is None:
        raise NotFoundError(f"no bead {bead.id}")
    standing = store.get(attached_to(bead)) if attached_to(bead) else None
    if standing is not None and not standing.is_closed:
        raise ConflictError(f"{bead.id} carries {standing.id} already", standing.title, f"gt mol detach {bead.id}")
    known = store.get(what)
    if known is not None and not is_proto(known):
        _check_free(known, bead)
        with store.write(actor) as batch:
            attach(batch, bead.id, known.id, known.text("source_formula"))
        return known.id
    if known is not None:
        recipe = recipe_of(store, what, variables)
    else:
        from gastown_core.formulas.resolve import load_recipe

        rig = ledger.name_of(store)
        subject = subject_of(bead)
        recipe = load_recipe(root, what, variables, rig="" if rig == "town" else rig, subject=subject)
    with store.write(actor) as batch:
        return make_molecule(
            batch,
            recipe,
            actor=actor,
            poured=recipe.pour,
            ephemeral=True,
            title=f"{recipe.name}: {bead.title}",
            bead=bead.id,
        )


def _check_free(molecule: Bead, bead: Bead) -> None:
    kept = molecule_of(molecule)
    if molecule.issue_type != "molecule" and kept is None:
        raise ConflictError(f"{molecule.id} is a {molecule.issue_type}, no molecule", molecule.title, "bd mol list")
    if molecule.is_closed:
        raise ConflictError(f"{molecule.id} is closed", molecule.text("close_reason"), "bd mol list shows open ones")
    if kept is not None and kept.bead not in ("", bead.id):
        raise ConflictError(f"{molecule.id} belongs to {kept.bead}", "", f"gt mol detach {kept.bead} first")


def detach_from_work(store: JsonlStore, bead_id: str, *, actor: str) -> str:
    """Take the molecule off the work, and say so in a comment; its id, empty if there was none."""
    with store.write(actor) as batch:
        found = detach(batch, bead_id)
        if found:
            batch.comment(bead_id, f"Molecule {found} detached by {actor} at {format_seconds(batch.graph().now)}.")
        return found
