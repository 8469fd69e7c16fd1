"""``gt mol``: attach a molecule to work, detach, burn or squash it."""

from __future__ import annotations

from gastown_cli import context, output, who
from gastown_cli.commands import mol
from gastown_core.errors import NotFoundError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from gastown_core.beads.ledger import TownLedger
    from gastown_core.model.bead import Bead


def attach_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt mol attach``."""
    parser.add_argument(
        "words",
        nargs="+",
        metavar="[bead] molecule",
        help="work (default: what is on your hook), and a molecule, proto or formula",
    )
    parser.add_argument("--var", action="append", default=[], metavar="NAME=VALUE", help="set a variable (repeatable)")
    context.add_json(parser)


def run_attach(args: Namespace) -> int:
    """Attach a molecule to work."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.molecules.attachment import attach_to_work

    if len(args.words) > 2:
        raise UsageError("gt mol attach takes at most a bead and a molecule")
    root = context.town()
    ledger = TownLedger(root)
    bead = work_named(root, ledger, args.words[0] if len(args.words) == 2 else "")
    given = _given(args.var, bead)
    molecule = attach_to_work(root, ledger, bead, args.words[-1], given, actor=who.acting(root))
    if args.json:
        output.say_json({"bead": bead.id, "molecule": molecule, "attached": True})
    else:
        output.say(f"{output.style('✓', 'green')} attached {output.clean(molecule)} to {bead.id}")
    return 0


def work_named(root: str, ledger: TownLedger, text: str) -> Bead:
    """Return the bead that ``text`` names, or by default what is on the caller's hook. Raises NotFoundError, UsageError."""
    if text:
        bead = ledger.get(text)
        if bead is None:
            store = ledger.store_for(text)
            bead = store.get(store.resolve(text))
        if bead is None:
            raise NotFoundError(f"no bead {text}")
        return bead
    entry = who.me(root)
    bead = mol.work_of(root, ledger, entry)
    if bead is None:
        raise NotFoundError(f"the hook of {entry.address.short} is empty", "", "name a bead")
    return bead


def _given(words: list[str], bead: Bead) -> dict[str, str]:
    from gastown_cli.bd_commands.formula import given_variables

    return {"issue": bead.id, "feature": bead.title, **given_variables(words)}


def attachment_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt mol attachment``."""
    parser.add_argument("bead", nargs="?", default="", help="work (default: what is on your hook)")
    context.add_json(parser)


def run_attachment(args: Namespace) -> int:
    """Show the molecule attached to work."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.model.metadata import dispatch_words
    from gastown_core.molecules.root_bead import attached_to, molecule_of

    root = context.town()
    ledger = TownLedger(root)
    bead = work_named(root, ledger, args.bead)
    dispatch = dispatch_words(bead)
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
    output.say(output.table(rows) if rows else "no molecule attached")
    if molecule_id and standing is None:
        output.say(f"{output.clean(molecule_id)} no longer exists")
    return 0


KEYS = ("attached_molecule", "molecule_id", "molecule", "mol")


def attach_from_mail_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt mol attach-from-mail``."""
    parser.add_argument("mail", help="id of the message")
    context.add_json(parser)


def run_attach_from_mail(args: Namespace) -> int:
    """Attach the molecule that a message names, and mark the message as read."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.model.bead import is_kind
    from gastown_core.molecules.attachment import attach_to_work

    root = context.town()
    ledger = TownLedger(root)
    store = ledger.store_for("hq-x")
    mail = store.get(store.resolve(args.mail))
    if mail is None or not is_kind(mail, "gt:message"):
        raise NotFoundError(f"{args.mail} is not a message")
    named = next((mail.fields[key] for key in KEYS if mail.fields.get(key)), "")
    if not named:
        raise UsageError(f"no molecule named in {mail.id}", "", f"it needs a line such as {KEYS[0]}: gt-wisp-abc12")
    bead = work_named(root, ledger, "")
    actor = who.acting(root)
    molecule = attach_to_work(root, ledger, bead, named, {}, actor=actor)
    with store.write(actor) as batch:
        batch.update(mail.id, {"labels": [*mail.labels, "read"]})
    if args.json:
        output.say_json({"bead": bead.id, "molecule": molecule, "mail": mail.id, "attached": True})
    else:
        output.say(f"{output.style('✓', 'green')} attached {output.clean(molecule)} to {bead.id}")
    return 0


def detach_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt mol detach``."""
    parser.add_argument("bead", nargs="?", default="", help="work (default: what is on your hook)")
    context.add_json(parser)


def run_detach(args: Namespace) -> int:
    """Detach the molecule from work; work without a molecule is not an error."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.molecules.attachment import detach_from_work

    root = context.town()
    ledger = TownLedger(root)
    bead = work_named(root, ledger, args.bead)
    home = ledger.home_of(bead.id)
    gone = detach_from_work(home, bead.id, actor=who.acting(root)) if home is not None else ""
    if args.json:
        output.say_json({"bead": bead.id, "molecule": gone, "detached": bool(gone)})
    elif gone:
        output.say(f"{output.style('✓', 'green')} detached {output.clean(gone)} from {bead.id}")
        output.say(
            f"  bd mol burn {output.clean(gone)} deletes it, gt mol attach {bead.id} "
            f"{output.clean(gone)} attaches it again"
        )
    else:
        output.say(f"no molecule on {bead.id}")
    return 0


def burn_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt mol burn``."""
    parser.add_argument("target", nargs="?", default="", help="molecule, its work, or an agent (default: you)")
    context.add_json(parser)


def run_burn(args: Namespace) -> int:
    """Close the molecule's open steps, detach it from its work and close its root."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.molecules.pour import detach, finish
    from gastown_core.molecules.root_bead import molecule_of

    root = context.town()
    ledger = TownLedger(root)
    home, molecule = mol.named_molecule(root, ledger, args.target)
    with home.write(who.acting(root)) as batch:
        kept = molecule_of(batch.need(molecule))
        work = kept.bead if kept is not None else ""
        closed = finish(batch, molecule, "burned")
        if work:
            detach(batch, work)
            batch.comment(work, f"Molecule {molecule} was burned.")
    told = {
        "burned": molecule,
        "from": args.target or who.acting(root),
        "handoff_id": work,
        "children_closed": len([one for one in closed if one != molecule]),
        "digest_skipped": True,
        "root_closed": molecule in closed,
    }
    if args.json:
        output.say_json(told)
    else:
        output.say(
            f"{output.style('✓', 'green')} burned {output.clean(molecule)}, {told['children_closed']} steps closed"
        )
    return 0


def squash_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt mol squash``."""
    parser.add_argument("target", nargs="?", default="", help="molecule, its work, or an agent (default: you)")
    parser.add_argument(
        "-s", "--summary", default="", help="text of the digest (default: the steps and how they ended)"
    )
    parser.add_argument("--jitter", default="", metavar="SPAN", help="first wait a random time of up to SPAN")
    parser.add_argument("--no-digest", action="store_true", help="keep no digest")
    context.add_json(parser)


def run_squash(args: Namespace) -> int:
    """Write the digest, close the open steps, detach the molecule from its work and close its root."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.molecules.pour import detach
    from gastown_core.molecules.root_bead import molecule_of
    from gastown_core.molecules.squash import squash

    root = context.town()
    ledger = TownLedger(root)
    home, molecule = mol.named_molecule(root, ledger, args.target)
    _wait(args.jitter)
    with home.write(who.acting(root)) as batch:
        kept = molecule_of(batch.need(molecule))
        work = kept.bead if kept is not None else ""
        done = squash(batch, molecule, summary=args.summary, digest=not args.no_digest, ephemeral=True)
        if work:
            detach(batch, work)
            batch.comment(work, f"Molecule {molecule} was squashed into {done.digest or 'nothing'}.")
    told = {
        "squashed": molecule,
        "from": args.target or who.acting(root),
        "handoff_id": work,
        "children_closed": len(done.squashed),
        "digest_id": done.digest,
        "digest_skipped": args.no_digest,
        "root_closed": True,
    }
    if args.json:
        output.say_json(told)
    else:
        where = f" into {output.clean(done.digest)}" if done.digest else ""
        output.say(f"{output.style('✓', 'green')} squashed {output.clean(molecule)}{where}")
    return 0


def _wait(jitter: str) -> None:
    """Sleep for a random part of ``jitter``, so that patrols that end together do not all write at once."""
    from gastown_core.clock import parse_duration
    from gastown_core.errors import UsageError

    if not jitter:
        return
    span = parse_duration(jitter)
    if span is None:
        raise UsageError(f"invalid time span {jitter!r}", "", "for example --jitter 10s")
    import random
    import time

    time.sleep(random.uniform(0, span))
