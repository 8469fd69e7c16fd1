"""``gt mol squash``: an agent's molecule ends in a digest."""

from __future__ import annotations

from gastown_cli import agent_molecule, context, output, who

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """Words of ``gt mol squash``."""
    parser.add_argument("target", nargs="?", default="", help="a molecule, its work, or an agent (default: you)")
    parser.add_argument("-s", "--summary", default="", help="the digest's text (default: the steps and how they ended)")
    parser.add_argument("--jitter", default="", metavar="SPAN", help="wait a random time up to this first")
    parser.add_argument("--no-digest", action="store_true", help="leave no digest")
    context.add_json(parser)


def run(args: Namespace) -> int:
    """Write the digest, close what is open below, take it off its work, close the root."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.molecules.pour import detach
    from gastown_core.molecules.record import molecule_of
    from gastown_core.molecules.squash import squash

    root = context.town()
    ledger = TownLedger(root)
    molecule = agent_molecule.named_molecule(root, ledger, args.target)
    home = ledger.home_of(molecule)
    if home is None:
        return 0
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
        output.say(f"{output.style('✓', 'green')} {output.clean(molecule)} squashed{where}")
    return 0


def _wait(jitter: str) -> None:
    """Many patrols that end at once need not all write at once."""
    from gastown_core.clock import parse_duration
    from gastown_core.errors import UsageError

    if not jitter:
        return
    span = parse_duration(jitter)
    if span is None:
        raise UsageError(f"{jitter!r} is no span of time", "", "for example --jitter 10s")
    import random
    import time

    time.sleep(random.uniform(0, span))
