"""``gt mol attach-from-mail``: attach the molecule that a message names to the work on one's hook."""

from __future__ import annotations

from gastown_cli import context, output, who
from gastown_cli.commands.mol_attach import work_named
from gastown_core.errors import NotFoundError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

KEYS = ("attached_molecule", "molecule_id", "molecule", "mol")


def add_arguments(parser: ArgumentParser) -> None:
    """Words of ``gt mol attach-from-mail``."""
    parser.add_argument("mail", help="id of the message")
    context.add_json(parser)


def run(args: Namespace) -> int:
    """Attach it, and mark the message read."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.model.bead import is_kind
    from gastown_core.molecules.attachment import attach_to_work

    root = context.town()
    ledger = TownLedger(root)
    store = ledger.store_for("hq-x")
    mail = store.get(store.resolve(args.mail))
    if mail is None or not is_kind(mail, "gt:message"):
        raise NotFoundError(f"{args.mail} is no message")
    named = next((mail.fields[key] for key in KEYS if mail.fields.get(key)), "")
    if not named:
        raise UsageError(f"{mail.id} names no molecule", "", f"a line such as {KEYS[0]}: gt-wisp-abc12")
    bead = work_named(root, ledger, "")
    actor = who.acting(root)
    molecule = attach_to_work(root, ledger, bead, named, {}, actor=actor)
    with store.write(actor) as batch:
        batch.update(mail.id, {"labels": [*mail.labels, "read"]})
    if args.json:
        output.say_json({"bead": bead.id, "molecule": molecule, "mail": mail.id, "attached": True})
    else:
        output.say(f"{output.style('✓', 'green')} {bead.id} carries {output.clean(molecule)}")
    return 0
