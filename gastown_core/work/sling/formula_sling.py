"""Slinging a formula by itself: its molecule is the work, in the store of its worker's rig."""

from __future__ import annotations

from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.errors import UsageError
from gastown_core.model.address import POLECAT, Address
from gastown_core.town.identity import HUMAN, rig_prefix
from gastown_core.town.inventory import read_inventory
from gastown_core.work.request import SlingRequest
from gastown_core.work.sling.attaching import given_variables, rig_variables
from gastown_core.work.sling.sling import Sling, Slung
from gastown_core.work.sling.targets import Target, parse_target
from gastown_core.work.sling.undo import Undo, recorded

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from gastown_core.clock import Clock
    from gastown_core.formulas.recipe import Recipe
    from gastown_core.model.order import Receipt


class FormulaSling:
    """One formula to one agent; ``run`` yields the receipts, then ``result`` has the outcome."""

    def __init__(
        self,
        root: str,
        request: SlingRequest,
        *,
        me: Address = HUMAN,
        actor: str = "overseer",
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        from gastown_core.beads.ledger import TownLedger

        self.root = root
        self.request = request
        self.me = me
        self.actor = actor
        self.clock = clock
        self.ledger = TownLedger(root)
        self.result = Slung("", formula=request.formula)

    def plan(self) -> tuple[Recipe, Target]:
        """Cook it and find the target. Raises UsageError, TownError, FormulaError; then nothing has changed."""
        from gastown_core.formulas.resolve import load_recipe

        if self.me.role == POLECAT:
            raise UsageError("a polecat does not sling", "it works on its own hook", "ask the mayor")
        target = parse_target(read_inventory(self.root), self.request.target, self.me)
        recipe = load_recipe(self.root, self.request.formula, self._variables(target.rig), rig=target.rig)
        return recipe, target

    def _variables(self, rig: str) -> dict[str, str]:
        """Return the rig's variables and those given."""
        usual = rig_variables(self.root, rig, None, self.request.base_branch)
        return {**usual, **given_variables(self.request.variables)}

    def run(self) -> Iterator[Receipt]:
        """Sling it, as ``Sling.run``. If a later stage fails, the molecule is removed too."""
        from gastown_core.molecules.pour import make_molecule

        recipe, target = self.plan()
        store = self.ledger.store_for(f"{rig_prefix(self.root, target.rig)}-x")
        with Undo() as undo:
            with recorded(store, self.actor, undo, f"molecule of {recipe.name}") as batch:
                made = make_molecule(
                    batch, recipe, actor=self.actor, poured=recipe.pour, ephemeral=True, title=recipe.name
                )
            agent = self.request.agent or recipe.agent
            request = self.request._replace(bead=made, agent=agent, formula="", variables=(), raw=True, convoy=False)
            sling = Sling(self.root, request, me=self.me, actor=self.actor, clock=self.clock)
            for receipt in sling.run():
                self.result = sling.result._replace(formula=recipe.name, molecule=made)
                if receipt.final:
                    undo.keep()
                yield receipt
