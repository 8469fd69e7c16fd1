"""The cycles of a role's agent: a patrol as a checklist on its hook, reported at the end and begun again.

Only a town whose role has an AI session needs them (``patrols.<role>.mode`` agent or both); the code patrols keep none.
"""

from __future__ import annotations

from gastown_core.beads.query import BeadQuery
from gastown_core.errors import NotFoundError, UsageError
from gastown_core.formulas.resolve import load_recipe
from gastown_core.model.address import DEACON, REFINERY, WITNESS
from gastown_core.model.bead import CLOSED, HOOKED
from gastown_core.model.record import Record
from gastown_core.molecules.pour import burn, finish, make_molecule
from gastown_core.molecules.root_bead import molecule_of
from gastown_core.town.identity import rig_prefix
from gastown_core.work.hook.hook import assignee_forms

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from gastown_core.beads.ledger import TownLedger
    from gastown_core.beads.store import BeadStore
    from gastown_core.model.bead import Bead
    from gastown_core.town.inventory import RosterEntry

ROLES = (DEACON, WITNESS, REFINERY)
OK, SKIP = "OK", "SKIP"


class Begun(Record):
    """A new cycle, and the older ones that it replaced."""

    id: str
    burned: tuple[str, ...] = ()


class Reported(Record):
    """The end of a cycle: its audit line by line, and the next cycle."""

    id: str
    lines: tuple[str, ...]
    done: int
    total: int
    next_id: str


def formula_of(entry: RosterEntry) -> str:
    """Return the formula of a role's patrol. Raises UsageError for a role that has none."""
    if entry.address.role not in ROLES:
        raise UsageError(f"{entry.address.short} has no patrol", "", f"--role is one of {', '.join(ROLES)}")
    return f"mol-{entry.address.role}-patrol"


def begin(root: str, ledger: TownLedger, entry: RosterEntry, *, actor: str) -> Begun:
    """Hook a fresh cycle for the agent; older ones are burned. Raises UsageError, FormulaError, StoreError."""
    recipe_name, rig = formula_of(entry), entry.address.rig
    prefix = rig_prefix(root, rig) if rig else "hq"
    variables = {"rig": rig, "prefix": prefix} if rig else {}
    recipe = load_recipe(root, recipe_name, variables, rig=rig)
    store = ledger.store_for(f"{prefix}-x")
    old = [one.id for one in _open_cycles(store, entry, recipe_name)]
    with store.write(actor) as batch:
        for root_id in old:
            burn(batch, root_id, reason="a new patrol cycle replaces it")
        made = make_molecule(batch, recipe, actor=actor, poured=False, ephemeral=True, assignee=entry.address.mail)
        batch.update(made, {"status": HOOKED})
    return Begun(made, tuple(old))


def report(
    root: str, ledger: TownLedger, entry: RosterEntry, summary: str, steps: Mapping[str, str], *, actor: str
) -> Reported:
    """End the agent's cycle with a summary and what was done of each step, and begin the next one.

    A step that is not named was skipped. Raises NotFoundError without a cycle, UsageError for an unknown step.
    """
    prefix = rig_prefix(root, entry.address.rig) if entry.address.rig else "hq"
    store = ledger.store_for(f"{prefix}-x")
    found = _open_cycles(store, entry, formula_of(entry))
    if not found:
        raise NotFoundError(f"{entry.address.short} has no patrol cycle", "", "gt patrol new begins one")
    molecule = molecule_of(found[0])
    names = [step.id for step in molecule.steps] if molecule is not None else []
    strange = [name for name in steps if name not in names]
    if strange:
        raise UsageError(f"the patrol has no step {strange[0]}", "", f"its steps: {', '.join(names)}")
    said = {name: steps.get(name, SKIP) for name in names}
    done = sum(word.upper() == OK for word in said.values())
    lines = tuple(f"{name} {word}" for name, word in said.items())
    with store.write(actor) as batch:
        batch.comment(found[0].id, f"{summary}\n\nsteps ({done}/{len(names)}): {' | '.join(lines)}")
        finish(batch, found[0].id, summary)
    return Reported(found[0].id, lines, done, len(names), begin(root, ledger, entry, actor=actor).id)


def _open_cycles(store: BeadStore, entry: RosterEntry, formula: str) -> list[Bead]:
    """The agent's cycles that are not closed, newest first."""
    query = BeadQuery(
        types=("molecule",), exclude_statuses=(CLOSED,), assignees=assignee_forms(entry.address), include_wisps=True
    )
    found = [one for one in store.find(query) if (known := molecule_of(one)) is not None and known.formula == formula]
    return sorted(found, key=lambda one: -one.created_at)
