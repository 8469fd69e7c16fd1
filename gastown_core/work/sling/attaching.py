"""The formula of slung work: which one, with which values, and attaching its molecule."""

from __future__ import annotations

import os

from gastown_core.errors import GastownError, SettingsError, UsageError
from gastown_core.files.atomic import read_json
from gastown_core.model.metadata import read_rework
from gastown_core.model.record import Record
from gastown_core.town.rigs import default_branch
from gastown_core.town.settings import load_settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.beads.batch import RuleBatch
    from gastown_core.formulas.recipe import Recipe
    from gastown_core.model.bead import Bead
    from gastown_core.work.request import SlingRequest

COMMANDS = (
    "setup_command typecheck_command lint_command test_command build_command merge_strategy require_review".split()
)
"""Settings of the rig's merge queue that are variables of a formula."""


class Attachment(Record):
    """A cooked formula for one bead; without a recipe ``warning`` may say why."""

    recipe: Recipe | None = None
    warning: str = ""

    @property
    def name(self) -> str:
        """Name of the formula, empty if there is none."""
        return self.recipe.name if self.recipe is not None else ""


def prepare_formula(
    root: str, request: SlingRequest, bead: Bead, rig: str, base: str, *, for_polecat: bool
) -> Attachment:
    """Cook the formula for the work: the one asked for, else (for polecats) the rig's default.

    Raises FormulaError, MissingVariables or UsageError for a formula given by name; if the default cannot be cooked
    there is a warning instead.
    """
    given = given_variables(request.variables)
    if request.raw:
        return Attachment()
    named = request.formula
    name = named or (usual_formula(root, rig) if for_polecat else "")
    if not name:
        return Attachment()
    try:
        return Attachment(_cooked(root, name, rig, bead, {**rig_variables(root, rig, bead, base), **given}))
    except GastownError as error:
        if named:
            raise
        return Attachment(warning=f"without a formula: {error}")


def usual_formula(root: str, rig: str) -> str:
    """Return the rig's default formula for polecats: from its local layer, else its settings."""
    local = read_json(os.path.join(root, ".beads-wisp", "config", f"{rig}.json")) or {}
    values = local.get("values")
    found = values.get("default_formula") if isinstance(values, dict) else ""
    return str(found or load_settings(root, "rig", rig).lenient("workflow.default_formula") or "")


def _cooked(root: str, name: str, rig: str, bead: Bead, variables: dict[str, str]) -> Recipe:
    from gastown_core.formulas.compose import Subject
    from gastown_core.formulas.resolve import load_recipe

    subject = Subject(bead.labels, bead.issue_type, bead.priority)
    return load_recipe(root, name, variables, rig=rig, subject=subject)


def given_variables(words: tuple[str, ...]) -> dict[str, str]:
    """Return ``name=value`` words as a mapping. Raises UsageError for a word without ``=``."""
    found = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name.strip():
            raise UsageError(f"--var {word} is not a variable", "", "--var NAME=VALUE")
        found[name.strip()] = value
    return found


def rig_variables(root: str, rig: str, bead: Bead | None, base: str) -> dict[str, str]:
    """Return a formula's variables for the work and its rig; the rig's settings override the repository's own."""
    found = {"feature": bead.title, "issue": bead.id} if bead is not None else {}
    if rig:
        found["rig"] = rig
        found["base_branch"] = base or default_branch(root, rig)
        floor = _repository_settings(root, rig)
        settings = load_settings(root, "rig", rig)
        for key in COMMANDS:
            value = settings.lenient(f"merge_queue.{key}") if _is_set(settings.value, key) else floor.get(key)
            if value is not None:
                found[key] = str(value).lower() if isinstance(value, bool) else str(value)
    back = read_rework(bead) if bead is not None else None
    if back is not None:
        found.update(prior_branch=back.branch, prior_failure=back.failure)
    return found


def _is_set(settings: dict[str, object], key: str) -> bool:
    queue = settings.get("merge_queue")
    return isinstance(queue, dict) and key in queue


def _repository_settings(root: str, rig: str) -> dict[str, object]:
    path = os.path.join(root, rig, "mayor", "rig", ".gastown", "settings.json")
    try:
        found = (read_json(path) or {}).get("merge_queue")
    except SettingsError:
        # somebody else's file, and only a floor
        return {}
    return found if isinstance(found, dict) else {}


def attach_molecule(batch: RuleBatch, recipe: Recipe, bead: Bead, assignee: str, *, keeps: bool) -> str:
    """Attach the recipe's molecule to the work, within the batch that hooks it; return its id.

    An earlier molecule of the same formula is continued if ``keeps`` (its worker died), else it is burned.
    """
    from gastown_core.molecules.pour import make_molecule
    from gastown_core.molecules.root_bead import attached_to, molecule_of

    old = attached_to(bead)
    standing = batch.get(old) if old else None
    if standing is not None:
        molecule = molecule_of(standing)
        if keeps and molecule is not None and molecule.formula == recipe.name and not standing.is_closed:
            return old
    drop_molecule(batch, bead)
    return make_molecule(
        batch,
        recipe,
        actor=batch.actor,
        poured=recipe.pour,
        ephemeral=True,
        assignee=assignee,
        title=f"{recipe.name}: {bead.title}",
        bead=bead.id,
    )


def drop_molecule(batch: RuleBatch, bead: Bead) -> None:
    """Burn the molecule of the bead, if it has one."""
    from gastown_core.molecules.pour import burn
    from gastown_core.molecules.root_bead import attached_to

    old = attached_to(bead)
    if old:
        burn(batch, old, reason="slung anew")
