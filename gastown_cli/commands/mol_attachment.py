"""``gt mol attachment``: what a piece of work carries."""

from __future__ import annotations

from gastown_cli import context, output
from gastown_cli.commands.mol_attach import work_named

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """Words of ``gt mol attachment``."""
    parser.add_argument("bead", nargs="?", default="", help="the work (default: yours)")
    context.add_json(parser)


def run(args: Namespace) -> int:
    """Show it."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.molecules.record import attached_to, molecule_of
    from gastown_core.work.hook.hook import dispatch_of

    root = context.town()
    ledger = TownLedger(root)
    bead = work_named(root, ledger, args.bead)
    dispatch = dispatch_of(bead)
    molecule_id = attached_to(bead)
    standing = ledger.get(molecule_id) if molecule_id else None
    kept = molecule_of(standing) if standing is not None else None
    told = {
        "pinned_bead_id": bead.id,
        "pinned_title": bead.title,
        "attached_molecule": molecule_id,
        "attached_formula": dispatch.get("formula", ""),
        "attached_at": dispatch.get("at", ""),
        "attached_args": dispatch.get("args", ""),
        "attached_vars": kept.vars if kept is not None else {},
        "dispatched_by": dispatch.get("by", ""),
        "exists": standing is not None,
    }
    if args.json:
        output.say_json(told)
        return 0
    output.say(f"{bead.id}  {output.clean(' '.join(bead.title.split()))}")
    shown = [(key, told[key]) for key in ("attached_molecule", "attached_formula", "attached_at", "attached_args")]
    shown += [(f"var {name}", value) for name, value in (kept.vars if kept is not None else {}).items()]
    rows = [(name.replace("_", " "), output.clean(output.shorten(str(value), 100))) for name, value in shown if value]
    output.say(output.table(rows) if rows else "it carries no molecule")
    if molecule_id and standing is None:
        output.say(f"{output.clean(molecule_id)} itself is gone")
    return 0
