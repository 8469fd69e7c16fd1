"""``gt mol attach``: let work carry a molecule."""

from __future__ import annotations

from gastown_cli import agent_molecule, context, output, who
from gastown_core.errors import NotFoundError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from gastown_core.beads.ledger import TownLedger
    from gastown_core.model.bead import Bead


def add_arguments(parser: ArgumentParser) -> None:
    """Words of ``gt mol attach``."""
    parser.add_argument(
        "words", nargs="+", metavar="[bead] molecule", help="the work (default: yours); a molecule, proto or formula"
    )
    parser.add_argument("--var", action="append", default=[], metavar="NAME=VALUE", help="a variable (again for more)")
    context.add_json(parser)


def run(args: Namespace) -> int:
    """Attach it."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.molecules.attachment import attach_to_work

    if len(args.words) > 2:
        raise UsageError("gt mol attach takes a bead and a molecule")
    root = context.town()
    ledger = TownLedger(root)
    bead = work_named(root, ledger, args.words[0] if len(args.words) == 2 else "")
    given = _given(args.var, bead)
    molecule = attach_to_work(root, ledger, bead, args.words[-1], given, actor=who.acting(root))
    if args.json:
        output.say_json({"bead": bead.id, "molecule": molecule, "attached": True})
    else:
        output.say(f"{output.style('✓', 'green')} {bead.id} carries {output.clean(molecule)}")
    return 0


def work_named(root: str, ledger: TownLedger, text: str) -> Bead:
    """The work that a word means, else what is on the caller's hook. Raises NotFoundError, UsageError."""
    if text:
        bead = ledger.get(text)
        if bead is None:
            store = ledger.store_for(text)
            bead = store.get(store.resolve(text))
        if bead is None:
            raise NotFoundError(f"no bead {text}")
        return bead
    entry = who.me(root)
    bead = agent_molecule.work_of(root, ledger, entry)
    if bead is None:
        raise NotFoundError(f"nothing is on the hook of {entry.address.short}", "", "name a bead")
    return bead


def _given(words: list[str], bead: Bead) -> dict[str, str]:
    from gastown_cli.bd_commands.formula_place import given_variables

    return {"issue": bead.id, "feature": bead.title, **given_variables(words)}
