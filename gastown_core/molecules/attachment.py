"""The molecule attached to a work bead: attach it, detach it, and show its checklist."""

from __future__ import annotations

from gastown_core.clock import format_seconds
from gastown_core.errors import ConflictError, GastownError, NotFoundError
from gastown_core.model.metadata import DISPATCH, metadata_of
from gastown_core.model.record import Record
from gastown_core.molecules.pour import attach, detach, make_molecule
from gastown_core.molecules.proto import is_proto, recipe_of
from gastown_core.molecules.root_bead import attached_to, molecule_of
from gastown_core.molecules.steps import BLOCKED, CURRENT, DONE, PENDING, READY, MoleculeProgress, StepView, progress_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from gastown_core.beads.ledger import TownLedger
    from gastown_core.beads.store import BeadStore
    from gastown_core.formulas.compose import Subject
    from gastown_core.formulas.recipe import Recipe, RecipeStep
    from gastown_core.model.bead import Bead
    from gastown_core.molecules.root_bead import Molecule


def subject_of(bead: Bead) -> Subject:
    """Return the properties of a bead that a formula's hooks match."""
    from gastown_core.formulas.compose import Subject

    return Subject(bead.labels, bead.issue_type, bead.priority)


def attach_to_work(
    root: str, ledger: TownLedger, bead: Bead, what: str, variables: Mapping[str, str], *, actor: str
) -> str:
    """Attach ``what`` to the work: a molecule of its store, a proto, or a formula; returns the molecule's id.

    Raises ConflictError if an open molecule is already attached, NotFoundError, FormulaError.
    """
    store = ledger.home_of(bead.id)
    if store is None:
        raise NotFoundError(f"no bead {bead.id}")
    standing = store.get(attached_to(bead)) if attached_to(bead) else None
    if standing is not None and not standing.is_closed:
        why, hint = standing.title, f"run gt mol detach {bead.id}"
        raise ConflictError(f"{bead.id} already has molecule {standing.id}", why, hint)
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
        raise ConflictError(f"{molecule.id} is a {molecule.issue_type}, not a molecule", molecule.title, "bd mol list")
    if molecule.is_closed:
        raise ConflictError(f"{molecule.id} is closed", molecule.text("close_reason"), "bd mol list lists open ones")
    if kept is not None and kept.bead not in ("", bead.id):
        raise ConflictError(f"{molecule.id} belongs to {kept.bead}", "", f"run gt mol detach {kept.bead} first")


def detach_from_work(store: BeadStore, bead_id: str, *, actor: str) -> str:
    """Detach the molecule from the work and add a comment; returns its id, empty if there was none."""
    with store.write(actor) as batch:
        found = detach(batch, bead_id)
        if found:
            batch.comment(bead_id, f"Molecule {found} detached by {actor} at {format_seconds(batch.graph().now)}.")
        return found


MARKS = {DONE: "✓", CURRENT: "▶", READY: "○", BLOCKED: "⊘", PENDING: "·"}
"""A sign for each status, readable without colour."""
SHOWN = 40
"""The most steps listed, around the current one; a longer list says how many it omits."""


class StepText(Record):
    """The texts of a step."""

    description: str = ""
    notes: str = ""
    acceptance: str = ""

    def lines(self) -> list[str]:
        """Return the paragraphs as lines, acceptance criteria last."""
        out = []
        for text, head in ((self.description, ""), (self.notes, "Notes:"), (self.acceptance, "Done when:")):
            if text.strip():
                out += ["", *([head] if head else []), *text.strip().split("\n")]
        return out


class Checklist(Record):
    """What to show; ``current`` is the step to do now, with its ``text``; None if all steps are done or waiting."""

    molecule: str
    formula: str
    steps: tuple[StepView, ...]
    current: StepView | None
    text: StepText
    remarks: tuple[str, ...] = ()

    @property
    def completed(self) -> int:
        """The number of done steps."""
        return sum(step.is_done for step in self.steps)

    @property
    def number(self) -> int:
        """Number of the current step, from 1; 0 if there is none."""
        return 1 + self.steps.index(self.current) if self.current is not None else 0

    def lines(self) -> list[str]:
        """Return the list, the current step in full, and the command that completes it."""
        name = self.formula or self.molecule
        out = [
            f"## Steps: {name}, {self.completed} of {len(self.steps)} done",
            "",
            *step_lines(self.steps, self.number),
        ]
        out += ["", *self.remarks] if self.remarks else []
        if not self.steps:
            return out
        return [*out, *self.now_lines()]

    def now_lines(self) -> list[str]:
        """Return the current step in full, and the command that completes it."""
        if self.current is None:
            return ["", self._without_current()]
        out = ["", f"### Step {self.number} of {len(self.steps)}: {self.current.title}", *self.text.lines()]
        return [*out, "", f"When this step is done: {done_command(self)}"]

    def _without_current(self) -> str:
        if self.completed == len(self.steps):
            return "All steps are done. Hand in with gt done."
        return "Every remaining step is waiting; the list shows for what. Check again when that is done."


def done_command(checklist: Checklist) -> str:
    """Return the command that completes the current step."""
    if checklist.molecule and checklist.current is not None:
        return f"gt mol step done {checklist.current.id}"
    return "continue with the next step; progress is not recorded"


def step_lines(steps: tuple[StepView, ...], number: int = 0) -> list[str]:
    """One aligned line per step; of a long list, those around the current one (``number`` from 1, 0 for none)."""
    first = max(0, min(number - SHOWN // 2, len(steps) - SHOWN))
    shown = steps[first : first + SHOWN]
    width = max((len(step.name) for step in shown), default=0)
    digits = len(str(len(steps)))
    out = [f"  … {first} earlier"] if first else []
    for place, step in enumerate(shown, first + 1):
        waits = f"  (waits for {', '.join(step.holds[:3])})" if step.status == BLOCKED and step.holds else ""
        title = step.title if step.title != step.name else ""
        out.append(f"  {MARKS[step.status]} {place:>{digits}} {step.name.ljust(width)}  {title}{waits}".rstrip())
    left = len(steps) - first - len(shown)
    return [*out, f"  … {left} more"] if left else out


def checklist_for(root: str, ledger: TownLedger, bead: Bead) -> Checklist | None:
    """The checklist of a work bead (or of a molecule's root) in the town ``root``; None if it has no molecule."""
    molecule_id = bead.id if molecule_of(bead) is not None or bead.issue_type == "molecule" else attached_to(bead)
    home = ledger.home_of(molecule_id) if molecule_id else None
    if home is None:
        return _unmarked(root, ledger, bead, molecule_id)
    seen = progress_of(home, molecule_id)
    if not seen.steps:
        return None
    current = seen.current
    molecule = molecule_of(seen.root)
    remarks: tuple[str, ...] = ()
    text = StepText()
    if current is not None and (molecule is None or molecule.is_poured):
        text = _text_of_bead(home.get(current.id))
    elif molecule is not None:
        recipe, remarks = _cooked_again(root, molecule, ledger.name_of(home), home.get(molecule.bead))
        text = _text_now(molecule, recipe, current) if current is not None else text
        remarks += _left_out(recipe, seen)
    return Checklist(molecule_id, seen.formula, seen.steps, current, text, remarks)


def _text_of_bead(bead: Bead | None) -> StepText:
    if bead is None:
        return StepText()
    return StepText(bead.description, bead.text("notes"), bead.text("acceptance_criteria"))


def _text_now(molecule: Molecule, recipe: Recipe | None, view: StepView) -> StepText:
    step = (recipe.step(view.name) if recipe is not None else None) or molecule.step(view.name)
    return _text_of_step(step) if step is not None else StepText()


def _text_of_step(step: RecipeStep) -> StepText:
    return StepText(step.description, step.notes, step.acceptance)


def _cooked_again(
    root: str, molecule: Molecule, store: str, work: Bead | None
) -> tuple[Recipe | None, tuple[str, ...]]:
    """The recipe cooked from today's formula and overlay; None and the reason if the saved texts are shown instead."""
    from gastown_core.formulas.resolve import load_recipe

    if not molecule.formula:
        return None, ()
    try:
        subject = subject_of(work) if work is not None and molecule.state.sections("hooks") else None
        recipe = load_recipe(root, molecule.formula, molecule.vars, rig=_rig(store), subject=subject)
    except GastownError as error:
        return None, (
            f"Formula {molecule.formula} cannot be loaded ({error.what}); showing the text saved at the start.",
        )
    if recipe.digest != (molecule.state.text("digest") or None):
        return None, (f"Formula {molecule.formula} has changed since; showing the steps saved at the start.",)
    return recipe, ()


def _left_out(recipe: Recipe | None, seen: MoleculeProgress) -> tuple[str, ...]:
    """Remarks on open steps that the current overlay skips."""
    if recipe is None:
        return ()
    kept = {step.id for step in recipe.steps}
    gone = [step for step in seen.steps if step.name not in kept and not step.is_done]
    return tuple(f"The overlay now skips {step.name}: run gt mol step done {step.id}." for step in gone)


def _unmarked(root: str, ledger: TownLedger, bead: Bead, molecule_id: str) -> Checklist | None:
    """Return the steps of a formula that the work names but has no molecule of (any more); progress is not recorded."""
    kept = metadata_of(bead).section(DISPATCH)
    name = kept.text("formula") or bead.fields.get("attached_formula", "")
    if not name:
        return None
    from gastown_core.formulas.resolve import load_recipe

    home = ledger.home_of(bead.id)
    lost = (f"Its molecule {molecule_id} is gone, so progress is not recorded.",) if molecule_id else ()
    try:
        recipe = load_recipe(
            root, name, _variables(kept.kept.get("vars")), rig=_rig(ledger.name_of(home) if home else "")
        )
    except GastownError as error:
        return Checklist("", name, (), None, StepText(), (*lost, f"Formula {name} cannot be shown: {error.what}."))
    views = tuple(
        StepView(step.id, step.id, step.title, PENDING if place else READY, place, needs=step.needs)
        for place, step in enumerate(recipe.steps)
    )
    first = views[0] if views else None
    return Checklist("", name, views, first, _text_of_step(recipe.steps[0]) if views else StepText(), lost)


def _variables(value: object) -> dict[str, str]:
    """Return the variables in a dispatch: a table, or ``name=value`` lines."""
    if isinstance(value, dict):
        return {str(name): str(word) for name, word in value.items()}
    words = value if isinstance(value, list) else str(value or "").split("\n")
    pairs = (str(word).partition("=") for word in words)
    return {name.strip(): text for name, equals, text in pairs if equals}


def _rig(store: str) -> str:
    from gastown_core.beads.ledger import TOWN

    return "" if store == TOWN else store
